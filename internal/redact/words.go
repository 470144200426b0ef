package redact

import "sync"

// Kinds of words.
const (
	plainWord  = iota
	digitWord  // zero … nine, oh: one digit
	teenWord   // ten … nineteen
	tensWord   // twenty … ninety
	scaleWord  // hundred, thousand
	timesWord  // double, triple
	soundsLike // for, to: a digit if what is around it says so
	filler     // uh, and: changes nothing
	plusWord   // a telephone follows
	cvvWord
	ssnWord
	cardWord
	codeWord     // "security code": the code of a card if the word before says so
	securityWord // the word before
	secretName   // password: a value may follow
)

// longestWord bounds the words that mean something here.
const longestWord = 13

// sense is what a word means: its kind, and the number that a number word stands for.
type sense struct{ kind, value int }

// senses are the words that mean something, in lower case.
var senses = map[string]sense{
	"zero": {digitWord, 0}, "oh": {digitWord, 0}, "o": {digitWord, 0}, "nought": {digitWord, 0}, "naught": {digitWord, 0},
	"one": {digitWord, 1}, "two": {digitWord, 2}, "three": {digitWord, 3}, "four": {digitWord, 4}, "five": {digitWord, 5},
	"six": {digitWord, 6}, "seven": {digitWord, 7}, "eight": {digitWord, 8}, "nine": {digitWord, 9}, "niner": {digitWord, 9},

	"ten": {teenWord, 10}, "eleven": {teenWord, 11}, "twelve": {teenWord, 12}, "thirteen": {teenWord, 13},
	"fourteen": {teenWord, 14}, "fifteen": {teenWord, 15}, "sixteen": {teenWord, 16}, "seventeen": {teenWord, 17},
	"eighteen": {teenWord, 18}, "nineteen": {teenWord, 19},

	"twenty": {tensWord, 20}, "thirty": {tensWord, 30}, "forty": {tensWord, 40}, "fourty": {tensWord, 40}, "fifty": {tensWord, 50}, //nolint:misspell // as transcribers misspell it
	"sixty": {tensWord, 60}, "seventy": {tensWord, 70}, "eighty": {tensWord, 80}, "ninety": {tensWord, 90},

	"hundred": {scaleWord, 100}, "thousand": {scaleWord, 1000},
	"double": {timesWord, 2}, "triple": {timesWord, 3}, "treble": {timesWord, 3}, "quadruple": {timesWord, 4},

	// Speech recognition writes these for the figures that they sound like.
	"for": {soundsLike, 4}, "fore": {soundsLike, 4}, "to": {soundsLike, 2}, "too": {soundsLike, 2}, "won": {soundsLike, 1}, "ate": {soundsLike, 8},

	"uh": {kind: filler}, "um": {kind: filler}, "umm": {kind: filler}, "uhm": {kind: filler}, "er": {kind: filler}, "erm": {kind: filler},
	"ah": {kind: filler}, "hmm": {kind: filler}, "hm": {kind: filler}, "mm": {kind: filler}, "and": {kind: filler}, "then": {kind: filler},
	"dash": {kind: filler}, "hyphen": {kind: filler}, "space": {kind: filler}, "dot": {kind: filler}, "comma": {kind: filler},
	"period": {kind: filler}, "okay": {kind: filler}, "ok": {kind: filler}, "so": {kind: filler}, "like": {kind: filler}, "next": {kind: filler},

	"plus": {kind: plusWord},
	"cvv":  {kind: cvvWord}, "cvc": {kind: cvvWord}, "csc": {kind: cvvWord}, "cvn": {kind: cvvWord},
	"ssn": {kind: ssnWord}, "social": {kind: ssnWord},
	"card": {kind: cardWord}, "cards": {kind: cardWord}, "visa": {kind: cardWord}, "mastercard": {kind: cardWord}, "amex": {kind: cardWord},
	"debit": {kind: cardWord}, "credit": {kind: cardWord}, "maestro": {kind: cardWord}, "cardnumber": {kind: cardWord},
	"code": {kind: codeWord}, "value": {kind: codeWord}, "number": {kind: codeWord}, "back": {kind: codeWord},
	"security": {kind: securityWord}, "verification": {kind: securityWord},
	"password": {kind: secretName}, "passwd": {kind: secretName}, "pwd": {kind: secretName}, "passphrase": {kind: secretName},
	"secret": {kind: secretName}, "token": {kind: secretName}, "key": {kind: secretName}, "apikey": {kind: secretName},
	"authtoken": {kind: secretName}, "accesstoken": {kind: secretName}, "clientsecret": {kind: secretName},
}

// lengths has, for each first and last letter, a bit for each length of a word that means something: most
// words are dismissed by it without a look-up.
var lengths = sync.OnceValue(func() *[32][32]uint16 {
	var t [32][32]uint16
	for word := range senses {
		t[word[0]&31][word[len(word)-1]&31] |= 1 << len(word)
	}
	return &t
})

// meaning looks up a word of letters.
func meaning(word string) sense {
	n := len(word)
	if n > longestWord || lengths()[word[0]&31][word[n-1]&31]&(1<<n) == 0 {
		return sense{}
	}
	var low [longestWord]byte
	for k := range n {
		low[k] = word[k] | 0x20
	}
	return senses[string(low[:n])]
}

// Classes of bytes.
const (
	other     = iota // ends a run of digits
	separator        // may stand between the digits of one number
	digit
	letter
	plusSign
	bracket
	percent
	high // not ASCII
)

// class says what each byte is. Slash, colon and the marks that end a sentence count as separators: transcribers
// put them between the groups of a number.
var class = classes()

func classes() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9':
			t[c] = digit
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			t[c] = letter
		case c >= 0x80:
			t[c] = high
		}
	}
	for _, c := range " -.,/_\t\r\n:;?!*" {
		t[c] = separator
	}
	t['+'], t['['], t['%'] = plusSign, bracket, percent
	return t
}

// otherScripts are the zeros of scripts whose figures may reach us.
var otherScripts = [...]rune{0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10}

// figure returns the value of a figure of another script.
func figure(r rune) (string, bool) {
	for _, zero := range otherScripts {
		if r >= zero && r <= zero+9 {
			return repeated[(r-zero)*4 : (r-zero)*4+1], true
		}
	}
	return "", false
}

// isGap reports whether r is a blank or a dash of typographers, or invisible.
func isGap(r rune) bool {
	switch r {
	case 0x00A0, 0x00AD, 0x202F, 0x205F, 0x2060, 0x2212, 0x3000, 0xFEFF:
		return true
	}
	return r >= 0x2000 && r <= 0x2015
}

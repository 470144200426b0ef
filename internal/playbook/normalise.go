package playbook

import (
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// The normalisers turn what a caller said, as a model wrote it down, into what is stored. They are
// pure. What they can't read without guessing they leave, so that the caller is asked.

// normalisers are those a playbook can name, each with the kind of argument that it makes.
var normalisers = map[string]string{
	"amount": "number", "phone": "string", "date": "string", "email": "string", "case-number": "string",
}

func normaliserNames() []string { return slices.Sorted(maps.Keys(normalisers)) }

// numberWords are the numbers that are said as one word.
var numberWords = map[string]float64{
	"zero": 0, "oh": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
	"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
	"eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
	"eighty": 80, "ninety": 90,
	"null": 0, "eins": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10,
}

// scales multiply what stands before them.
var scales = map[string]float64{
	"hundred": 100, "thousand": 1e3, "grand": 1e3, "k": 1e3, "million": 1e6, "millions": 1e6, "mil": 1e6, "mio": 1e6, "m": 1e6, "mm": 1e6,
	"billion": 1e9, "bn": 1e9, "b": 1e9,
	"hundert": 100, "tausend": 1e3, "tsd": 1e3, "millionen": 1e6, "milliarde": 1e9, "milliarden": 1e9,
}

// Words around an amount that don't change it. "Under" and "at least" do, and are not among them.
var amountFillers = map[string]bool{
	"dollars": true, "dollar": true, "bucks": true, "usd": true, "us": true, "euros": true, "euro": true, "eur": true, "pounds": true, "gbp": true,
	"about": true, "around": true, "roughly": true, "approximately": true, "maybe": true, "like": true, "and": true, "und": true,
	"a": true, "an": true, "of": true, "ein": true, "eine": true, "etwa": true, "ungefähr": true, "circa": true, "ca": true, "up": true, "to": true, "bis": true, "zu": true,
}

// amountToken takes an amount apart into numbers and words.
var amountToken = regexp.MustCompile(`\d[\d.,'’]*\d|\d|\p{L}+`)

// grouped matches a number whose separators stand before groups of three digits.
var grouped = regexp.MustCompile(`^\d{1,3}(?:([.,'’])\d{3})+$`)

// negative matches a minus before a number; one between two is a hyphen or a span.
var negative = regexp.MustCompile(`(?:^|\s)[-−]\s*\d`)

// amount reads an amount: 450k, $450,000, four hundred fifty thousand, 1.2 million, half a million.
// A span ("400 to 500k"), a negative number, a share, and digits said one by one are none.
func amount(s string) (float64, bool) {
	if negative.MatchString(s) || strings.ContainsAny(s, "–%") {
		return 0, false
	}
	var a amountReader
	for _, w := range amountToken.FindAllString(strings.ToLower(s), -1) {
		if !a.word(w) {
			return 0, false
		}
	}
	// "Half" of nothing that was said, or no number at all.
	if a.half || !a.any {
		return 0, false
	}
	return a.total + a.current, true
}

// amountReader adds an amount up: current is what the next scale multiplies.
type amountReader struct {
	total, current float64
	inDigits       bool    // current was written in digits
	inWords        bool    // current was said in words
	point          float64 // the next place behind "point"; 0 before it
	half, any      bool
}

// word takes one word; false is a word that leaves no single meaning.
func (a *amountReader) word(w string) bool {
	n, isNumber := numberWords[w]
	scale := scales[w]
	switch {
	case unicode.IsDigit(rune(w[0])):
		f, ok := decimal(w)
		if !ok || a.inDigits || a.inWords || a.half {
			return false // two numbers beside each other are a span or a telephone number
		}
		a.current, a.inDigits, a.any = a.current+f, true, true
	case isNumber && a.point > 0:
		a.current += n * a.point
		a.point /= 10
	case isNumber:
		filled := int(a.current) % 100
		if a.inDigits || a.half || filled != 0 && (n >= 10 || filled%10 != 0 || filled < 20) {
			return false // "four five six" are digits
		}
		a.current, a.inWords, a.any = a.current+n, true, true
	case w == "point" && a.inWords:
		a.point = 0.1
	case w == "half" || w == "halbe":
		a.half = true
		return !a.inDigits && !a.inWords
	case scale > 0:
		return a.scale(w, scale)
	default:
		return amountFillers[w]
	}
	return true
}

// scale multiplies what was said before it. A hundred stays within its group ("two hundred fifty
// thousand"); any other closes it.
func (a *amountReader) scale(w string, by float64) bool {
	counted := a.inDigits || a.inWords
	switch {
	case !counted && len(w) <= 2:
		return false // a letter alone is no number
	case a.half:
		a.current = 0.5
	case !counted && a.current == 0:
		a.current = 1 // "a hundred thousand"
	}
	a.half, a.inDigits, a.inWords, a.point, a.any = false, false, false, 0, true
	if by == 100 {
		a.current *= by
		return true
	}
	a.total, a.current = a.total+a.current*by, 0
	return true
}

// decimal reads digits with separators: 450,000 and 450.000 are grouped, 1.2 and 1,2 are not.
// A group of three behind a single separator is taken as thousands, whatever the language: nobody
// states an amount to the thousandth.
func decimal(s string) (float64, bool) {
	if m := grouped.FindStringSubmatch(s); m != nil && strings.Count(s, m[1])*4 >= len(s)-3 {
		s = strings.ReplaceAll(s, m[1], "")
	} else if i := strings.LastIndexAny(s, ".,"); i >= 0 {
		whole := strings.NewReplacer(".", "", ",", "", "'", "", "’", "").Replace(s[:i])
		s = whole + "." + s[i+1:]
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// Words around an enumeration's value that don't change it.
var canonicalFillers = map[string]bool{
	"to": true, "bis": true, "the": true, "a": true, "an": true, "in": true, "within": true, "between": true, "and": true, "und": true,
	"about": true, "around": true, "of": true, "my": true, "it": true, "is": true, "next to": true, "der": true, "die": true, "das": true, "im": true, "des": true,
	"innerhalb": true, "ein": true, "eine": true, "please": true, "bitte": true,
}

// canonicalToken takes a spelling apart; a digit and a letter beside each other are two tokens.
var canonicalToken = regexp.MustCompile(`\d+|\p{L}+`)

// canonical is the form in which two spellings of an enumeration's value are equal: "1 to 3 months",
// "one-to-three months" and "1-3months" are. Numbers become digits, a plural loses its s.
// It need not be read by anyone, only be the same for what means the same.
func canonical(s string) string {
	var out []string
	for _, w := range canonicalToken.FindAllString(strings.ToLower(strings.ReplaceAll(s, "'", "")), -1) {
		if n, ok := numberWords[w]; ok {
			w = number(n)
		}
		if canonicalFillers[w] {
			continue
		}
		if len(w) > 3 && !strings.HasSuffix(w, "ss") {
			w = strings.TrimSuffix(w, "s")
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// phone reads a telephone number as stated and returns it in E.164 if it could exist. It need not
// be assigned: 555-867-5309 could exist, 867-5309 without its area code is not enough.
// Numbering plans change faster than the tables that know which numbers are assigned.
func phone(s, region string) (string, bool) {
	parsed, err := phonenumbers.Parse(spokenDigits(s), region)
	if err != nil || phonenumbers.IsPossibleNumberWithReason(parsed) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), true
}

// spokenDigits writes digits that were said one by one as digits: "five five five, double one".
// Text with other words in it stays as it is.
func spokenDigits(s string) string {
	var b strings.Builder
	times := 1
	for i, w := range canonicalToken.FindAllString(strings.ToLower(s), -1) {
		n, isWord := numberWords[w]
		switch {
		case w == "plus" && i == 0:
			b.WriteByte('+')
		case w == "double" || w == "triple":
			times = map[string]int{"double": 2, "triple": 3}[w]
			continue
		case isWord && n < 10:
			b.WriteString(strings.Repeat(number(n), times))
		default:
			return s // digits, or words that are no digits
		}
		times = 1
	}
	return b.String()
}

// caseNumber reads a case number as people say it, without its leading zeros.
// Salesforce fills case numbers up with zeros to eight digits, and people leave them out.
func caseNumber(s string) (string, bool) {
	d := digits(spokenDigits(strings.TrimPrefix(strings.ToLower(s), "case")))
	if d == "" || len(d) > 20 {
		return "", false
	}
	return strings.Repeat("0", max(0, 8-len(d))) + d, true
}

// email reads an address, also one that was spelled: "john dot smith at example dot com".
// The part before the @ keeps its case, which may matter there; a domain's never does (RFC 5321,
// section 2.4). 80 characters are what a Salesforce e-mail field takes.
func email(s string) (string, bool) {
	if !strings.Contains(s, "@") {
		s = strings.NewReplacer(" at ", "@", " dot ", ".", " underscore ", "_", " dash ", "-", " hyphen ", "-", " punkt ", ".").Replace(" " + strings.ToLower(s) + " ")
	}
	s = strings.TrimSuffix(strings.ReplaceAll(strings.TrimSpace(s), " ", ""), ".")
	address, err := mail.ParseAddress(s)
	local, domain, ok := strings.Cut(s, "@")
	if err != nil || !ok || address.Address != s || !strings.Contains(domain, ".") || len(s) > 80 {
		return "", false
	}
	return local + "@" + strings.ToLower(domain), true
}

// affirmatives and negatives are the words that are a plain yes or no.
var (
	affirmatives = map[string]bool{
		"yes": true, "yeah": true, "yep": true, "yup": true, "sure": true, "correct": true, "right": true, "true": true,
		"y": true, "1": true, "ok": true, "okay": true, "please do": true, "go ahead": true, "ja": true, "genau": true, "richtig": true, "gerne": true,
	}
	negatives = map[string]bool{"no": true, "nope": true, "nah": true, "false": true, "n": true, "0": true, "not": true, "nein": true}
)

// truthValue reads yes and no.
// Longer answers ("well, if you must") are neither, and are asked again.
func truthValue(s string) (value, ok bool) {
	s = strings.Trim(strings.ToLower(s), " .,!")
	if affirmatives[s] {
		return true, true
	}
	return false, negatives[s]
}

// dateLayouts are the written dates that mean one day only; ones with two numbers that could be
// day and month are read by the region, in date.
var dateLayouts = []string{time.DateOnly, "2006/1/2", "January 2 2006", "January 2", "2 January 2006", "2 January", "Jan 2 2006", "Jan 2", "2 Jan 2006", "2 Jan"}

// ordinal finds the th of 4th.
var ordinal = regexp.MustCompile(`(\d)(?:st|nd|rd|th)\b`)

// date reads a day: today, tomorrow, 2026-03-03, March 3rd, 3/4/2026. A day without a year is the
// next that comes.
func date(s, today, region string) (string, bool) {
	now, err := time.Parse(time.DateOnly, today)
	if err != nil {
		now = time.Now().Truncate(24 * time.Hour)
	}
	s = strings.ToLower(strings.Trim(s, " ."))
	if shift, ok := map[string]int{"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1, "heute": 0, "morgen": 1, "gestern": -1}[s]; ok {
		return now.AddDate(0, 0, shift).Format(time.DateOnly), true
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(s)); err == nil {
		return t.Format(time.DateOnly), true
	}
	s = strings.Join(strings.Fields(strings.NewReplacer(",", " ", " of ", " ").Replace(ordinal.ReplaceAllString(s, "$1"))), " ")
	layouts := append(slices.Clone(dateLayouts), "2.1.2006", "2/1/2006")
	if region == "US" {
		layouts[len(layouts)-1] = "1/2/2006"
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		// A layout without a year leaves year 0.
		if t.Year() == 0 {
			if t = t.AddDate(now.Year(), 0, 0); t.Before(now) {
				t = t.AddDate(1, 0, 0)
			}
		}
		return t.Format(time.DateOnly), true
	}
	return "", false
}

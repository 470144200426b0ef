package redact

import (
	"strings"
)

// keyForm is how one kind of key begins, and how many characters must follow.
type keyForm struct {
	prefix string
	atMin  int
	extra  string // characters beyond letters and figures
}

// keyForms are the keys and tokens that are known by their beginning. Sources: the issuers' documentation of
// their key formats (Stripe, OpenAI, Anthropic, AWS, Google, GitHub, GitLab, Slack, SendGrid, Svix,
// Hugging Face) and Salesforce's OAuth answers (session ids 00D…!…, refresh tokens 5Aep…).
var keyForms = [...]keyForm{
	{"sk_live_", 8, "_"},
	{"sk_test_", 8, "_"},
	{"rk_live_", 8, "_"},
	{"rk_test_", 8, "_"},
	{"sk_", 16, "_"},
	{"sk-", 16, "_-"},
	{"whsec_", 12, "+/="},
	{"AKIA", 16, ""},
	{"ASIA", 16, ""},
	{"AIza", 30, "_-"},
	{"ya29.", 16, "._-"},
	{"ghp_", 20, ""},
	{"gho_", 20, ""},
	{"ghu_", 20, ""},
	{"ghs_", 20, ""},
	{"ghr_", 20, ""},
	{"github_pat_", 20, "_"},
	{"glpat-", 16, "_-"},
	{"hf_", 20, ""},
	{"xoxb-", 10, "-"},
	{"xoxp-", 10, "-"},
	{"xoxa-", 10, "-"},
	{"xoxs-", 10, "-"},
	{"xapp-", 10, "-"},
	{"SG.", 20, "._-"},
	{"5Aep", 20, "._="},
}

// keyAt returns the bounds of the key that begins with the token s[i:j], or zeros. It is asked for every
// token, so the first byte decides for most.
func keyAt(s string, i, j int) (from, to int) {
	switch s[i] {
	case 's', 'r', 'w', 'A', 'y', 'g', 'h', 'x', 'S', '5':
		for _, k := range keyForms {
			if k.prefix[0] != s[i] || !strings.HasPrefix(s[i:], k.prefix) {
				continue
			}
			if end := endOf(s, i+len(k.prefix), k.extra); end-i-len(k.prefix) >= k.atMin {
				return i, end
			}
		}
	case 'e':
		if strings.HasPrefix(s[i:], "eyJ") {
			return jwtAt(s, i)
		}
	case '0':
		if strings.HasPrefix(s[i:], "00D") && (j-i == 15 || j-i == 18) && j < len(s) && s[j] == '!' {
			if end := endOf(s, j+1, "._"); end-j > 20 {
				return i, end
			}
		}
	case 'B', 'b':
		if word := s[i:j]; strings.EqualFold(word, "bearer") || strings.EqualFold(word, "basic") {
			return credentialAfter(s, j)
		}
	}
	return 0, 0
}

// endOf returns the end of letters, figures and the extra characters from i on.
func endOf(s string, i int, extra string) int {
	for i < len(s) && (class[s[i]] == letter || class[s[i]] == digit || strings.IndexByte(extra, s[i]) >= 0) {
		i++
	}
	return i
}

// jwtAt wants a header and a body, and takes the signature if it is there.
func jwtAt(s string, i int) (from, to int) {
	end := endOf(s, i, "_-")
	parts := 1
	for parts < 3 && end+1 < len(s) && s[end] == '.' {
		next := endOf(s, end+1, "_-")
		if next-end < 5 {
			break
		}
		end, parts = next, parts+1
	}
	if parts < 2 || end-i < 20 {
		return 0, 0
	}
	return i, end
}

// credentialAfter finds the token after "Bearer ". Prose goes on with words: a token has figures, or is long.
func credentialAfter(s string, j int) (from, to int) {
	from = j
	for from < len(s) && from-j < 3 && (s[from] == ' ' || s[from] == ':') {
		from++
	}
	to = endOf(s, from, "._-+/=~!")
	if text := s[from:to]; from == j || len(text) < 8 || len(text) < 24 && !strings.ContainsAny(text, "0123456789=") {
		return 0, 0
	}
	return from, to
}

// valueAfter finds the value of "password=…", "api_key: …" after the name s[i:j]. The bare word "key" names a
// secret only after api, access, secret or private.
func valueAfter(s string, i, j int) (from, to int) {
	if strings.EqualFold(s[i:j], "key") {
		before := strings.TrimRight(s[max(0, i-9):i], "_- ")
		if n := len(before); !hasSuffixFold(before, "api") && !hasSuffixFold(before, "access") && !hasSuffixFold(before, "secret") && !hasSuffixFold(before, "private") || n == 0 {
			return 0, 0
		}
	}
	at := j
	skip := func(chars string, most int) (n int) {
		for n < most && at < len(s) && strings.IndexByte(chars, s[at]) >= 0 {
			at++
			n++
		}
		return n
	}
	skip(`"'\`, 2)
	skip(" ", 1)
	if skip(":=", 2) == 0 {
		return 0, 0
	}
	skip(" ", 2)
	skip(`"'\`, 2)
	from = at
	for at < len(s) && s[at] > ' ' && strings.IndexByte("\"'`,;&<>()[]{}|\\", s[at]) < 0 {
		at++
	}
	if at-from < 6 {
		return 0, 0
	}
	return from, at
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// pem masks a private key from its first line to its last, or to the end of the text when that is missing.
// Certificates and public keys are nobody's secret.
func (f *finder) pem(i, end int) int {
	f.breakOff()
	text := f.s[i:end]
	head := text[:min(len(text), 64)]
	if !strings.Contains(head, "PRIVATE KEY-----") {
		return i + len("-----BEGIN ")
	}
	to := len(text)
	if k := strings.Index(text, "-----END "); k >= 0 {
		if m := strings.Index(text[k+9:], "-----"); m >= 0 {
			to = k + 9 + m + 5
		}
	}
	f.spans = append(f.spans, span{i, i + to, f.part, maskKey})
	return i + to
}

// ibanLengths is the registry of ISO 13616: country, length.
const ibanLengths = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27" +
	"GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27" +
	"MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30"

// ibanAt returns the end of the IBAN that begins at i, in one piece or in groups, or 0.
func ibanAt(s string, i int) int {
	if len(s)-i < 15 || class[s[i]] != letter || class[s[i+1]] != letter || class[s[i+2]] != digit || class[s[i+3]] != digit {
		return 0
	}
	want := 0
	country := [2]byte{s[i] &^ 0x20, s[i+1] &^ 0x20}
	for k := 0; k < len(ibanLengths); k += 4 {
		if ibanLengths[k] == country[0] && ibanLengths[k+1] == country[1] {
			want = int(ibanLengths[k+2]-'0')*10 + int(ibanLengths[k+3]-'0')
		}
	}
	var text [34]byte
	n, at := 0, i
	for at < len(s) && n < want {
		c := s[at]
		switch {
		case class[c] == letter:
			text[n], n = c&^0x20, n+1
		case class[c] == digit:
			text[n], n = c, n+1
		case (c == ' ' || c == '-') && n%4 == 0:
		default:
			return 0
		}
		at++
	}
	if n < want || want == 0 || at < len(s) && (class[s[at]] == letter || class[s[at]] == digit) || !mod97(text[:n]) {
		return 0
	}
	return at
}

// mod97 checks an IBAN: country and check digits behind, letters as 10 to 35 (ISO 7064).
func mod97(text []byte) bool {
	rest := 0
	for k := range text {
		c := text[(k+4)%len(text)]
		if class[c] == letter {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1
}

// looksLikeSalesforceID reports whether a token is an 18-character record id by its checksum: the last three
// characters say which of the first fifteen are capitals (Salesforce Help, "Record IDs").
func looksLikeSalesforceID(s string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
	if len(s) != 18 {
		return false
	}
	for block := range 3 {
		bits := 0
		for k := range 5 {
			if c := s[block*5+k]; c >= 'A' && c <= 'Z' {
				bits |= 1 << k
			}
		}
		if s[15+block] != alphabet[bits] {
			return false
		}
	}
	return true
}

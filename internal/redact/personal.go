package redact

import (
	"strings"
	"unicode/utf8"
)

const dots = "•••••"

// Phone masks a telephone number for those who look: "+15550100142" is "+1•••••0142". What is shorter
// than seven figures is masked whole.
func Phone(number string) string {
	var figures strings.Builder
	for _, r := range number {
		if r >= '0' && r <= '9' {
			figures.WriteRune(r)
		}
	}
	d := figures.String()
	switch {
	case number == "":
		return ""
	case len(d) < 7:
		return dots
	case strings.HasPrefix(strings.TrimSpace(number), "+"):
		return "+" + d[:min(callingCode(d), len(d)-4)] + dots + d[len(d)-4:]
	}
	return dots + d[len(d)-4:]
}

// callingCode returns the length of the country code (ITU-T E.164 assignments).
func callingCode(d string) int {
	if d[0] == '1' || d[0] == '7' {
		return 1
	}
	const two = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "
	if strings.Contains(two, " "+d[:2]+" ") {
		return 2
	}
	return 3
}

// Email masks an address: "jordan@example.com" is "j•••••@example.com".
func Email(address string) string {
	name, host, found := strings.Cut(address, "@")
	if !found {
		return Name(address)
	}
	return initial(name) + dots + "@" + host
}

// Name masks a person's name: "Jordan Lee" is "J••••• L•••••". The length tells nothing.
func Name(name string) string {
	words := strings.Fields(name)
	for i, word := range words {
		words[i] = initial(word) + dots
	}
	return strings.Join(words, " ")
}

func initial(s string) string {
	if s == "" || strings.HasPrefix(s, "•") {
		return ""
	}
	r, _ := utf8.DecodeRuneInString(s)
	return string(r)
}

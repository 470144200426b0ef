package salesforce

import (
	"strings"
	"unicode"
)

// MatchPicklist finds the active value that spoken means, ignoring case, blanks and
// punctuation, by value or label. It reports false if none fits or more than one does: a
// picklist never takes a guess.
func MatchPicklist(values []PicklistValue, spoken string) (PicklistValue, bool) {
	want := plain(spoken)
	if want == "" {
		return PicklistValue{}, false
	}
	var found PicklistValue
	n := 0
	for _, v := range values {
		if !v.Active {
			continue
		}
		// The exact value goes before any other that merely reads alike.
		if v.Value == spoken {
			return v, true
		}
		if plain(v.Value) == want || plain(v.Label) == want {
			found = v
			n++
		}
	}
	if n != 1 {
		return PicklistValue{}, false
	}
	return found, true
}

// plain keeps letters and digits, in lower case: "Closed - Won" and "closed won" are one.
// Marks count as letters: without them scripts that write vowels as marks would lose theirs.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

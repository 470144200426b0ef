package call

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Who speaks in a turn.
const (
	Assistant = "assistant"
	User      = "user"
)

// Turn is one finished utterance.
type Turn struct {
	Role string // Assistant or User
	Text string
	At   time.Time
}

// no is a refusal or a change of mind, in the languages that playbooks ship in.
var no = regexp.MustCompile(`(?i)\b(no|nope|not|wrong|incorrect|don'?t|wait|stop|cancel|change|actually|instead|nein|falsch|nicht|halt)\b`)

// Confirmed reports whether the caller said yes after the assistant had read all values back, and took
// nothing back since. The last decisive turn counts: "yes" and then "no wait" is a no. A read-back is
// recognised by its letters and digits alone, because speech is transcribed with spaces and dashes of its
// own ("A C 1 0 0 1").
func Confirmed(turns []Turn, values, yes []string) bool {
	at := -1
	for i, t := range turns {
		if t.Role == Assistant && holdsAll(t.Text, values) {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	agreed := false
	for _, t := range turns[at+1:] {
		if t.Role != User {
			continue
		}
		switch {
		case no.MatchString(t.Text):
			agreed = false
		case agrees(t.Text, yes):
			agreed = true
		}
	}
	return agreed
}

// agrees reports whether any of the words stands in text, as a word or phrase of its own.
func agrees(text string, yes []string) bool {
	said := " " + strings.Join(strings.FieldsFunc(strings.ToLower(text), notLetter), " ") + " "
	for _, y := range yes {
		phrase := strings.Join(strings.FieldsFunc(strings.ToLower(y), notLetter), " ")
		if phrase != "" && strings.Contains(said, " "+phrase+" ") {
			return true
		}
	}
	return false
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

func holdsAll(text string, values []string) bool {
	said := squeeze(text)
	for _, v := range values {
		if !strings.Contains(said, squeeze(v)) {
			return false
		}
	}
	return true
}

// squeeze keeps the letters and digits of s, in lower case.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

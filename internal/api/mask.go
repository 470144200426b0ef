package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookswitch/hookswitch/internal/redact"
)

// The names of fields that hold personal data, as Salesforce and the tools' arguments have them. A
// company's name is masked with the people's: Name is the field of both.
var (
	phoneField = regexp.MustCompile(`(?i)(?:phone|mobile|fax)`)
	emailField = regexp.MustCompile(`(?i)e-?mail`)
	nameField  = regexp.MustCompile(`(?i)name$|name__c$`)
	placeField = regexp.MustCompile(`(?i)(?:street|address|postal_?code|zip|birth)`)
)

// Personal data in free text. A number is a telephone's if it carries a country code or is at least ten
// digits long; a date in front of a time is not. E.164 allows 15 digits and no more.
var (
	emailInText = regexp.MustCompile(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`)
	phoneInText = regexp.MustCompile(`(?:\+\(?|\(|\b)\d(?:[ ().-]{0,2}\d){6,14}\b`)
	dateInText  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}\b`)
)

// masked hides what is personal in a JSON value and keeps its shape, so that an operator sees which fields would be
// written and whether they are filled. What is no JSON is hidden whole.
func masked(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // an amount keeps its digits
	var v any
	if d.Decode(&v) != nil {
		return json.RawMessage(`"•••••"`)
	}
	return encode(maskedValue("", v))
}

func maskedValue(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = maskedValue(k, inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = maskedValue(name, inner) // a list of numbers is under the name of one
		}
	case string:
		return maskedText(name, v)
	case json.Number:
		if phoneField.MatchString(name) {
			return redact.Phone(v.String())
		}
	}
	return v
}

// maskedText masks the value of the field of that name. The name decides: the value of LastName is a name whatever it
// looks like. A place is masked as a name is, to its initials.
func maskedText(name, value string) string {
	switch {
	case phoneField.MatchString(name):
		return redact.Phone(value)
	case emailField.MatchString(name):
		return redact.Email(value)
	case nameField.MatchString(name), placeField.MatchString(name):
		return redact.Name(value)
	}
	return maskedWords(value)
}

// maskedWords masks addresses and telephone numbers that stand in a text. Figures that are a part of a longer
// name, as in the id of a call, are left alone.
func maskedWords(text string) string {
	text = emailInText.ReplaceAllStringFunc(text, redact.Email)
	var b strings.Builder
	end := 0
	for _, at := range phoneInText.FindAllStringIndex(text, -1) {
		found := text[at[0]:at[1]]
		digits := len(strings.Map(digitsOnly, found))
		joined := partOfName(text[:at[0]], true) || partOfName(text[at[1]:], false)
		if joined || dateInText.MatchString(found) || digits < 10 && !strings.HasPrefix(found, "+") {
			continue
		}
		b.WriteString(text[end:at[0]] + redact.Phone(found))
		end = at[1]
	}
	return b.String() + text[end:]
}

func digitsOnly(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// partOfName reports whether the text beside a match goes on with the letters, digits and hyphens of an id.
func partOfName(beside string, before bool) bool {
	r, _ := utf8.DecodeRuneInString(beside)
	if before {
		r, _ = utf8.DecodeLastRuneInString(beside)
	}
	return beside != "" && (r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r))
}

// encode is v in JSON without escapes for HTML, which nobody here reads as such.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil // unreachable: strings, numbers, maps and lists
	}
	return bytes.TrimSpace(b.Bytes())
}

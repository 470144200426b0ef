package simvapi

import (
	"encoding/json"
	"regexp"
	"strings"
)

// suspects are signs that words were written for a machine or a programmer. A sentence of
// a playbook has none of them.
var suspects = []struct {
	what string
	sign *regexp.Regexp
}{
	{"an error's prefix", regexp.MustCompile(`(?i)\b(error|exception|errno|failed to \w+):`)},
	{"an error code", regexp.MustCompile(`\b[A-Z]{2,}(_[A-Z0-9]+)+\b`)},
	{"a Go error", regexp.MustCompile(`context (deadline exceeded|canceled)|connection (refused|reset)|dial tcp|unexpected EOF|broken pipe|no such host|i/o timeout|sql: `)},
	{"a stack trace", regexp.MustCompile(`goroutine \d+|panic:|runtime error|\.go:\d+|\bat [\w.$]+\(|Traceback`)},
	{"a Go type or value", regexp.MustCompile(`<nil>|\bmap\[|%!\w?\(|\*[a-z]\w*\.[A-Z]\w*|\b[a-z]\w*\.[A-Z]\w*Error\b|\b0x[0-9a-f]{6,}|&\{`)},
	{"a class name", regexp.MustCompile(`\b[A-Z]\w+(Exception|Error)\b`)},
	{"an HTTP status", regexp.MustCompile(`(?i)\bhttp ?[1-5]\d\d\b|\bstatus code\b`)},
	{"an absent value", regexp.MustCompile(`\b(undefined|NaN|null)\b`)},
}

// spokenSuspects are signs that are out of place only in what is said aloud: facts for
// the model may hold them.
var spokenSuspects = []struct {
	what string
	sign *regexp.Regexp
}{
	{"an unfilled placeholder", regexp.MustCompile(`\{\{|\}\}|\$\{|\{[A-Za-z_.]+\}`)},
	{"a Salesforce record id", regexp.MustCompile(`\b(00[0-9A-Za-z]|500|570|701|801|a[0-9][0-9A-Za-z])[0-9A-Za-z]{12}([A-Z0-5]{3})?\b`)},
	{"an address on the web", regexp.MustCompile(`https?://|\bwww\.`)},
	{"a timestamp", regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:`)},
	{"markup", regexp.MustCompile("</?[a-z]+>|\\*\\*|`|^#")},
}

// suspicious says what in words does not sound like a person. Spoken words are held to more.
// A sign is no proof: it is kept with what was heard, for a test to decide about.
func suspicious(words string, spoken bool) []string {
	var out []string
	for _, s := range suspects {
		if found := s.sign.FindString(words); found != "" {
			out = append(out, s.what+": "+found)
		}
	}
	if !spoken {
		return out
	}
	if t := strings.TrimSpace(words); strings.HasPrefix(t, "{") || strings.HasPrefix(t, "[") && json.Valid([]byte(t)) {
		out = append(out, "JSON: "+t)
	}
	for _, s := range spokenSuspects {
		if found := s.sign.FindString(words); found != "" {
			out = append(out, s.what+": "+found)
		}
	}
	return out
}

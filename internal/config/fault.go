package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fault is one thing wrong with a file: where, what, and how to mend it.
type Fault struct {
	File   string
	Line   int    // from 1; 0 when the file as a whole is meant
	Column int    // from 1, in characters
	Field  string // salesforce.client_id; empty when the text is no YAML
	Source string // the faulty line, secrets masked
	What   string
	Mend   string
}

// Error prints the fault over as many lines as it needs:
//
//	hookswitch.yaml:7:3: salesforce.clientid: unknown field
//	   7 |   clientid: ${SF_CLIENT_ID}
//	     |   ^
//	   did you mean client_id?
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	if f.Field != "" {
		b.WriteString(": " + f.Field)
	}
	b.WriteString(": " + f.What)
	if f.Line > 0 {
		fmt.Fprintf(&b, "\n%4d | %s\n     | %s^", f.Line, f.Source, strings.Repeat(" ", max(0, f.Column-1)))
	}
	if f.Mend != "" {
		b.WriteString("\n   " + f.Mend)
	}
	return b.String()
}

// Faults is every fault of a file, in the order of its lines.
type Faults []Fault

// Error prints each fault, with an empty line between.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n\n")
}

// Warning is something that loads and is probably not meant.
type Warning Fault

// String prints the warning as a Fault is printed.
func (w Warning) String() string { return Fault(w).Error() }

// byLine orders faults as the reader meets them.
func byLine(f Faults) Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f
}

// secretKey finds the start of a value that is a secret by the name of its key, misspelt ones too.
var secretKey = regexp.MustCompile(`(?i)[\w-]*(?:secret|pas+w|token|key|bearer|previous|credential|database|dsn)[\w-]*["']?\s*:\s*`)

// safeValue matches what may be shown after such a key: a reference, an opening bracket, nothing.
var safeValue = regexp.MustCompile(`^(?:\$\{[^}]*\}|\[|$|#)`)

// excerpt returns a line of the file as it may be printed. A value whose key sounds like a secret is
// masked to the end of the line, unless it is a reference: better to hide too much of a faulty line than
// to log a key. For a list below such a key the key is looked for in the lines above.
func excerpt(lines []string, n int) string {
	if n < 1 || n > len(lines) {
		return ""
	}
	line := strings.TrimRight(lines[n-1], "\r")
	if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "-") && keyAbove(lines, n) {
		if item := strings.TrimSpace(strings.TrimPrefix(trimmed, "-")); !safeValue.MatchString(item) {
			return line[:strings.Index(line, "-")+1] + " ••••"
		}
	}
	for from := 0; ; {
		at := secretKey.FindStringIndex(line[from:])
		if at == nil {
			return line
		}
		from += at[1]
		if value := line[from:]; !safeValue.MatchString(value) || strings.HasPrefix(value, "[") && !safeList.MatchString(value) {
			return line[:from] + "••••"
		}
	}
}

// safeList matches a list that holds references only.
var safeList = regexp.MustCompile(`^\[\s*(?:\$\{[^}]*\}\s*,?\s*)*\]`)

// keyAbove reports whether the list item at line n hangs below a key that sounds like a secret.
func keyAbove(lines []string, n int) bool {
	depth := indent(lines[n-1])
	for i := n - 2; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "-") || strings.HasPrefix(line, "#") || indent(lines[i]) > depth {
			continue
		}
		return secretKey.MatchString(line + " ")
	}
	return false
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// nearest returns the name that was probably meant, or "" if none is near enough.
func nearest(got string, names []string) string {
	best, at := "", len(got)/3+1
	for _, name := range names {
		if plain(name) == plain(got) {
			return name
		}
		if d := distance(plain(got), plain(name)); d <= at && (d < at || best == "") {
			best, at = name, d
		}
	}
	return best
}

// plain strips what people spell differently: clientId, client-id, Client_ID.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

// distance is the optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
func distance(a, b string) int {
	if utf8.RuneCountInString(a) > 40 {
		return len(a) // nobody meant this
	}
	s, t := []rune(a), []rune(b)
	before, prev, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(t)]
}

// quoteList writes names as a person would: a, b or c.
func quoteList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

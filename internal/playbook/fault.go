package playbook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a playbook: where, what, and how to mend it.
type Fault struct {
	File      string
	Line, Col int    // both count from 1; Col counts characters
	Path      string // the place by name: tools[0].writes[1].fields.Subject
	Problem   string
	Mend      string // empty where the problem says it
	Source    string // the line as written
}

// Error prints the fault as an editor or a terminal wants it: the place first, then the line itself.
func (f Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", f.File, f.Line, f.Col)
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Problem)
	if strings.TrimSpace(f.Source) != "" {
		number := fmt.Sprintf("%5d", f.Line)
		fmt.Fprintf(&b, "\n%s | %s\n%s | %s^", number, f.Source, strings.Repeat(" ", len(number)), indent(f.Source, f.Col))
	}
	if f.Mend != "" {
		b.WriteString("\n        " + f.Mend)
	}
	return b.String()
}

// indent is what stands before column col of line, with everything but tabs blanked,
// so that the caret stands below its character however wide a tab is shown.
func indent(line string, col int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= col-1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Faults is everything that is wrong with one playbook, in the order of its lines.
// It is the error that [Load] and [Parse] return for a file that could be read but not used.
type Faults []Fault

// Error prints every fault, one after the other.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted orders the faults by place and drops those said twice.
func (fs Faults) sorted() Faults {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.CompactFunc(fs, func(a, b Fault) bool {
		return a.Line == b.Line && a.Col == b.Col && a.Problem == b.Problem
	})
}

// meant is the "did you mean" of a misspelt name: the nearest of the known names, if one is near.
// Case alone never separates two names that a person would take for one.
// A name may be off by one edit, and by one more for every three of its letters: further away lies
// another word.
func meant(name string, known []string) string {
	best, at := "", len([]rune(name))/3+2
	for _, k := range known {
		d := distance(strings.ToLower(name), strings.ToLower(k))
		if d < at || d == at && best != "" && k < best {
			best, at = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// meantOr is meant, or the whole choice where nothing is near.
func meantOr(name string, known []string) string {
	if m := meant(name, known); m != "" {
		return m
	}
	if len(known) == 0 {
		return ""
	}
	sorted := slices.Sorted(slices.Values(known))
	// A list that nobody reads to its end is no help.
	if len(sorted) > 12 {
		return ""
	}
	return "write one of " + strings.Join(sorted, ", ")
}

// distance counts the single-letter edits, neighbours exchanged among them, between two words.
// It is the restricted Damerau-Levenshtein distance. Words beyond 64 letters are far from everything:
// the table grows with the product of the two.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return 64
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			swap := 1
			if x[i-1] == y[j-1] {
				swap = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+swap)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}

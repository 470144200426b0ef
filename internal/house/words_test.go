package house

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

func wordRules() []rule {
	return []rule{
		{"nolint-has-a-reason", "write //nolint:LINTER // why the linter is wrong here, in a sentence", nolintHasAReason},
		{"todo-names-an-issue", "do it, or open an issue and write TODO(https://github.com/hookswitch/hookswitch/issues/N): what", todoNamesAnIssue},
		{"no-praise", "say what it does, and its limit; let the reader judge", noPraise},
		{"speaks-of-itself-alone", "say it without naming the place where it was written, or leave it out", speaksOfItselfAlone},
	}
}

var (
	reasoned = regexp.MustCompile(`^//nolint:[a-z0-9]+(?:,[a-z0-9]+)* // \S+(?: \S+){2,}`)
	todo     = regexp.MustCompile(`\b(?:TODO|FIXME|XXX|HACK)\b`)
	issue    = regexp.MustCompile(`\b(?:TODO|FIXME)\(https://github\.com/hookswitch/hookswitch/issues/\d+\): \S`)
	praise   = regexp.MustCompile(`(?i)\b(?:robust(?:ly|ness)?|seamless(?:ly)?|powerful|blazing(?:ly)?|(?:production|enterprise)-(?:grade|ready)|cutting-edge` +
		`|world-class|state-of-the-art|battle-tested|best-in-class|rock-solid|bullet-?proof|industry-leading|next-generation)\b`)
)

func nolintHasAReason(tr *tree) []fault {
	return tr.comments(func(line string) string {
		if strings.HasPrefix(line, "//nolint") && !reasoned.MatchString(line) {
			return "gives no reason: " + line
		}
		return ""
	})
}

func todoNamesAnIssue(tr *tree) []fault {
	return tr.comments(func(line string) string {
		if todo.MatchString(line) && !issue.MatchString(line) {
			return "names no issue: " + line
		}
		return ""
	})
}

// comments holds judge against each comment that a person wrote, and collects what it says of them.
func (tr *tree) comments(judge func(string) string) []fault {
	var faults []fault
	for _, f := range tr.each(true) {
		for _, group := range f.syntax.Comments {
			for _, c := range group.List {
				if what := judge(c.Text); what != "" {
					faults = append(faults, fault{tr.where(c), what})
				}
			}
		}
	}
	return faults
}

// noPraise reads comments and pages. What the program says to its users is theirs to judge as well, but text
// in code is data and is left alone.
func noPraise(tr *tree) []fault {
	judge := func(line string) string {
		if word := praise.FindString(line); word != "" {
			return fmt.Sprintf("praises: %q", word)
		}
		return ""
	}
	faults := tr.comments(judge)
	for _, t := range tr.text {
		if path.Ext(t.name) == ".md" {
			faults = append(faults, lines(t, judge)...)
		}
	}
	return faults
}

// foreign is what has no place in the project's text: folders of the machine on which it was written, hosts from which
// its libraries came, who or what helped. It is put together from fragments, or this file would break its own rule.
func foreign() *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + strings.Join([]string{
		`(?:^|[^\w.)-])/` + `work(?:/|\b)`,
		`/tmp` + `/hs\b`,
		`\bsha` + `red/`,
		`proxy\.` + `golang\.org`,
		`registry\.` + `npmjs\.org`,
		`deb\.` + `debian\.org`,
		`\bsub-?` + `agents?\b`,
		`\b(?:coding|helper|worker|ai) ` + `agents?\b`,
		`\bclaude ` + `code\b`,
		`\bchat` + `gpt\b`,
		`\bco-authored` + `-by:`,
		`\b(?:issues?|fix(?:es)?|closes?) ` + `#\d+`,
	}, "|"))
}

func speaksOfItselfAlone(tr *tree) []fault {
	words := foreign()
	var faults []fault
	for _, t := range tr.text {
		if bytes.IndexByte(t.data[:min(len(t.data), 8000)], 0) >= 0 {
			continue // not a text
		}
		faults = append(faults, lines(t, func(line string) string {
			if found := words.FindString(line); found != "" {
				return fmt.Sprintf("says %q", strings.TrimSpace(found))
			}
			return ""
		})...)
	}
	return faults
}

// lines holds judge against each line of a text.
func lines(t text, judge func(string) string) []fault {
	var faults []fault
	n := 0
	for line := range strings.Lines(string(t.data)) {
		n++
		if what := judge(line); what != "" {
			faults = append(faults, fault{fmt.Sprintf("%s:%d", t.name, n), what})
		}
	}
	return faults
}

// foreignText is a tree that breaks speaksOfItselfAlone. No file may hold such words, an archive included.
func foreignText() *txtar.Archive {
	page := strings.Join([]string{
		"Read /wo" + "rk/notes first.",
		"The worker works: see /workspaces and w/work.",
		"Kept in ../sha" + "red/spec.",
		"From https://proxy." + "golang.org and registry." + "npmjs.org.",
		"A sub" + "agent wrote it, to fix #" + "12.",
	}, "\n")
	want := strings.Join([]string{
		`docs/page.md:1: says "/wo` + `rk/"`,
		`docs/page.md:3: says "sha` + `red/"`,
		`docs/page.md:4: says "proxy.` + `golang.org"`,
		`docs/page.md:5: says "sub` + `agent"`,
	}, "\n")
	return &txtar.Archive{Files: []txtar.File{
		{Name: "docs/page.md", Data: []byte(page)},
		{Name: "picture.png", Data: []byte("\x00 /wo" + "rk/")},
		{Name: "want", Data: []byte(want)},
	}}
}

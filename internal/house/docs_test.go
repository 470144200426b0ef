package house

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// docRules hold the pages to the code: what a page names must exist, and the map of the house must be its tree.
func docRules() []rule {
	return []rule{
		{"pages-name-what-exists", "the code was renamed, or the page is wrong: name what is there, as package.Func, package.Type.Method or the test's name", pagesNameWhatExists},
		{"links-lead-somewhere", "mend the link; a link named for a test leads to the file that declares it", linksLeadSomewhere},
		{"architecture-is-the-tree", "ARCHITECTURE.md: write the line into the block, or take it out", architectureIsTheTree},
	}
}

// page is one Markdown file, its lines apart.
type page struct {
	name  string
	lines []string
}

// pages are the project's pages, the tests' own data left out.
func (tr *tree) pages() []page {
	var all []page
	for _, t := range tr.text {
		if path.Ext(t.name) == ".md" && !strings.Contains(t.name, "testdata/") {
			all = append(all, page{t.name, strings.Split(string(t.data), "\n")})
		}
	}
	return all
}

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	ofOurs   = regexp.MustCompile(`^([a-z]\w*)\.([A-Z]\w*(?:\.[A-Z]\w*)?)$`)
	testName = regexp.MustCompile(`^(?:Test|Benchmark|Fuzz)[A-Z]\w*$`)
	scriptAt = regexp.MustCompile(`^[\w-]+\.txtar$`)
)

// pagesNameWhatExists looks at what stands in backquotes: functions, methods and types of a package of ours, tests, and
// scripts. Other words in backquotes are the reader's business.
func pagesNameWhatExists(tr *tree) []fault {
	exists, packages := tr.names()
	tests, scripts := make(map[string]bool), make(map[string]bool)
	for name := range exists {
		_, name, _ = strings.Cut(name, ".")
		tests[name] = true
	}
	for _, t := range tr.text {
		scripts[path.Base(t.name)] = true
	}
	var faults []fault
	for _, p := range tr.pages() {
		for i, line := range p.lines {
			for _, m := range quoted.FindAllStringSubmatch(line, -1) {
				name := m[1]
				own := ofOurs.FindStringSubmatch(name)
				missing := testName.MatchString(name) && !tests[name] ||
					scriptAt.MatchString(name) && !scripts[name] ||
					own != nil && packages[own[1]] && !exists[name]
				if missing {
					faults = append(faults, fault{fmt.Sprintf("%s:%d", p.name, i+1), name + " does not exist"})
				}
			}
		}
	}
	return faults
}

var (
	link    = regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`^#+ (.*)$`)
)

// linksLeadSomewhere follows the links within the project, to files, folders and headings.
func linksLeadSomewhere(tr *tree) []fault {
	var faults []fault
	for _, p := range tr.pages() {
		for i, line := range p.lines {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if strings.Contains(m[2], "://") {
					continue
				}
				if what := tr.follow(p, strings.Trim(m[1], "`"), m[2]); what != "" {
					faults = append(faults, fault{fmt.Sprintf("%s:%d", p.name, i+1), what})
				}
			}
		}
	}
	return faults
}

// follow says what is wrong with a link; nothing if it leads somewhere.
func (tr *tree) follow(from page, title, to string) string {
	file, anchor, _ := strings.Cut(to, "#")
	target := from.name
	if file != "" {
		target = path.Join(path.Dir(from.name), file)
	}
	i := slices.IndexFunc(tr.text, func(t text) bool { return t.name == target || strings.HasPrefix(t.name, target+"/") })
	if i < 0 {
		return to + " leads nowhere"
	}
	data := string(tr.text[i].data)
	if testName.MatchString(title) && !strings.Contains(data, "func "+title+"(") {
		return fmt.Sprintf("%s does not declare %s", to, title)
	}
	if anchor == "" {
		return ""
	}
	for line := range strings.Lines(data) {
		if m := heading.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil && slug(m[1]) == anchor {
			return ""
		}
	}
	return to + " names no heading"
}

// slug is a heading's anchor, as GitHub makes it.
func slug(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
			return r
		}
		return -1
	}, strings.ToLower(text))
}

// architecture is the page that maps the house.
const architecture = "ARCHITECTURE.md"

// architectureIsTheTree compares the blocks "tree" and "imports" of ARCHITECTURE.md with the packages. What joins
// others is in the tree and not in the table.
func architectureIsTheTree(tr *tree) []fault {
	tree, imports := make(map[string]string), make(map[string]string)
	for _, p := range tr.pkgs {
		tree[p.path] = ""
		if !joins(p.path) {
			imports[p.path] = shortly(p.ours(false))
		}
	}
	i := slices.IndexFunc(tr.text, func(t text) bool { return t.name == architecture })
	if i < 0 {
		return []fault{{architecture, "is missing"}}
	}
	written := blocks(string(tr.text[i].data))
	described := make(map[string]string)
	for name := range rows(written["tree"]) {
		described[name] = ""
	}
	return slices.Concat(differ("tree", tree, described), differ("imports", imports, rows(written["imports"])))
}

// shortly lists packages as the table does: by their last names.
func shortly(paths []string) string {
	if len(paths) == 0 {
		return "—"
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = path.Base(p)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// fence finds the fenced blocks of a page, the kind of each behind its first fence.
var fence = regexp.MustCompile("(?ms)^ *```([^\n`]+)\n(.*?)^ *```$")

// blocks are the last blocks of each kind.
func blocks(text string) map[string]string {
	out := make(map[string]string)
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// rows reads a table: what stands before the first run of blanks, and what stands behind it.
func rows(block string) map[string]string {
	out := make(map[string]string)
	for line := range strings.Lines(block) {
		if name, rest, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" {
			out[name] = strings.TrimSpace(rest)
		}
	}
	return out
}

// differ finds what a block lacks, has too much, or says otherwise.
func differ(block string, code, page map[string]string) []fault {
	var faults []fault
	for _, name := range slices.Sorted(maps.Keys(code)) {
		said, ok := page[name]
		switch {
		case !ok:
			faults = append(faults, fault{architecture, strings.TrimSpace(fmt.Sprintf("%s: lacks %s %s", block, name, code[name]))})
		case said != code[name]:
			faults = append(faults, fault{architecture, fmt.Sprintf("%s: %s is said to be %q, it is %q", block, name, said, code[name])})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(page)) {
		if _, ok := code[name]; !ok {
			faults = append(faults, fault{architecture, fmt.Sprintf("%s: there is no %s", block, name)})
		}
	}
	return faults
}

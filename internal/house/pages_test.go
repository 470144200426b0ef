package house

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/playbook"
)

// readPages reads every page of the project, by its path.
func readPages(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, x := range tracked(t, filepath.Join("..", "..")) {
		if filepath.Ext(x.name) == ".md" && !strings.Contains(x.name, "testdata/") {
			all[x.name] = string(x.data)
		}
	}
	return all
}

// TestStateDiagramIsTheTable compares the diagram of an intent's states with the table that the journal works by.
func TestStateDiagramIsTheTable(t *testing.T) {
	drawn := regexp.MustCompile(`^\s*(\S+) --> (\S+)$`)
	got := map[string][]string{}
	for line := range strings.Lines(blocks(readPages(t)[architecture])["mermaid"]) {
		if m := drawn.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			got[m[1]] = append(got[m[1]], m[2])
		}
	}
	const edge = "[*]"
	want := map[string][]string{edge: {string(journal.StateRecorded)}}
	for from, all := range journal.Transitions() {
		for _, to := range all {
			want[string(from)] = append(want[string(from)], string(to))
		}
		if len(all) == 0 {
			want[string(from)] = []string{edge}
		}
	}
	for _, table := range []map[string][]string{got, want} {
		for _, all := range table {
			slices.Sort(all)
		}
	}
	for state := range journal.Transitions() {
		if state != journal.StateRecorded && !strings.Contains(readPages(t)["docs/operate/journal.md"], "\n| `"+string(state)+"` |") {
			t.Errorf("docs/operate/journal.md does not say what %s means", state)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("journal.Transitions and the diagram of %s (-code +page):\n%s", architecture, diff)
	}
}

// TestImportRulesAreListed compares the table of rules with the rules.
func TestImportRulesAreListed(t *testing.T) {
	var want, got []string
	for _, r := range slices.Concat(importRules(), effectRules(), placeRules()) {
		want = append(want, r.name)
	}
	for line := range strings.Lines(readPages(t)[architecture]) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || !strings.HasPrefix(strings.TrimSpace(cells[2]), "`") {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			if regexp.MustCompile(`^[a-z]+(?:-[a-z]+)+$`).MatchString(m[1]) {
				got = append(got, m[1])
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the rules and the table of %s (-code +page):\n%s", architecture, diff)
	}
}

// TestExamplesLoad reads every configuration and playbook that a page gives as whole.
func TestExamplesLoad(t *testing.T) {
	env := func(name string) (string, bool) {
		if name == "HOOKSWITCH_KEY" {
			return base64.StdEncoding.EncodeToString(make([]byte, 32)), true
		}
		return "value-of-" + strings.ToLower(name), name != "PORT"
	}
	seen := map[string]int{}
	for name, text := range readPages(t) {
		for _, m := range fence.FindAllStringSubmatch(text, -1) {
			seen[m[1]]++
			var err error
			switch m[1] {
			case "yaml config":
				_, _, err = config.Parse([]byte(m[2]), config.Options{Name: name, Env: env})
			case "yaml playbook":
				_, err = playbook.Parse(name, []byte(m[2]))
			}
			if err != nil {
				t.Errorf("an example of %s does not load:\n%v", name, err)
			}
		}
	}
	if seen["yaml config"] == 0 || seen["yaml playbook"] == 0 {
		t.Errorf("got %v, want examples of both kinds: yaml config, yaml playbook", seen)
	}
}

// command is a command line in a page: in backquotes, or a line of an indented block.
var (
	inline  = regexp.MustCompile("`((?:go run \\./cmd/hookswitch|hookswitch) [^`]+)`")
	onLine  = regexp.MustCompile(`(?m)^ {4,}((?:go run \./cmd/hookswitch|hookswitch) .+)$`)
	subname = regexp.MustCompile(`^[a-z]+$`)
	flagged = regexp.MustCompile(`^--[a-z-]+$`)
)

// TestCommandsExist builds the program and asks it about every command and flag that a page names.
func TestCommandsExist(t *testing.T) {
	program := filepath.Join(t.TempDir(), "hookswitch")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/hookswitch")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/hookswitch: %v\n%s", err, out)
	}
	flags := map[string][]string{} // by command
	for _, text := range readPages(t) {
		for _, m := range slices.Concat(inline.FindAllStringSubmatch(text, -1), onLine.FindAllStringSubmatch(text, -1)) {
			line, _, _ := strings.Cut(m[1], "#")
			words := strings.Fields(strings.TrimPrefix(line, "go run ./cmd/"))[1:]
			n := slices.IndexFunc(words, func(w string) bool { return !subname.MatchString(w) })
			if n < 0 {
				n = len(words)
			}
			name := strings.Join(words[:n], " ")
			flags[name] = append(flags[name], slices.DeleteFunc(words[n:], func(w string) bool { return !flagged.MatchString(w) })...)
		}
	}
	if len(flags) < 10 {
		t.Errorf("got %d commands in the pages, want at least 10: are they still found?", len(flags))
	}
	for name, named := range flags {
		help, err := exec.CommandContext(t.Context(), program, append(strings.Fields(name), "--help")...).CombinedOutput()
		if err != nil || !strings.Contains(string(help), "\n  hookswitch "+name) {
			t.Errorf("a page names the command `hookswitch %s`, which does not exist (%v)", name, err)
		}
		for _, f := range named {
			if !strings.Contains(string(help), f) {
				t.Errorf("a page names %s of `hookswitch %s`, which has no such flag", f, name)
			}
		}
	}
}

// TestFirstScreenIsTrue holds the record and the words at the top of README.md to the script that plays this call. The
// words of the caller and the model are an illustration.
func TestFirstScreenIsTrue(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("..", "world", "testdata", "scripts", "lead.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	screen := strings.Split(readPages(t)["README.md"], "\n")
	screen = screen[:min(25, len(screen))]
	top := strings.Join(screen, "\n")
	if !strings.Contains(top, "The map:") {
		t.Errorf("the first 25 lines of README.md end before the map")
	}
	row := regexp.MustCompile(`(?m)^org Lead 1 (FirstName=.*)$`).FindSubmatch(script)
	said := regexp.MustCompile(`(?m)^heard saved "(.*)"$`).FindSubmatch(script)
	if row == nil || said == nil {
		t.Fatal("lead.txtar has no words or no record any more")
	}
	if !strings.Contains(top, "tool       "+string(said[1])) {
		t.Errorf("the first screen does not say %q, which is what the tool says", said[1])
	}
	fields := regexp.MustCompile(`(\w+)=(?:"([^"]*)"|(\S+))`).FindAllStringSubmatch(string(row[1]), -1)
	if len(fields) < 9 {
		t.Errorf("lead.txtar: got %d fields, want all nine of the record", len(fields))
	}
	for _, f := range fields {
		if !regexp.MustCompile(`(?m) ` + f[1] + ` +` + regexp.QuoteMeta(f[2]+f[3]) + `$`).MatchString(top) {
			t.Errorf("the first screen does not have %s %s%s in the record", f[1], f[2], f[3])
		}
	}
}

// TestMetadataCoversThePlaybooks finds, for every field of an org's own that a shipped playbook writes, the metadata that
// makes it and the permission to write it.
func TestMetadataCoversThePlaybooks(t *testing.T) {
	at := filepath.Join("..", "..", "salesforce", "force-app", "main", "default")
	permissions, err := os.ReadFile(filepath.Join(at, "permissionsets", "Hookswitch.permissionset-meta.xml"))
	if err != nil {
		t.Fatal(err)
	}
	books, err := playbook.List()
	if err != nil {
		t.Fatal(err)
	}
	covered := 0
	for _, listing := range books {
		book, err := playbook.Shipped(listing.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range book.Tools {
			for _, w := range tool.Writes {
				for _, field := range customFields(w) {
					covered++
					home := w.Object
					if home == "Task" {
						home = "Activity" // where a Task's own fields are made
					}
					made, err := os.ReadFile(filepath.Join(at, "objects", home, "fields", field+".field-meta.xml"))
					if err != nil || !strings.Contains(string(made), "<fullName>"+field+"</fullName>") {
						t.Errorf("%s writes %s.%s, and salesforce/ does not make it (%v)", book.Name, w.Object, field, err)
					}
					if !strings.Contains(string(permissions), "<field>"+w.Object+"."+field+"</field>") {
						t.Errorf("%s writes %s.%s, and the permission set does not permit it", book.Name, w.Object, field)
					}
				}
			}
		}
	}
	if covered == 0 {
		t.Error("no playbook writes a field of an org's own any more: the test looks in the wrong place")
	}
}

// customFields are the fields of a write that Salesforce does not have by itself.
func customFields(w *playbook.Write) []string {
	var all []string
	for _, f := range w.Fields {
		if strings.HasSuffix(f.Name, "__c") {
			all = append(all, f.Name)
		}
	}
	if w.KeyField != "" {
		all = append(all, w.KeyField)
	}
	return all
}

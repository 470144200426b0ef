package house

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// fault is one place that breaks a rule.
type fault struct {
	where string // FILE:LINE, or a package
	what  string
}

// rule is one thing that must hold of the whole tree.
type rule struct {
	name  string // also the name of the archive in testdata that breaks it
	mend  string // what to do about a fault, said with each
	check func(*tree) []fault
}

// rules is the whole table, in the order of ARCHITECTURE.md: who knows whom, then form, then habits.
func rules() []rule {
	return slices.Concat(importRules(), effectRules(), sizeRules(), nameRules(), stateRules(), placeRules(), wordRules(), docRules(), listRules())
}

// TestHouseRulesHold holds every rule against the module as it stands.
func TestHouseRulesHold(t *testing.T) {
	tr := load(t)
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range r.check(tr) {
				t.Errorf("%s: %s\n\tmend: %s", f.where, f.what, r.mend)
			}
		})
	}
}

// TestEveryRuleBites holds each rule against a tree that breaks it. The archive's file "want" names
// the faults that must be found there and no others, one a line.
func TestEveryRuleBites(t *testing.T) {
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			a := broken(t, r.name)
			i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 {
				t.Fatalf("testdata/%s.txtar has no file want", r.name)
			}
			want := strings.Split(strings.TrimSpace(string(a.Files[i].Data)), "\n")
			a.Files = slices.Delete(a.Files, i, i+1)
			var got []string
			for _, f := range r.check(unpack(t, a)) {
				got = append(got, f.where+": "+f.what)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s over testdata/%s.txtar (-want +got):\n%s", r.name, r.name, diff)
			}
		})
	}
}

// broken is the tree that breaks a rule: read from testdata, or made here if no file could hold it.
func broken(t *testing.T, name string) *txtar.Archive {
	t.Helper()
	switch name {
	case "speaks-of-itself-alone":
		return foreignText()
	case "file-length":
		return longFiles()
	case "function-length", "most-functions-are-short":
		return longFunctions(name)
	}
	a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatalf("a rule needs a tree that breaks it: %v", err)
	}
	return a
}

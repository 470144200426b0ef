package playbook_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/hookswitch/hookswitch/internal/playbook"
	"github.com/hookswitch/hookswitch/playbooks"
	"github.com/rogpeppe/go-internal/txtar"
)

// Whatever the file, reading it ends: in a playbook, or in faults that have a place in it.
func FuzzParse(f *testing.F) {
	archives, _ := filepath.Glob("testdata/faults/*.txtar")
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(archive.Files[0].Data))
	}
	for _, name := range []string{"real-estate.yaml", "customer-support.yaml"} {
		text, err := playbooks.FS.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(speaking("en", "case: done", "Your case number is {case.CaseNumber}."))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := playbook.Parse("p.yaml", []byte(text))
		if (p == nil) == (err == nil) {
			t.Fatalf("got %v and %v, want one of them", p, err)
		}
		for _, fault := range playbook.Check("p.yaml", []byte(text)) {
			if fault.Line < 1 || fault.Col < 1 || fault.Problem == "" {
				t.Errorf("got %+v, want a place and a problem", fault)
			}
		}
	})
}

// Whatever the model sends: what passes is declared, and can be mapped.
func FuzzArguments(f *testing.F) {
	f.Add(completeLead)
	f.Add(`{"budget":1e400,"phone":["555-867-5309"],"timeline":true}`)
	f.Add(`"{\"firstName\":\"\\u0000\"}"`)
	tool := shipped(f, "real-estate", "create_lead")
	f.Fuzz(func(t *testing.T, raw string) {
		args, faults := tool.Args.Check(json.RawMessage(raw), nil)
		if len(args) > 7 {
			t.Errorf("got %v, want declared arguments only", args)
		}
		if len(faults) == 0 {
			if _, err := tool.Writes[0].Map(&playbook.Env{Args: args}); err != nil {
				t.Errorf("%s passed and can't be mapped: %v", raw, err)
			}
		}
	})
}

package playbook_test

import (
	"testing"

	"github.com/hookswitch/hookswitch/internal/playbook"
	"github.com/hookswitch/hookswitch/playbooks"
)

func TestShippedPlaybooksHaveNoFaults(t *testing.T) {
	listed, err := playbook.List()
	if err != nil {
		t.Fatal(err)
	}
	files, err := playbooks.FS.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != len(files) {
		t.Errorf("got %d playbooks listed, want the %d that ship", len(listed), len(files))
	}
	for _, l := range listed {
		if l.Name == "" || l.Description == "" {
			t.Errorf("got %+v, want a name and a description", l)
		}
	}
}

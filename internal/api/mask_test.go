package api

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookswitch/hookswitch/internal/journal"
)

// TestNothingPersonalLeavesTheBook looks for the caller's data in everything that an operator is shown.
//
// mission-part: A.8
func TestNothingPersonalLeavesTheBook(t *testing.T) {
	b := keep(t, filepath.Join(t.TempDir(), "hookswitch.db"))
	ctx := t.Context()
	shown := map[string]any{}
	var err error
	for name, ask := range map[string]func() (any, error){
		"Intents": func() (any, error) { return b.Intents(ctx, journal.Filter{Workspace: workspace}) },
		"Intent":  func() (any, error) { return b.Intent(ctx, workspace, 1) },
		"Calls":   func() (any, error) { return b.Calls(ctx, workspace, 10) },
		"Call":    func() (any, error) { return b.Call(ctx, workspace, "c1") },
		"Export":  func() (any, error) { doc, err := b.Export(ctx, workspace, "c1"); return json.RawMessage(doc), err },
	} {
		if shown[name], err = ask(); err != nil {
			t.Fatal(err)
		}
		text := string(encode(shown[name]))
		for _, personal := range []string{"jordan@", "Lee", "Jordan", "555010014", "555 010", "(555)"} {
			if strings.Contains(text, personal) {
				t.Errorf("%s shows %q: %s", name, personal, text)
			}
		}
	}
	in, err := b.Intent(ctx, workspace, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"fields":{"Amount":1250000,"Description":"<b>call •••••0142</b>","Email":"j•••••@example.com","LastName":"L•••••","Phone":"+1•••••0142"},"object":"Lead"}`
	if diff := cmp.Diff(want, string(in.Body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestMaskedWordsLeavesWhatIsNoNumber(t *testing.T) {
	for text, want := range map[string]string{
		"ring +44 20 7946 0958 today":                "ring +44•••••0958 today",
		"5550100142":                                 "•••••0142",
		"(555) 010-0142, please":                     "•••••0142, please",
		"case 00001026":                              "case 00001026",
		"on 2026-11-20 17:30":                        "on 2026-11-20 17:30",
		"0198b3a2-0000-7000-8000-0000000a5515":       "0198b3a2-0000-7000-8000-0000000a5515",
		"01982342-0000-7000-8000-000000005515":       "01982342-0000-7000-8000-000000005515",
		"record 5005g00000ABCDEAA4":                  "record 5005g00000ABCDEAA4",
		"a budget of 1250000 dollars":                "a budget of 1250000 dollars",
		"a.b+c@mail.example.co.uk and x@example.com": "a•••••@mail.example.co.uk and x•••••@example.com",
		"": "",
	} {
		if got := maskedWords(text); got != want {
			t.Errorf("maskedWords(%q): got %q, want %q", text, got, want)
		}
	}
}

// TestExportHasTheDocumentedForm holds the exported timeline to its form, word for word.
//
// mission-part: P1.7
func TestExportHasTheDocumentedForm(t *testing.T) {
	b := keep(t, filepath.Join(t.TempDir(), "hookswitch.db"))
	doc, err := b.Export(t.Context(), workspace, "c1")
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Events []map[string]any }
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	heard := []map[string]any{}
	written := map[string]int{}
	for _, e := range got.Events {
		if _, ok := e["timestamp"].(float64); !ok {
			t.Errorf("%v: has no timestamp in milliseconds", e)
		}
		if kind, ok := e["type"].(string); ok && strings.HasPrefix(kind, "write.") {
			written[kind]++
			continue
		}
		heard = append(heard, e)
	}
	want := []map[string]any{
		{"timestamp": 0.0, "type": "transcript", "text": "mail j•••••@example.com or ring +1•••••0142", "data": map[string]any{"role": "user"}},
		{"timestamp": 1500.0, "type": "tool-calls", "name": "create_case", "args": map[string]any{"customerName": "J••••• L•••••", "issueType": "billing"}},
		{"timestamp": 1500.0, "type": "tool-calls", "name": "create_lead", "args": map[string]any{"phone": "+1•••••0142"}},
	}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("what was heard (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"write.recorded": 3, "write.attempted": 2, "write.settled": 3}, written); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
}

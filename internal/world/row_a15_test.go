package world_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/hookswitch/hookswitch/internal/world"
)

// TestRecordOfTheCallComesFromItsMetadata opens a case in calls that name their customer in one or several of the
// places where an envelope may: the overrides before the call, the call before the assistant, those before the
// customer's own ids, and all before the number of the line. An id that was made up names nobody.
//
// mission-part: A.15
func TestRecordOfTheCallComesFromItsMetadata(t *testing.T) {
	type m = map[string]any
	named := func(id string) m { return m{"metadata": m{"customerId": id}} }
	for _, tc := range []struct {
		name string
		call func(first, second, third string) (call m, message m)
		want int // which contact; 0: the one whose number it is
	}{
		{"by number", func(_, _, _ string) (m, m) { return m{}, nil }, 0},
		{"overrides", func(a, b, c string) (m, m) {
			return m{"assistantOverrides": named(a), "metadata": m{"customerId": b}, "assistant": named(c)}, nil
		}, 1},
		{"call before assistant", func(_, b, c string) (m, m) {
			return m{"metadata": m{"customerId": b}, "assistant": named(c)}, nil
		}, 2},
		{"assistant", func(_, _, c string) (m, m) { return m{"assistant": named(c)}, nil }, 3},
		{"assistant beside the call", func(_, _, c string) (m, m) { return m{}, m{"assistant": named(c)} }, 3},
		{"customer.externalId", func(a, _, _ string) (m, m) {
			return m{"customer": m{"number": "+15550100142", "externalId": a}}, nil
		}, 1},
		{"customer.id of tutorials", func(_, b, _ string) (m, m) {
			return m{"customer": m{"number": "+15550100142", "id": b}}, nil
		}, 2},
		{"a checksum that is wrong", func(a, _, _ string) (m, m) {
			return m{"assistantOverrides": named(a[:15] + "ZZZ")}, nil
		}, 0},
		{"an id of another object", func(_, _, _ string) (m, m) {
			return m{"assistantOverrides": named("500Hs0000010009IAA")}, nil
		}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			live(t, world.Options{}, func(t *testing.T, w *world.World) {
				ids := []string{w.Org.Put("Contact", m{"LastName": "Line", "Phone": "(555) 010-0142"})}
				for _, name := range []string{"One", "Two", "Three"} {
					ids = append(ids, w.Org.Put("Contact", m{"LastName": name}))
				}
				call, message := tc.call(ids[1], ids[2], ids[3])
				call["id"] = "c1"
				if call["customer"] == nil {
					call["customer"] = m{"number": "+15550100142"}
				}
				body := m{"type": "tool-calls", "call": call, "toolCallList": []any{m{
					"id": "call_1", "name": "create_case", "arguments": m{"accountNumber": "AC-1001", "issueType": "billing", "description": "charged twice"},
				}}}
				maps.Copy(body, message)
				got := post(t, w, encoded(t, m{"message": body}), asVapi())
				if got.status != 200 || !strings.Contains(got.body, "case number is 00001026") {
					t.Errorf("got %d %s, want the case's number", got.status, got.body)
				}
				cases := w.Org.Records("Case")
				if len(cases) != 1 || cases[0].Str("ContactId") != ids[tc.want] {
					t.Errorf("the case is %v, want it of contact %s", cases, ids[tc.want])
				}
			})
		})
	}
}

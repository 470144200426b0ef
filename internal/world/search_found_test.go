package world_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
)

// foundLife is a life in which the search once found a defect, written down without what did not matter. A seed
// would name another life as soon as the random author is changed.
type foundLife struct {
	what string
	life *life
}

// at is an ask of the one call of a found life.
func at(when time.Duration, mark, tool string, args map[string]any) *askPlan {
	k := &askPlan{id: "call_found_" + mark + when.String(), mark: mark, tool: tool, args: args, at: when, smooth: true}
	if tool == "update_contact" {
		k.field = "email"
	}
	return k
}

func found(what string, org []simforce.Fault, power []powerPlan, asks ...*askPlan) foundLife {
	l := &life{seed: 1, calls: []callPlan{{0, 0}}, org: org, power: power, asks: asks}
	for _, k := range asks {
		l.told = append(l.told, telling{at: k.at, asks: []*askPlan{k}})
	}
	return foundLife{what, l}
}

func email(mark string) map[string]any { return map[string]any{"email": mark + "@example.com"} }

func comment(mark string) map[string]any {
	return map[string]any{"caseNumber": seededCases()["AC-1001"], "comment": mark + " came later"}
}

func foundLives() []foundLife {
	const second = time.Second
	newCase := at(2*second, "markeraa", "create_case", map[string]any{"accountNumber": "AC-1001", "issueType": "technical", "description": "markeraa happened"})
	newCase.account, newCase.issue = "AC-1001", "technical"
	lead := at(2*second, "markeraa", "create_lead", map[string]any{
		"firstName": "Ada", "lastName": "markeraa", "phone": "555-867-5309", "propertyType": "house", "budget": "450k", "location": "markeraa", "timeline": "immediate",
	})
	return []foundLife{
		found("maintenance uses up no try", []simforce.Fault{{
			Kind: simforce.Answer, Method: http.MethodPatch, For: time.Minute, Status: 503, Code: "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
		}}, nil, newCase),
		found("a lead that resembles itself is the same lead", []simforce.Fault{{Kind: simforce.Latency, Method: http.MethodPatch, Delay: 6 * second, For: 20 * second}},
			[]powerPlan{{at: 2510 * time.Millisecond, kind: byKill, off: 4 * second}}, lead),
		found("a repeat whose reads were slow is still a repeat", []simforce.Fault{{Kind: simforce.LimitConcurrent, Method: http.MethodGet, Object: "Case", Nth: 2, Times: 2}}, nil,
			at(2*second, "markeraa", "add_case_comment", comment("markeraa")), at(2335*time.Millisecond, "markeraa", "add_case_comment", comment("markeraa"))),
		found("a comment for a case that cannot be looked up has words of its own", []simforce.Fault{{Kind: simforce.Down, Method: http.MethodGet, For: 10 * second}}, nil,
			at(2*second, "markeraa", "add_case_comment", comment("markeraa"))),
		found("values are recorded in the order of their asks", []simforce.Fault{{Kind: simforce.Latency, Object: "Contact", Method: http.MethodGet, Delay: 1500 * time.Millisecond}}, nil,
			at(2*second, "markeraa", "update_contact", email("markeraa")), at(2900*time.Millisecond, "markerab", "update_contact", email("markerab"))),
		found("what was promised aloud is not withdrawn", []simforce.Fault{{Kind: simforce.Down, Object: "Contact", Method: http.MethodPatch, For: 30 * second}, {Kind: simforce.Down, Object: "Contact", Method: http.MethodGet, After: 3 * second, For: 30 * second}}, nil,
			at(2*second, "markeraa", "update_contact", email("markeraa")), at(4*second, "markerab", "update_contact", email("markerab")), at(8*second, "markerac", "update_contact", email("markerac"))),
	}
}

// TestFoundDefectsStayMended plays what the search has found. Goroutines that are ready at the same instant run
// in any order, so each is played several times.
func TestFoundDefectsStayMended(t *testing.T) {
	books, err := newLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range foundLives() {
		t.Run(f.what, func(t *testing.T) {
			for range 3 {
				if findings, _ := f.life.once(t, books); len(findings) > 0 {
					t.Fatalf("%s\n%s", strings.Join(findings, "\n"), f.life)
				}
			}
		})
	}
}

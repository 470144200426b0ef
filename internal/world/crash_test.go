package world_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
)

// day is one quiet call: a lead, a case with its callback, a comment and a new address, and then each of them
// delivered once more, as a vendor does that saw no answer. Salesforce is slow with what it changes, so that
// promises are made before they come true.
func day(power powerPlan) *life {
	l := &life{seed: 1, calls: []callPlan{{0, 0}}, power: []powerPlan{power}, org: []simforce.Fault{
		{Kind: simforce.Latency, Method: "PATCH", Delay: 4 * time.Second, For: 10 * time.Second},
	}}
	asks := []*askPlan{
		{tool: "create_lead", mark: "markeraa", args: map[string]any{
			"firstName": "Ada", "lastName": "markeraa", "phone": "555-867-5309", "propertyType": "house", "budget": "450k", "location": "markeraa", "timeline": "immediate",
		}},
		{tool: "create_case", mark: "markerab", account: "AC-1001", issue: "billing", args: map[string]any{"accountNumber": "AC-1001", "issueType": "billing", "description": "markerab happened"}},
		{tool: "add_case_comment", mark: "markerac", account: "AC-1001", args: map[string]any{"caseNumber": seededCases()["AC-1001"], "comment": "markerac came later"}},
		{tool: "update_contact", mark: "markerad", field: "email", args: map[string]any{"email": "markerad@example.com"}},
	}
	for i, k := range asks {
		k.id, k.at, k.smooth = fmt.Sprintf("call_day_%d", i), time.Duration(1+4*i)*time.Second, true
		l.asks = append(l.asks, k)
		l.told = append(l.told, telling{at: k.at, asks: []*askPlan{k}})
	}
	for _, k := range asks {
		l.told = append(l.told, telling{at: k.at + 40*time.Second, asks: []*askPlan{k}, again: true})
	}
	return l
}

// TestPowerCutAtEveryCommit plays the day with the power cut at each of its commits in turn, before it has
// reached the disk and after, and wants all of it to have come true once in the end.
//
// mission-part: P2.9
func TestPowerCutAtEveryCommit(t *testing.T) {
	t.Parallel()
	books, err := newLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{byCutBefore, byCutAfter} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			n := int64(1)
			for dayWithCut(t, books, powerPlan{kind: kind, commit: n, off: 2 * time.Second}) && !t.Failed() {
				n++
			}
			if n < 25 && !t.Failed() {
				t.Errorf("got %d commits in a day, want the day whole", n)
			}
			t.Logf("%d cuts", n-1)
		})
	}
}

// dayWithCut reports whether the power was cut: not, if the day had no such commit.
func dayWithCut(t *testing.T, books library, power powerPlan) (cut bool) {
	synctest.Test(t, func(t *testing.T) {
		out, err := day(power).playLife(t.Context(), books, nil)
		if err != nil {
			t.Fatalf("cut at commit %d: %v", power.commit, err)
		}
		findings := judge(out)
		for _, k := range out.asks {
			if !hasMark(out.ledger, k.mark) {
				findings = append(findings, k.tool+": nothing came of it")
			}
		}
		if len(findings) > 0 {
			t.Errorf("cut at commit %d: %s", power.commit, strings.Join(findings, "\n"))
		}
		cut = out.counts["restart "+power.kind] > 0
	})
	return cut
}

func hasMark(ledger []simforce.Entry, mark string) bool {
	for _, e := range ledger {
		if slices.Contains(marksOf(e.Sent), mark) {
			return true
		}
	}
	return false
}

package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"charm.land/lipgloss/v2"

	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// TestDemoEndsWithStatusZeroWhenAllHolds plays every scene that ships, as --exit does, on a virtual clock.
//
// mission-part: A.11
func TestDemoEndsWithStatusZeroWhenAllHolds(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		root := rootCommand()
		root.SetOut(&out)
		root.SetArgs([]string{"demo", "--exit"})
		if code := exitCode(root.ExecuteContext(t.Context())); code != 0 {
			t.Errorf("got exit code %d, want 0", code)
		}
		for _, want := range []string{
			`8 of 8  The server is killed in mid-call +customer-support\n`,
			`model +is told  Nothing was saved by this request\. budget is missing`,
			`Salesforce ~ Lead Mary Somerville  Budget__c 200000 → 250000\n`,
			`hears +“That case is already open\. The number is 0000\d{4}\.”  at once\n`,
			`Salesforce ! is down for 4\.4 s\n`,
			`journal +\? unknown: case`,
			`server +kill -9 — the server is gone\n`,
			`13 asks, 13 records made, 0 duplicates, 14 of 14 promises kept, in \d`,
		} {
			if !regexp.MustCompile(want).MatchString(out.String()) {
				t.Errorf("no line matches %s", want)
			}
		}
		if n := strings.Count(out.String(), "✗"); n > 0 {
			t.Errorf("got %d failures, want none:\n%s", n, out.String())
		}
		for _, personal := range []string{"+1555", "\x1b"} {
			if strings.Contains(out.String(), personal) {
				t.Errorf("the output has %q in it", personal)
			}
		}
	})
}

// TestColumnsKeepTheirWidth prints words that are wider than they are long.
func TestColumnsKeepTheirWidth(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, columns: true, width: 100, left: 55}
	teller := newTeller()
	for _, m := range []world.Moment{
		{Who: "caller", Text: "山田太郎です。東京で家を探しています。予算は五千万円くらいです。"},
		{Who: "caller", Text: "Ich heiße Jürgen Müller-Lüdenscheidt, und bräuchte schnellstmöglich eine Donaudampfschifffahrtsgesellschaft."},
		{Who: "salesforce", What: simforce.Entry{Op: simforce.Create, Object: "Lead", ID: "00Q", Sent: map[string]any{"LastName": "山田", "Location__c": "東京都千代田区丸の内一丁目九番一号東京駅の近く"}}},
		{Who: "tool", What: simvapi.Heard{Said: "👩‍👩‍👧‍👦 Thank you. 👍🏽"}},
	} {
		for _, l := range teller.lines(m) {
			s.line(l)
		}
	}
	s.flush()
	for row := range strings.Lines(out.String()) {
		before, _, ok := strings.Cut(strings.TrimRight(row, "\n"), "│")
		if got := lipgloss.Width(before); !ok || got != s.left {
			t.Errorf("got the rule after %d cells, want %d: %s", got, s.left, row)
		}
		if got := lipgloss.Width(strings.TrimRight(row, "\n")); got > s.width {
			t.Errorf("got %d cells, want at most %d: %s", got, s.width, row)
		}
	}
}

package call_test

import (
	"testing"

	"github.com/hookswitch/hookswitch/internal/call"
)

func TestConfirmedNeedsAYesAfterTheReadBack(t *testing.T) {
	const read = "So that is account A C 1 0 0 1, a billing issue. Is that right?"
	values := []string{"AC-1001", "billing"}
	bot := func(s string) call.Turn { return call.Turn{Role: call.Assistant, Text: s} }
	user := func(s string) call.Turn { return call.Turn{Role: call.User, Text: s} }
	for _, tc := range []struct {
		name  string
		turns []call.Turn
		want  bool
	}{
		{"yes after the read-back", []call.Turn{bot(read), user("Yes, that's right.")}, true},
		{"nothing said", nil, false},
		{"yes before the read-back", []call.Turn{user("yes"), bot(read)}, false},
		{"the assistant's own yes", []call.Turn{bot(read), bot("yes, right")}, false},
		{"no", []call.Turn{bot(read), user("no, it's technical")}, false},
		{"yes, then taken back", []call.Turn{bot(read), user("yes"), user("no wait, stop")}, false},
		{"no, read back again, yes", []call.Turn{bot(read), user("no"), bot(read), user("correct")}, true},
		{"read back without the account", []call.Turn{bot("A billing issue, right?"), user("yes")}, false},
		{"not correct is no yes", []call.Turn{bot(read), user("that is not correct")}, false},
		{"something else", []call.Turn{bot(read), user("how long will it take?")}, false},
	} {
		if got := call.Confirmed(tc.turns, values, []string{"yes", "correct", "that's right"}); got != tc.want {
			t.Errorf("%s: Confirmed = %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestStateMovesForwardOnly(t *testing.T) {
	for _, tc := range []struct {
		from, to call.State
		want     bool
	}{
		{call.Unseen, call.Ringing, true},
		{call.Ringing, call.InProgress, true},
		{call.InProgress, call.Ringing, false},
		{call.Ended, call.InProgress, false},
		{call.InProgress, call.InProgress, false},
		{call.Queued, call.Ended, true},
		{call.InProgress, "made-up", false},
	} {
		if got := tc.from.Later(tc.to); got != tc.want {
			t.Errorf("%q.Later(%q) = %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
}

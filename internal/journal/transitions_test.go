package journal

import (
	"testing"
)

// TestTransitionsAreWhole holds the table to what the words of the states promise.
func TestTransitionsAreWhole(t *testing.T) {
	table := Transitions()
	reached := map[State]bool{StateRecorded: true}
	for from, all := range table {
		for _, to := range all {
			if _, ok := table[to]; !ok {
				t.Errorf("%s → %s: the state has no row of its own", from, to)
			}
			reached[to] = true
		}
	}
	for s, all := range table {
		if !reached[s] {
			t.Errorf("nothing becomes %s", s)
		}
		if s.open() == forEngine && len(all) == 0 {
			t.Errorf("%s is open and has no way out", s)
		}
		for _, to := range all {
			if to == StateTrying && !s.untried() && s != StateUnknown {
				t.Errorf("%s → trying: only what has not happened, or is to be looked for, is tried", s)
			}
			if to == StateWithdrawn && (s == StateTrying || s == StateDone) {
				t.Errorf("%s → withdrawn: what may have happened cannot be taken back", s)
			}
		}
	}
	for _, final := range []State{StateMerged, StateWithdrawn, StateUndone} {
		if len(table[final]) != 0 || final.open() != settled {
			t.Errorf("%s: got %v, want an end", final, table[final])
		}
	}
}

// TestSaveRefusesWhatTheTableDoesNotHave tries every pair of states.
func TestSaveRefusesWhatTheTableDoesNotHave(t *testing.T) {
	table := Transitions()
	for from := range table {
		allowed := map[State]bool{from: true}
		for _, to := range table[from] {
			allowed[to] = true
		}
		for to := range table {
			if err := mayBecome(from, to); (err == nil) != allowed[to] {
				t.Errorf("%s → %s: got %v, want allowed %v", from, to, err, allowed[to])
			}
		}
	}
}

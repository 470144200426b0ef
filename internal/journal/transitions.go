package journal

import (
	"fmt"
	"slices"
)

// State is where an intent stands.
type State string

// The states, in the order of a quiet life and then the others.
const (
	StateRecorded  State = "recorded"  // within the recording transaction only
	StateSettling  State = "settling"  // can still be replaced or withdrawn
	StateWaiting   State = "waiting"   // for an intent that it needs
	StateDue       State = "due"       // for its turn
	StateTrying    State = "trying"    // an attempt is under way
	StateDone      State = "done"      // happened, once
	StateRetry     State = "retry"     // did not happen; will be tried again
	StateUnknown   State = "unknown"   // may have happened; will be looked for
	StateRefused   State = "refused"   // waits for a person
	StateMerged    State = "merged"    // settles with the intent it was merged into
	StateWithdrawn State = "withdrawn" // taken back before it ran, or discarded by a person
	StateLapsed    State = "lapsed"    // expired before it ran
	StateUndone    State = "undone"    // happened, and was taken back since
)

// Transitions is the whole of what may become of an intent. Every change of state in this
// package passes through it.
// What is missing matters as much as what is there. Nothing leads out of trying but an outcome;
// unknown cannot lapse, and only a person withdraws it. Of what has ended, Retry revives the lapsed,
// done can only be undone, and the last three end for good.
func Transitions() map[State][]State {
	return map[State][]State{
		StateRecorded:  {StateSettling, StateWaiting, StateDue, StateRefused, StateMerged},
		StateSettling:  {StateWaiting, StateTrying, StateRefused, StateWithdrawn, StateLapsed},
		StateWaiting:   {StateDue, StateRefused, StateWithdrawn, StateLapsed},
		StateDue:       {StateTrying, StateRefused, StateWithdrawn, StateLapsed},
		StateTrying:    {StateDone, StateRetry, StateUnknown, StateRefused},
		StateRetry:     {StateTrying, StateRefused, StateWithdrawn, StateLapsed},
		StateUnknown:   {StateTrying, StateWithdrawn},
		StateRefused:   {StateDue, StateWaiting, StateWithdrawn},
		StateLapsed:    {StateDue, StateWaiting},
		StateDone:      {StateUndone},
		StateMerged:    {},
		StateWithdrawn: {},
		StateUndone:    {},
	}
}

// transitions is Transitions, read once.
var transitions = Transitions()

// mayBecome checks one change of state; staying is no change.
// A false one is a fault of this package, and rolls the transaction back.
func mayBecome(from, to State) error {
	if from == to || slices.Contains(transitions[from], to) {
		return nil
	}
	return fmt.Errorf("an intent that is %s cannot become %s", from, to)
}

// The classes of states, as the database keeps them in column open.
const (
	settled   = 0
	forPerson = 1
	forEngine = 2
)

// open tells whose turn it is. It is stored beside the state so that the indexes of what is open
// stay as small as the work, however long the history grows.
func (s State) open() int {
	switch s {
	case StateSettling, StateWaiting, StateDue, StateTrying, StateRetry, StateUnknown:
		return forEngine
	case StateRefused:
		return forPerson
	}
	return settled
}

// fell tells that what needs an intent in this state cannot go on.
func (s State) fell() bool {
	switch s {
	case StateRefused, StateWithdrawn, StateLapsed, StateUndone:
		return true
	}
	return false
}

// untried tells that nothing can have happened outside in this state.
// Retry is among them: its verdict says that the attempt certainly did not happen.
func (s State) untried() bool {
	switch s {
	case StateSettling, StateWaiting, StateDue, StateRetry:
		return true
	}
	return false
}

package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/mutant"
)

// Intent reads one intent with its body.
func (j *Journal) Intent(ctx context.Context, workspace string, id IntentID) (Intent, error) {
	var in Intent
	err := j.read(ctx, func(l *ledger) error {
		var err error
		if in, err = l.intent(workspace, id); err != nil {
			return err
		}
		return l.fill(&in)
	})
	if err != nil {
		return Intent{}, fmt.Errorf("read intent: %w", err)
	}
	return in, nil
}

// List is a page of intents without their bodies, newest first.
// The bodies stay sealed: a page of a hundred would open a hundred callers' words to show none.
func (j *Journal) List(ctx context.Context, f Filter) ([]Intent, error) {
	var all []Intent
	err := j.read(ctx, func(l *ledger) error {
		var err error
		all, err = l.list(f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list intents of workspace %s: %w", f.Workspace, err)
	}
	return all, nil
}

// Attempts is the history of an intent.
func (j *Journal) Attempts(ctx context.Context, workspace string, id IntentID) ([]AttemptRow, error) {
	var all []AttemptRow
	err := j.read(ctx, func(l *ledger) error {
		var err error
		all, err = l.attempts(workspace, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read attempts of intent %d: %w", id, err)
	}
	return all, nil
}

// Counts is how many intents of a workspace stand in each state in which somebody still has
// something to do. The settled are not counted: they grow without end.
func (j *Journal) Counts(ctx context.Context, workspace string) (map[State]int, error) {
	var counts map[State]int
	err := j.read(ctx, func(l *ledger) error {
		var err error
		counts, err = l.counts(workspace)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count intents of workspace %s: %w", workspace, err)
	}
	return counts, nil
}

// change loads an intent and lets fn make it another, in one transaction: what a person saw on a
// page may be old, and fn decides by what is there now.
func (j *Journal) change(ctx context.Context, workspace string, id IntentID, fn func(*ledger, Intent) error) error {
	return j.write(ctx, func(l *ledger) error {
		in, err := l.intent(workspace, id)
		if err != nil {
			return err
		}
		return fn(l, in)
	})
}

// Withdraw takes an intent back before anything can have happened; ErrTooLate if something
// can. What needs it goes to review.
func (j *Journal) Withdraw(ctx context.Context, workspace string, id IntentID, why string) error {
	if mutant.On(mutant.DropSettleCancel) {
		return nil
	}
	err := j.change(ctx, workspace, id, func(l *ledger, in Intent) error { return withdraw(l, in, why) })
	if err != nil {
		return fmt.Errorf("withdraw: %w", err)
	}
	return nil
}

// withdraw is Withdraw within a transaction.
func withdraw(l *ledger, in Intent, why string) error {
	if !in.State.untried() {
		return fmt.Errorf("intent %d is %s: %w", in.ID, in.State, ErrTooLate)
	}
	old := in
	in.State, in.Why, in.Settled = StateWithdrawn, why, l.now
	if err := l.save(old, in); err != nil {
		return err
	}
	return l.spread(in)
}

// Retry is a person's word that an intent shall be tried again now: one that was refused or
// has lapsed with new tries and no expiry, one that pauses at once. What fell with it waits
// for it again.
// The expiry goes because a person has decided that it is not too late.
func (j *Journal) Retry(ctx context.Context, workspace string, id IntentID) error {
	err := j.change(ctx, workspace, id, func(l *ledger, in Intent) error {
		old := in
		switch in.State {
		// It goes on by itself; a person only shortens the pause. What it counts, and that an unknown one is
		// looked for first, stays.
		case StateRetry, StateUnknown, StateDue:
			in.Due = l.now
			return l.save(old, in)
		case StateRefused, StateLapsed:
		default:
			return fmt.Errorf("intent %d is %s and cannot be tried again", in.ID, in.State)
		}
		needs, err := l.needsOf(in)
		if err != nil {
			return err
		}
		var all []Intent
		for _, need := range needs {
			all = append(all, need)
		}
		waits, fallen, err := l.missing(all)
		if err != nil {
			return err
		}
		if fallen != nil {
			// Dependants would only fall again, and the operator would not see by what.
			return fmt.Errorf("intent %d needs intent %d, which is %s — retry that one first", in.ID, fallen.ID, fallen.State)
		}
		if in.State = StateDue; waits {
			in.State = StateWaiting
		}
		in.Due, in.Expires, in.Counted, in.Looks, in.FellBy, in.Why, in.Settled = l.now, time.Time{}, 0, 0, 0, "", time.Time{}
		if err := l.save(old, in); err != nil {
			return err
		}
		// After it is due itself: what fell with it waits for an intent that can be done again.
		return l.revive(in)
	})
	if err != nil {
		return fmt.Errorf("retry: %w", err)
	}
	return nil
}

// Discard is a person's word that an intent shall not be done. What needs it falls with it,
// and is returned. An attempt under way cannot be discarded.
// One whose outcome is unknown can be discarded: a person has looked.
func (j *Journal) Discard(ctx context.Context, workspace string, id IntentID, why string) (fell []IntentID, err error) {
	err = j.change(ctx, workspace, id, func(l *ledger, in Intent) error {
		// What is under way may happen, and what has ended has: neither can be unsaid by discarding it.
		if in.State.open() == settled || in.State == StateTrying {
			return fmt.Errorf("intent %d is %s: %w", in.ID, in.State, ErrTooLate)
		}
		fell, err = discard(l, in, "discarded: "+why)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("discard: %w", err)
	}
	return fell, nil
}

// discard is Discard within a transaction. Unlike a fall, which a retried need can mend, it is for
// good, and so goes down to everything that needs the intent, and to what needs that.
func discard(l *ledger, in Intent, why string) (fell []IntentID, err error) {
	dependants, err := l.dependants(in)
	if err != nil {
		return nil, err
	}
	old := in
	in.State, in.Why, in.Settled = StateWithdrawn, why, l.now
	if err := l.save(old, in); err != nil {
		return nil, err
	}
	for _, d := range dependants {
		d, err = l.intent(d.Workspace, d.ID) // it may have fallen by another way
		if err != nil {
			return nil, err
		}
		if !d.State.untried() && d.State != StateRefused {
			continue
		}
		more, err := discard(l, d, fmt.Sprintf("needs intent %d, which was discarded", in.ID))
		if err != nil {
			return nil, err
		}
		fell = append(append(fell, d.ID), more...)
	}
	return fell, l.spread(in)
}

// Edit replaces the body of an intent that waits, for a person who mends it before a Retry.
// The key stays, and with it the promise that it is done once.
func (j *Journal) Edit(ctx context.Context, workspace string, id IntentID, body json.RawMessage) error {
	if !json.Valid(body) {
		return fmt.Errorf("edit intent %d: %w", id, errors.New("the body is not JSON"))
	}
	err := j.change(ctx, workspace, id, func(l *ledger, in Intent) error {
		if !in.State.untried() && in.State != StateRefused && in.State != StateLapsed {
			return fmt.Errorf("intent %d is %s: %w", in.ID, in.State, ErrTooLate)
		}
		return l.setBody(in, body)
	})
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	return nil
}

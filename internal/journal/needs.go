package journal

import (
	"fmt"
	"time"
)

// missing tells whether an intent that needs all of these must wait, and which of them, if
// any, has fallen. A merged need stands or falls with the intent it was merged into.
// One that has fallen decides at once, whatever the others may still become.
func (l *ledger) missing(needs []Intent) (waits bool, fallen *Intent, err error) {
	for _, need := range needs {
		if need.State == StateMerged {
			if need, err = l.intent(need.Workspace, need.MergedInto); err != nil {
				return false, nil, err
			}
		}
		if need.State.fell() {
			return false, &need, nil
		}
		waits = waits || need.State != StateDone
	}
	return waits, nil, nil
}

// fellWith sends an intent to review because of what it needs.
// It does not fall for good: a person may mend the need, and reviving that revives this, which is
// why the need is noted.
func fellWith(in, need Intent, now time.Time) Intent {
	in = refuse(in, fmt.Sprintf("needs %s %s (intent %d), which is %s", need.Kind, need.Key, need.ID, need.State), now)
	in.FellBy = need.ID
	return in
}

// spread takes what has become of an intent to those that depend on it: the ones merged into
// it settle with it, done wakes its dependants, and a fall sends them to review.
// It runs in the transaction that settled the intent: a dependant that is still waiting for
// something that has ended would wait for ever, since nothing else wakes it.
func (l *ledger) spread(in Intent) error {
	// Nothing has been decided about it yet.
	if in.State.open() == forEngine {
		return nil
	}
	merged, err := l.mergedInto(in.ID)
	if err != nil {
		return err
	}
	for _, m := range merged {
		old := m
		// The state stays merged: it tells how the intent came to its end, the verdict what the end was.
		m.Verdict, m.Effect, m.Facts, m.Why, m.Settled = in.Verdict, in.Effect, in.Facts, in.Why, in.Settled
		if err := l.save(old, m); err != nil {
			return err
		}
	}
	for _, of := range append(merged, in) {
		if err := l.tell(of, in.State); err != nil {
			return err
		}
	}
	return nil
}

// tell wakes or fells the dependants of an intent.
// state is that of the intent by which it settled, which for a merged one is not its own. What has
// been tried is left alone: it may have happened, and is found out first.
func (l *ledger) tell(in Intent, state State) error {
	dependants, err := l.dependants(in)
	if err != nil {
		return err
	}
	for _, d := range dependants {
		old := d
		switch {
		case state.fell() && d.State.untried():
			in.State = state
			d = fellWith(d, in, l.now)
		case state == StateDone && d.State == StateWaiting:
			waits, err := l.waits(d)
			if err != nil {
				return err
			}
			if waits {
				continue
			}
			d.State, d.Due = StateDue, laterOf(l.now, d.NotBefore)
		// Another need may have felled it, or a person have discarded it, meanwhile.
		default:
			continue
		}
		if err := l.save(old, d); err != nil {
			return err
		}
		if err := l.spread(d); err != nil {
			return err
		}
	}
	return nil
}

// waits tells whether one of what an intent needs is still missing, or has fallen: done is one of
// several, and wakes the dependant only if it is the last.
func (l *ledger) waits(in Intent) (bool, error) {
	needs, err := l.needsOf(in)
	if err != nil {
		return false, err
	}
	all := make([]Intent, 0, len(needs))
	for _, need := range needs {
		all = append(all, need)
	}
	waits, fallen, err := l.missing(all)
	return waits || fallen != nil, err
}

// revive gives those that fell with an intent another chance: they wait for it again.
// Only what fell by this very need is revived: a dependant that a person discarded, or that the
// vendor refused, has a reason of its own.
func (l *ledger) revive(in Intent) error {
	dependants, err := l.dependants(in)
	if err != nil {
		return err
	}
	for _, d := range dependants {
		if d.State != StateRefused || d.FellBy != in.ID {
			continue
		}
		old := d
		fallen, err := l.fallen(d, in)
		if err != nil {
			return err
		}
		if fallen != nil { // another need keeps it from going on: it stays with a person, for that reason
			d = fellWith(d, *fallen, l.now)
			if err := l.save(old, d); err != nil {
				return err
			}
			continue
		}
		d.State, d.FellBy, d.Why, d.Settled = StateWaiting, 0, "", time.Time{}
		if err := l.save(old, d); err != nil {
			return err
		}
		if err := l.revive(d); err != nil {
			return err
		}
	}
	return nil
}

// fallen is a need of an intent, other than the one that is revived, that cannot be done.
func (l *ledger) fallen(in, revived Intent) (*Intent, error) {
	needs, err := l.needsOf(in)
	if err != nil {
		return nil, err
	}
	var others []Intent
	for _, need := range needs {
		if need.ID != revived.ID {
			others = append(others, need)
		}
	}
	_, fallen, err := l.missing(others)
	return fallen, err
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/mutant"
)

// flight is a choice under way: whoever asks meanwhile hears the same. It is in the memory of one
// process; what makes the choice one across processes and crashes is the compare-and-set of speak.
type flight struct {
	landed chan struct{}
	spoken Spoken
	err    error
}

// Answered is what was said to an ask, if it was. An answer that is recorded and not yet chosen
// has said nothing: whoever gets false goes to Settle, which waits for the same choice.
func (j *Journal) Answered(ctx context.Context, k Ask) (Spoken, bool, error) {
	var a *answer
	err := j.read(ctx, func(l *ledger) error {
		var err error
		a, err = l.answerTo(k)
		return err
	})
	if err != nil {
		return Spoken{}, false, fmt.Errorf("read answer to %s/%s: %w", k.Call, k.ID, err)
	}
	if a == nil || !a.chosen {
		return Spoken{}, false, nil
	}
	return a.spoken, true, nil
}

// Settle waits until the intents of the answer to an ask have come to an end, as long as they
// can before its deadline, then chooses the first sentence that is true. The choice is made
// once and committed before Settle returns it; an answer that was recorded and never chosen,
// because the process ended, is chosen now from what has become of its intents.
func (j *Journal) Settle(ctx context.Context, k Ask) (Spoken, error) {
	var a *answer
	err := j.read(ctx, func(l *ledger) error {
		var err error
		a, err = l.answerTo(k)
		return err
	})
	switch {
	case err != nil:
		return Spoken{}, fmt.Errorf("settle answer to %s/%s: %w", k.Call, k.ID, err)
	case a == nil:
		return Spoken{}, fmt.Errorf("settle answer to %s/%s: %w", k.Call, k.ID, ErrUnknownAsk)
	case a.chosen:
		return a.spoken, nil
	}
	f := j.board(ctx, a)
	select {
	case <-f.landed:
	case <-ctx.Done():
		return Spoken{}, ctx.Err()
	}
	if f.err != nil {
		return Spoken{}, fmt.Errorf("settle answer to %s/%s: %w", k.Call, k.ID, f.err)
	}
	return f.spoken, nil
}

// board joins the choice that is under way for an answer, or begins it. It goes on when the
// one who began it leaves: others may wait for the same.
func (j *Journal) board(ctx context.Context, a *answer) *flight {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f := j.flights[a.id]; f != nil {
		return f
	}
	f := &flight{landed: make(chan struct{})}
	j.flights[a.id] = f
	go func() {
		f.spoken, f.err = j.choose(context.WithoutCancel(ctx), a)
		j.mu.Lock()
		delete(j.flights, a.id)
		j.mu.Unlock()
		close(f.landed)
	}()
	return f
}

// choose waits for the truth and commits the sentence that tells it.
// What was known while waiting is read again in the transaction that chooses: between the two an
// attempt may have ended, and the better sentence become true.
func (j *Journal) choose(ctx context.Context, a *answer) (Spoken, error) {
	if err := j.await(ctx, a); err != nil {
		return Spoken{}, err
	}
	var s Spoken
	commit := func() error {
		return j.write(ctx, func(l *ledger) error {
			now, err := l.answerTo(a.ask)
			if err != nil {
				return err
			}
			if now == nil {
				return ErrUnknownAsk // erased meanwhile
			}
			if now.chosen {
				s = now.spoken
				return nil
			}
			known, err := l.known(now)
			if err != nil {
				return err
			}
			s, err = speak(l, now, known)
			return err
		})
	}
	if mutant.On(mutant.SpeakBeforeCommit) {
		var known map[string]Intent
		err := j.read(ctx, func(l *ledger) (err error) { known, err = l.known(a); return err })
		_, early := pick(a.sentences, known, a.replacedBy != 0)
		go func() { _ = commit() }()
		return early, err
	}
	err := commit()
	return s, err
}

// speak picks the sentence of an answer and writes it down.
// The caller commits before the words leave the process. Said and then lost would be a promise
// that nobody keeps; committed and then not said is heard when the ask is delivered again.
func speak(l *ledger, a *answer, known map[string]Intent) (Spoken, error) {
	i, s := pick(a.sentences, known, a.replacedBy != 0)
	s.At = time.UnixMicro(l.now.UnixMicro()) // as it will be read
	return s, l.setSpoken(a, i, s)
}

// known is the intents of an answer by their local names; one that was merged is the one it
// was merged into.
// The sentence speaks of what was promised, and of a merged one that is done by the other.
func (l *ledger) known(a *answer) (map[string]Intent, error) {
	known := make(map[string]Intent, len(a.refs))
	for name, id := range a.refs {
		in, err := l.intent(a.ask.Workspace, id)
		if err == nil && in.State == StateMerged {
			in, err = l.intent(a.ask.Workspace, in.MergedInto)
		}
		if err != nil {
			return nil, err
		}
		known[name] = in
	}
	return known, nil
}

// await returns when waiting is of no more use: all intents have come to an end, or the
// deadline has, or what is left cannot be known before it.
// The order is: read, watch, read again if that was new, and only then wait. A change between a
// reading and the watching would otherwise be waited for until the deadline.
func (j *Journal) await(ctx context.Context, a *answer) error {
	w := j.bell.wait()
	defer j.bell.leave(w)
	alarm := time.NewTimer(time.Until(a.deadline))
	defer alarm.Stop()
	for {
		subjects := map[SubjectID]bool{}
		var by time.Time // when the last of it may be known
		err := j.read(ctx, func(l *ledger) error {
			known, err := l.known(a)
			if err != nil {
				return err
			}
			for _, in := range known {
				at, err := j.prospect(l, in, in.Lane, subjects)
				if err != nil {
					return err
				}
				by = laterOf(by, at)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if by.IsZero() || !by.Before(a.deadline) || !time.Now().Before(a.deadline) || j.engine.stopping() {
			return nil
		}
		if j.bell.watch(w, subjects) {
			continue // something may have changed before we watched
		}
		select {
		case <-w.rung:
		// The truth is late. What is recorded is true already, and that is what is said.
		case <-alarm.C:
			return nil
		case <-j.engine.halted:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// never is later than any deadline.
var never = time.UnixMicro(1<<62 - 1)

// prospect is the earliest time at which the end of an intent may be known: zero if it has
// come, and never if it waits for what does not come by itself. It adds the subjects on which
// that depends.
//
// It is a lower bound: how long a vendor takes is not in it. That errs on the side of waiting,
// which the deadline ends, and never of giving up on what could still come true.
func (j *Journal) prospect(l *ledger, in Intent, lane Lane, subjects map[SubjectID]bool) (time.Time, error) {
	if in.State.open() != forEngine {
		return time.Time{}, nil
	}
	subjects[in.Subject] = true
	queue, err := l.queue(in.Subject)
	if err != nil {
		return never, err
	}
	// The lane is that of the asked intent, whoever stands before it: a queue runs in the most urgent
	// of its lanes, which is this one or better.
	by := laterOf(l.now, j.lanes.until(in.Workspace, lane))
	for i, before := range queue {
		if before.ID > in.ID {
			break
		}
		// Nobody here can do it, so that nothing behind it moves either.
		if _, ok := j.kind(before.Kind); !ok {
			return never, nil
		}
		// A vendor that is away, or at its limit, said so: what meets that waits here, not in the call.
		if before.Due.After(l.now) && (before.Blame == Outage || before.Blame == Limit) {
			return never, nil
		}
		switch before.State {
		case StateTrying:
			continue
		case StateWaiting:
			at, err := j.needed(l, before, lane, subjects)
			if err != nil {
				return never, err
			}
			by = laterOf(by, at)
		default:
			by = laterOf(by, readyAt(queue, i))
		}
	}
	return by, nil
}

// needed is the prospect of the last of what an intent waits for.
func (j *Journal) needed(l *ledger, in Intent, lane Lane, subjects map[SubjectID]bool) (time.Time, error) {
	needs, err := l.needsOf(in)
	if err != nil {
		return never, err
	}
	by := l.now
	for _, need := range needs {
		if need.State == StateMerged {
			if need, err = l.intent(need.Workspace, need.MergedInto); err != nil {
				return never, err
			}
		}
		at, err := j.prospect(l, need, lane, subjects)
		if err != nil {
			return never, err
		}
		by = laterOf(by, at)
	}
	return by, nil
}

// hopeless tells, without looking at queues, that an answer's sentence may as well be chosen
// in the transaction that records it: there is nothing to wait for, or nothing of it can come
// before the deadline.
// It looks at its own intents only, since it runs inside Record's transaction for every answer;
// what it overlooks, Settle finds with the queues at hand.
func (j *Journal) hopeless(d *Draft, known map[string]Intent, now time.Time) bool {
	open := false
	for _, in := range known {
		if in.State.open() != forEngine && in.State != StateMerged {
			continue
		}
		open = true
		if in.State != StateMerged && !in.Due.Before(d.Deadline) && in.State != StateTrying && in.Lane != Background {
			return true
		}
		if !j.lanes.until(in.Workspace, in.Lane).Before(d.Deadline) {
			return true
		}
	}
	return !open || !now.Before(d.Deadline) || j.engine.stopping()
}

// Speaking says that the caller of a call is still speaking: what settles for the call keeps
// settling until then, and until its own window has ended at the least.
// It moves due times and never the window itself: who goes silent is heard at NotBefore again.
func (j *Journal) Speaking(ctx context.Context, workspace, call string, until time.Time) error {
	err := j.write(ctx, func(l *ledger) error {
		settling, err := l.settlingOf(workspace, call)
		var errs []error
		for _, in := range settling {
			if in.Lane == Background {
				continue // it waits to be merged, not for the caller
			}
			old := in
			in.Due = laterOf(in.NotBefore, until)
			errs = append(errs, l.save(old, in))
		}
		return errors.Join(append(errs, err)...)
	})
	if err != nil {
		return fmt.Errorf("extend settle window of call %s: %w", call, err)
	}
	return nil
}

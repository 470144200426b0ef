package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/mutant"
	"github.com/hookswitch/hookswitch/internal/store"
)

// ended is how a drain came to its end: what the engine must know to put the queue to rest. It is
// advice on when to look, never on what to do: the database alone knows that.
type ended struct {
	tried      bool
	parentBusy bool
	at         time.Time // when to look again; zero: when something changes
	lane       Lane
}

// claim is the decision of one transaction about a queue, and the attempt it began, if any.
// Everything a doer needs is read in that transaction, so that none is open while it acts: a
// vendor's request may last its whole timeout, and a transaction would hold the one writer.
type claim struct {
	ended
	attempt Attempt
	action  action
	kind    Kind
	began   time.Time
	lease   time.Time // when the attempt is taken over
}

// redo is how soon a transaction that failed, such as on a full disk, is tried again.
const redo = time.Second

// drain runs the attempts of a queue, one after the other, until its head must wait.
func (j *Journal) drain(ctx context.Context, q *queue) ended {
	tried := false
	for {
		// Before the transaction, not after: what changes from here on asks for another look.
		j.engine.attend(q)
		var c claim
		err := j.write(context.WithoutCancel(ctx), func(l *ledger) error {
			var err error
			c, err = j.claim(l, q.subject)
			return err
		})
		c.tried = tried
		switch {
		case errors.Is(err, store.ErrClosed):
			// Nothing can be begun any more, and the next process finds everything in the file.
			return ended{tried: tried, lane: Background}
		case err != nil:
			j.options.Log.Error("queue.failed", "subject", q.subject, "err", err)
			// In the most urgent lane: it is not known who waits in a queue that could not be read.
			return ended{tried: tried, lane: Live, at: time.Now().Add(redo)}
		case c.attempt.Number == 0:
			return c.ended
		}
		j.try(ctx, c)
		tried = true
	}
}

// claim takes the steps that a queue asks for until one is an attempt, or none is left. The queue
// is read again after every step: what one lapse sends to review may stand in the same queue.
func (j *Journal) claim(l *ledger, s SubjectID) (claim, error) {
	for {
		queue, err := l.queue(s)
		if err != nil || len(queue) == 0 || j.engine.stopping() {
			return claim{ended: ended{lane: Background}}, err
		}
		p := decide(queue, l.now, func(lane Lane) time.Time { return j.lanes.until(queue[0].Workspace, lane) })
		switch p.step {
		case lapse:
			if err := expire(l, queue[p.index]); err != nil {
				return claim{}, err
			}
			continue
		case rest, later:
			return claim{ended: ended{at: p.at, lane: p.lane}}, nil
		}
		c, moved, err := j.begin(l, queue[p.index], p.lane)
		if err != nil || !moved {
			c.lane = p.lane
			return c, err
		}
	}
}

// expire ends an intent whose time has passed. Only an untried one can lapse: of what may have
// happened, the truth is still to be found out, however late.
func expire(l *ledger, in Intent) error {
	old := in
	in.State, in.Settled, in.Why = StateLapsed, l.now, "it expired before it was done"
	if err := l.save(old, in); err != nil {
		return err
	}
	return l.spread(in)
}

// begin makes the head of a queue the attempt of this process. If the head cannot be tried
// after all it moves to another state (moved), or waits for its parent.
//
// The attempt is committed before the doer is called: a process that dies meanwhile leaves a row
// that says so, and its successor looks before it tries. The lease is kept in the intent's due
// time, where a page shows until when it is waited for.
func (j *Journal) begin(l *ledger, in Intent, lane Lane) (c claim, moved bool, err error) {
	kind, ok := j.kind(in.Kind)
	if !ok {
		j.options.Log.Warn("intent.unclaimed", "workspace", in.Workspace, "kind", in.Kind, "key", in.Key)
		return c, false, nil // recorded by a version that knew it
	}
	needs, err := l.needsOf(in)
	if err != nil {
		return c, false, err
	}
	// Needs were weighed when the intent was recorded, but one that settles does not wait for them
	// until its window has ended.
	if moved, err := holdBack(l, in, needs); moved || err != nil {
		return c, moved, err
	}
	// Salesforce locks the parent of a record that is written; two writes under one Account at once
	// fail with UNABLE_TO_LOCK_ROW (Apex Developer Guide, "Record Locks"). So they take turns here.
	if in.Parent != "" {
		busy, err := l.underParent(in)
		if err != nil {
			return c, false, err
		}
		if busy {
			j.engine.awaitParent(in, lane)
			c.parentBusy = true
			return c, false, nil
		}
	}
	old := in
	c.action, c.kind, c.began, c.lease = actionFor(in), kind, l.now, l.now.Add(kind.Timeout+j.options.Margin)
	in.State, in.Due, in.Attempts = StateTrying, c.lease, in.Attempts+1
	// A look counts as an attempt, since it fences, but the quiet period counts from the last try:
	// only a try can have an effect that is still on its way.
	if c.action == do {
		in.Tried, in.Looks = l.now, 0
	}
	if err := l.save(old, in); err != nil {
		return c, false, err
	}
	if err := l.beginAttempt(in, c.action); err != nil {
		return c, false, err
	}
	subject, err := l.subject(in.Workspace, in.Subject)
	if err != nil {
		return c, false, err
	}
	c.attempt = Attempt{Intent: in, Number: in.Attempts, Ref: subject.Ref, Needs: needs, Taken: j.takenBesides(in)}
	return c, false, l.fill(&c.attempt.Intent)
}

// holdBack moves an intent whose settle window has ended, but whose needs are not done, to
// where it belongs.
func holdBack(l *ledger, in Intent, needs map[string]Intent) (moved bool, err error) {
	if !in.State.untried() {
		return false, nil
	}
	all := make([]Intent, 0, len(needs))
	for name, need := range needs {
		if need.State == StateMerged {
			if need, err = l.intent(need.Workspace, need.MergedInto); err != nil {
				return false, err
			}
			needs[name] = need
		}
		all = append(all, need)
	}
	waits, fallen, err := l.missing(all)
	if err != nil || (!waits && fallen == nil) {
		return false, err
	}
	old := in
	if in.State = StateWaiting; fallen != nil {
		in = fellWith(in, *fallen, l.now)
	}
	if err := l.save(old, in); err != nil {
		return false, err
	}
	return true, l.spread(in)
}

// try runs one attempt and settles it. A doer that has not returned when its lease ends is
// left behind: what it did is unknown, the queue goes on with a look, and its outcome, if it
// ever comes, has the wrong number.
// It waits for nothing beyond the lease, or one doer that ignores its context would hold the
// queue, and its place among the workers, for good.
func (j *Journal) try(ctx context.Context, c claim) {
	result := make(chan Outcome, 1)
	j.engine.work.Go(func() { result <- j.perform(ctx, c) })
	lease := time.NewTimer(time.Until(c.lease))
	defer lease.Stop()
	select {
	case out := <-result:
		j.conclude(ctx, c, out)
	case <-lease.C:
		j.options.Log.Error("attempt.abandoned", j.about(c)...)
		j.conclude(ctx, c, Outcome{Verdict: Unknown, Blame: Own, Why: "the attempt did not end in time"})
		// Its words are worth a line in the log, if only to find the doer that does not end in time.
		j.engine.work.Go(func() { j.conclude(ctx, c, <-result) })
	}
}

// perform calls the doer within its timeout. A doer that panics may have done anything, so that
// its outcome is unknown; the process goes on, since other callers wait in it.
func (j *Journal) perform(ctx context.Context, c claim) (out Outcome) {
	defer func() {
		if p := recover(); p != nil {
			j.options.Log.Error("attempt.panicked", append(j.about(c), "panic", p)...)
			out = Outcome{Verdict: Unknown, Blame: Own, Why: "the attempt failed inside the program"}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, c.kind.Timeout)
	defer cancel()
	if c.action == look {
		return c.kind.Doer.Look(ctx, c.attempt)
	}
	return c.kind.Doer.Do(ctx, c.attempt)
}

// conclude writes an outcome down. What a vendor has done is not to be forgotten for a disk
// that is full for a while: it tries until the store takes it, or is closed.
func (j *Journal) conclude(ctx context.Context, c claim, out Outcome) {
	for {
		var in Intent
		var stale bool
		err := j.write(context.WithoutCancel(ctx), func(l *ledger) error {
			var err error
			in, stale, err = j.settle(l, c, out)
			return err
		})
		switch {
		case err == nil && stale:
			j.options.Log.Warn("attempt.stale", append(j.about(c), "verdict", out.Verdict)...)
			return
		case err == nil:
			j.report(c, in)
			return
		case errors.Is(err, store.ErrClosed):
			return // the next start finds it trying, and looks
		}
		j.options.Log.Error("attempt.unsettled", append(j.about(c), "err", err)...)
		select {
		case <-time.After(redo):
		case <-ctx.Done():
			return
		}
	}
}

// report logs how an attempt ended: the one line by which an operator follows an intent. An intent
// that the engine tries again has not settled yet.
func (j *Journal) report(c claim, in Intent) {
	about := append(j.about(c), "state", string(in.State), "verdict", string(in.Verdict), "took", time.Since(c.began))
	if in.State.open() == forEngine {
		j.options.Log.Info("attempt.ended", about...)
		return
	}
	j.options.Log.Info("intent.settled", about...)
}

// about names an attempt in logs, by what is stored in the clear: what is sealed in the database
// is not to be found in its logs either.
func (j *Journal) about(c claim) []any {
	in := c.attempt.Intent
	return []any{"workspace", in.Workspace, "kind", in.Kind, "key", in.Key, "call", in.Cause.Call, "attempt", c.attempt.Number, "action", string(c.action)}
}

// settle applies an outcome, if the intent still is in the attempt that found it. The number is
// the fence: a late outcome of an attempt that was taken over says nothing about the next one.
//
// What follows from the outcome is written in the same transaction: the end of the attempt, the
// parked lane, the names of the subject, the dependants. There is no state in between to recover.
func (j *Journal) settle(l *ledger, c claim, out Outcome) (in Intent, stale bool, err error) {
	in, err = l.intent(c.attempt.Intent.Workspace, c.attempt.Intent.ID)
	if err != nil {
		return in, false, err
	}
	if (in.State != StateTrying || in.Attempts != c.attempt.Number) && !mutant.On(mutant.IgnoreAttempt) {
		return in, true, nil
	}
	old := in
	in = judge(in, finding{out, c.action, l.now}, rules{j.options.Tries, j.options.LimitPause, c.kind.Quiet})
	if allowed := mayBecome(old.State, in.State) == nil; !allowed && mutant.On(mutant.IgnoreAttempt) {
		return in, true, nil
	}
	if err := l.endAttempt(in, out.Verdict, out.Why); err != nil {
		return in, false, err
	}
	if err := l.save(old, in); err != nil {
		return in, false, err
	}
	// The lanes behind this one share the limit and are less urgent. Those before it find the
	// limit out for themselves: a caller's write is worth one request that may be refused.
	// A limit does not shorten a stop that somebody has ordered: no limit lasts longer than a day.
	ordered := j.lanes.until(in.Workspace, in.Lane).After(l.now.Add(24 * time.Hour))
	if out.Blame == Limit && in.State.open() == forEngine && !ordered {
		if err := l.park(in.Workspace, in.Lane.behind(), Parked{in.Due, out.Why}); err != nil {
			return in, false, err
		}
	}
	if in.State == StateDone {
		if err := j.came(l, in, out); err != nil {
			return in, false, fmt.Errorf("settle intent %d: %w", in.ID, err)
		}
	}
	return in, false, l.spread(in)
}

// came takes up what a done intent teaches: the names of its subject, and what it undid.
func (j *Journal) came(l *ledger, in Intent, out Outcome) error {
	if err := l.identify(in, out); err != nil {
		return err
	}
	if in.Undoes == 0 {
		return nil
	}
	old, err := l.intent(in.Workspace, in.Undoes)
	// Whatever it is now instead, a person made it so.
	if err != nil || old.State != StateDone {
		return err
	}
	undone := old
	undone.State, undone.Settled, undone.Why = StateUndone, l.now, fmt.Sprintf("undone by intent %d", in.ID)
	if err := l.save(old, undone); err != nil {
		return err
	}
	return l.spread(undone)
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/mutant"
	"github.com/hookswitch/hookswitch/internal/store"
)

// ended is how a drain came to its end.
type ended struct {
	tried      bool
	parentBusy bool
	at         time.Time // when to look again; zero: when something changes
	lane       Lane
}

// claim is the decision of one transaction about a queue, and the attempt it began, if any.
type claim struct {
	ended
	attempt Attempt
	action  action
	kind    Kind
	lease   time.Time // when the attempt is taken over
}

// redo is how soon a transaction that failed, such as on a full disk, is tried again.
const redo = time.Second

// drain runs the attempts of a queue, one after the other, until its head must wait.
func (j *Journal) drain(ctx context.Context, q *queue) ended {
	tried := false
	for {
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
			return ended{tried: tried, lane: Background}
		case err != nil:
			j.options.Log.Error("queue.failed", "subject", q.subject, "err", err)
			return ended{tried: tried, lane: Live, at: time.Now().Add(redo)}
		case c.attempt.Number == 0:
			return c.ended
		}
		j.try(ctx, c)
		tried = true
	}
}

// claim takes the steps that a queue asks for until one is an attempt, or none is left.
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

func expire(l *ledger, in Intent) error {
	old := in
	in.State, in.Settled, in.Why = StateLapsed, l.now, "it expired before it was done"
	if err := l.save(old, in); err != nil {
		return err
	}
	return l.spread(in)
}

// begin makes the head of a queue the attempt of this process. If the head cannot be tried
// after all it moves to another state (moved), or waits for its parent. The lease is kept in
// the intent's due time.
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
	if moved, err := holdBack(l, in, needs); moved || err != nil {
		return c, moved, err
	}
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
	c.action, c.kind, c.lease = actionFor(in), kind, l.now.Add(kind.Timeout+j.options.Margin)
	in.State, in.Due, in.Attempts = StateTrying, c.lease, in.Attempts+1
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
	c.attempt = Attempt{Intent: in, Number: in.Attempts, Ref: subject.Ref, Needs: needs}
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
		j.engine.work.Go(func() { j.conclude(ctx, c, <-result) })
	}
}

// perform calls the doer within its timeout. A doer that panics may have done anything.
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
			j.options.Log.Info("intent."+string(in.State), append(j.about(c), "verdict", in.Verdict, "took", time.Since(c.lease.Add(-c.kind.Timeout-j.options.Margin)))...)
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

func (j *Journal) about(c claim) []any {
	in := c.attempt.Intent
	return []any{"workspace", in.Workspace, "kind", in.Kind, "key", in.Key, "call", in.Cause.Call, "attempt", c.attempt.Number, "action", string(c.action)}
}

// settle applies an outcome, if the intent still is in the attempt that found it.
func (j *Journal) settle(l *ledger, c claim, out Outcome) (in Intent, stale bool, err error) {
	in, err = l.intent(c.attempt.Intent.Workspace, c.attempt.Intent.ID)
	if err != nil {
		return in, false, err
	}
	if (in.State != StateTrying || in.Attempts != c.attempt.Number) && !mutant.On(mutant.IgnoreAttempt) {
		return in, true, nil
	}
	old := in
	in = judge(in, c.action, out, rules{j.options.Tries, j.options.LimitPause, c.kind.Quiet}, l.now)
	if mutant.On(mutant.IgnoreAttempt) && mayBecome(old.State, in.State) != nil {
		return in, true, nil
	}
	if err := l.endAttempt(in, out.Verdict, out.Why); err != nil {
		return in, false, err
	}
	if err := l.save(old, in); err != nil {
		return in, false, err
	}
	if out.Blame == Limit && in.State.open() == forEngine {
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

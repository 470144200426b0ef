package journal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// Options are the numbers of a journal; the zero value is what P1.9 asks for.
type Options struct {
	Log *slog.Logger // nil: silent
	// LiveWorkers bounds attempts for callers who wait, default 256; Workers those of the
	// other lanes together, default 16. Neither takes a place of the other.
	LiveWorkers, Workers int
	// Tries is how often a write may fail by its own fault before a person must look, default 3.
	Tries int
	// LimitPause is how long a limit parks a lane if the vendor does not say, default 5 m.
	LimitPause time.Duration
	// Margin is how long after its timeout an attempt is taken over, default 5 s.
	Margin time.Duration
}

// orDefault fills in the numbers that were left out; none of them may be zero in earnest.
func (o Options) orDefault() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&o.LiveWorkers, 256)
	or(&o.Workers, 16)
	or(&o.Tries, 3)
	if o.LimitPause == 0 {
		o.LimitPause = 5 * time.Minute
	}
	if o.Margin == 0 {
		o.Margin = 5 * time.Second
	}
	return o
}

// Journal records promises and keeps them. It is safe for concurrent use.
type Journal struct {
	db      *store.DB
	box     *store.Box
	options Options
	lanes   lanes
	bell    bell
	engine  engine

	mu      sync.Mutex
	kinds   map[string]Kind
	flights map[int64]*flight // choices under way, by answer
}

// New makes a journal over an open store. It runs from Start to Stop; kinds are registered
// before Start.
func New(db *store.DB, box *store.Box, o Options) *Journal {
	j := &Journal{db: db, box: box, options: o.orDefault(), kinds: map[string]Kind{}, flights: map[int64]*flight{}}
	j.engine.init(j)
	return j
}

// defaultTimeout bounds an attempt whose kind does not.
const defaultTimeout = 30 * time.Second

// Register names the doer of a kind of intent. An intent whose kind nobody has registered is
// refused by Record; one that an earlier program left stays in its queue, and says so in the log.
func (j *Journal) Register(name string, k Kind) {
	if k.Timeout == 0 {
		k.Timeout = defaultTimeout
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kinds[name] = k
}

// kind finds the doer of a kind; ok is false for one that only another version of the program knows.
func (j *Journal) kind(name string) (Kind, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	k, ok := j.kinds[name]
	return k, ok
}

// Start takes up what an earlier process left: every attempt that was under way may have
// happened, and will be looked for; everything open is scheduled. ctx gives values to the
// doers' contexts; its end does not stop the journal.
// Parked lanes and the key of the hashes are in place before the first queue is scheduled.
func (j *Journal) Start(ctx context.Context) error {
	if err := j.db.HashKey(ctx, j.box); err != nil {
		return fmt.Errorf("start journal: %w", err)
	}
	j.engine.open(ctx)
	err := j.write(ctx, func(l *ledger) error {
		left, err := l.interrupted()
		if err != nil {
			return err
		}
		for _, in := range left {
			if err := interrupt(l, in); err != nil {
				return err
			}
		}
		return l.lanes(j.lanes.set)
	})
	if err == nil {
		err = j.wakeAll(ctx, "")
	}
	if err != nil {
		return fmt.Errorf("start journal: %w", err)
	}
	return nil
}

// interrupt ends the attempt of a process that is no more.
// It costs nothing of what is counted: that the process ended was not the write's fault. The look
// is due at once, since the quiet period of its kind counts from the try and not from here.
func interrupt(l *ledger, in Intent) error {
	const why = "the server stopped during the attempt"
	if err := l.endAttempt(in, Unknown, why); err != nil {
		return err
	}
	old := in
	in.State, in.Verdict, in.Why, in.Due = StateUnknown, Unknown, why, l.now
	return l.save(old, in)
}

// wakeAll schedules every open queue of a workspace, or of all.
// It reads one row for each queue and lane, not the intents: what is to be done is read when the
// queue's turn comes.
func (j *Journal) wakeAll(ctx context.Context, workspace string) error {
	return j.read(ctx, func(l *ledger) error {
		return l.openSubjects(workspace, j.engine.schedule)
	})
}

// Stop begins no more attempts and waits for those under way until ctx ends; then it cancels
// them. What they find out afterwards is lost, and looked for at the next start.
func (j *Journal) Stop(ctx context.Context) error {
	return j.engine.close(ctx)
}

// write runs fn as one durable transaction and tells everyone concerned once it is committed.
// fn may be taken back after it has run, with all of its group, so that it touches nothing but the
// ledger. All of one transaction has one time, so that what was written together sorts together.
func (j *Journal) write(ctx context.Context, fn func(*ledger) error) error {
	var done news
	err := j.db.Write(ctx, func(tx *store.Tx) error {
		l := &ledger{ctx: ctx, tx: tx, box: j.box, now: time.Now()}
		err := fn(l)
		done = l.news
		return err
	})
	if err != nil {
		return err
	}
	j.publish(done)
	return nil
}

// read runs fn on a snapshot: what it reads belongs together.
func (j *Journal) read(ctx context.Context, fn func(*ledger) error) error {
	return j.db.Read(ctx, func(tx *store.Tx) error {
		return fn(&ledger{ctx: ctx, tx: tx, box: j.box, now: time.Now()})
	})
}

// news is what a transaction changed, gathered while it runs and told only after its commit.
type news struct {
	intents  []Intent
	subjects []SubjectID
	parked   []parking
}

// touch keeps the last word on each intent.
func (n *news) touch(in Intent) {
	for i := range n.intents {
		if n.intents[i].ID == in.ID {
			n.intents[i] = in
			return
		}
	}
	n.intents = append(n.intents, in)
}

// publish wakes whoever waits for what has changed: queues, parents, answers, observers.
// It is the one place from which the engine learns of work, so that a change that is saved cannot
// be one that nobody looks at.
func (j *Journal) publish(n news) {
	for _, p := range n.parked {
		j.lanes.set(p.workspace, p.lane, p.Parked)
		j.bell.ringAll()
	}
	for _, s := range n.subjects {
		j.engine.schedule(s, Live, time.Now())
		j.bell.ring(s)
	}
	for _, in := range n.intents {
		switch {
		// Whoever runs the queue has it.
		case in.State == StateTrying:
		case in.State.open() == forEngine && in.State != StateWaiting:
			j.engine.schedule(in.Subject, in.Lane, j.movable(in))
		case in.State == StateWaiting && !in.Expires.IsZero():
			j.engine.schedule(in.Subject, in.Lane, in.Expires)
		case in.State != StateMerged && in.State != StateWaiting:
			j.engine.schedule(in.Subject, in.Lane, time.Now())
		}
		if in.State != StateTrying {
			j.engine.release(in)
		}
		j.bell.ring(in.Subject)
		if in.State.open() != forEngine {
			j.bell.tell(in)
		}
	}
}

// movable is when there may be something to do about an open intent: not before its lane moves again, unless it
// expires before that. Looking sooner is a transaction that finds out just this.
func (j *Journal) movable(in Intent) time.Time {
	at := laterOf(in.Due, j.lanes.until(in.Workspace, in.Lane))
	if !in.Expires.IsZero() && in.Expires.Before(at) {
		return in.Expires
	}
	return at
}

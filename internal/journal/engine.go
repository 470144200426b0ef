package journal

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hookswitch/hookswitch/internal/mutant"
)

// engine wakes queues when they may have something to do, and runs each in a goroutine of
// its own: one for a subject at a time. What is to be done is in the database alone; the
// engine only knows when to look. It holds a few dozen bytes for each queue that is open.
//
// A queue is asleep until a time, ready and waiting for a place, or running. Live queues have
// places of their own, so that a caller never waits behind background work.
type engine struct {
	j       *Journal
	mu      sync.Mutex
	queues  map[SubjectID]*queue
	asleep  sleepers
	ready   [3][]*queue // by rank of lane
	running [2]int      // places taken: live, others
	parents map[string][]*parentWait
	timer   *time.Timer
	opened  bool
	halted  chan struct{} // closed: begin nothing more
	base    context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
}

// queue is the engine's view of one subject. It exists while the engine has something to
// remember about it, and is guarded by the engine's lock.
type queue struct {
	subject SubjectID
	lane    Lane
	at      time.Time // asleep until
	index   int       // in asleep; -1 if not
	stage   stage
	again   time.Time // wanted again at this time while running
	baton   string    // woken because this parent became free
}

// stage is where a queue is.
type stage int

const (
	idle stage = iota
	sleeping
	waitingForPlace
	runningNow
)

// parentWait is a queue whose head waits for its parent to become free. The notes are in memory
// only: a restart schedules every open queue, and those that find the parent busy note it again.
type parentWait struct {
	subject SubjectID
	lane    Lane
}

// init makes an engine that remembers what is scheduled and begins nothing before it is opened.
func (e *engine) init(j *Journal) {
	e.j = j
	e.queues = map[SubjectID]*queue{}
	e.parents = map[string][]*parentWait{}
	e.halted = make(chan struct{})
}

// open lets the engine begin. Doers get the values of ctx but not its end: close decides when
// they are cancelled, after they had time to find out what became of a request.
func (e *engine) open(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opened = true
	e.base, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
}

// stopping tells that nothing will be begun any more, or yet.
func (e *engine) stopping() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.opened || e.isHalted()
}

// isHalted tells that close was called. It needs no lock: a channel is closed once.
func (e *engine) isHalted() bool {
	select {
	case <-e.halted:
		return true
	default:
		return false
	}
}

// close halts the engine and waits for the attempts under way. The doers are cancelled only
// when ctx ends: a request that is cut off leaves an unknown outcome, and a look at the next start.
func (e *engine) close(ctx context.Context) error {
	e.mu.Lock()
	if !e.isHalted() {
		close(e.halted)
	}
	if e.timer != nil {
		e.timer.Stop()
	}
	cancel := e.cancel
	e.mu.Unlock()
	if cancel == nil {
		return nil // never started
	}
	ended := make(chan struct{})
	go func() { e.work.Wait(); close(ended) }()
	defer cancel()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// schedule asks for a look at a queue at a time, in a lane. Of several times the earliest
// counts, of several lanes the most urgent.
func (e *engine) schedule(s SubjectID, lane Lane, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.put(s, lane, at)
	e.dispatch()
}

// put notes that a queue is wanted, wherever it is now, and never makes it wait longer than it
// would have. The caller holds the lock, and dispatches when it has put all it wants.
func (e *engine) put(s SubjectID, lane Lane, at time.Time) *queue {
	q := e.queues[s]
	if q == nil {
		q = &queue{subject: s, lane: Background, index: -1}
		e.queues[s] = q
	}
	if q.stage == runningNow && mutant.On(mutant.ParallelSubject) {
		q = &queue{subject: s, lane: lane, index: -1}
		e.queues[s] = q
	}
	urgent := lane.rank() < q.lane.rank()
	switch q.stage {
	// It keeps its place, and looks again before it gives it up (settle).
	case runningNow:
		if q.again.IsZero() || at.Before(q.again) {
			q.again = at
		}
	// Its time has come already, so that only the line in which it stands can change.
	case waitingForPlace:
		if urgent {
			was := &e.ready[q.lane.rank()]
			*was = slices.DeleteFunc(*was, func(other *queue) bool { return other == q })
			e.ready[lane.rank()] = append(e.ready[lane.rank()], q)
		}
	case sleeping:
		if at.Before(q.at) {
			q.at = at
			heap.Fix(&e.asleep, q.index)
		}
	case idle:
		q.at, q.stage = at, sleeping
		heap.Push(&e.asleep, q)
	}
	if urgent {
		q.lane = lane
	}
	return q
}

// dispatch starts whatever is due and has a place, and sets the alarm for the next. The
// caller holds the lock.
func (e *engine) dispatch() {
	if !e.opened || e.isHalted() {
		return
	}
	now := time.Now()
	for len(e.asleep) > 0 && !e.asleep[0].at.After(now) {
		q := e.asleep[0]
		heap.Pop(&e.asleep)
		q.stage = waitingForPlace
		e.ready[q.lane.rank()] = append(e.ready[q.lane.rank()], q)
	}
	// Live has places of its own; promised and background share the others, promised first.
	places := [2]int{e.j.options.LiveWorkers, e.j.options.Workers}
	for rank := range e.ready {
		class := min(rank, 1)
		for len(e.ready[rank]) > 0 && e.running[class] < places[class] {
			q := e.ready[rank][0]
			e.ready[rank] = e.ready[rank][1:]
			q.stage, q.again = runningNow, time.Time{}
			e.running[class]++
			e.work.Go(func() { e.run(q, class) })
		}
	}
	e.alarm(now)
}

// alarm sets the one timer to the first sleeper. One timer, and not one for each queue: tens of
// thousands may sleep through an outage.
func (e *engine) alarm(now time.Time) {
	if len(e.asleep) == 0 {
		return
	}
	d := max(e.asleep[0].at.Sub(now), 0)
	if e.timer != nil {
		e.timer.Reset(d)
		return
	}
	e.timer = time.AfterFunc(d, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.dispatch()
	})
}

// run drains a queue until it has nothing to do, then puts it to rest. While it runs nobody else
// does: that attempts of one subject never overlap within this process rests on stage alone.
func (e *engine) run(q *queue, class int) {
	for {
		end := e.j.drain(e.base, q)
		if e.settle(q, class, end) {
			return
		}
	}
}

// attend says that the queue is about to be read: what was asked of it before is answered by
// that reading.
func (e *engine) attend(q *queue) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q.again = time.Time{}
}

// settle puts a drained queue to rest, and frees its place. It does neither, and returns
// false, if the queue is wanted again by now.
func (e *engine) settle(q *queue, class int, end ended) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if q.baton != "" && !end.tried && !end.parentBusy {
		e.passOn(q.baton) // it could not use the parent; the next may
	}
	q.baton = ""
	at := end.at
	if !q.again.IsZero() && (at.IsZero() || q.again.Before(at)) {
		at = q.again
	}
	q.again = time.Time{}
	if !at.IsZero() && !at.After(time.Now()) && !e.isHalted() {
		// It keeps its place: to stand in line again would let a busy subject starve.
		return false
	}
	e.running[class]--
	q.stage, q.lane = idle, end.lane
	switch {
	case e.queues[q.subject] != q: // only a mutation makes a second
	// Nothing to come back for: whatever changes will schedule it anew.
	case at.IsZero():
		delete(e.queues, q.subject)
	default:
		e.put(q.subject, end.lane, at)
	}
	e.dispatch()
	return true
}

// awaitParent notes that the head of a queue waits for its parent to become free. It is
// called inside the transaction that found it busy, so that the one that frees it, which
// comes later, finds the note.
func (e *engine) awaitParent(in Intent, lane Lane) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := in.Workspace + "|" + in.Parent
	for _, w := range e.parents[key] {
		if w.subject == in.Subject {
			return
		}
	}
	e.parents[key] = append(e.parents[key], &parentWait{in.Subject, lane})
}

// release wakes one that waits for the parent of an intent whose attempt has ended. It is called
// for every change of a tried intent, and does no harm for one that had not held the parent: who
// is woken in vain finds it busy and notes it again.
func (e *engine) release(in Intent) {
	if in.Parent == "" || in.Attempts == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.passOn(in.Workspace + "|" + in.Parent)
	e.dispatch()
}

// passOn wakes the most urgent that waits for a parent. Waking all would let each but one
// find it busy again. The caller holds the lock.
func (e *engine) passOn(parent string) {
	waits := e.parents[parent]
	if len(waits) == 0 {
		return
	}
	best := 0
	for i, w := range waits {
		if w.lane.rank() < waits[best].lane.rank() {
			best = i
		}
	}
	w := waits[best]
	if e.parents[parent] = slices.Delete(waits, best, best+1); len(e.parents[parent]) == 0 {
		delete(e.parents, parent)
	}
	// The baton is passed on if the one who gets it cannot use it: otherwise the parent would be free,
	// and those who wait for it asleep.
	e.put(w.subject, w.lane, time.Now()).baton = parent
}

// sleepers is a heap of queues by time, each knowing its index so that it can be moved forward.
type sleepers []*queue

func (s sleepers) Len() int           { return len(s) }
func (s sleepers) Less(i, k int) bool { return s[i].at.Before(s[k].at) }
func (s sleepers) Swap(i, k int) {
	s[i], s[k] = s[k], s[i]
	s[i].index, s[k].index = i, k
}

// Push is for package heap; put calls heap.Push.
func (s *sleepers) Push(x any) {
	q := x.(*queue) //nolint:errcheck,forcetypeassert // only put pushes, and only queues: anything else may well panic
	q.index = len(*s)
	*s = append(*s, q)
}

// Pop is for package heap; dispatch calls heap.Pop.
func (s *sleepers) Pop() any {
	last := len(*s) - 1
	q := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	q.index = -1
	return q
}

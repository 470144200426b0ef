package journal

import "sync"

// bell tells goroutines of this process that something has changed. It says that, not what: who
// hears it reads the database again, so that a stroke too many costs a read and does no harm.
type bell struct {
	mu       sync.Mutex
	waiters  map[SubjectID]map[*waiter]struct{}
	watchers map[*Subscription]struct{}
}

// waiter is one who waits for changes of some subjects. Its channel holds one stroke: a change
// between reading and waiting is heard, and any number of them means one more reading.
type waiter struct {
	rung     chan struct{}
	subjects map[SubjectID]bool
}

// wait begins to watch nothing; watch adds to it.
func (b *bell) wait() *waiter {
	return &waiter{rung: make(chan struct{}, 1), subjects: map[SubjectID]bool{}}
}

// watch adds subjects, and tells whether any was new: what was read before is then too old
// to wait on.
func (b *bell) watch(w *waiter, subjects map[SubjectID]bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh := false
	for s := range subjects {
		if w.subjects[s] {
			continue
		}
		fresh, w.subjects[s] = true, true
		if b.waiters == nil {
			b.waiters = map[SubjectID]map[*waiter]struct{}{}
		}
		if b.waiters[s] == nil {
			b.waiters[s] = map[*waiter]struct{}{}
		}
		b.waiters[s][w] = struct{}{}
	}
	return fresh
}

// leave forgets a waiter, and the subjects for which nobody waits any more: the map is as large
// as the number of answers under way.
func (b *bell) leave(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range w.subjects {
		delete(b.waiters[s], w)
		if len(b.waiters[s]) == 0 {
			delete(b.waiters, s)
		}
	}
}

// ring is called after the commit, never before: who hears it must be able to read what changed.
func (b *bell) ring(s SubjectID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ringAll(b.waiters[s])
}

// ringAll is for what concerns all queues, such as a parked lane.
func (b *bell) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, waiters := range b.waiters {
		ringAll(waiters)
	}
}

// ringAll strikes without waiting: a full channel is a stroke that has not been heard yet.
func ringAll(waiters map[*waiter]struct{}) {
	for w := range waiters {
		select {
		case w.rung <- struct{}{}:
		default: // rung already
		}
	}
}

// Subscription receives intents as they settle, or come to wait for a person.
type Subscription struct {
	C    <-chan Intent
	c    chan Intent
	bell *bell
}

// subscriptionSize is how far an observer may fall behind before it misses something.
const subscriptionSize = 256

// Settled subscribes to every intent that settles or comes to wait for a person, without its
// body. An observer that falls behind misses some: who must not, lists what is open when it
// starts and at times.
func (j *Journal) Settled() *Subscription {
	c := make(chan Intent, subscriptionSize)
	s := &Subscription{C: c, c: c, bell: &j.bell}
	j.bell.mu.Lock()
	defer j.bell.mu.Unlock()
	if j.bell.watchers == nil {
		j.bell.watchers = map[*Subscription]struct{}{}
	}
	j.bell.watchers[s] = struct{}{}
	return s
}

// Close ends the subscription; its channel is not closed.
func (s *Subscription) Close() {
	s.bell.mu.Lock()
	defer s.bell.mu.Unlock()
	delete(s.bell.watchers, s)
}

// tell never waits for an observer: it runs on the way of every settled intent.
func (b *bell) tell(in Intent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.watchers {
		select {
		case s.c <- in:
		default:
		}
	}
}

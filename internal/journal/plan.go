package journal

import (
	"time"

	"github.com/hookswitch/hookswitch/internal/mutant"
)

// step is what the queue of a subject asks for.
type step int

// The steps.
const (
	rest  step = iota // nothing, until something changes
	later             // nothing, until a time
	lapse             // an intent has expired
	begin             // an attempt of an intent
)

// plan is a decision about a queue: the step, the index of the intent that it concerns, when
// to look again (zero: when something changes), and the lane in which the queue runs.
type plan struct {
	step  step
	index int
	at    time.Time
	lane  Lane
}

// decide looks at the queue of one subject: its intents on which the engine works, in order.
// It is a function of its arguments alone, so that a table of queues is its test.
//
// The head runs first or nobody does, whatever it waits for: the order in which a caller asked is
// the order in which a record changes. One that waits for a person is not in the queue, or a
// single refusal would hold back everything that is ever said of a customer.
//
// A queue is as urgent as the most urgent in it: what stands before a caller's write runs in the
// caller's lane, and does not wait for its own time if it was never tried. parked tells until when
// a lane stands still (zero: it does not).
func decide(queue []Intent, now time.Time, parked func(Lane) time.Time) plan {
	p := plan{lane: urgent(queue)}
	for i, in := range queue {
		// Before the head is looked at: an expired intent behind a head that waits must not wait too.
		if expired(in, now) {
			p.step, p.index = lapse, i
			return p
		}
	}
	p.index = head(queue)
	if p.index < 0 {
		// The head is woken by what it waits for; time alone can only make something lapse.
		p.at = firstExpiry(queue)
		return p
	}
	at := laterOf(readyAt(queue, p.index), parked(p.lane))
	if !at.After(now) {
		p.step, p.at = begin, now
		return p
	}
	p.step, p.at = later, at
	if e := firstExpiry(queue); !e.IsZero() && e.Before(at) {
		p.at = e
	}
	return p
}

// head is the index of the intent whose turn it is, or -1 if that one cannot move by itself.
func head(queue []Intent) int {
	for i, in := range queue {
		switch {
		case in.State == StateTrying && mutant.On(mutant.ParallelSubject):
			continue
		case in.State == StateTrying, in.State == StateWaiting:
			return -1
		}
		return i
	}
	return -1
}

// readyAt is when the intent at i may be tried: at its time, or, if it is background work
// that has not begun, as soon as a more urgent one behind it is ready.
// One that has begun keeps its time, which then is the pause of a failure: a vendor that is away
// does not come back because somebody else is waiting.
func readyAt(queue []Intent, i int) time.Time {
	in := queue[i]
	if in.Lane != Background || in.Attempts > 0 {
		return in.Due
	}
	at := in.Due
	for _, behind := range queue[i+1:] {
		if behind.Lane != Background && behind.State != StateWaiting && behind.Due.Before(at) {
			at = behind.Due
		}
	}
	return at
}

// expired tells whether an intent lapses now. What may have happened cannot lapse.
func expired(in Intent, now time.Time) bool {
	return !in.Expires.IsZero() && in.State.untried() && !in.Expires.After(now)
}

// firstExpiry is the earliest time at which an intent of the queue can lapse.
func firstExpiry(queue []Intent) time.Time {
	var first time.Time
	for _, in := range queue {
		if in.Expires.IsZero() || !in.State.untried() {
			continue
		}
		if first.IsZero() || in.Expires.Before(first) {
			first = in.Expires
		}
	}
	return first
}

// rank orders lanes, the most urgent first.
// An unknown lane, such as a later program's, counts as the least urgent.
func (l Lane) rank() int {
	switch l {
	case Live:
		return 0
	case Promised:
		return 1
	}
	return 2
}

// behind is the lane and those less urgent.
func (l Lane) behind() []Lane { return []Lane{Live, Promised, Background}[l.rank():] }

// urgent is the most urgent lane of a queue.
func urgent(queue []Intent) Lane {
	lane := Background
	for _, in := range queue {
		if in.Lane.rank() < lane.rank() {
			lane = in.Lane
		}
	}
	return lane
}

// laterOf is the later of two times; zero is earlier than any.
func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

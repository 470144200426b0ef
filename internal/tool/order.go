package tool

import (
	"context"
	"sync"
	"time"
)

// order lets the asks of one call for one tool be recorded in the order in which they arrived, however long
// the reads of each take. Of two values for one field the later must win, and what repeats an ask must find it.
type order struct {
	mu   sync.Mutex
	last map[string]*place // the newest of each queue; a queue that is empty has none
}

// place is an ask's place in its queue.
type place struct {
	order  *order
	key    string
	before *place
	once   sync.Once
	gone   chan struct{} // closed when it has left
}

// enter takes the next place behind the asks of the same key.
func (o *order) enter(key string) *place {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last == nil {
		o.last = map[string]*place{}
	}
	p := &place{order: o, key: key, before: o.last[key], gone: make(chan struct{})}
	o.last[key] = p
	return p
}

// wait returns when all before have left, and at until at the latest: an answer that comes out of its turn is
// better than none. Whoever is before has an earlier time to go.
func (p *place) wait(ctx context.Context, until time.Time) {
	alarm := time.NewTimer(time.Until(until))
	defer alarm.Stop()
	for p.before != nil {
		select {
		case <-p.before.gone:
			p.before = p.before.before // who left without waiting leaves those before it to us
		case <-alarm.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// leave lets the next one go on. It may be called twice.
func (p *place) leave() {
	p.once.Do(func() {
		p.order.mu.Lock()
		defer p.order.mu.Unlock()
		close(p.gone)
		// The newest who is still here ends the queue: whoever comes next need not wait for those who left.
		last := p.order.last[p.key]
		for last != nil && last.hasLeft() {
			last = last.before
		}
		if last == nil {
			delete(p.order.last, p.key)
			return
		}
		p.order.last[p.key] = last
	})
}

func (p *place) hasLeft() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

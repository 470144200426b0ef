package main

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hookswitch/hookswitch/internal/playbook"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/world"
)

// newWorld starts a server and its neighbours.
func (d *demo) newWorld(ctx context.Context, dir string) (*world.World, error) {
	w := world.New(world.Options{Dir: dir, Org: simforce.Options{Control: true}, Books: d.books.book})
	if err := w.Start(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func closeWorld(ctx context.Context, w *world.World) error {
	return errors.Join(w.Stop(context.WithoutCancel(ctx)), w.Close())
}

// bookcase reads each playbook that ships once, for all the servers of a demonstration.
type bookcase struct {
	mu    sync.Mutex
	books map[string]*playbook.Playbook
}

func newBookcase() *bookcase { return &bookcase{books: map[string]*playbook.Playbook{}} }

func (b *bookcase) book(name string) (*playbook.Playbook, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.books[name]; known != nil {
		return known, nil
	}
	p, err := playbook.Shipped(name)
	if err == nil {
		b.books[name] = p
	}
	return p, err
}

// reel holds the moments of a scene until they are told.
type reel struct {
	result world.Result // once the scene has ended
	ended  chan struct{}

	mu   sync.Mutex
	kept []world.Moment
}

func newReel() *reel { return &reel{ended: make(chan struct{})} }

func (r *reel) end() { close(r.ended) }

// add keeps a moment in its place: those who see the org and the journal see a little late.
func (r *reel) add(m world.Moment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.insert(m)
	// What is down for a while is back without anybody's doing.
	if text, ok := strings.CutPrefix(m.Text, "salesforce is down for "); ok && m.Who == "world" {
		if d, err := time.ParseDuration(text); err == nil {
			r.insert(world.Moment{At: m.At.Add(d), Who: "world", Text: "salesforce is back"})
		}
	}
}

func (r *reel) insert(m world.Moment) {
	i := len(r.kept)
	for i > 0 && r.kept[i-1].At.After(m.At) {
		i--
	}
	r.kept = slices.Insert(r.kept, i, m)
}

// lateness is how late a moment may be seen; refresh how often the screen shows that time passes.
const (
	lateness = 120 * time.Millisecond
	refresh  = 40 * time.Millisecond
)

// moments yields the moments in the order of their times, as they come, until the scene has ended. idle is
// called while there is nothing to tell.
func (r *reel) moments(idle func()) iter.Seq[world.Moment] {
	return func(yield func(world.Moment) bool) {
		tick := time.NewTicker(refresh)
		defer tick.Stop()
		for {
			over := false
			select {
			case <-r.ended:
				over = true
			case <-tick.C:
			}
			for {
				m, ok := r.next(over)
				if !ok {
					break
				}
				if !yield(m) {
					return
				}
			}
			if over {
				return
			}
			idle()
		}
	}
}

// next takes the first moment that nothing can come before any more.
func (r *reel) next(over bool) (world.Moment, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) == 0 || !over && time.Since(r.kept[0].At) < lateness {
		return world.Moment{}, false
	}
	m := r.kept[0]
	r.kept = r.kept[1:]
	return m, true
}

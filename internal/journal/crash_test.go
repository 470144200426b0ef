package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// life is a scenario that a power cut interrupts once, at any commit. The caller's side asks
// again whatever got no answer, as a vendor repeats its webhook.
type life struct {
	*bench
	at    int64
	stage store.Stage
	fell  atomic.Bool       // the cut has happened
	dark  atomic.Bool       // and nobody has restarted yet
	heard map[string]string // words by ask
}

func (f *life) cut(n int64, s store.Stage) error {
	if f.fell.Load() || n != f.at || s != f.stage {
		return nil
	}
	f.fell.Store(true)
	f.dark.Store(true)
	return errors.New("power cut")
}

// restart does what the operating system does to a process without power, and begins anew.
// What the dead process had sent is still on its way to the vendor.
func (f *life) restart() {
	f.Helper()
	f.v.mu.Lock()
	f.v.lives++
	f.v.mu.Unlock()
	for f.dark.Store(true); f.dark.Load(); {
		f.dark.Store(false)
		if f.db != nil {
			gone, now := context.WithCancel(context.Background())
			now()
			_ = f.j.Stop(gone)
			_ = f.db.Close()
		}
		if err := f.start(f.cut); err != nil && !f.dark.Load() {
			f.Fatal(err)
		}
	}
}

// insist repeats fn until the power stays.
func (f *life) insist(fn func() error) {
	f.Helper()
	for {
		err := fn()
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrClosed) {
			f.Fatal(err)
		}
		f.restart()
	}
}

func (f *life) ask(d Draft) {
	f.Helper()
	f.insist(func() error { _, err := f.j.Record(context.Background(), d); return err })
}

func (f *life) listen(d Draft) {
	f.Helper()
	f.insist(func() error {
		if _, err := f.j.Record(context.Background(), d); err != nil {
			return err
		}
		s, err := f.j.Settle(context.Background(), d.Ask)
		if err != nil {
			return err
		}
		if was, ok := f.heard[d.Ask.ID]; ok && was != s.Say {
			f.Errorf("ask %s: heard %q, then %q", d.Ask.ID, was, s.Say)
		}
		f.heard[d.Ask.ID] = s.Say
		return nil
	})
}

// mischief is what the vendor does in a life: two lost answers, one of them after the write.
func mischief(_ context.Context, key string, n int) fault {
	f := fault{took: 100 * time.Millisecond, deaf: true}
	if n == 1 && (key == "k2" || key == "k3") {
		f.out, f.did = Outcome{Verdict: Unknown, Blame: Outage}, key == "k2"
	}
	return f
}

// live plays the scenario and returns its drafts.
func (f *life) live() []Draft {
	f.restart()
	on := func(ask string, p ...Promise) Draft {
		for i := range p {
			p[i].Subject = Subject{Kind: "Thing", Key: "s"}
		}
		return draft(ask, p...)
	}
	a := on("a", promise("x", "k1"))
	f.listen(a)
	b := on("b", promise("x", "k2"))
	b.Promises[0].NeedsIDs = []IntentID{f.id("k1")}
	f.listen(b)
	c := on("c", promise("x", "k3"))
	f.listen(c)
	f.listen(c)
	d := draft("d", promise("x", "k4"))
	d.Target, d.Promises[0].NotBefore = "deal", time.Now().Add(500*time.Millisecond)
	f.ask(d)
	e := draft("e", promise("x", "k5"))
	e.Target, e.Promises[0].NotBefore = "deal", time.Now().Add(500*time.Millisecond)
	f.listen(e)
	f.listen(d)
	g := draft("g", promise("x", "k6"), promise("y", "k7"))
	g.Promises[1].Needs, g.Promises[1].Lane = []string{"x"}, Promised
	f.listen(g)
	for range 2 {
		time.Sleep(10 * time.Minute)
		if f.dark.Load() {
			f.restart()
		}
	}
	return []Draft{a, b, c, d, e, g}
}

func (f *life) id(key string) IntentID {
	var id IntentID
	f.insist(func() error {
		return f.j.read(context.Background(), func(l *ledger) error {
			in, err := l.byKey("w", "write", key)
			id = in.ID
			return err
		})
	})
	return id
}

// check compares what was said, what is recorded and what the vendor has.
func (f *life) check(drafts []Draft) {
	for _, d := range drafts {
		f.listen(d) // the same words again
	}
	for i := range 7 {
		key := fmt.Sprint("k", i+1)
		_, made, _ := f.v.counts(key)
		state := f.state(key)
		switch {
		case state == StateDone && made == 1:
		case state == StateWithdrawn && made == 0 && key == "k4":
		default:
			f.Errorf("%s: recorded %s, and the vendor has %d", key, state, made)
		}
	}
	if said := f.heard["d"]; f.state("k4") == StateWithdrawn && said != "Taken back." {
		f.Errorf("d was replaced: heard %q", said)
	}
	for ask, say := range f.heard {
		if !slices.Contains([]string{"I noted it.", "Taken back."}, say) && say[:4] != "It i" {
			f.Errorf("ask %s: heard %q", ask, say)
		}
	}
}

// TestPowerCutAtEveryCommit cuts the power before and after each commit of a life in turn.
//
// The vendor's writes have no key: doing one twice makes two. So the kind has a quiet period.
func TestPowerCutAtEveryCommit(t *testing.T) {
	for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
		cuts := 0
		for more := true; more; cuts++ {
			synctest.Test(t, func(t *testing.T) {
				v := newVendor()
				v.keyed, v.script = false, mischief
				f := &life{bench: newBench(t, v), at: int64(cuts + 1), stage: stage, heard: map[string]string{}}
				f.kind.Timeout, f.kind.Quiet = 5*time.Second, 10*time.Second
				drafts := f.live()
				more = f.fell.Load()
				f.check(drafts)
				f.stop()
				if t.Failed() {
					t.Fatalf("with the power cut at commit %d, stage %d", cuts+1, stage)
				}
			})
			if t.Failed() {
				return
			}
		}
		if cuts < 20 {
			t.Errorf("stage %d: got %d commits in a life, want the scenario whole", stage, cuts)
		}
	}
}

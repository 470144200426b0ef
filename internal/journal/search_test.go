package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// seeds is how many random lives TestRandomLives plays.
const seeds = 12

// TestRandomLives plays seeded random lives: asks of all lanes on few subjects and parents,
// with needs, settle windows, expiries and withdrawals, at a vendor without keys that loses
// answers, fails and is away for a while, with a power cut at some commit. Afterwards the
// vendor heals, an hour passes, and what the journal says must be what the vendor has.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			random(t, seed)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		})
		if t.Failed() {
			return
		}
	}
}

func random(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	v := newVendor()
	v.keyed = false
	ill := time.Now().Add(10 * time.Minute)
	faults := rand.New(rand.NewPCG(seed, 2))
	v.script = func(context.Context, string, int) fault { return anyFault(faults, time.Now().Before(ill)) }
	f := &life{bench: newBench(t, v), at: 1 + r.Int64N(300), stage: store.Stage(r.IntN(2)), heard: map[string]string{}}
	f.kind.Timeout, f.kind.Quiet = 5*time.Second, 15*time.Second
	f.restart()
	var drafts []Draft
	var keys []string
	for n := range 60 {
		d := anyDraft(r, n, keys, f)
		f.listenLater(r, d)
		drafts = append(drafts, d)
		keys = append(keys, d.Promises[0].Key)
		if r.IntN(8) == 0 {
			f.insist(func() error {
				err := f.j.Withdraw(context.Background(), "w", f.id(keys[r.IntN(len(keys))]), "taken back")
				if errors.Is(err, ErrTooLate) {
					return nil
				}
				return err
			})
		}
		time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
	}
	for range 2 {
		time.Sleep(time.Hour)
		if f.dark.Load() {
			f.restart()
		}
	}
	f.reckon(keys, drafts)
	f.stop()
}

// anyFault is a fate: while the vendor is ill, mostly a bad one.
func anyFault(r *rand.Rand, ill bool) fault {
	f := fault{took: time.Duration(r.IntN(800)) * time.Millisecond, deaf: true}
	if !ill {
		return f
	}
	switch r.IntN(8) {
	case 0:
		f.out = Outcome{Verdict: Unknown, Blame: Outage}
	case 1:
		f.out, f.did = Outcome{Verdict: Unknown, Blame: Own}, true
	case 2:
		f.out = Outcome{Verdict: Retry, Blame: Outage}
	case 3:
		f.out = Outcome{Verdict: Retry, Blame: Own}
	case 4:
		f.out = Outcome{Verdict: Refused}
	case 5:
		f.out = Outcome{Verdict: Retry, Blame: Limit, After: 20 * time.Second}
	}
	return f
}

func anyDraft(r *rand.Rand, n int, keys []string, f *life) Draft {
	p := promise("x", fmt.Sprint("k", n))
	p.Lane = []Lane{Live, Promised, Background}[r.IntN(3)]
	p.Subject = Subject{Kind: "Thing", Key: fmt.Sprint("s", r.IntN(6))}
	p.Subject.Parent = []string{"", "Account/1"}[r.IntN(2)]
	if r.IntN(3) == 0 {
		p.NotBefore = time.Now().Add(500 * time.Millisecond)
	}
	if r.IntN(6) == 0 {
		p.Expires = time.Now().Add(time.Duration(r.IntN(60)) * time.Second)
	}
	if len(keys) > 0 && r.IntN(4) == 0 {
		p.NeedsIDs = []IntentID{f.id(keys[r.IntN(len(keys))])}
	}
	d := draft(fmt.Sprint("a", n), p)
	if r.IntN(3) == 0 {
		d.Target = "deal"
	}
	return d
}

// listenLater settles most answers and leaves some unheard.
func (f *life) listenLater(r *rand.Rand, d Draft) {
	if r.IntN(5) == 0 {
		f.ask(d)
		return
	}
	f.listen(d)
}

// reckon holds the invariants: every promise has come to an end; what is done was done once
// and what is not done was not; nothing ran beside another; the same words again.
func (f *life) reckon(keys []string, drafts []Draft) {
	for _, key := range keys {
		in := f.intent(key)
		tries, made, _ := f.v.counts(key)
		switch {
		case in.State.open() == forEngine:
			f.Errorf("%s: still %s after hours: %s", key, in.State, in.Why)
		case made > 1:
			f.Errorf("%s: the vendor has it %d times", key, made)
		case (in.State == StateDone) != (made == 1):
			f.Errorf("%s: recorded %s, and the vendor has %d (%s)", key, in.State, made, in.Why)
		case in.Attempts == 0 && tries > 0:
			f.Errorf("%s: %d tries without an attempt", key, tries)
		}
	}
	if most, _ := f.v.peak(); most > 1 {
		f.Errorf("on one subject or under one parent %d ran at once", most)
	}
	for _, d := range drafts {
		f.listen(d)
	}
}

package journal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// vendor is a place outside: records under keys, and a plan of faults. keyed, a second write
// of a key changes the same record; not keyed, it makes another.
type vendor struct {
	keyed bool
	mu    sync.Mutex
	sent  []string       // keys in the order of arrival
	made  map[string]int // effects by key
	looks map[string]int
	busy  map[string]int // attempts under way, by parent and by subject
	most  int            // the most that ever ran at once under one parent or subject
	// script is what happens to the nth Do (from 1) of a key; nil: done at once.
	script func(ctx context.Context, key string, n int) fault
	// found replaces what Look finds.
	found func(key string, n int) (Outcome, bool)
	tries map[string]int
	// lives counts processes. A write of a dead one may be on its way under a parent while the
	// next one begins another; on one subject it may not.
	lives int
	seen  []Attempt
}

// fault is what goes wrong with a write.
type fault struct {
	out  Outcome       // if it has a verdict: reported instead of done
	did  bool          // the write happened all the same
	took time.Duration // how long it takes
	deaf bool          // it does not hear that its context has ended
}

func newVendor() *vendor {
	return &vendor{keyed: true, made: map[string]int{}, looks: map[string]int{}, busy: map[string]int{}, tries: map[string]int{}}
}

func (v *vendor) Do(ctx context.Context, a Attempt) Outcome {
	v.mu.Lock()
	key := a.Intent.Key
	v.sent = append(v.sent, key)
	v.seen = append(v.seen, a)
	v.tries[key]++
	var f fault
	if v.script != nil {
		f = v.script(ctx, key, v.tries[key])
	}
	in := []string{fmt.Sprint("subject ", a.Intent.Subject)}
	if a.Intent.Parent != "" {
		in = append(in, fmt.Sprint(v.lives, a.Intent.Parent))
	}
	for _, b := range in {
		v.busy[b]++
		v.most = max(v.most, v.busy[b])
	}
	v.mu.Unlock()
	if f.took > 0 {
		hear := ctx.Done()
		if f.deaf {
			hear = nil
		}
		select {
		case <-time.After(f.took):
		case <-hear:
			f.out = Outcome{Verdict: Unknown, Blame: Outage, Why: "timeout"}
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, b := range in {
		v.busy[b]--
	}
	if f.out.Verdict == "" || f.did {
		if v.made[key]++; v.keyed {
			v.made[key] = 1
		}
	}
	if f.out.Verdict != "" {
		return f.out
	}
	return v.result(key)
}

func (v *vendor) result(key string) Outcome {
	return Outcome{Verdict: Done, Effect: "id-" + key, Facts: map[string]string{"Number": "N" + key}}
}

func (v *vendor) Look(_ context.Context, a Attempt) Outcome {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := a.Intent.Key
	v.looks[key]++
	if v.found != nil {
		if out, ok := v.found(key, v.looks[key]); ok {
			return out
		}
	}
	if v.made[key] > 0 {
		return v.result(key)
	}
	return Outcome{Verdict: Retry}
}

func (v *vendor) counts(key string) (tries, made, looks int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tries[key], v.made[key], v.looks[key]
}

// arrived is the keys of all writes in the order of their arrival.
func (v *vendor) arrived() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.sent)
}

// attempts is what the journal gave to Do, in order.
func (v *vendor) attempts() []Attempt {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.seen)
}

// peak is the most that ever ran at once on one subject or under one parent, and how many
// records there are.
func (v *vendor) peak() (most, made int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.most, len(v.made)
}

// bench is a journal over a file with one kind, "write", done by a vendor.
type bench struct {
	testing.TB
	path string
	db   *store.DB
	j    *Journal
	v    *vendor
	kind Kind
	opt  Options
}

func newBench(t testing.TB, v *vendor) *bench {
	b := &bench{TB: t, path: filepath.Join(t.TempDir(), "x.db"), v: v, kind: Kind{Doer: v}}
	return b
}

func testBox(t testing.TB) *store.Box {
	t.Helper()
	box, _, err := store.OpenBox([]string{base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))}, "")
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// start opens the file and runs a journal over it; cut is the power cut of the store.
func (b *bench) start(cut func(int64, store.Stage) error) error {
	db, err := store.Open(context.Background(), store.Options{Path: b.path, Commit: cut})
	if err != nil {
		return err
	}
	b.db = db
	b.j = New(db, testBox(b), b.opt)
	b.j.Register("write", b.kind)
	return b.j.Start(context.Background())
}

func (b *bench) run() *bench {
	b.Helper()
	if err := b.start(nil); err != nil {
		b.Fatal(err)
	}
	return b
}

// stop ends the journal gracefully and closes the file.
func (b *bench) stop() {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.j.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		b.Errorf("stop: %v", err)
	}
	if err := b.db.Close(); err != nil {
		b.Errorf("close: %v", err)
	}
}

// promise is a live promise with the usual things filled in.
func promise(name, key string) Promise {
	return Promise{
		Name: name, Kind: "write", Key: key, Lane: Live, Subject: Subject{Kind: "Thing", Key: "s-" + key},
		Body: json.RawMessage(`{"secret":"+15550100"}`), Cause: Cause{Call: "c1", ToolCall: "t1", Words: "please"},
	}
}

var ladder = []Sentence{
	{Say: "It is {x.Number}.", Needs: map[string]Need{"x": NeedDone}},
	{Say: "Taken back.", Needs: map[string]Need{"x": NeedWithdrawn}},
	{Say: "It was refused.", Needs: map[string]Need{"x": NeedRefused}, Failed: true},
	{Say: "I noted it.", Needs: map[string]Need{"x": NeedRecorded}},
}

// draft is an answer that promises p as "x" within 3 s.
func draft(ask string, p ...Promise) Draft {
	d := Draft{Ask: Ask{"w", "c1", ask}, Tool: "tool", Promises: p, Deadline: time.Now().Add(3 * time.Second)}
	d.Sentences = []Sentence{{Say: "Fine."}}
	if len(p) > 0 {
		d.Sentences = ladder
	}
	return d
}

func (b *bench) record(d Draft) Recorded {
	b.Helper()
	r, err := b.j.Record(context.Background(), d)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// hear records and settles; it returns the words.
func (b *bench) hear(d Draft) string {
	b.Helper()
	b.record(d)
	return b.settle(d.Ask)
}

func (b *bench) settle(k Ask) string {
	b.Helper()
	s, err := b.j.Settle(context.Background(), k)
	if err != nil {
		b.Fatal(err)
	}
	return s.Say
}

func (b *bench) state(key string) State { b.Helper(); return b.intent(key).State }

func (b *bench) intent(key string) Intent {
	b.Helper()
	var in Intent
	err := b.j.read(context.Background(), func(l *ledger) error {
		var err error
		in, err = l.byKey("w", "write", key)
		return err
	})
	if err != nil {
		b.Fatalf("intent %s: %v", key, err)
	}
	return in
}

func want[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

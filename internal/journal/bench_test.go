package journal

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookswitch/hookswitch/internal/store"
)

// instant is a vendor without any delay.
type instant struct{}

func (instant) Do(_ context.Context, a Attempt) Outcome {
	return Outcome{Verdict: Done, Effect: "id-" + a.Intent.Key, Facts: map[string]string{"Number": "1"}}
}
func (instant) Look(context.Context, Attempt) Outcome { return Outcome{Verdict: Retry} }

func benchJournal(b *testing.B, d Doer) *bench {
	w := &bench{TB: b, path: b.TempDir() + "/x.db", kind: Kind{Doer: d}}
	w.run()
	return w
}

// perSecond runs fn b.N times from so many goroutines.
func perSecond(b *testing.B, goroutines int, fn func(n int)) {
	var next atomic.Int64
	b.ResetTimer()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				fn(int(n))
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
}

// BenchmarkRecordWhileParked is an answer recorded and its sentence chosen while the vendor
// is known to be away.
func BenchmarkRecordWhileParked(b *testing.B) {
	for _, n := range []int{1, 64, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			w := benchJournal(b, instant{})
			defer w.stop()
			ctx := context.Background()
			if err := w.j.Park(ctx, "w", "", time.Now().Add(time.Hour), ""); err != nil {
				b.Fatal(err)
			}
			perSecond(b, n, func(n int) {
				d := draft(strconv.Itoa(n), promise("x", strconv.Itoa(n)))
				if _, err := w.j.Record(ctx, d); err != nil {
					b.Error(err)
				}
				if _, err := w.j.Settle(ctx, d.Ask); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// BenchmarkSettle is an answer recorded, its intent done by a vendor without delay, and the
// sentence chosen.
func BenchmarkSettle(b *testing.B) {
	for _, n := range []int{1, 64, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			w := benchJournal(b, instant{})
			defer w.stop()
			ctx := context.Background()
			perSecond(b, n, func(n int) {
				d := draft(strconv.Itoa(n), promise("x", strconv.Itoa(n)))
				if _, err := w.j.Record(ctx, d); err != nil {
					b.Error(err)
				}
				if _, err := w.j.Settle(ctx, d.Ask); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// BenchmarkStart is how long a journal of 100,000 intents, of which 100 are open, takes to
// be ready.
func BenchmarkStart(b *testing.B) {
	w := benchJournal(b, instant{})
	ctx := context.Background()
	if err := w.j.Park(ctx, "w", "", time.Now().Add(time.Hour), ""); err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		err := w.j.write(ctx, func(l *ledger) error {
			for n := range 100 {
				in := Intent{Workspace: "w", Kind: "write", Key: fmt.Sprint(i, "-", n), Lane: Promised, State: StateDone, Due: l.now, Recorded: l.now, Subject: SubjectID(i*100 + n + 1)}
				if n == 0 && i%10 == 0 {
					in.State = StateDue
				}
				if _, _, err := l.insert(in); err != nil {
					return err
				}
			}
			l.news = news{}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	w.stop()
	b.ResetTimer()
	for range b.N {
		db, err := store.Open(ctx, store.Options{Path: w.path})
		if err != nil {
			b.Fatal(err)
		}
		j := New(db, testBox(b), Options{})
		j.Register("write", Kind{Doer: instant{}})
		if err := j.Start(ctx); err != nil {
			b.Fatal(err)
		}
		_ = j.Stop(ctx)
		_ = db.Close()
	}
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// script decides the fate of a vendor's writes.
type script = func(ctx context.Context, key string, n int) fault

// always is a script with the same fate for all.
func always(f fault) script { return func(context.Context, string, int) fault { return f } }

// play runs fn with a running journal in a bubble.
func play(t *testing.T, v *vendor, fn func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, v).run()
		defer func() { b.stop() }()
		fn(b)
	})
}

func TestComesTrueInTimeAndSaysTheFact(t *testing.T) {
	play(t, newVendor(), func(b *bench) {
		want(t, "words", b.hear(draft("a", promise("x", "k"))), "It is Nk.")
		in := b.intent("k")
		want(t, "state", in.State, StateDone)
		want(t, "effect", in.Effect, "id-k")
		s, ok, err := b.j.SubjectOf(context.Background(), "w", "Thing", "id-k")
		if err != nil || !ok || s.Ref != "id-k" || len(s.Latest) != 1 {
			t.Errorf("subject by vendor id: got %+v, %v, %v", s, ok, err)
		}
	})
}

func TestSlowVendorHearsThePromiseAtTheDeadline(t *testing.T) {
	v := newVendor()
	v.script = always(fault{took: 5 * time.Second})
	play(t, v, func(b *bench) {
		begun := time.Now()
		want(t, "words", b.hear(draft("a", promise("x", "k"))), "I noted it.")
		want(t, "waited", time.Since(begun), 3*time.Second)
		time.Sleep(3 * time.Second)
		want(t, "state", b.state("k"), StateDone)
		want(t, "words again", b.settle(Ask{"w", "c1", "a"}), "I noted it.")
	})
}

func TestAnswerTwiceSaysSameWords(t *testing.T) {
	v := newVendor()
	v.script = always(fault{took: time.Second})
	play(t, v, func(b *bench) {
		d := draft("a", promise("x", "k"))
		var mu sync.Mutex
		words, fresh := map[string]int{}, 0
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				r := b.record(d)
				say := b.settle(d.Ask)
				mu.Lock()
				defer mu.Unlock()
				words[say]++
				if r.Fresh {
					fresh++
				}
			})
		}
		wg.Wait()
		if diff := cmp.Diff(map[string]int{"It is Nk.": 1000}, words); diff != "" {
			t.Errorf("words (-want +got):\n%s", diff)
		}
		want(t, "fresh", fresh, 1)
		tries, made, _ := v.counts("k")
		want(t, "tries", tries, 1)
		want(t, "made", made, 1)
	})
}

func TestRepeatWithinTheWindowJoins(t *testing.T) {
	play(t, newVendor(), func(b *bench) {
		ask := func(id, key string) (Recorded, string) {
			d := draft(id, promise("x", key))
			d.Repeat, d.RepeatWindow, d.Target = "same", 500*time.Millisecond, "lead"
			r := b.record(d)
			return r, b.settle(d.Ask)
		}
		_, first := ask("a", "k1")
		time.Sleep(400 * time.Millisecond)
		r, second := ask("b", "k2")
		want(t, "joined", r.Joined, true)
		want(t, "words", second, first)
		time.Sleep(200 * time.Millisecond)
		r, third := ask("c", "k3")
		want(t, "joined after the window", r.Joined, false)
		want(t, "words after the window", third, "It is Nk3.")
	})
}

func TestRepeatAfterAnotherAskIsMeantAnew(t *testing.T) {
	play(t, newVendor(), func(b *bench) {
		for i, repeat := range []string{"won", "lost", "won"} {
			d := draft(fmt.Sprint(i), promise("x", fmt.Sprint("k", i)))
			d.Repeat, d.RepeatWindow, d.Target = repeat, time.Second, "deal"
			want(t, "joined", b.record(d).Joined, false)
			want(t, "words", b.settle(d.Ask), fmt.Sprintf("It is Nk%d.", i))
		}
	})
}

// mission-part: P1.4
func TestNewerAskReplacesTheOneThatSettles(t *testing.T) {
	v := newVendor()
	play(t, v, func(b *bench) {
		first, second := draft("a", promise("x", "k1")), draft("b", promise("x", "k2"))
		for _, d := range []*Draft{&first, &second} {
			d.Target = "deal"
			d.Promises[0].Subject = Subject{Kind: "Deal", Ref: "006"}
			d.Promises[0].NotBefore = time.Now().Add(500 * time.Millisecond)
		}
		b.record(first)
		older := make(chan string)
		go func() { older <- b.settle(first.Ask) }()
		time.Sleep(100 * time.Millisecond)
		b.record(second)
		want(t, "older's words", <-older, "Taken back.")
		want(t, "newer's words", b.settle(second.Ask), "It is Nk2.")
		if diff := cmp.Diff([]string{"k2"}, v.arrived()); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		want(t, "older", b.state("k1"), StateWithdrawn)
	})
}

func TestNewerAskFollowsTheOneThatHasBegun(t *testing.T) {
	v := newVendor()
	v.script = always(fault{took: time.Second})
	play(t, v, func(b *bench) {
		for i := range 2 {
			d := draft(fmt.Sprint(i), promise("x", fmt.Sprint("k", i)))
			d.Target, d.Promises[0].Subject = "deal", Subject{Kind: "Deal", Ref: "006"}
			b.record(d)
			time.Sleep(100 * time.Millisecond)
		}
		want(t, "older", b.settle(Ask{"w", "c1", "0"}), "It is Nk0.")
		want(t, "newer", b.settle(Ask{"w", "c1", "1"}), "It is Nk1.")
		most, _ := v.peak()
		want(t, "most at once", most, 1)
	})
}

func TestHeldClaimRecordsNothing(t *testing.T) {
	play(t, newVendor(), func(b *bench) {
		claim := []Claim{{Name: "case", Key: "acct|billing", Window: 5 * time.Minute, Intent: "x"}}
		first := draft("a", promise("x", "k1"))
		first.Claims = claim
		b.hear(first)
		second := draft("b", promise("x", "k2"))
		second.Claims = claim
		r := b.record(second)
		if r.Taken == nil || r.Taken.Intent.Facts["Number"] != "Nk1" || r.Fresh {
			t.Errorf("got %+v, want taken by k1", r)
		}
		if _, err := b.j.Settle(context.Background(), second.Ask); !errors.Is(err, ErrUnknownAsk) {
			t.Errorf("settle: got %v, want ErrUnknownAsk", err)
		}
		time.Sleep(5 * time.Minute)
		second.Deadline = time.Now().Add(time.Second)
		want(t, "after the window", b.hear(second), "It is Nk2.")
	})
}

func TestWithdrawnClaimIsFreeAndRefusedOneHolds(t *testing.T) {
	v := newVendor()
	v.script = always(fault{out: Outcome{Verdict: Refused, Why: "no"}})
	play(t, v, func(b *bench) {
		ask := func(id string, settle time.Duration) Recorded {
			d := draft(id, promise("x", id))
			d.Promises[0].NotBefore = time.Now().Add(settle)
			d.Claims = []Claim{{Name: "case", Key: "1", Window: time.Hour, Intent: "x"}}
			return b.record(d)
		}
		r := ask("a", time.Minute)
		if err := b.j.Withdraw(context.Background(), "w", r.Intents["x"], "cancelled"); err != nil {
			t.Fatal(err)
		}
		want(t, "free again", ask("b", 0).Fresh, true)
		want(t, "words", b.settle(Ask{"w", "c1", "b"}), "It was refused.")
		if ask("c", 0).Taken == nil {
			t.Error("a refused write that waits for a person does not hold its claim")
		}
	})
}

func TestWithdrawAfterTheTryIsTooLate(t *testing.T) {
	play(t, newVendor(), func(b *bench) {
		b.hear(draft("a", promise("x", "k")))
		if err := b.j.Withdraw(context.Background(), "w", b.intent("k").ID, ""); !errors.Is(err, ErrTooLate) {
			t.Errorf("got %v, want ErrTooLate", err)
		}
	})
}

// mission-part: P2.4
func TestSpeakingExtendsTheSettleWindow(t *testing.T) {
	v := newVendor()
	play(t, v, func(b *bench) {
		begun := time.Now()
		d := draft("a", promise("x", "k"))
		d.Promises[0].NotBefore = begun.Add(500 * time.Millisecond)
		b.record(d)
		for range 5 {
			time.Sleep(400 * time.Millisecond)
			if err := b.j.Speaking(context.Background(), "w", "c1", time.Now().Add(500*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		want(t, "words", b.settle(d.Ask), "It is Nk.")
		want(t, "waited", time.Since(begun), 2500*time.Millisecond)
		// Still speaking at the deadline: the promise is said at once, and the write waits.
		d = draft("b", promise("x", "k2"))
		d.Promises[0].NotBefore = time.Now().Add(500 * time.Millisecond)
		b.record(d)
		begun = time.Now()
		if err := b.j.Speaking(context.Background(), "w", "c1", time.Now().Add(10*time.Second)); err != nil {
			t.Fatal(err)
		}
		want(t, "words", b.settle(d.Ask), "I noted it.")
		want(t, "waited", time.Since(begun), 0)
		want(t, "state", b.state("k2"), StateSettling)
	})
}

func TestStandingLaneIsNotWaitedFor(t *testing.T) {
	v := newVendor()
	play(t, v, func(b *bench) {
		ctx := context.Background()
		if err := b.j.Park(ctx, "w", "", time.Now().Add(time.Hour), "limit"); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		want(t, "words", b.hear(draft("a", promise("x", "k"))), "I noted it.")
		want(t, "waited", time.Since(begun), 0)
		want(t, "lanes", len(b.j.Parked("w")), 3)
		b.stop()
		b.run()
		time.Sleep(30 * time.Minute)
		want(t, "after a restart", b.state("k"), StateDue)
		if err := b.j.Unpark(ctx, "w", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, "after unpark", b.state("k"), StateDone)
	})
}

func TestBodiesAreSealed(t *testing.T) {
	play(t, newVendor(), func(b *bench) {
		d := draft("a", promise("x", "k"))
		d.Promises[0].Before, d.Facts = []byte(`{"old":"+15550100"}`), []byte(`{"name":"+15550100"}`)
		d.Sentences = []Sentence{{Say: "I have +15550100."}}
		b.hear(d)
		in, err := b.j.Intent(context.Background(), "w", b.intent("k").ID)
		if err != nil || string(in.Body) != `{"secret":"+15550100"}` || string(in.Before) != string(d.Promises[0].Before) || in.Cause.Words != "please" {
			t.Errorf("read back: got %s, %s, %q, %v", in.Body, in.Before, in.Cause.Words, err)
		}
		err = b.j.read(context.Background(), func(l *ledger) error {
			for _, table := range []string{"intent", "answer", "subject_key", "claim", "attempt"} {
				rows, err := l.tx.Query(l.ctx, "SELECT * FROM "+table) //nolint:unqueryvet // whatever columns there are: none may be readable
				if err != nil {
					return err
				}
				defer rows.Close()
				columns, _ := rows.Columns()
				for rows.Next() {
					row := make([]any, len(columns))
					for i := range row {
						row[i] = new(any)
					}
					if err := rows.Scan(row...); err != nil {
						return err
					}
					for i, c := range row {
						if v := *c.(*any); strings.Contains(fmt.Sprintf("%s", v), "15550100") {
							t.Errorf("%s.%s is readable: %s", table, columns[i], v)
						}
					}
				}
				if err := rows.Err(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestBadDraftsAreRefusedWithTheirPlace(t *testing.T) {
	play(t, newVendor(), func(b *bench) {
		for name, bad := range map[string]func(*Draft){
			"no doer":          func(d *Draft) { d.Promises[0].Kind = "none" },
			"lane":             func(d *Draft) { d.Promises[0].Lane = "fast" },
			"stand before":     func(d *Draft) { d.Promises[0].Needs = []string{"y"} },
			"neither":          func(d *Draft) { d.Sentences = []Sentence{{Say: "x", Needs: map[string]Need{"y": NeedDone}}} },
			"none of done":     func(d *Draft) { d.Sentences = []Sentence{{Say: "x", Needs: map[string]Need{"x": "maybe"}}} },
			"hash":             func(d *Draft) { d.Person = "+15550100" },
			"no promise is":    func(d *Draft) { d.Claims = []Claim{{Name: "c", Intent: "y"}} },
			"needs a sentence": func(d *Draft) { d.Sentences = nil },
		} {
			d := draft("bad", promise("x", "k"))
			bad(&d)
			if _, err := b.j.Record(context.Background(), d); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want an error about %q", err, name)
			}
		}
	})
}

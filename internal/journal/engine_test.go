package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// promised is a promise nobody waits for on a subject.
func promised(key, subject string) Promise {
	p := promise("x", key)
	p.Lane, p.Subject = Promised, Subject{Kind: "Thing", Key: subject}
	return p
}

// TestSubjectKeepsItsOrder records from many goroutines and compares the order of arrival at
// the vendor with the order of ids.
func TestSubjectKeepsItsOrder(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, key string, n int) fault {
		if n == 1 && key[len(key)-1] == '7' {
			return fault{out: Outcome{Verdict: Retry, Blame: Outage}}
		}
		return fault{took: 5 * time.Millisecond}
	}
	play(t, v, func(b *bench) {
		var mu sync.Mutex
		order := map[string]IntentID{}
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				key := fmt.Sprint(i)
				p := promised(key, fmt.Sprint("s", i%5))
				p.Lane = []Lane{Live, Promised}[i%2]
				r := b.record(draft(key, p))
				mu.Lock()
				defer mu.Unlock()
				order[key] = r.Intents["x"]
			})
		}
		wg.Wait()
		time.Sleep(10 * time.Minute)
		last := map[SubjectID]IntentID{}
		for _, a := range v.attempts() {
			if id := a.Intent.ID; id < last[a.Intent.Subject] {
				t.Errorf("intent %d came after %d", id, last[a.Intent.Subject])
			}
			last[a.Intent.Subject] = order[a.Intent.Key]
		}
		most, made := v.peak()
		want(t, "done", made, 300)
		want(t, "most at once on a subject", most, 1)
	})
}

// mission-part: A.6
func TestWritesUnderOneParentNeverRunAtOnce(t *testing.T) {
	v := newVendor()
	v.script = always(fault{took: 100 * time.Millisecond})
	play(t, v, func(b *bench) {
		begun := time.Now()
		for i := range 40 {
			p := promised(fmt.Sprint(i), fmt.Sprint("s", i))
			p.Subject.Parent = fmt.Sprint("Account/", i%2)
			b.record(draft(fmt.Sprint(i), p))
		}
		for {
			if n, err := b.j.Counts(context.Background(), "w"); err != nil || len(n) == 0 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		most, made := v.peak()
		want(t, "most at once", most, 1)
		want(t, "done", made, 40)
		if took := time.Since(begun); took < 2*time.Second || took > 2200*time.Millisecond {
			t.Errorf("two parents with 20 writes of 100 ms each: took %v, want 2 s", took)
		}
	})
}

func TestCallerWaitsForNoBackgroundWork(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, key string, _ int) fault {
		if key == "live" {
			return fault{took: 100 * time.Millisecond}
		}
		return fault{took: 20 * time.Second}
	}
	play(t, v, func(b *bench) {
		for i := range 100 {
			p := promised(fmt.Sprint(i), fmt.Sprint("s", i))
			p.Lane = Background
			b.record(draft(fmt.Sprint(i), p))
		}
		time.Sleep(time.Second)
		begun := time.Now()
		want(t, "words", b.hear(draft("live", promise("x", "live"))), "It is Nlive.")
		want(t, "took", time.Since(begun), 100*time.Millisecond)
		want(t, "background at once", len(v.arrived()), 17)
	})
}

func TestLiveWriteBringsForwardWhatStandsBeforeIt(t *testing.T) {
	v := newVendor()
	play(t, v, func(b *bench) {
		slow := promised("log", "s")
		slow.Lane, slow.NotBefore = Background, time.Now().Add(time.Minute)
		b.record(draft("a", slow))
		live := promise("x", "live")
		live.Subject = slow.Subject
		begun := time.Now()
		want(t, "words", b.hear(draft("b", live)), "It is Nlive.")
		want(t, "took", time.Since(begun), 0)
		if diff := cmp.Diff([]string{"log", "live"}, v.arrived()); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

// mission-part: P1.9
func TestOwnFailuresGoToAPersonAfterThreeTries(t *testing.T) {
	v := newVendor()
	v.script = always(fault{out: Outcome{Verdict: Retry, Blame: Own, Why: "bad"}})
	play(t, v, func(b *bench) {
		seen := b.j.Settled()
		defer seen.Close()
		b.record(draft("a", promise("x", "k")))
		time.Sleep(20 * time.Second)
		in := b.intent("k")
		want(t, "state", in.State, StateRefused)
		want(t, "attempts", in.Attempts, 3)
		want(t, "why", in.Why, "bad")
		want(t, "told", (<-seen.C).State, StateRefused)
		rows, err := b.j.Attempts(context.Background(), "w", in.ID)
		if err != nil || len(rows) != 3 {
			t.Fatalf("attempts: got %v, %v, want 3", rows, err)
		}
		for i, base := range []time.Duration{time.Second, 2 * time.Second} {
			if gap := rows[i+1].Started.Sub(rows[i].Ended); gap < base*8/10 || gap > base*12/10 {
				t.Errorf("pause %d: got %v, want about %v", i+1, gap, base)
			}
		}
	})
}

// mission-part: P1.9
func TestOutageUsesUpNoTry(t *testing.T) {
	v := newVendor()
	var up time.Time
	v.script = func(context.Context, string, int) fault {
		if time.Now().Before(up) {
			return fault{out: Outcome{Verdict: Retry, Blame: Outage}}
		}
		return fault{}
	}
	play(t, v, func(b *bench) {
		up = time.Now().Add(10 * time.Minute)
		want(t, "words", b.hear(draft("a", promise("x", "k"))), "I noted it.")
		time.Sleep(time.Until(up) + 40*time.Second)
		in := b.intent("k")
		want(t, "state", in.State, StateDone)
		want(t, "counted", in.Counted, 0)
		if in.Attempts < 15 || in.Attempts > 35 {
			t.Errorf("attempts: got %d, want about 24", in.Attempts)
		}
	})
}

func TestLimitParksTheLaneAndThoseBehind(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, key string, n int) fault {
		if key == "first" && n == 1 {
			return fault{out: Outcome{Verdict: Retry, Blame: Limit, After: 10 * time.Minute, Why: "limit"}}
		}
		return fault{}
	}
	play(t, v, func(b *bench) {
		b.record(draft("a", promised("first", "s1")))
		synctest.Wait()
		low := promised("low", "s2")
		low.Lane = Background
		b.record(draft("b", low))
		want(t, "live goes on", b.hear(draft("c", promise("x", "live"))), "It is Nlive.")
		time.Sleep(9 * time.Minute)
		want(t, "low", b.state("low"), StateDue)
		time.Sleep(2 * time.Minute)
		want(t, "low", b.state("low"), StateDone)
		want(t, "first", b.state("first"), StateDone)
		want(t, "counted", b.intent("first").Counted, 0)
	})
}

func TestUnknownIsLookedForAndNotDoneTwice(t *testing.T) {
	for _, did := range []bool{true, false} {
		v := newVendor()
		v.keyed = false
		v.script = func(_ context.Context, _ string, n int) fault {
			if n == 1 {
				return fault{out: Outcome{Verdict: Unknown, Blame: Outage}, did: did}
			}
			return fault{}
		}
		play(t, v, func(b *bench) {
			b.record(draft("a", promise("x", "k")))
			time.Sleep(time.Minute)
			tries, made, looks := v.counts("k")
			want(t, "made", made, 1)
			want(t, "looks", looks, 1)
			want(t, "tries", tries, map[bool]int{true: 1, false: 2}[did])
			want(t, "state", b.state("k"), StateDone)
		})
	}
}

func TestAbsenceIsBelievedAfterQuietAndTwoLooks(t *testing.T) {
	v := newVendor()
	v.keyed = false
	v.script = func(_ context.Context, _ string, n int) fault {
		if n == 1 {
			return fault{out: Outcome{Verdict: Unknown, Blame: Outage}}
		}
		return fault{}
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, v)
		b.kind.Quiet = 90 * time.Second
		b.run()
		defer b.stop()
		b.record(draft("a", promise("x", "k")))
		time.Sleep(89 * time.Second)
		tries, _, looks := v.counts("k")
		want(t, "tries before quiet has ended", tries, 1)
		want(t, "looks before quiet has ended", looks, 1)
		time.Sleep(5 * time.Second)
		tries, made, looks := v.counts("k")
		want(t, "tries", tries, 2)
		want(t, "looks", looks, 2)
		want(t, "made", made, 1)
	})
}

func TestLateEffectInQuietPeriodIsFound(t *testing.T) {
	v := newVendor()
	v.keyed = false
	v.script = always(fault{out: Outcome{Verdict: Unknown, Blame: Outage}})
	v.found = func(_ string, n int) (Outcome, bool) {
		return Outcome{Verdict: Done, Effect: "late"}, n == 2
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, v)
		b.kind.Quiet = 90 * time.Second
		b.run()
		defer b.stop()
		b.record(draft("a", promise("x", "k")))
		time.Sleep(5 * time.Minute)
		tries, _, _ := v.counts("k")
		want(t, "tries", tries, 1)
		want(t, "state", b.state("k"), StateDone)
	})
}

func TestLookThatFindsAPersonsChangeGoesToReview(t *testing.T) {
	v := newVendor()
	v.script = always(fault{out: Outcome{Verdict: Unknown}})
	v.found = func(string, int) (Outcome, bool) { return Outcome{Verdict: Refused, Why: "changed by a person"}, true }
	play(t, v, func(b *bench) {
		b.record(draft("a", promise("x", "k")))
		time.Sleep(time.Minute)
		want(t, "state", b.state("k"), StateRefused)
		tries, _, _ := v.counts("k")
		want(t, "tries", tries, 1)
	})
}

func TestHungAttemptIsTakenOverAndItsOutcomeIgnored(t *testing.T) {
	v := newVendor()
	v.script = always(fault{took: 10 * time.Minute, deaf: true, out: Outcome{Verdict: Refused, Why: "late"}})
	v.found = func(string, int) (Outcome, bool) { return Outcome{Verdict: Unknown, Blame: Outage}, true }
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, v)
		b.kind.Timeout = 30 * time.Second
		b.run()
		defer b.stop()
		b.record(draft("a", promise("x", "k")))
		time.Sleep(34 * time.Second)
		want(t, "before the lease ends", b.state("k"), StateTrying)
		time.Sleep(3 * time.Second)
		_, _, looks := v.counts("k")
		want(t, "looks after it", looks, 1)
		time.Sleep(10 * time.Minute)
		want(t, "after the late outcome", b.state("k"), StateUnknown)
		tries, _, _ := v.counts("k")
		want(t, "tries", tries, 1)
	})
}

func TestLateOutcomeDoesNotSettleTheNextAttempt(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, _ string, n int) fault {
		if n == 1 {
			return fault{took: 50 * time.Second, deaf: true, out: Outcome{Verdict: Refused, Why: "late"}}
		}
		return fault{took: 25 * time.Second}
	}
	play(t, v, func(b *bench) {
		b.record(draft("a", promise("x", "k")))
		time.Sleep(70 * time.Second)
		tries, made, _ := v.counts("k")
		want(t, "tries", tries, 2)
		want(t, "made", made, 1)
		want(t, "state", b.state("k"), StateDone)
	})
}

func TestExpiryLapsesInTime(t *testing.T) {
	v := newVendor()
	v.script = always(fault{out: Outcome{Verdict: Retry, Blame: Outage}})
	play(t, v, func(b *bench) {
		p := promise("x", "k")
		p.Expires = time.Now().Add(10 * time.Second)
		b.record(draft("a", p))
		need := promised("n", "other")
		need.NeedsIDs = []IntentID{b.intent("k").ID}
		b.record(draft("b", need))
		time.Sleep(10*time.Second + time.Millisecond)
		want(t, "state", b.state("k"), StateLapsed)
		want(t, "dependant", b.state("n"), StateRefused)
	})
}

// TestOutageIsNotWaitedForInTheCall: what meets a vendor that says it is away, or at its limit, waits in the
// journal.
//
// mission-part: P2.8
func TestOutageIsNotWaitedForInTheCall(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, _ string, n int) fault {
		if n == 1 {
			return fault{out: Outcome{Verdict: Retry, Blame: Outage}}
		}
		return fault{}
	}
	play(t, v, func(b *bench) {
		began := time.Now()
		want(t, "words", b.hear(draft("a", promise("x", "k"))), "I noted it.")
		want(t, "waited", time.Since(began) < time.Second, true)
		time.Sleep(time.Minute)
		want(t, "state", b.state("k"), StateDone)
	})
}

func TestDoneWakesWhatNeedsIt(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, key string, n int) fault {
		if key == "lead" && n == 1 {
			return fault{out: Outcome{Verdict: Retry, Blame: None}}
		}
		return fault{}
	}
	play(t, v, func(b *bench) {
		task := promise("task", "task")
		task.Needs = []string{"x"}
		want(t, "words", b.hear(draft("a", promise("x", "lead"), task)), "It is Nlead.")
		synctest.Wait()
		want(t, "task", b.state("task"), StateDone)
		got := v.attempts()[len(v.attempts())-1]
		want(t, "what the doer is given", got.Needs["x"].Effect, "id-lead")
	})
}

func TestRefusedNeedSendsDependantsToReviewAndRetryRevivesThem(t *testing.T) {
	v := newVendor()
	refuse := true
	v.script = func(_ context.Context, key string, _ int) fault {
		if key == "a" && refuse {
			return fault{out: Outcome{Verdict: Refused, Why: "field"}}
		}
		return fault{}
	}
	play(t, v, func(b *bench) {
		ctx := context.Background()
		second, third := promised("b", "s2"), promised("c", "s3")
		first := promise("x", "a")
		second.Name, second.Needs = "y", []string{"x"}
		third.Name, third.Needs = "z", []string{"y"}
		want(t, "words", b.hear(draft("1", first, second, third)), "It was refused.")
		for _, key := range []string{"b", "c"} {
			want(t, key, b.state(key), StateRefused)
		}
		counts, err := b.j.Counts(ctx, "w")
		if diff := cmp.Diff(map[State]int{StateRefused: 3}, counts); diff != "" || err != nil {
			t.Errorf("counts (-want +got):\n%s%v", diff, err)
		}
		if err := b.j.Retry(ctx, "w", b.intent("b").ID); err == nil {
			t.Error("a dependant could be retried before its need")
		}
		v.mu.Lock()
		refuse = false
		v.mu.Unlock()
		if err := b.j.Edit(ctx, "w", b.intent("a").ID, json.RawMessage(`{"mended":true}`)); err != nil {
			t.Fatal(err)
		}
		if err := b.j.Retry(ctx, "w", b.intent("a").ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, key := range []string{"a", "b", "c"} {
			want(t, key, b.state(key), StateDone)
		}
		want(t, "body", string(v.attempts()[1].Intent.Body), `{"mended":true}`)
	})
}

func TestDiscardNamesWhatFallsWithIt(t *testing.T) {
	v := newVendor()
	v.script = always(fault{out: Outcome{Verdict: Refused}})
	play(t, v, func(b *bench) {
		ctx := context.Background()
		second, third := promised("b", "s2"), promised("c", "s3")
		second.Name, second.Needs = "y", []string{"x"}
		third.Name, third.Needs = "z", []string{"y"}
		b.hear(draft("1", promise("x", "a"), second, third))
		fell, err := b.j.Discard(ctx, "w", b.intent("a").ID, "not wanted")
		if diff := cmp.Diff([]IntentID{b.intent("b").ID, b.intent("c").ID}, fell); diff != "" || err != nil {
			t.Errorf("fell (-want +got):\n%s%v", diff, err)
		}
		list, err := b.j.List(ctx, Filter{Workspace: "w", States: []State{StateWithdrawn}})
		if err != nil || len(list) != 3 {
			t.Errorf("withdrawn: got %d, %v, want 3", len(list), err)
		}
	})
}

func TestHeadThatWaitsForAPersonHoldsNobodyBack(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, key string, _ int) fault {
		if key == "a" {
			return fault{out: Outcome{Verdict: Refused}}
		}
		return fault{}
	}
	play(t, v, func(b *bench) {
		b.record(draft("1", promised("a", "s")))
		b.record(draft("2", promised("b", "s")))
		synctest.Wait()
		want(t, "first", b.state("a"), StateRefused)
		want(t, "second", b.state("b"), StateDone)
	})
}

func TestTwoNamesOfOneRecordAreJoined(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, key string, _ int) fault {
		switch key {
		case "create":
			return fault{out: Outcome{Verdict: Done, Effect: "00Q1"}}
		case "slow":
			return fault{took: 10 * time.Second}
		}
		return fault{}
	}
	play(t, v, func(b *bench) {
		slow := promised("slow", "")
		slow.Subject = Subject{Kind: "Lead", Ref: "00Q1"}
		b.record(draft("1", slow))
		create := promised("create", "")
		create.Subject = Subject{Kind: "Lead", Key: "ours"}
		b.record(draft("2", create))
		synctest.Wait()
		after := promised("after", "")
		after.Subject = Subject{Kind: "Lead", Key: "ours"}
		b.record(draft("3", after))
		synctest.Wait()
		want(t, "held back by the other name", b.state("after"), StateDue)
		time.Sleep(11 * time.Second)
		want(t, "after", b.state("after"), StateDone)
		one, _, _ := b.j.SubjectOf(context.Background(), "w", "Lead", "ours")
		two, _, _ := b.j.SubjectOf(context.Background(), "w", "Lead", "00Q1")
		want(t, "subject", one.ID, two.ID)
		want(t, "latest", len(one.Latest), 3)
	})
}

func TestBackgroundWritesOfOneSubjectMerge(t *testing.T) {
	v := newVendor()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, v)
		b.kind.Merge = func(_, newer json.RawMessage) (json.RawMessage, error) { return newer, nil }
		b.run()
		defer b.stop()
		var last Recorded
		for i := range 5 {
			p := promised(fmt.Sprint("k", i), "s")
			p.Lane, p.NotBefore, p.Body = Background, time.Now().Add(5*time.Second), json.RawMessage(fmt.Sprint(i))
			last = b.record(draft(fmt.Sprint(i), p))
		}
		time.Sleep(6 * time.Second)
		want(t, "writes", len(v.arrived()), 1)
		want(t, "body", string(v.attempts()[0].Intent.Body), "4")
		in, err := b.j.Intent(context.Background(), "w", last.Intents["x"])
		if err != nil || in.State != StateMerged || in.Verdict != Done || in.Effect != "id-k0" {
			t.Errorf("last: got %s %s %s, %v, want merged, done with the first", in.State, in.Verdict, in.Effect, err)
		}
		want(t, "words", b.settle(Ask{"w", "c1", "4"}), "It is Nk0.")
	})
}

func TestUndoneWhenItsUndoingIsDone(t *testing.T) {
	play(t, newVendor(), func(b *bench) {
		r := b.record(draft("a", promise("x", "k")))
		b.settle(Ask{"w", "c1", "a"})
		undo := promise("x", "undo")
		undo.Undoes, undo.Subject = r.Intents["x"], Subject{Kind: "Thing", Ref: "id-k"}
		b.hear(draft("b", undo))
		want(t, "state", b.state("k"), StateUndone)
	})
}

func TestPanickingDoerIsAnUnknownOutcome(t *testing.T) {
	v := newVendor()
	v.script = func(_ context.Context, _ string, n int) fault {
		if n == 1 {
			defer v.mu.Unlock()
			panic("bug")
		}
		return fault{}
	}
	play(t, v, func(b *bench) {
		b.record(draft("a", promise("x", "k")))
		time.Sleep(10 * time.Second)
		want(t, "state", b.state("k"), StateDone)
		_, _, looks := v.counts("k")
		want(t, "looks", looks, 1)
	})
}

func TestStopWaitsForWhatIsUnderWay(t *testing.T) {
	v := newVendor()
	v.script = always(fault{took: 10 * time.Second})
	play(t, v, func(b *bench) {
		b.record(draft("a", promise("x", "k")))
		b.record(draft("b", promised("k2", "s-k")))
		synctest.Wait()
		b.stop()
		b.run()
		synctest.Wait()
		want(t, "first", b.state("k"), StateDone)
		want(t, "second", b.state("k2"), StateTrying)
	})
}

package world_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The search can be made longer, and one seed played again:
//
//	go test ./internal/world -run 'TestSearch$' -search.seeds=20000
//	go test ./internal/world -run 'TestSearch$' -search.seed=17
var (
	searchSeeds = flag.Int("search.seeds", seedsOfCI, "how many lives TestSearch plays")
	searchSeed  = flag.Int64("search.seed", -1, "the one life that TestSearch plays")
)

// liveOnce plays the life of a seed and returns what is wrong with it.
func liveOnce(t *testing.T, books library, seed uint64) (findings []string, seen counts) {
	return newLife(seed).once(t, books)
}

// once plays a life in a bubble of its own.
func (l *life) once(t *testing.T, books library) (findings []string, seen counts) {
	synctest.Test(t, func(t *testing.T) {
		out, err := l.playLife(t.Context(), books, serverLog())
		if out != nil {
			findings, seen = judge(out), out.counts
		}
		if err != nil {
			findings = append(findings, fmt.Sprintf("play: %v", err))
		}
	})
	return findings, seen
}

// serverLog shows what the server says when one seed is played again; of thousands nobody could read it.
func serverLog() *slog.Logger {
	if *searchSeed < 0 {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func replay(seed uint64) string {
	return fmt.Sprintf("go test ./internal/world -run 'TestSearch$' -search.seed=%d", seed)
}

// TestSearch plays random lives and holds each against the invariants of the oracle. At the end it shows what
// has been met, and fails if something never was: a search that does not strike proves nothing.
//
// mission-part: A.11 P1.4 P1.9 P2.3 P2.8 P2.9 P5.3
func TestSearch(t *testing.T) {
	books, err := newLibrary()
	if err != nil {
		t.Fatal(err)
	}
	if *searchSeed >= 0 {
		seed := uint64(*searchSeed)
		t.Logf("the life of seed %d:\n%s", seed, newLife(seed))
		if findings, _ := liveOnce(t, books, seed); len(findings) > 0 {
			t.Error(strings.Join(findings, "\n"))
		}
		return
	}
	var mu sync.Mutex
	seen, began := counts{}, time.Now()
	t.Run("life", func(t *testing.T) {
		for seed := uint64(1); seed <= uint64(*searchSeeds); seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				findings, met := liveOnce(t, books, seed)
				if len(findings) > 0 {
					t.Errorf("%s\nagain: %s", strings.Join(findings, "\n"), replay(seed))
				}
				mu.Lock()
				defer mu.Unlock()
				seen.add(met)
			})
		}
	})
	took := time.Since(began)
	t.Logf("%d lives in %v, %v each\n%s", *searchSeeds, took.Round(time.Second), (took / time.Duration(*searchSeeds)).Round(time.Millisecond), seen.table())
	if *searchSeeds < 1000 {
		return // too few to have met what is rare
	}
	for _, what := range seen.missing() {
		t.Errorf("no life has met %s", what)
	}
}

// String prints a life, for whoever reads a finding.
func (l *life) String() string {
	var b strings.Builder
	for i, c := range l.calls {
		fmt.Fprintf(&b, "%8v  call %d rings, caller %d\n", c.at, i, c.caller)
	}
	for _, t := range l.told {
		fmt.Fprintf(&b, "%8v  call %d asks", t.at, t.call)
		for _, k := range t.asks {
			fmt.Fprintf(&b, " %s %s %s %s%s%s;", k.id, k.tool, k.mark, k.account, k.issue, k.field)
		}
		fmt.Fprintf(&b, " again=%v %+v\n", t.again, t.fault)
	}
	for _, f := range l.org {
		fmt.Fprintf(&b, "%8v  salesforce %+v\n", f.After, f)
	}
	for _, s := range l.stalls {
		fmt.Fprintf(&b, "          stall %+v\n", s)
	}
	for _, p := range l.power {
		fmt.Fprintf(&b, "%8v  power %+v\n", p.at, p)
	}
	return b.String()
}

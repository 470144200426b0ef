package world_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
)

// The search can be made longer, and one seed played again:
//
//	go test ./internal/world -run 'TestSearch$' -search.seeds=20000
//	go test ./internal/world -run 'TestSearch$' -search.seed=17
var (
	searchSeeds = flag.Int("search.seeds", 2000, "how many lives TestSearch plays")
	searchSeed  = flag.Int64("search.seed", -1, "the one life that TestSearch plays")
)

// liveOnce plays the life of a seed in a bubble of its own and returns what is wrong with it.
func liveOnce(t *testing.T, books library, seed uint64) (findings []string, seen counts) {
	synctest.Test(t, func(t *testing.T) {
		out, err := newLife(seed).play(t.Context(), books, serverLog())
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

// TestSearch plays random lives and holds each against the invariants of the oracle.
func TestSearch(t *testing.T) {
	books, err := newLibrary()
	if err != nil {
		t.Fatal(err)
	}
	from, to := uint64(1), uint64(*searchSeeds)
	if *searchSeed >= 0 {
		from, to = uint64(*searchSeed), uint64(*searchSeed)
	}
	for seed := from; seed <= to; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			if *searchSeed >= 0 {
				t.Logf("the life of seed %d:\n%s", seed, newLife(seed))
			}
			findings, _ := liveOnce(t, books, seed)
			if len(findings) > 0 {
				t.Errorf("%s\nagain: %s", strings.Join(findings, "\n"), replay(seed))
			}
		})
	}
}

// tell prints a life, for whoever reads a finding.
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

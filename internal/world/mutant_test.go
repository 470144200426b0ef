//go:build mutant

package world_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookswitch/hookswitch/internal/mutant"
)

// TestSearchFindsEachMutation switches each kept fault on in turn and wants the search to find it within the
// seeds of CI. A survivor says that the search is blind there.
//
//	go test -tags mutant ./internal/world -run TestSearchFindsEachMutation -v
func TestSearchFindsEachMutation(t *testing.T) {
	books, err := newLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range mutant.Names() {
		mutant.Set(name)
		if seed, finding := firstFinding(t, name, books); finding == "" {
			t.Errorf("%s: not found within %d seeds", name, *searchSeeds)
		} else {
			t.Logf("%s: found by seed %d: %.300s", name, seed, finding)
		}
		mutant.Set("")
	}
}

// firstFinding plays lives, as many at a time as there are processors, until one shows something wrong.
func firstFinding(t *testing.T, name string, books library) (seed uint64, finding string) {
	var next atomic.Uint64
	var mu sync.Mutex
	found := func() bool { mu.Lock(); defer mu.Unlock(); return finding != "" }
	t.Run(name, func(t *testing.T) {
		for worker := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for s := next.Add(1); s <= uint64(*searchSeeds) && !found(); s = next.Add(1) {
					if findings, _ := liveOnce(t, books, s); len(findings) > 0 {
						mu.Lock()
						seed, finding = s, findings[0]
						mu.Unlock()
					}
				}
			})
		}
	})
	return seed, finding
}

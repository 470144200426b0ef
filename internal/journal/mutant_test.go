//go:build mutant

package journal

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hookswitch/hookswitch/internal/mutant"
)

// mutationVariable names the mutation under which this binary runs its tests.
const mutationVariable = "JOURNAL_TEST_MUTATION"

func TestMain(m *testing.M) {
	mutant.Set(os.Getenv(mutationVariable))
	os.Exit(m.Run())
}

// TestEachMutationIsFound runs the other tests of this package once under each mutation that
// has its place here: they must fail.
func TestEachMutationIsFound(t *testing.T) {
	if os.Getenv(mutationVariable) != "" {
		t.Skip("this is a run under a mutation")
	}
	for _, name := range mutant.Names() {
		if name == mutant.ForgetKey {
			continue // crm has it
		}
		t.Run(name, func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run=^Test", "-test.failfast", "-test.timeout=120s")
			c.Env = append(os.Environ(), mutationVariable+"="+name)
			out, err := c.CombinedOutput()
			if err == nil {
				t.Errorf("no test failed under %s:\n%s", name, out)
			}
			// Their failures are this test's success, and are not to be taken for failures of its own.
			t.Logf("%s is found by:\n%.400s", name, strings.NewReplacer("--- FAIL: ", "", "FAIL\n", "").Replace(string(out)))
		})
	}
}

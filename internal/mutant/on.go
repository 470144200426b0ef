//go:build mutant

package mutant

import "sync/atomic"

// Enabled tells whether this binary was built with mutations.
const Enabled = true

// current is the one mutation that is on. It is a package variable because a mutation is a
// property of the process: the places that ask are many and know nothing of each other.
var current atomic.Value

// Set switches one mutation on and every other off; "" switches all off.
func Set(name string) { current.Store(name) }

// On tells whether the named mutation is on.
func On(name string) bool {
	on, _ := current.Load().(string)
	return on != "" && on == name
}

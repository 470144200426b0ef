//go:build !mutant

package mutant

// Enabled tells whether this binary was built with mutations.
const Enabled = false

// On is false: this binary was built without mutations.
func On(string) bool { return false }

// Package mutant switches kept faults on, so that a test can prove that each would be found.
//
// A mutation is a name. Code that could go wrong in an instructive way asks On(name) at the
// place where the fault would be made. Without the build tag "mutant", On is the constant
// false and the compiler removes the branch: a shipped binary carries no fault to switch on.
//
// With the tag, at most one mutation is on at a time (Set), for the whole process.
package mutant

// The mutations that are kept. Each must be found by the seeded worlds.
const (
	// SpeakBeforeCommit gives a caller words whose choice is not yet durable.
	SpeakBeforeCommit = "speak-before-commit"
	// SkipLook tries an effect again after an unknown outcome without looking first.
	SkipLook = "skip-look"
	// ForgetKey sends a create without the key that makes a repeat harmless.
	ForgetKey = "forget-key"
	// IgnoreAttempt lets a late outcome settle an intent that another attempt holds.
	IgnoreAttempt = "ignore-attempt"
	// ParallelSubject runs the intents of one subject at the same time.
	ParallelSubject = "parallel-subject"
	// DropSettleCancel forgets to withdraw what a newer ask replaced.
	DropSettleCancel = "drop-settle-cancel"
)

// Names lists every mutation, in the order in which they are documented.
func Names() []string {
	return []string{SpeakBeforeCommit, SkipLook, ForgetKey, IgnoreAttempt, ParallelSubject, DropSettleCancel}
}

// Package journal keeps what was promised, before it is done, and what became of it, after.
//
// An answer is recorded together with every sentence that may be spoken for it and with the
// intents that it promises, in one transaction:
//
//	(workspace, call, ask)  → sentences, deadline, name → intent, the one sentence spoken
//	(workspace, kind, key)  → subject, lane, body, needs, cause, state, attempts, verdict
//	(workspace, kind, name) → subject: the record outside that an intent changes
//
// Record writes the promise. The engine gives each due intent to the Doer of its kind and
// settles it by the Outcome. Settle waits for the outcome as long as it can still come before
// the answer's deadline, then chooses, once, the first sentence that is true, and commits the
// choice before it returns it.
//
// What is promised:
//
//   - An ask has one answer. However often and however concurrently it is asked, it hears
//     the same words.
//   - (workspace, kind, key) is recorded once. Attempts of one intent never overlap, carry a
//     rising number, and an outcome counts only for the number that is being tried.
//   - Intents of one subject run one at a time in the order of their ids; so do attempts
//     under one parent, in any order. What a dead process had sent may still be on its way
//     while the next begins another under its parent; on its subject it does not.
//   - After an outcome that may or may not have happened, the engine looks before it tries
//     again. A restart makes every attempt under way such an outcome.
//   - Whatever was recorded ends as done, withdrawn, lapsed, undone or merged, or waits for
//     its time or for a person.
//
// The journal does not know what it keeps: bodies are opaque, sealed where they lie, and
// never logged. Times come from the process, never from the database.
package journal

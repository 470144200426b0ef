package journal

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// The errors on which a caller branches.
var (
	// ErrUnknownAsk means that no answer was recorded for the ask.
	ErrUnknownAsk = errors.New("no answer is recorded for this ask")
	// ErrNoIntent means that the workspace has no such intent.
	ErrNoIntent = errors.New("no such intent")
	// ErrTooLate means that the intent has been tried, or has settled: it cannot be taken
	// back any more, only undone.
	ErrTooLate = errors.New("too late to take back")
	// ErrStopped means that the journal is not running.
	ErrStopped = errors.New("journal is stopped")
)

// Verdict is what an attempt found out.
type Verdict string

// The verdicts. The empty one means that nothing has been tried yet.
const (
	Done    Verdict = "done"    // happened, once
	Retry   Verdict = "retry"   // certainly did not happen
	Refused Verdict = "refused" // never will; a person must look
	Unknown Verdict = "unknown" // may have happened: look first
)

// Blame says whose failure an attempt met.
type Blame string

// The blames. The empty one is taken as Own, which is bounded.
const (
	Own    Blame = "own"    // the write's own: counts a try
	Outage Blame = "outage" // the vendor is away: counts none
	Limit  Blame = "limit"  // the vendor's limit: parks the lane, counts none
	None   Blame = "none"   // nobody's, such as a record that is not visible yet: counts none
)

// Lane is how urgent an intent is.
type Lane string

// The lanes, the most urgent first.
const (
	Live       Lane = "live"       // a caller waits for it
	Promised   Lane = "promised"   // a caller was told of it
	Background Lane = "background" // transcripts and logs
)

// IntentID numbers intents in the order of their recording.
type IntentID int64

// SubjectID numbers subjects.
type SubjectID int64

// Ask names one question of the model: a tool call of a call.
type Ask struct{ Workspace, Call, ID string }

// Subject names the record outside that an intent changes: by the vendor's id in Ref if it
// is known, and else by a key of ours. With neither it is the intent's own key. Attempts
// under one Parent ("Account/001…") never overlap; for a record that is itself a parent, the
// caller names it as its own.
type Subject struct{ Kind, Key, Ref, Parent string }

// Cause says why an intent exists. Words are what the caller was heard to say; they are
// sealed.
type Cause struct{ Call, ToolCall, Rule, Words string }

// Promise is one intent to be recorded.
type Promise struct {
	Name      string // local to the draft: "case"
	Kind, Key string // unique in the workspace; a taken pair stands for the intent that has it
	Subject   Subject
	Lane      Lane
	Body      json.RawMessage
	Before    json.RawMessage // the fields as they were when the change was decided
	Needs     []string        // names of earlier promises of the draft
	NeedsIDs  []IntentID      // intents recorded before
	Undoes    IntentID        // becomes undone when this is done
	Cause     Cause
	NotBefore time.Time // the settle window: until then it can be replaced or withdrawn
	Expires   time.Time // lapses if it was not done by then
}

// Claim holds (Name, Key) for a window of time, so that a second ask for the same thing
// finds the first. Intent is the local name of the promise that answers for it. It holds no
// longer when that intent was withdrawn, discarded, undone or has lapsed. Window 0: for good.
type Claim struct {
	Name, Key string
	Window    time.Duration
	Intent    string
}

// Need is a condition on an intent, under which a sentence is true.
type Need string

// The needs of a sentence.
const (
	NeedDone      Need = "done"
	NeedRecorded  Need = "recorded" // done, or will be: neither refused nor taken back
	NeedRefused   Need = "refused"
	NeedWithdrawn Need = "withdrawn"
)

// Sentence is words that may be spoken: if all Needs hold and every placeholder
// "{name.Field}" in Say and Result is among the facts of the intent of that name.
type Sentence struct {
	Say    string          `json:"say"`
	Needs  map[string]Need `json:"needs,omitempty"`
	Failed bool            `json:"failed,omitempty"`
	Result string          `json:"result,omitempty"` // facts for the model; empty: Say
}

// Draft is an answer before it is recorded.
type Draft struct {
	Ask  Ask
	Tool string
	// Repeat digests the tool and its normalised arguments. The same within RepeatWindow in
	// the same call joins the earlier answer.
	Repeat       string
	RepeatWindow time.Duration
	// Asked is when the ask arrived; zero: now. The window counts from it, because what is read before an answer
	// is recorded may take longer than the window.
	Asked time.Time
	// Target names what the ask changes. A newer ask of the same tool and target in the same
	// call withdraws an older one whose intents all still settle.
	Target    string
	Person    string // store.Box.Hash of the number, never the number
	Playbook  string // digest
	Promises  []Promise
	Refs      map[string]IntentID // earlier intents that the sentences speak of
	Facts     json.RawMessage     // what reads returned to this answer
	Claims    []Claim
	Sentences []Sentence // the first that is true is spoken
	Deadline  time.Time
}

// Recorded is what Record did.
type Recorded struct {
	Fresh   bool // this made the answer and its promises
	Joined  bool // it repeats an earlier one, and will hear its words
	Taken   *Taken
	Spoken  *Spoken             // what Settle would say, if that is known already
	Intents map[string]IntentID // by local name, refs included
}

// Taken is a claim that was held: nothing was recorded.
type Taken struct {
	Claim  string
	Intent Intent
}

// Spoken is the sentence that was chosen.
type Spoken struct {
	Say, Result string
	Failed      bool
	At          time.Time
}

// Outcome is what a Doer found. An outcome without a verdict counts as Unknown.
type Outcome struct {
	Verdict   Verdict
	Blame     Blame
	After     time.Duration     // the vendor's own pause; 0: ours
	Effect    string            // vendor's id of what was made or changed
	Facts     map[string]string // read back, for sentences: CaseNumber
	Why, Hint string            // for a person; never personal data
	Keys      []string          // further names by which the subject is known
}

// Attempt is what a Doer is given. Number rises with every attempt of the intent.
type Attempt struct {
	Intent Intent
	Number int
	Ref    string            // the subject's vendor id, if it is known by now
	Needs  map[string]Intent // settled, by local name, or by "kind/key" for earlier intents
	// Taken tells whether a vendor's record is already the effect of another intent of the same kind. A
	// look that goes by likeness must not take it for its own.
	Taken func(ctx context.Context, effect string) (bool, error)
}

// Doer changes the world. Do performs the intent. Look finds out whether an earlier Do
// happened: Done; Retry for "it is not there"; Refused if a person has changed the record;
// Unknown. Both must return when ctx ends; neither is retried by anyone but the journal.
type Doer interface {
	Do(ctx context.Context, a Attempt) Outcome
	Look(ctx context.Context, a Attempt) Outcome
}

// Kind is how intents of one kind are done.
type Kind struct {
	Doer Doer
	// Quiet is set for effects without a unique key at the vendor: "it is not there" is
	// believed only this long after the try began, and from two looks.
	Quiet time.Duration
	// Timeout bounds one attempt; default 30 s.
	Timeout time.Duration
	// Merge, if set, joins a newer background intent into an older one of the same subject
	// that has not been tried, when nothing lies between them.
	Merge func(older, newer json.RawMessage) (json.RawMessage, error)
}

// Intent is one promise as it stands.
type Intent struct {
	ID                         IntentID
	Workspace, Kind, Key, Name string
	Answer                     int64 // 0: promised by a rule, not in an answer
	Subject                    SubjectID
	Parent                     string
	Lane                       Lane
	// Body, Before and Cause.Words are sealed at rest, and filled only by Journal.Intent and
	// in an Attempt: a list of intents opens none of them.
	Body, Before json.RawMessage
	State        State
	// Due is when the intent is next to be tried or looked for; while it is being tried, when
	// the attempt is taken over. NotBefore is the end of the settle window as it was promised.
	Due, NotBefore, Expires time.Time
	// Attempts counts tries and looks: it is the fencing number. Counted counts the failures
	// that were the write's own. Looks counts those that found nothing since the last try.
	Attempts, Counted, Looks int
	Tried                    time.Time // when the last try (not look) began; the quiet period counts from here
	Verdict                  Verdict
	Blame                    Blame
	Effect                   string            // the vendor's id
	Facts                    map[string]string // read back, sealed at rest
	Why, Hint                string
	FellBy                   IntentID // the need whose failure sent this to review; Retry of that one revives this
	MergedInto               IntentID
	Undoes                   IntentID
	Cause                    Cause
	Person, Playbook         string
	Recorded, Settled        time.Time
}

// AttemptRow is one line of an intent's history.
type AttemptRow struct {
	Number         int
	Action         string // do, look
	Started, Ended time.Time
	Verdict        Verdict
	Why            string
}

// SubjectRow is a subject as it stands, with its latest intents, newest first.
type SubjectRow struct {
	ID                SubjectID
	Kind, Ref, Parent string
	Latest            []Intent
}

// Filter selects intents for a page. Empty fields select all.
type Filter struct {
	Workspace string
	States    []State
	Call      string
	Person    string
	Subject   SubjectID
	Before    IntentID // older than this, for the next page
	Limit     int      // default 100
}

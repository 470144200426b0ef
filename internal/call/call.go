// Package call keeps one conversation: who called whom, what state the call is in, what it is about, and
// everything that happened in it, in order.
//
//	(workspace, call id) → state, number, records it is about
//	                     → events: time, type, data, the masked body as received
//
// The state only moves forward, whatever the order in which events arrive: Vapi guarantees none. An event
// that has a key is kept once, so a webhook delivered twice leaves one line in the timeline. Bodies are
// masked before they come here.
//
// Not covered yet: turns and interruptions. The package keeps the final transcripts, because a confirmation
// is looked for in them.
package call

import (
	"encoding/json"
	"time"

	"github.com/hookswitch/hookswitch/internal/caller"
)

// State is how far a call has come. The order of the constants is the order in which they may follow.
type State string

// States of a call, as Vapi names them in status-update. https://docs.vapi.ai/server-url/events
const (
	Unseen     State = ""
	Scheduled  State = "scheduled"
	Queued     State = "queued"
	Ringing    State = "ringing"
	InProgress State = "in-progress"
	Forwarding State = "forwarding"
	Ended      State = "ended"
)

var rank = map[State]int{Unseen: 0, Scheduled: 1, Queued: 2, Ringing: 3, InProgress: 4, Forwarding: 5, Ended: 6}

// Later reports whether a call in state s may move to next. Equal states and steps back are not moves:
// a "ringing" that arrives after "ended" changes nothing.
func (s State) Later(next State) bool {
	r, known := rank[next]
	return known && r > rank[s]
}

// About names the records that a call is about: Salesforce ids, checked, or empty.
type About struct {
	Lead        string `json:"lead,omitempty"`
	Contact     string `json:"contact,omitempty"`
	Account     string `json:"account,omitempty"`
	Case        string `json:"case,omitempty"`
	Opportunity string `json:"opportunity,omitempty"`
	Customer    string `json:"customer,omitempty"` // a customer number that is no record id
}

// Or fills what a does not know from b.
func (a About) Or(b About) About {
	pick := func(x, y string) string {
		if x != "" {
			return x
		}
		return y
	}
	return About{
		Lead: pick(a.Lead, b.Lead), Contact: pick(a.Contact, b.Contact), Account: pick(a.Account, b.Account),
		Case: pick(a.Case, b.Case), Opportunity: pick(a.Opportunity, b.Opportunity), Customer: pick(a.Customer, b.Customer),
	}
}

// Call is one conversation as it stands now.
type Call struct {
	Workspace   string
	ID          string
	Person      string        // keyed hash of the caller's number
	Number      caller.Number // empty when withheld
	Playbook    string        // digest of the playbook that the call began with
	Direction   string        // "inbound", "outbound", "web"
	State       State
	About       About
	StartedAt   time.Time
	UpdatedAt   time.Time
	EndedAt     time.Time // zero while it lasts
	EndedReason string
}

// Event is one line of a call's timeline.
type Event struct {
	At   time.Time
	Type string          // "transcript", "tool-calls", "tool.answered", …
	Key  string          // kept once per call; empty for events that are never repeated
	Data json.RawMessage // what we made of it, versioned by Version
	Body []byte          // the masked body as received; nil for our own events
}

// Version is the form of Event.Data that this program writes.
const Version = 1

// Seen is what one message tells about a call, besides the event itself. Empty fields tell nothing.
type Seen struct {
	Workspace, Call string
	Number          caller.Number
	Person          string
	Playbook        string
	Direction       string
	State           State
	About           About
	EndedReason     string
	At              time.Time
}

// idle is how far the time of the last event may lag behind: writing the row for each event of a call
// would cost a write that tells nothing.
const idle = 15 * time.Second

// After is c once seen has been heard. What is known stays: an empty value never replaces one, and the
// state moves forward only.
func (c Call) After(seen Seen) Call {
	keep := func(old *string, now string) {
		if *old == "" {
			*old = now
		}
	}
	keep(&c.Person, seen.Person)
	keep(&c.Playbook, seen.Playbook)
	keep(&c.Direction, seen.Direction)
	keep(&c.EndedReason, seen.EndedReason)
	if c.Number == "" {
		c.Number = seen.Number
	}
	c.About = c.About.Or(seen.About)
	if c.StartedAt.IsZero() || seen.At.Before(c.StartedAt) {
		c.StartedAt = seen.At
	}
	if seen.At.Sub(c.UpdatedAt) > idle {
		c.UpdatedAt = seen.At
	}
	if c.State.Later(seen.State) {
		c.State, c.UpdatedAt = seen.State, seen.At
		if seen.State == Ended {
			c.EndedAt = seen.At
		}
	}
	return c
}

// Package tool answers what the model asks for. A tool checks the arguments, replaces what the server knows
// better, reads what it must, and decides; it never acts. What it decides is a draft: sentences, each with
// what makes it true, and the intents that would make it so. The journal records the draft, tries, and
// chooses the sentence.
//
//	ask → the same words as before, if it was answered
//	    → arguments checked and normalised by the playbook's schema
//	    → reads, in parallel, within the deadline
//	    → draft → recorded → tried → one sentence
//
// Every answer is recorded before it is spoken, refusals and questions too: a webhook delivered twice
// hears the same words twice.
package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/caller"
	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/journal"
)

// Ask is one tool call as it arrived. What the server knows (workspace, call, number) comes from the
// envelope, never from the model's arguments.
type Ask struct {
	Workspace string
	Call      string
	ID        string // the tool call's id, opaque
	Name      string
	Arguments json.RawMessage
	Bad       error // the call could not be read; Arguments are then meaningless
	// Nameless is set when the message named no call. Call then only tells asks apart: nothing may be
	// concluded from two of them having the same one.
	Nameless bool
	Number   caller.Number
	Person   string
	About    call.About
	Turns    func() []call.Turn // what was said so far, read only by tools that need it; may be nil
	At       time.Time          // when the request's last byte was read: the deadline counts from here
}

// pinned is the call that keeps what it began with; a nameless one keeps nothing.
func (a Ask) pinned() string {
	if a.Nameless {
		return ""
	}
	return a.Call
}

// Reply is what the model is told and the caller hears.
type Reply struct {
	ID, Name string
	Say      string // spoken as written
	Result   string // the same facts for the model
	Failed   bool
	Intents  int  // how many intents the answer rests on
	Again    bool // the ask had been answered before
}

// Reader is what a tool may read while the caller waits.
type Reader interface {
	Read(ctx context.Context, q crm.Query) ([]crm.Record, error)
	Who(ctx context.Context, n caller.Number) (caller.Identity, error)
}

// Windows are the times that hold for tools which name none of their own.
type Windows struct {
	Deadline time.Duration // from the request's last byte to the answer's first
	Settle   time.Duration // before an irreversible write
	Repeat   time.Duration // the same tool with the same arguments is the same ask
}

// Desk is what a clerk works with in one workspace.
type Desk struct {
	Shelf   *Shelf
	Hash    func(parts ...string) string // keyed: what it hashes cannot be guessed from the database
	Zone    func() *time.Location        // the org's, for "today"
	Reader  Reader
	Windows Windows
}

// Clerk answers the asks of all workspaces.
type Clerk struct {
	journal *journal.Journal
	desks   map[string]Desk
	log     *slog.Logger
	order   order
}

// NewClerk answers from desks, by workspace.
func NewClerk(j *journal.Journal, desks map[string]Desk, log *slog.Logger) *Clerk {
	return &Clerk{journal: j, desks: desks, log: log}
}

// margin is kept of the deadline for the way out: choosing the sentence, encoding it and the first byte.
const margin = 150 * time.Millisecond

// Answer answers one ask, within its deadline. It has no error: whatever happens, the caller hears a true
// sentence, and an operator finds the reason in the log.
func (c *Clerk) Answer(ctx context.Context, a Ask) Reply {
	reply, recorded, err := c.answer(ctx, a)
	if err != nil {
		c.log.Error("ask.unanswered", "workspace", a.Workspace, "call", a.Call, "ask", a.ID, "tool", a.Name, "recorded", recorded, "error", err)
		return c.sorry(a, recorded)
	}
	reply.ID, reply.Name = a.ID, a.Name
	return reply
}

// answer also tells, with an error, whether the ask was recorded: what was is kept, whatever happens to its
// answer.
func (c *Clerk) answer(ctx context.Context, a Ask) (r Reply, recorded bool, err error) {
	key := journal.Ask{Workspace: a.Workspace, Call: a.Call, ID: a.ID}
	// Reads of several asks run side by side; only recording takes its turn.
	turn := c.order.enter(a.Workspace + "|" + a.Call + "|" + a.Name)
	defer turn.leave()
	spoken, ok, err := c.journal.Answered(ctx, key)
	if err != nil {
		return Reply{}, false, err
	}
	if ok {
		r = said(spoken)
		r.Again = true
		return r, true, nil
	}
	desk, ok := c.desks[a.Workspace]
	if !ok {
		return Reply{}, false, fmt.Errorf("answer: no workspace %q", a.Workspace)
	}
	d, err := decide(ctx, desk, a)
	if err != nil {
		return Reply{}, false, err
	}
	turn.wait(ctx, d.readBy())
	rec, err := c.record(ctx, d)
	turn.leave() // the order is in the journal now; the next need not wait until this one has come true
	if err != nil {
		return Reply{}, false, err
	}
	if rec.Spoken == nil { // else it is known already: nothing can come true, or an ask that this one repeats has chosen
		if spoken, err = c.journal.Settle(ctx, key); err != nil {
			return Reply{}, true, err
		}
		rec.Spoken = &spoken
	}
	r = said(*rec.Spoken)
	r.Intents, r.Again = len(d.draft.Promises), !rec.Fresh
	return r, true, nil
}

// record writes the draft down. A claim that is already held means that somebody asked for the same thing
// before, by another id or in another call; the draft is then made anew around the intent that holds it.
func (c *Clerk) record(ctx context.Context, d *decision) (journal.Recorded, error) {
	for range 4 { // a claim can change hands between two tries, but not for ever
		rec, err := c.journal.Record(ctx, d.draft)
		if err != nil || rec.Taken == nil {
			return rec, err
		}
		if err := d.yield(*rec.Taken); err != nil {
			return journal.Recorded{}, err
		}
	}
	return journal.Recorded{}, errors.New("record: the claims of this ask kept changing hands")
}

func said(s journal.Spoken) Reply { return Reply{Say: s.Say, Result: s.Result, Failed: s.Failed} }

// sorry is what is said when no sentence could be chosen. If the ask was not recorded it promises nothing,
// because nothing would keep it. If it was, it may come true at any moment, and nothing is said of that.
func (c *Clerk) sorry(a Ask, recorded bool) Reply {
	say := "I can't do that right now, and I have not saved it."
	if recorded {
		say = "I can't tell you yet whether that went through."
	}
	if desk, ok := c.desks[a.Workspace]; ok {
		if offer := desk.Shelf.Offer(a.pinned(), a.Name); offer != "" {
			say += " " + offer
		}
	}
	return Reply{ID: a.ID, Name: a.Name, Say: say, Result: say, Failed: true}
}

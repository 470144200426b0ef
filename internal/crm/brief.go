package crm

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hookswitch/hookswitch/internal/caller"
)

// briefed is how many open cases and opportunities an assistant is told of: more than a few are not
// spoken, and would crowd the model's prompt.
const briefed = 3

// Brief is what an assistant should know of a caller before the first word. What could not be read in time
// is empty, like what is not there: a greeting concludes nothing from it.
type Brief struct {
	Identity      caller.Identity
	OpenCases     []Record // newest first
	Opportunities []Record // open ones of the caller's account, by close date
	LastContact   string   // day of the last activity, 2026-11-20
}

// Brief finds out who calls and what is open for them, as far as ctx lets it. It never fails: a caller who
// cannot be looked up is one whom nobody knows.
func (d *Desk) Brief(ctx context.Context, n caller.Number) Brief {
	b := Brief{Identity: caller.Identity{Number: n}}
	if n == "" {
		return b
	}
	id, err := d.Who(ctx, n)
	b.Identity = id
	if err != nil || !id.Known() {
		return b
	}
	// Each answer is kept as it comes; one that is late or refused costs nothing but itself.
	var group errgroup.Group
	read := func(into *[]Record, q Query) {
		group.Go(func() error {
			if rows, err := d.Read(ctx, q); err == nil {
				*into = rows
			}
			return nil
		})
	}
	var activities []Record
	if id.Contact != "" {
		read(&b.OpenCases, Query{
			Object: "Case", Fields: []string{"CaseNumber", "Subject", "Status"}, Limit: briefed,
			Where: []Cond{{Field: "ContactId", Value: id.Contact}, {Field: "IsClosed", Value: false}},
			Order: []Order{{Field: "CreatedDate", Descending: true}},
		})
	}
	if id.Account != "" {
		read(&b.Opportunities, Query{
			Object: "Opportunity", Fields: []string{"Name", "StageName", "CloseDate"}, Limit: briefed,
			Where: []Cond{{Field: "AccountId", Value: id.Account}, {Field: "IsClosed", Value: false}},
			Order: []Order{{Field: "CloseDate"}},
		})
	}
	who := id.Contact
	if who == "" {
		who = id.Lead
	}
	read(&activities, Query{
		Object: "Task", Fields: []string{"CreatedDate"}, Limit: 1,
		Where: []Cond{{Field: "WhoId", Value: who}}, Order: []Order{{Field: "CreatedDate", Descending: true}},
	})
	_ = group.Wait() // no read returns an error
	if len(activities) > 0 {
		b.LastContact, _, _ = strings.Cut(activities[0].Text("CreatedDate"), "T")
	}
	return b
}

// notOnFile is what a variable says that has no value: an empty one invites a model to invent.
const notOnFile = "not on file"

// Variables are the brief as an assistant's prompt can name it: {{customerName}}, {{openCases}} and so on.
// They hold no record ids, because what stands in a prompt can be spoken.
func (b Brief) Variables() map[string]any {
	known := "no"
	switch {
	case b.Identity.Known():
		known = "yes"
	case b.Identity.Many:
		known = "more than one person has this number: ask for the name"
	}
	return map[string]any{
		"customerKnown": known,
		"customerName":  orElse(b.Identity.Name),
		"openCases":     list(b.OpenCases, "CaseNumber", "Subject", "Status"),
		"opportunities": list(b.Opportunities, "Name", "StageName", "CloseDate"),
		"lastContact":   orElse(b.LastContact),
	}
}

// Metadata are the records that the call is about. They come back with every message of the call, so that
// nobody needs to be looked up twice.
func (b Brief) Metadata() map[string]any {
	m := map[string]any{}
	switch {
	case b.Identity.Contact != "":
		m["customerId"] = b.Identity.Contact
	case b.Identity.Lead != "":
		m["leadId"] = b.Identity.Lead
	}
	return m
}

// list is records as one line: "00001026, Voice AI Case: billing, New; …". Line breaks in a value are taken out, since
// in a prompt they would begin something new.
func list(rows []Record, fields ...string) string {
	var lines []string
	for _, r := range rows {
		var parts []string
		for _, f := range fields {
			if s := strings.Join(strings.Fields(r.Text(f)), " "); s != "" {
				parts = append(parts, s)
			}
		}
		lines = append(lines, strings.Join(parts, ", "))
	}
	return orElse(strings.Join(lines, "; "))
}

func orElse(s string) string {
	if s == "" {
		return notOnFile
	}
	return s
}

package tool

import (
	"context"
	"sync"
	"time"

	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/playbook"
)

// readReserve is kept of the deadline after the reads: a write that follows must still be recorded.
const readReserve = 300 * time.Millisecond

// readBy is when reads give up.
func (d *decision) readBy() time.Time { return d.draft.Deadline.Add(-readReserve) }

// read makes the playbook's lookups, all at the same time. A lookup without an answer in time is not an
// answer: it is marked as having failed, nothing is concluded from it, and a field that needs it is looked
// up again when the write is done.
func (d *decision) read(ctx context.Context) error {
	ctx, cancel := context.WithDeadline(ctx, d.readBy())
	defer cancel()
	var all sync.WaitGroup
	for _, r := range d.tool.Reads {
		q, asked, err := d.query(r)
		if err != nil {
			return err
		}
		if !asked {
			continue
		}
		rows := &playbook.Rows{} // each goroutine fills its own
		d.env.Reads[r.Name] = rows
		all.Go(func() {
			records, err := d.desk.Reader.Read(ctx, q)
			if err != nil {
				rows.Failed = true
				return
			}
			for _, rec := range records {
				rows.Records = append(rows.Records, rec)
			}
		})
	}
	all.Wait()
	facts, err := encode(d.env.Reads)
	d.draft.Facts = facts
	return err
}

// query is what a read asks for, and whether it is asked at all: not where its condition does not hold,
// nor where a compared value is unknown, since "no account number" must not find the accounts without one.
func (d *decision) query(r *playbook.Read) (crm.Query, bool, error) {
	if holds, err := r.When.Holds(d.env); err != nil || !holds {
		return crm.Query{}, false, err
	}
	q := crm.Query{Object: r.Object, Fields: append([]string{"Id"}, without(r.Fields, "Id")...), Limit: r.Limit}
	for _, c := range r.Where {
		v, err := c.Value.Eval(d.env)
		if err != nil {
			return crm.Query{}, false, err
		}
		if v == nil || v == "" {
			return crm.Query{}, false, nil
		}
		q.Where = append(q.Where, crm.Cond{Field: c.Field, Op: c.Op, Value: v})
	}
	for _, o := range r.Order {
		q.Order = append(q.Order, crm.Order{Field: o.Field, Descending: o.Descending})
	}
	return q, true, nil
}

func without(in []string, drop string) []string {
	out := make([]string, 0, len(in))
	for _, s := range in {
		if s != drop {
			out = append(out, s)
		}
	}
	return out
}

// fill maps the playbook's fields into the write. A field that stands for a lookup which failed is left
// to be looked up when the write is done.
func (d *decision) fill(w *playbook.Write, body *crm.Write) error {
	mapped, err := w.Map(d.env)
	if err != nil {
		return err
	}
	d.mapped[w.Name] = mapped
	body.Fields = map[string]any{}
	for _, f := range mapped {
		switch {
		case f.IDOf != "":
			body.SetLater(f.Name, crm.Later{Need: f.IDOf})
		case f.Picklist:
			if s, ok := f.Value.(string); ok {
				body.SetPicklist(f.Name, s)
			}
		default:
			body.Fields[f.Name] = f.Value
		}
	}
	if w.Due > 0 {
		due := d.ask.At.Add(w.Due) // a Task's due date is a day of the org's, its reminder a moment
		body.Fields["ActivityDate"] = due.In(d.desk.Zone()).Format(time.DateOnly)
		body.Fields["ReminderDateTime"] = due.UTC().Format("2006-01-02T15:04:05Z")
		body.Fields["IsReminderSet"] = true
	}
	return d.lookLater(w, body)
}

// lookLater leaves the fields that hang on one field of a lookup without an answer to be looked up when the
// write is done. What the expression says beside that ("only if one matches") is what Lookup does anyway.
func (d *decision) lookLater(w *playbook.Write, body *crm.Write) error {
	for _, f := range w.Fields {
		if _, known := body.Fields[f.Name]; known || f.Value == nil || f.Value.Expr == nil {
			continue
		}
		if whose := d.whose(f.Value); whose != "" && d.env.Caller.Failed {
			body.SetLater(f.Name, crm.Later{Whose: whose})
			body.Phone = string(d.ask.Number)
			continue
		}
		for _, r := range d.tool.Reads {
			rows, asked := d.env.Reads[r.Name]
			needed := f.Value.Expr.Fields(r.Name)
			if !asked || !rows.Failed || len(needed) != 1 {
				continue
			}
			q, _, err := d.query(r)
			if err != nil {
				return err
			}
			body.SetLater(f.Name, crm.Later{Lookup: &crm.Lookup{Query: q, Field: needed[0]}})
		}
	}
	return nil
}

// whose is which record of the caller a value stands for: "Contact", "Account", "Lead", or "" for any other value.
func (d *decision) whose(v *playbook.Value) string {
	if v == nil || v.Expr == nil {
		return ""
	}
	switch fields := v.Expr.Fields("caller"); {
	case len(fields) != 1:
		return ""
	case fields[0] == "contactId":
		return "Contact"
	case fields[0] == "accountId":
		return "Account"
	case fields[0] == "leadId":
		return "Lead"
	}
	return ""
}

// skipsAssignment reports whether the playbook keeps the org's assignment rules from choosing an owner. They
// run on updates as on creates.
func skipsAssignment(w *playbook.Write) bool { return w.AssignmentRules != nil && !*w.AssignmentRules }

// keyed sets under which key a record is created. The number goes with it: if the org says that the record is there
// already, it tells the caller's own from a namesake's.
func (d *decision) keyed(w *playbook.Write, body *crm.Write) error {
	body.KeyField = w.KeyField
	body.Phone = string(d.ask.Number)
	if w.Key == nil {
		return nil
	}
	v, err := w.Key.Eval(d.env)
	if err != nil {
		return err
	}
	body.Key, _ = v.(string)
	return nil
}

// yield remakes the draft around the intent that already holds a claim. Nothing is created again; where the
// playbook says so, the details become an update of the record, after the first write.
//
// The update is made whether or not the details seem to differ from what was promised before. What was
// promised may still be on its way, or refused, and a person may have changed the record since: only the
// update itself makes it true that the caller's words are saved.
func (d *decision) yield(t journal.Taken) error {
	claim := d.claimed[t.Claim]
	d.draft.Promises, d.draft.Claims, d.draft.Target = nil, nil, ""
	d.draft.Refs = map[string]journal.IntentID{claim.Intent: t.Intent.ID}
	if claim.Then == playbook.Update {
		if err := d.follow(claim, t.Intent); err != nil {
			return err
		}
	}
	words := claim.Words // "already there" is worded by the claim, or else by the tool
	if len(words) == 0 {
		words = d.tool.Words
	}
	return d.words(words)
}

// follow promises an update of the record that an earlier intent makes, with all the fields of this ask.
func (d *decision) follow(claim *playbook.Claim, held journal.Intent) error {
	w, _ := d.tool.Write(claim.Intent)
	body := crm.Write{Object: w.Object, ReadBack: w.ReadBack, Duplicates: string(w.Duplicates), SkipAssign: skipsAssignment(w)}
	if err := d.fill(w, &body); err != nil {
		return err
	}
	delete(d.draft.Refs, claim.Intent)
	return d.add(w, body, journal.Promise{
		Name: w.Name, Kind: crm.KindUpdate, Key: crm.Key(d.scope(), d.ask.Call, d.ask.ID, w.Name, "update"),
		Subject:  journal.Subject{Kind: w.Object, Key: held.Key}, // the record that the held intent makes
		NeedsIDs: []journal.IntentID{held.ID},
	})
}

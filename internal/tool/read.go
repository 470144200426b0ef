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
		rows := &playbook.Rows{}
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
		due := d.ask.At.Add(w.Due)
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

// skipsAssignment reports whether the playbook keeps the org's assignment rules from choosing an owner. They
// run on updates as on creates.
func skipsAssignment(w *playbook.Write) bool { return w.AssignmentRules != nil && !*w.AssignmentRules }

// keyed sets under which key a record is created.
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

// yield remakes the draft around the intent that already holds a claim. Nothing is written again; where
// the playbook says so, details that differ become an update of the record, after the first write.
func (d *decision) yield(ctx context.Context, j *journal.Journal, t journal.Taken) error {
	claim := d.claimed[t.Claim]
	mapped := d.mapped[claim.Intent]
	held := t.Intent
	d.draft.Promises, d.draft.Claims, d.draft.Target = nil, nil, ""
	d.draft.Refs = map[string]journal.IntentID{claim.Intent: held.ID}
	if claim.Then == playbook.Update {
		changed, err := d.changed(ctx, j, held, mapped)
		if err != nil {
			return err
		}
		if len(changed) > 0 {
			if err := d.follow(claim, held, changed); err != nil {
				return err
			}
		}
	}
	words := claim.Words
	if len(words) == 0 {
		words = d.tool.Words
	}
	return d.words(words)
}

// changed returns the fields that differ from what was promised for the record so far.
func (d *decision) changed(ctx context.Context, j *journal.Journal, held journal.Intent, mapped []playbook.FieldValue) (map[string]any, error) {
	known, err := d.known(ctx, j, held)
	if err != nil {
		return nil, err
	}
	changed := map[string]any{}
	for _, f := range mapped {
		if f.IDOf == "" && !f.Picklist && !same(known[f.Name], f.Value) {
			changed[f.Name] = f.Value
		}
	}
	return changed, nil
}

// known folds what was promised for the record of an intent, oldest first.
func (d *decision) known(ctx context.Context, j *journal.Journal, held journal.Intent) (map[string]any, error) {
	history, err := j.List(ctx, journal.Filter{Workspace: d.ask.Workspace, Subject: held.Subject})
	if err != nil {
		return nil, err
	}
	known := map[string]any{}
	for i := len(history) - 1; i >= 0; i-- { // List gives the newest first
		switch history[i].State {
		case journal.StateWithdrawn, journal.StateLapsed, journal.StateUndone:
			continue
		}
		whole, err := j.Intent(ctx, d.ask.Workspace, history[i].ID)
		if err != nil {
			return nil, err
		}
		w, err := crm.DecodeWrite(whole.Body)
		if err != nil {
			return nil, err
		}
		for name, v := range w.Fields {
			known[name] = v
		}
	}
	return known, nil
}

// follow promises an update of the record that an earlier intent makes.
func (d *decision) follow(claim *playbook.Claim, held journal.Intent, changed map[string]any) error {
	w, _ := d.tool.Write(claim.Intent)
	body := crm.Write{Object: w.Object, Fields: changed, ReadBack: w.ReadBack, Duplicates: string(w.Duplicates), SkipAssign: skipsAssignment(w)}
	delete(d.draft.Refs, claim.Intent)
	return d.add(w, body, journal.Promise{
		Name: w.Name, Kind: crm.KindUpdate, Key: crm.Key(d.scope(), d.ask.Call, d.ask.ID, w.Name, "update"),
		Subject:  journal.Subject{Kind: w.Object, Key: held.Key}, // the record that the held intent makes
		NeedsIDs: []journal.IntentID{held.ID},
	})
}

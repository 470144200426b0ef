package crm

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/salesforce"
)

// freshFor is how long a record that cannot be found may simply be too new to be seen.
const freshFor = time.Minute

// clockSkew is how far the org's clock may be from ours.
const clockSkew = 5 * time.Minute

// updates changes records.
type updates struct{ desks Desks }

// Do writes absolute values to the record, so that doing it twice leaves what doing it once leaves.
func (u updates) Do(ctx context.Context, a journal.Attempt) journal.Outcome {
	j, bad := u.desks.job(a)
	if bad != nil {
		return *bad
	}
	id, bad := j.record(ctx)
	if bad != nil {
		return *bad
	}
	f, err := j.fields(ctx)
	if err != nil {
		return unsent(err)
	}
	// There is nothing to attach to: the record is known. Only "save" passes a duplicate rule, where it permits it.
	err = j.client.Update(ctx, j.Object, id, f, salesforce.WriteOptions{NoAutoAssign: j.SkipAssign, AllowDuplicates: j.Duplicates == Save})
	switch {
	case absent(err) && time.Since(a.Intent.Recorded) < freshFor:
		out := outcome(err)
		out.Verdict, out.Blame = journal.Retry, journal.None
		return out
	case err != nil:
		return outcome(err)
	}
	j.Forget(j.Object)
	return done(id, j.readBack(ctx, id))
}

// record is the id of what is to be changed: named by the intent, known by now as its subject, or the
// caller's own.
func (j job) record(ctx context.Context) (salesforce.ID, *journal.Outcome) {
	text := j.Record
	if text == "" {
		text = j.attempt.Ref
	}
	if text == "" && j.Whose != "" { // who called could not be looked up while they waited
		var err error
		if text, err = j.whose(ctx, j.Whose); err != nil {
			out := unsent(err)
			return "", &out
		}
		if text == "" {
			out := refused("the caller's number belongs to nobody in the org, or to more than one", "find out who called, change the record by hand, then discard")
			return "", &out
		}
	}
	id, err := salesforce.ParseID(text)
	if err != nil {
		out := refused("it is not known which record to change: "+err.Error(), "correct the record by hand, then discard")
		return "", &out
	}
	return id, nil
}

// Look compares the record with what was to be written. Its values there: done. The values from before,
// or nobody having touched the record since: it did not happen. Neither: a person has changed it, and
// writing now would take that back.
func (u updates) Look(ctx context.Context, a journal.Attempt) journal.Outcome {
	j, bad := u.desks.job(a)
	if bad != nil {
		return *bad
	}
	id, bad := j.record(ctx)
	if bad != nil {
		return *bad
	}
	f, err := j.fields(ctx)
	if err != nil {
		return unseen(err)
	}
	names := []string{"LastModifiedDate"}
	for n := range f {
		names = append(names, n)
	}
	r, err := j.client.Get(ctx, j.Object, id, names...)
	if err != nil {
		return unseen(err)
	}
	if holds(r, f) {
		return done(id, j.readBack(ctx, id))
	}
	var before map[string]any
	if len(a.Intent.Before) > 0 {
		if err := json.Unmarshal(a.Intent.Before, &before); err != nil {
			return refused("the values from before cannot be read", "compare the record by hand, then retry or discard")
		}
	}
	if before != nil && holds(r, before) || untouched(r, a.Intent.Tried) {
		return journal.Outcome{Verdict: journal.Retry, Blame: journal.Outage, Why: "the record is unchanged"}
	}
	return refused("somebody has changed the record since", "compare the record by hand, then retry or discard")
}

// untouched reports whether the record was last changed before the attempt began, by the org's clock and to
// its second. A person's change made within the difference of the clocks after the attempt looks older than
// it, and is overwritten.
func untouched(r salesforce.Record, since time.Time) bool {
	at, err := time.Parse("2006-01-02T15:04:05.000-0700", r.Text("LastModifiedDate"))
	return err == nil && at.Before(since)
}

// holds reports whether the record has all the values. Numbers come back as float64 whatever was sent.
func holds(r salesforce.Record, want map[string]any) bool {
	for name, v := range want {
		if !sameValue(r[name], v) {
			return false
		}
	}
	return true
}

// sameValue compares by form in JSON, in which every number is alike, and then as moments: Salesforce writes a datetime
// in its own way.
func sameValue(got, want any) bool {
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(want)
	if errA != nil || errB != nil {
		return false
	}
	if string(a) == string(b) {
		return true
	}
	at, errA := moment(got)
	bt, errB := moment(want)
	return errA == nil && errB == nil && at.Equal(bt)
}

// moment reads a datetime in the form that Salesforce sends and in the one that we write.
func moment(v any) (time.Time, error) {
	s, _ := v.(string)
	if t, err := time.Parse("2006-01-02T15:04:05.000-0700", s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}

// comments adds child records that carry no key.
type comments struct{ desks Desks }

// textField is the field by which a comment is recognised.
const textField = "CommentBody"

// Do creates the child record. It is the one write that is not harmless twice.
func (c comments) Do(ctx context.Context, a journal.Attempt) journal.Outcome {
	j, bad := c.desks.job(a)
	if bad != nil {
		return *bad
	}
	f, err := j.fields(ctx)
	if err != nil {
		return unsent(err)
	}
	if f["ParentId"] == nil {
		return noParent()
	}
	saved, err := j.client.Create(ctx, j.Object, f, salesforce.WriteOptions{})
	if err != nil {
		return outcome(err)
	}
	return done(saved.ID, nil)
}

// noParent is a comment on a record that the org does not have, or has more than once.
func noParent() journal.Outcome {
	return refused("the record to comment on was not found", "find the record, add the comment by hand, then discard")
}

// Look searches the parent's newest children for the text. Salesforce does not filter by a long text, so
// they are compared here.
func (c comments) Look(ctx context.Context, a journal.Attempt) journal.Outcome {
	j, bad := c.desks.job(a)
	if bad != nil {
		return *bad
	}
	f, err := j.fields(ctx)
	if err != nil {
		return unseen(err)
	}
	parent, _ := f["ParentId"].(string)
	id, err := salesforce.ParseID(parent)
	if err != nil {
		return noParent()
	}
	q, err := salesforce.Select("Id", textField, "CreatedDate").From(j.Object).Where(
		salesforce.Eq("ParentId", salesforce.Ref(id)),
		salesforce.Ge("CreatedDate", salesforce.DateTime(a.Intent.Recorded.Add(-clockSkew))),
	).OrderByDesc("CreatedDate").Limit(200).Build()
	if err != nil {
		return refused(err.Error(), "add the comment by hand, then discard")
	}
	page, err := j.client.Query(ctx, q)
	if err != nil {
		return unseen(err)
	}
	for _, r := range page.Records {
		if r.Text(textField) != f[textField] {
			continue
		}
		taken, err := a.Taken(ctx, string(r.ID()))
		if err != nil {
			return journal.Outcome{Verdict: journal.Unknown, Blame: journal.None, Why: "the journal could not be read"}
		}
		if !taken { // two people can say the same: another intent's comment is not ours
			return done(r.ID(), nil)
		}
	}
	return journal.Outcome{Verdict: journal.Retry, Blame: journal.Outage, Why: "no such comment is on the record"}
}

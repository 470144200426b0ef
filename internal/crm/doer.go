package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hookswitch/hookswitch/internal/caller"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/mutant"
	"github.com/hookswitch/hookswitch/internal/salesforce"
)

// attemptTimeout bounds one attempt. Salesforce ends a request itself after ten minutes; a caller, and
// the writes queued behind, cannot wait for that.
const attemptTimeout = 30 * time.Second

// quietPeriod is how long after an attempt a comment may still appear in the org: the attempt's own
// timeout, and a minute for a commit that outlives its connection.
const quietPeriod = attemptTimeout + time.Minute

// Desks finds the desk of a workspace.
type Desks func(workspace string) (*Desk, bool)

// Kinds are the kinds of intent that this package does, for the journal to register. Only a comment needs a quiet
// period: what the others write can be written again under the same key or id.
func Kinds(desks Desks) map[string]journal.Kind {
	return map[string]journal.Kind{
		KindCreate:  {Doer: creates{desks}, Timeout: attemptTimeout},
		KindUpdate:  {Doer: updates{desks}, Timeout: attemptTimeout},
		KindComment: {Doer: comments{desks}, Timeout: attemptTimeout, Quiet: quietPeriod},
	}
}

// job is one attempt, read and ready.
type job struct {
	*Desk
	Write
	attempt journal.Attempt
}

// job decodes an attempt. Its error outcome is for a person: a body that cannot be read will not mend
// itself.
func (d Desks) job(a journal.Attempt) (job, *journal.Outcome) {
	desk, ok := d(a.Intent.Workspace)
	if !ok {
		out := refused(fmt.Sprintf("there is no workspace %q any more", a.Intent.Workspace), "add the workspace to the configuration again, then retry")
		return job{}, &out
	}
	w, err := DecodeWrite(a.Intent.Body)
	if err != nil {
		out := refused(err.Error(), "discard it, or restore the version that wrote it")
		return job{}, &out
	}
	return job{Desk: desk, Write: w, attempt: a}, nil
}

// key is where the record is, or will be, in the org.
func (j job) key() salesforce.Key {
	field, key := j.KeyField, j.Key
	if field == "" {
		field = KeyField
	}
	if key == "" {
		key = j.attempt.Intent.Key
	}
	if mutant.On(mutant.ForgetKey) {
		key = fmt.Sprintf("%s:%d", key, j.attempt.Number)
	}
	return salesforce.Key{Object: j.Object, Field: field, Value: key}
}

// fields are the values to write, with everything that was left to be found out.
func (j job) fields(ctx context.Context) (salesforce.Fields, error) {
	f := salesforce.Fields{}
	maps.Copy(f, j.Fields)
	for name, later := range j.Later {
		v, err := j.later(ctx, later)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		if v != nil {
			f[name] = v
		}
	}
	for name, spoken := range j.Picklists {
		shape, err := j.shape(ctx, j.Object)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		if field := shape.Field(name); field != nil {
			if v, ok := salesforce.MatchPicklist(field.Picklist, spoken); ok {
				f[name] = v.Value
			}
		}
	}
	return f, nil
}

// later finds one value out. nil leaves the field out: a record without its reference can be completed by a person, one
// with a stranger's would mislead them.
func (j job) later(ctx context.Context, l Later) (any, error) {
	if l.Whose != "" {
		id, err := j.whose(ctx, l.Whose)
		if id == "" || err != nil {
			return nil, err
		}
		return id, nil
	}
	if l.Lookup == nil {
		if in, ok := j.attempt.Needs[l.Need]; ok && in.Effect != "" {
			return in.Effect, nil
		}
		return nil, nil
	}
	rows, err := j.Read(ctx, l.Lookup.Query)
	if err != nil || len(rows) != 1 {
		return nil, err
	}
	return rows[0][l.Lookup.Field], nil
}

// whose is the caller's own record of an object, or "" where nobody or more than one has the number.
func (j job) whose(ctx context.Context, object string) (string, error) {
	id, err := j.Who(ctx, caller.Number(j.Phone))
	switch {
	case err != nil:
		return "", err
	case object == "Contact":
		return id.Contact, nil
	case object == "Account":
		return id.Account, nil
	}
	return id.Lead, nil
}

// readBack reads what the words need. A write that happened is done whether or not this succeeds: the
// sentence that needs the facts is then not spoken.
func (j job) readBack(ctx context.Context, id salesforce.ID) map[string]string {
	if len(j.ReadBack) == 0 {
		return nil
	}
	r, err := j.client.Get(ctx, j.Object, id, j.ReadBack...)
	if err != nil {
		return nil
	}
	return facts(r, j.ReadBack)
}

// facts are the named fields as words can hold them. A field without a value is no fact: a sentence that names it is
// then not spoken.
func facts(r salesforce.Record, names []string) map[string]string {
	out := map[string]string{}
	for _, n := range names {
		switch v := r[n].(type) {
		case nil:
		case string:
			out[n] = v
		default:
			if b, err := json.Marshal(v); err == nil {
				out[n] = string(b)
			}
		}
	}
	return out
}

// creates makes records.
type creates struct{ desks Desks }

// Do upserts the record under the intent's key.
func (c creates) Do(ctx context.Context, a journal.Attempt) journal.Outcome {
	j, bad := c.desks.job(a)
	if bad != nil {
		return *bad
	}
	f, err := j.fields(ctx)
	if err != nil {
		return unsent(err)
	}
	opts := salesforce.WriteOptions{NoAutoAssign: j.SkipAssign}
	saved, err := j.client.Upsert(ctx, j.key(), f, opts)
	if matches := duplicates(err); len(matches) > 0 {
		// The record that it resembles may be the one that an earlier attempt has made since: the rules are asked
		// before the key.
		if out := j.found(ctx); out.Verdict != journal.Retry {
			return out
		}
		return j.duplicated(ctx, f, matches)
	}
	return j.saved(ctx, saved, err)
}

// saved turns the end of an upsert into an outcome. A key that is taken was taken by an earlier attempt
// of this very intent, so its record is the one.
func (j job) saved(ctx context.Context, saved salesforce.Saved, err error) journal.Outcome {
	if salesforce.ClassOf(err) == salesforce.Resolved {
		return j.found(ctx)
	}
	if err != nil {
		return j.keyless(err, outcome(err))
	}
	j.Forget(j.Object)
	if saved.ID == "" { // below API version 46 an update by key tells no id
		return j.found(ctx)
	}
	return done(saved.ID, j.readBack(ctx, saved.ID))
}

// Look reads the record by its key.
func (c creates) Look(ctx context.Context, a journal.Attempt) journal.Outcome {
	j, bad := c.desks.job(a)
	if bad != nil {
		return *bad
	}
	return j.found(ctx)
}

// found is the record under the key, if an attempt has made it.
func (j job) found(ctx context.Context) journal.Outcome {
	r, err := j.client.GetByKey(ctx, j.key(), append([]string{"Id"}, j.ReadBack...)...)
	switch {
	case absent(err):
		return journal.Outcome{Verdict: journal.Retry, Blame: journal.Outage, Why: "no record has the key yet"}
	case err != nil:
		return j.keyless(err, unseen(err))
	}
	return done(r.ID(), facts(r, j.ReadBack))
}

// keyless names the field that an org without our key field lacks: without it a create cannot be repeated
// without harm, so it is not tried in another way.
func (j job) keyless(err error, out journal.Outcome) journal.Outcome {
	e, ok := errors.AsType[*salesforce.Error](err)
	if !ok || e.Status != http.StatusNotFound || e.Absent() {
		return out
	}
	out.Hint = fmt.Sprintf("create the field %s (text of 255, external id, unique, case sensitive) on %s and let the integration user see it, then retry; "+
		"or name another unique field with key_field in the playbook", j.key().Field, j.Object)
	return out
}

// unsent is a failure before the write itself: a lookup that it needs. Nothing can have happened.
func unsent(err error) journal.Outcome {
	out := outcome(err)
	if out.Verdict == journal.Unknown {
		out.Verdict = journal.Retry
	}
	return out
}

// unseen is a look that failed: the doubt stays, unless the org will never answer.
func unseen(err error) journal.Outcome {
	out := outcome(err)
	if out.Verdict == journal.Retry {
		out.Verdict = journal.Unknown
	}
	return out
}

// duplicates are the records with which the org's duplicate rules refused a write.
func duplicates(err error) []salesforce.Match {
	e, ok := errors.AsType[*salesforce.Error](err)
	if !ok || !e.Has("DUPLICATES_DETECTED") {
		return nil
	}
	if len(e.Matches) == 0 {
		return []salesforce.Match{{}} // refused without saying with what: a person decides
	}
	return e.Matches
}

// duplicated does what the playbook says about a record that the org takes for a duplicate.
func (j job) duplicated(ctx context.Context, f salesforce.Fields, matches []salesforce.Match) journal.Outcome {
	switch j.Duplicates {
	case Save:
		if slices.ContainsFunc(matches, func(m salesforce.Match) bool { return !m.AllowSave }) {
			return refused("the org's duplicate rule blocks the record", "merge or correct the records, then retry; or let the rule warn instead of block")
		}
		saved, err := j.client.Upsert(ctx, j.key(), f, salesforce.WriteOptions{NoAutoAssign: j.SkipAssign, AllowDuplicates: true})
		return j.saved(ctx, saved, err)
	case Review:
		return refused("the org's duplicate rule matched a record", "decide whether it is the same person, then retry or discard")
	}
	return j.attach(ctx, f, matches)
}

// standing are the fields that say whose record it is and where it came from.
var standing = []string{"FirstName", "LastName", "Company", "LeadSource"}

// attach writes to the one record that the org says is the same. It must carry the caller's own number:
// a duplicate rule matches names too, and two people can share one.
func (j job) attach(ctx context.Context, f salesforce.Fields, matches []salesforce.Match) journal.Outcome {
	if len(matches) != 1 || matches[0].ID == "" || matches[0].Object != j.Object {
		return refused("the org's duplicate rule matched more than one record, or one of another object", "decide which is the same person, then retry or discard")
	}
	id := matches[0].ID
	key := j.key()
	kept := []string{key.Field}
	for _, name := range standing {
		if _, given := f[name]; given {
			kept = append(kept, name)
		}
	}
	r, err := j.client.Get(ctx, j.Object, id, append([]string{"Phone", "MobilePhone"}, kept...)...)
	if err != nil {
		return unsent(err)
	}
	phone := caller.Number(j.Phone)
	if phone == "" || !phone.Same(r.Text("Phone")) && !phone.Same(r.Text("MobilePhone")) {
		return refused("the org's duplicate rule matched a record with another telephone number", "decide whether it is the same person, then retry or discard")
	}
	// A record that people keep stays theirs: what names it is only filled in where it is blank, and so is
	// the key, which may be that of another intent.
	f[key.Field] = key.Value
	for _, name := range kept {
		if r.Text(name) != "" {
			delete(f, name)
		}
	}
	if err := j.client.Update(ctx, j.Object, id, f, salesforce.WriteOptions{NoAutoAssign: j.SkipAssign, AllowDuplicates: true}); err != nil {
		return outcome(err)
	}
	j.Forget(j.Object)
	return done(id, j.readBack(ctx, id))
}

package simforce

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Op is what a ledger entry did.
type Op string

// The changes that the ledger knows. Publish is a platform event accepted.
const (
	Create  Op = "create"
	Update  Op = "update"
	Delete  Op = "delete"
	Publish Op = "publish"
)

// Entry is one committed change. The ledger is what an oracle trusts: what is not in it did not happen, and what
// is in it twice happened twice.
type Entry struct {
	N       int            `json:"n"`
	At      time.Time      `json:"at"`
	Op      Op             `json:"op"`
	Object  string         `json:"object"`
	ID      string         `json:"id"`
	Fields  map[string]any `json:"fields"`           // what differs from before, the org's own columns left out; null where emptied
	Sent    map[string]any `json:"sent,omitempty"`   // what the caller sent, changed or not
	Key     string         `json:"key,omitempty"`    // external-id value that addressed the row, or its Hookswitch key on a plain create
	Replay  bool           `json:"replay,omitempty"` // an upsert whose key had made its record before
	Who     string         `json:"who"`              // username, or "person" for changes made through Edit and its kin
	Request int            `json:"request"`          // number in Requests; 0 for a person
}

// Request is one line of the request log.
type Request struct {
	N       int           `json:"n"`
	At      time.Time     `json:"at"`
	Method  string        `json:"method"`
	Path    string        `json:"path"` // path and query as sent; token endpoints without their query
	Objects []string      `json:"objects,omitempty"`
	Status  int           `json:"status"` // 0 while it runs, and for ever if the connection was reset
	Code    string        `json:"code,omitempty"`
	Took    time.Duration `json:"took"`
	Faults  []Kind        `json:"faults,omitempty"`
	Body    string        `json:"body,omitempty"` // REST bodies up to 64 KiB; never those of token requests
}

// Record is one row as an outsider may see it.
type Record struct {
	Object  string         `json:"object"`
	ID      string         `json:"id"`
	Fields  map[string]any `json:"fields"` // string, float64, bool; empty fields are absent
	Deleted bool           `json:"deleted,omitempty"`
}

// Str gives a text field, "" where it is empty.
func (r Record) Str(field string) string {
	s, _ := r.Fields[field].(string)
	return s
}

// Number gives a numeric field, 0 where it is empty.
func (r Record) Number(field string) float64 {
	n, _ := r.Fields[field].(float64)
	return n
}

// housekeeping columns change with each write and say nothing about what the write was for.
func housekeeping(field string) bool {
	return slices.Contains([]string{"LastModifiedDate", "LastModifiedById", "SystemModstamp", "CreatedDate", "CreatedById", "Id", "IsDeleted"}, field)
}

// entry is what all kinds of entries share.
func (t *tx) entry(op Op, r *record) Entry {
	return Entry{At: t.now, Op: op, Object: r.object, ID: r.id, Who: t.call.who(), Request: t.call.number}
}

// note writes what a create or update changed. An update that changes nothing is an entry too: it happened.
func (t *tx) note(op Op, w *writing, before map[string]any) {
	e := t.entry(op, w.r)
	e.Fields, e.Sent, e.Replay = map[string]any{}, maps.Clone(w.sent), w.replay
	for name, v := range w.fields {
		if before[name] != v && !housekeeping(name) {
			e.Fields[name] = v
		}
	}
	for name := range before {
		if w.fields[name] == nil && !housekeeping(name) {
			e.Fields[name] = nil
		}
	}
	e.Key = w.key
	if key, _ := w.sent[KeyField].(string); e.Key == "" {
		e.Key = key
	}
	t.entries = append(t.entries, e)
}

// Ledger gives every committed change in order. Seeds are not changes.
func (o *Org) Ledger() []Entry { return o.ledgerSince(0) }

// ledgerSince gives the entries after the nth.
func (o *Org) ledgerSince(n int) []Entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.ledger[min(max(n, 0), len(o.ledger)):])
}

// maxRequests bounds the request log: an org that runs for days keeps the newest.
const maxRequests = 100_000

// Requests gives the request log in order of arrival, the newest hundred thousand.
func (o *Org) Requests() []Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Request, 0, len(o.requests))
	for _, r := range o.requests {
		list = append(list, *r)
	}
	return list
}

// Put seeds a record, as if it had been there for years: it is found by queries and searches that lag, obeys no
// rule, may set read-only fields, and is not in the ledger. Values are string, bool, float64 or int. It panics on
// an object, field or value that the schema does not know, which is a mistake in the test.
func (o *Org) Put(object string, fields map[string]any) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mustPlant(object, fields)
}

// mustPlant is plant for what cannot fail but by a mistake of the caller's.
func (o *Org) mustPlant(object string, fields map[string]any) string {
	id, err := o.plant(object, fields)
	if err != nil {
		panic(err)
	}
	return id
}

// plant is Put under the lock.
func (o *Org) plant(objectName string, fields map[string]any) (string, error) {
	b := o.object(objectName)
	if b == nil {
		return "", fmt.Errorf("simforce: put: no object %q", objectName)
	}
	t := o.begin(&call{org: o, person: true})
	w := &writing{b: b, sent: map[string]any{}, fields: map[string]any{}}
	for name, v := range fields {
		f := b.field(name)
		if f == nil {
			return "", fmt.Errorf("simforce: put %s: no field %q", b.Name, name)
		}
		if n, isInt := v.(int); isInt {
			v = float64(n)
		}
		w.sent[f.Name] = v
		set(w.fields, f.Name, v)
	}
	if errs := t.defaults(w); errs != nil {
		return "", fmt.Errorf("simforce: put %s: %s", b.Name, errs[0].message)
	}
	t.stamp(w, true)
	for name, v := range w.sent {
		set(w.fields, name, v)
	}
	w.r = t.add(b)
	w.fields["Id"] = w.r.id
	if f, other := t.put(b, w.r, w.fields); other != nil {
		t.rollback(mark{})
		return "", fmt.Errorf("simforce: put %s: %s is taken by %s", b.Name, f.Name, other.id)
	}
	// It was always there: any lag sees it.
	w.r.past[0].at = time.Time{}
	return w.r.id, nil
}

// Edit changes a record as a person in the browser would: validated, without assignment and duplicate rules, in
// the ledger as "person".
func (o *Org) Edit(id string, fields map[string]any) error {
	body := object{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		body = append(body, member{name, plain(fields[name])})
	}
	return o.byPerson(id, func(t *tx, b *Object, r *record) apiErrors { return t.update(b, r, body, "") })
}

// Remove deletes a record as a person would.
func (o *Org) Remove(id string) error {
	return o.byPerson(id, func(t *tx, b *Object, r *record) apiErrors { return t.remove(b, r) })
}

// ConvertLead converts a Lead as a person would: it becomes read-only, and an Account and a Contact come of it.
func (o *Org) ConvertLead(id string) (account, contact string, err error) {
	err = o.byPerson(id, func(t *tx, b *Object, r *record) apiErrors {
		if b.Name != "Lead" || r.fields["IsConverted"] == true {
			return refuse("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
		}
		account = t.side("Account", map[string]any{"Name": r.fields["Company"], "OwnerId": t.call.user()})
		contact = t.side("Contact", carry(r, map[string]any{"AccountId": account, "OwnerId": t.call.user()}, "FirstName", "LastName", "Name", "Phone", "MobilePhone", "Email"))
		fields := carry(r, map[string]any{}, slices.Collect(maps.Keys(r.fields))...)
		fields["IsConverted"], fields["Status"], fields["ConvertedDate"] = true, "Closed - Converted", t.now.UTC().Format(dateForm)
		fields["ConvertedAccountId"], fields["ConvertedContactId"] = account, contact
		return t.personPut(b, r, fields)
	})
	return account, contact, err
}

// MergeLeads merges the loser into the winner as a person would. The loser goes to the recycle bin and its
// external key with it: the winner keeps its own.
func (o *Org) MergeLeads(winner, loser string) error {
	return o.byPerson(loser, func(t *tx, b *Object, r *record) apiErrors {
		if w, _ := o.live(winner); w == nil || w.object != "Lead" || b.Name != "Lead" || w == r {
			return refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
		}
		fields := carry(r, map[string]any{"MasterRecordId": winner}, slices.Collect(maps.Keys(r.fields))...)
		delete(fields, KeyField)
		t.put(b, r, fields)
		return t.remove(b, r)
	})
}

// carry copies columns that are not empty.
func carry(from *record, to map[string]any, names ...string) map[string]any {
	for _, name := range names {
		if v := from.fields[name]; v != nil && to[name] == nil {
			to[name] = v
		}
	}
	return to
}

// personPut stores what a person did in the browser, past the columns that callers may not write.
func (t *tx) personPut(b *Object, r *record, fields map[string]any) apiErrors {
	w := &writing{b: b, r: r, fields: fields}
	before := r.fields
	t.stamp(w, false)
	t.put(b, r, fields)
	t.note(Update, w, before)
	return nil
}

// byPerson runs a change that did not come over the API: faults do not touch it, and rules for callers do not apply.
func (o *Org) byPerson(id string, do func(*tx, *Object, *record) apiErrors) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	id, _ = longID(id)
	r, _ := o.live(id)
	if r == nil {
		return fmt.Errorf("simforce: no record %q", id)
	}
	t := o.begin(&call{org: o, person: true, snapshot: o.seq})
	if errs := do(t, o.schema[r.object], r); errs != nil {
		t.rollback(mark{})
		return fmt.Errorf("simforce: change %s: %s: %s", id, errs[0].code, errs[0].message)
	}
	t.commit()
	return nil
}

// Records gives an object's live records in order of creation; an unknown object has none.
func (o *Org) Records(object string) []Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.object(object)
	if b == nil {
		return nil
	}
	var list []Record
	for _, r := range o.tables[b.Name].rows {
		if !r.deleted {
			list = append(list, r.export())
		}
	}
	return list
}

// Record finds a record by id, of 15 or 18 characters, also in the recycle bin.
func (o *Org) Record(id string) (Record, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id, _ = longID(id)
	b := o.byPrefix(id)
	if b == nil || o.tables[b.Name].byID[id] == nil {
		return Record{}, false
	}
	return o.tables[b.Name].byID[id].export(), true
}

func (r *record) export() Record {
	return Record{Object: r.object, ID: r.id, Fields: maps.Clone(r.fields), Deleted: r.deleted}
}

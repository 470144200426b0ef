package simforce

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// record is one row. Its fields map is never changed in place: a write replaces it, so versions can share it.
type record struct {
	id      string
	object  string
	fields  map[string]any // string, float64, bool; dates and datetimes as canonical strings; absent means null
	deleted bool
	seq     int64 // the org's sequence number of the write that created it
	past    []version
	party   party // what the duplicate rules compare
}

// version is what a record was from at on. The newest version equals the record.
type version struct {
	at      time.Time
	fields  map[string]any
	deleted bool
}

// remembered is how far back versions are kept, and so the longest lag that can be asked for.
const remembered = 2 * time.Hour

// keep remembers the record's state from at on, and forgets what no lag can reach.
func (r *record) keep(at time.Time) {
	r.past = append(slices.Clip(r.past), version{at, r.fields, r.deleted})
	for len(r.past) > 1 && r.past[1].at.Before(at.Add(-remembered)) {
		r.past = r.past[1:]
	}
}

// asOf gives the record as a reader that lags saw it, and whether it was there.
func (r *record) asOf(at time.Time) (map[string]any, bool) {
	for _, v := range slices.Backward(r.past) {
		if !v.at.After(at) {
			return v.fields, !v.deleted
		}
	}
	return nil, false
}

// str gives a text column, "" where it is empty.
func (r *record) str(field string) string {
	s, _ := r.fields[field].(string)
	return s
}

// table holds the rows of one object in order of creation, and its unique indexes.
type table struct {
	rows   []*record
	byID   map[string]*record
	unique map[string]map[string]*record // field → folded value → live row
}

func newTable() *table {
	return &table{byID: map[string]*record{}, unique: map[string]map[string]*record{}}
}

// fold is the form in which values are compared: unique fields and filters disregard case unless the field regards it.
func fold(f *Field, v any) string {
	s, _ := v.(string)
	if !f.CaseSensitive {
		s = strings.ToLower(s)
	}
	return s
}

// index gives the unique index of a field, made when it is first wanted.
func (t *table) index(f *Field) map[string]*record {
	if t.unique[f.Name] == nil {
		t.unique[f.Name] = map[string]*record{}
	}
	return t.unique[f.Name]
}

// reindex builds the unique indexes anew after a change of schema. Where rows already share a value the oldest
// keeps it; the vendor would refuse the change.
func (t *table) reindex(b *Object) {
	t.unique = map[string]map[string]*record{}
	for i := range b.Fields {
		f := &b.Fields[i]
		if !f.Unique {
			continue
		}
		for _, r := range t.rows {
			if v := r.fields[f.Name]; v != nil && !r.deleted && t.index(f)[fold(f, v)] == nil {
				t.index(f)[fold(f, v)] = r
			}
		}
	}
}

// dropField empties a column for good, past versions excepted: an index that lags may still show it.
func (t *table) dropField(name string) {
	delete(t.unique, name)
	for _, r := range t.rows {
		r.fields = maps.Clone(r.fields)
		delete(r.fields, name)
	}
}

// tx gathers the writes of one request. Other requests never see it half done: the org's lock is held throughout.
type tx struct {
	org     *Org
	call    *call
	now     time.Time
	undo    []func()
	entries []Entry
	own     map[string]bool // ids created here: visible to key lookups whatever the snapshot
}

// begin opens a transaction. All its rows carry one time.
func (o *Org) begin(c *call) *tx {
	return &tx{org: o, call: c, now: time.Now(), own: map[string]bool{}}
}

// mark is a savepoint.
type mark struct{ undo, entries int }

// mark remembers where the transaction stands.
func (t *tx) mark() mark { return mark{len(t.undo), len(t.entries)} }

// rollback undoes everything since the savepoint, newest first. Ids and case numbers that were drawn are not given back.
func (t *tx) rollback(m mark) {
	for i := len(t.undo) - 1; i >= m.undo; i-- {
		t.undo[i]()
	}
	t.undo, t.entries = t.undo[:m.undo], t.entries[:m.entries]
}

// commit puts what the transaction wrote into the ledger.
func (t *tx) commit() {
	for _, e := range t.entries {
		e.N = len(t.org.ledger) + 1
		t.org.ledger = append(t.org.ledger, e)
	}
	t.undo, t.entries = nil, nil
}

// put stores fields as the record's newest state and keeps the unique indexes. It returns the row that already
// holds one of the unique values, having changed nothing.
func (t *tx) put(b *Object, r *record, fields map[string]any) (*Field, *record) {
	tab := t.org.tables[b.Name]
	for i := range b.Fields {
		f := &b.Fields[i]
		if v := fields[f.Name]; f.Unique && v != nil {
			if other := tab.index(f)[fold(f, v)]; other != nil && other != r {
				return f, other
			}
		}
	}
	t.save(b, r)
	t.unindex(b, r)
	r.fields, r.party = fields, partyOf(b, fields)
	for i := range b.Fields {
		if f := &b.Fields[i]; f.Unique && fields[f.Name] != nil {
			tab.index(f)[fold(f, fields[f.Name])] = r
		}
	}
	r.keep(t.now)
	return nil, nil
}

// save makes the record's present state come back on rollback.
func (t *tx) save(b *Object, r *record) {
	before, tab := *r, t.org.tables[b.Name]
	t.undo = append(t.undo, func() {
		t.unindex(b, r)
		*r = before
		for i := range b.Fields {
			if f := &b.Fields[i]; f.Unique && r.fields[f.Name] != nil && !r.deleted && tab.byID[r.id] == r {
				tab.index(f)[fold(f, r.fields[f.Name])] = r
			}
		}
	})
}

// unindex takes the record's values out of the unique indexes, where they are its own.
func (t *tx) unindex(b *Object, r *record) {
	tab := t.org.tables[b.Name]
	for i := range b.Fields {
		f := &b.Fields[i]
		if v := r.fields[f.Name]; f.Unique && v != nil && tab.index(f)[fold(f, v)] == r {
			delete(tab.index(f), fold(f, v))
		}
	}
}

// add makes an empty row; put fills it.
func (t *tx) add(b *Object) *record {
	t.org.seq++
	r := &record{id: t.org.newID(b.Prefix), object: b.Name, fields: map[string]any{}, seq: t.org.seq}
	tab := t.org.tables[b.Name]
	tab.rows, tab.byID[r.id] = append(tab.rows, r), r
	t.own[r.id] = true
	t.undo = append(t.undo, func() {
		delete(tab.byID, r.id)
		tab.rows = tab.rows[:len(tab.rows)-1] // undone in reverse, it is the last again
	})
	return r
}

// live finds a row that is not deleted; gone reports one that is in the recycle bin.
func (o *Org) live(id string) (r *record, gone bool) {
	b := o.byPrefix(id)
	if b == nil {
		return nil, false
	}
	r = o.tables[b.Name].byID[id]
	if r == nil {
		return nil, false
	}
	if r.deleted {
		return nil, true
	}
	return r, false
}

// byKey finds the live rows whose external-id field holds value, as the transaction's request could see them when
// it arrived. That is what makes two overlapping upserts race for the unique index.
func (t *tx) byKey(b *Object, f *Field, value any) []*record {
	tab, visible := t.org.tables[b.Name], func(r *record) bool {
		return r != nil && (t.own[r.id] || r.seq <= t.call.snapshot)
	}
	if f.Unique {
		if r := tab.index(f)[fold(f, value)]; visible(r) {
			return []*record{r}
		}
		return nil
	}
	var found []*record
	for _, r := range tab.rows {
		v := r.fields[f.Name]
		_, isText := value.(string)
		same := v == value || isText && v != nil && fold(f, v) == fold(f, value)
		if !r.deleted && same && visible(r) {
			found = append(found, r)
		}
	}
	return found
}

package simforce

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// writing is one row on its way in.
type writing struct {
	b      *Object
	r      *record        // nil on insert
	sent   map[string]any // what the caller sent, converted; nil value means null
	fields map[string]any // what will be stored
	key    string         // external-id value by which the row was addressed
	replay bool           // the key had already made its record
}

func (w *writing) insert() bool { return w.r == nil }

// str gives a text column as it will be stored.
func (w *writing) str(field string) string {
	s, _ := w.fields[field].(string)
	return s
}

// sets reports whether the write gives the field a new value.
func (w *writing) sets(field string) bool {
	v, there := w.sent[field]
	return there && (w.r == nil || w.r.fields[field] != v)
}

// insert creates a row and gives its id.
// The id is drawn late, so that a refused create leaves no hole in what a client sees, save one by the unique index.
func (t *tx) insert(b *Object, body object, key string) (string, apiErrors) {
	if b.NoCreate {
		return "", fail(http.StatusBadRequest, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type %s does not support create", b.Name)
	}
	w := &writing{b: b, key: key}
	m := t.mark()
	if errs := t.write(w, body); errs != nil {
		t.rollback(m)
		return "", errs
	}
	return w.r.id, nil
}

// update changes a row that the caller has found.
func (t *tx) update(b *Object, r *record, body object, key string) apiErrors {
	if b.NoUpdate {
		return fail(http.StatusBadRequest, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type %s does not support update", b.Name)
	}
	m := t.mark()
	errs := t.write(&writing{b: b, r: r, key: key, replay: key != ""}, body)
	if errs != nil {
		t.rollback(m)
	}
	return errs
}

// write runs one row through everything that stands between a request and the table, in the vendor's order of
// execution as far as it matters here: reading, defaults, references, rules, the unique index, what the org adds.
func (t *tx) write(w *writing, body object) apiErrors {
	op, insert := Update, w.insert()
	if insert {
		op = Create
	}
	// Before anything is looked at: a row that is locked is not read either.
	if errs := t.org.rowFault(t.call, op, w); errs != nil {
		return errs
	}
	if errs := t.clean(w, body); errs != nil {
		return errs
	}
	// The map is never written to: put replaces it, so that what it was stays readable for the ledger.
	before := map[string]any{}
	if !insert {
		before = w.r.fields
	}
	for _, rule := range []func(*writing) apiErrors{t.defaults, t.references, t.crossField, t.duplicates, t.assign} {
		if errs := rule(w); errs != nil {
			return errs
		}
	}
	if insert {
		w.r = t.add(w.b)
		w.fields["Id"] = w.r.id
	}
	t.stamp(w, insert)
	if f, other := t.put(w.b, w.r, w.fields); other != nil {
		return refuse("DUPLICATE_VALUE", fmt.Sprintf("duplicate value found: %s duplicates value on record with id: %s", f.Name, other.id))
	}
	t.note(op, w, before)
	return t.after(w, insert)
}

// clean checks a body field by field and fills w.sent and w.fields. As at the vendor, an unknown field or a wrong
// JSON type ends the reading at once; errors about values are gathered.
func (t *tx) clean(w *writing, body object) apiErrors {
	w.sent, w.fields = map[string]any{}, map[string]any{}
	if !w.insert() {
		w.fields = maps.Clone(w.r.fields)
	}
	var locked []string
	var errs apiErrors
	for _, m := range body {
		if strings.EqualFold(m.name, "attributes") {
			if e := checkAttributes(w.b, m.value); e != nil {
				return e
			}
			continue
		}
		f, v, e := t.resolve(w.b, m)
		if e != nil {
			return e
		}
		if _, twice := w.sent[f.Name]; twice {
			return badJSON("duplicate field '%s'", m.name)
		}
		if f.ReadOnly || f.CreateOnly && !w.insert() {
			locked = append(locked, f.Name)
			continue
		}
		stored, e := f.value(v)
		if e != nil && e[0].code == "JSON_PARSER_ERROR" {
			return e
		}
		errs = append(errs, e...)
		w.sent[f.Name] = stored
		set(w.fields, f.Name, stored)
	}
	if locked != nil {
		return refuse("INVALID_FIELD_FOR_INSERT_UPDATE", fmt.Sprintf("Unable to create/update fields: %s. Please check the security settings "+
			"of this field and verify that it is read/write for your profile or permission set.", strings.Join(locked, ", ")), locked...)
	}
	if missing := w.missing(); missing != nil {
		errs = append(refuse("REQUIRED_FIELD_MISSING", fmt.Sprintf("Required fields are missing: [%s]", strings.Join(missing, ", ")), missing...), errs...)
	}
	return errs
}

// set keeps the rule that an empty field is absent: null and "" are one state in the store.
func set(fields map[string]any, name string, v any) {
	if v == nil {
		delete(fields, name)
		return
	}
	fields[name] = v
}

// missing names the required fields that the write leaves empty. An update is asked only about what it touches: a
// record older than the requirement may be changed elsewhere.
func (w *writing) missing() []string {
	var names []string
	for i := range w.b.Fields {
		f := &w.b.Fields[i]
		given := f.Default != nil || f.Name == "OwnerId" // the org has a value for a new row
		if !f.Required || given && w.insert() || w.fields[f.Name] != nil {
			continue
		}
		if _, touched := w.sent[f.Name]; w.insert() || touched {
			names = append(names, f.Name)
		}
	}
	return names
}

// checkAttributes accepts the attributes that a record read from the API carries, if the type is right.
func checkAttributes(b *Object, v any) apiErrors {
	m, isObject := v.(object)
	typ, _ := m.get("type")
	if name, _ := typ.(string); !isObject || !strings.EqualFold(name, b.Name) {
		return fail(http.StatusBadRequest, "INVALID_TYPE", "attributes.type must be %s", b.Name)
	}
	return nil
}

// resolve finds the field that a member means. A nested object stands for a reference by external id:
// {"Account":{"Ext__c":"x"}} writes AccountId.
func (t *tx) resolve(b *Object, m member) (*Field, any, apiErrors) {
	if f := b.field(m.name); f != nil {
		return f, m.value, nil
	}
	f, nested := b.relation(m.name), object(nil)
	if f != nil {
		nested, _ = m.value.(object)
	}
	if nested == nil {
		return nil, nil, noColumn(m.name, b)
	}
	target := f.RefersTo
	if a, there := nested.get("attributes"); there {
		attrs, _ := a.(object)
		typ, _ := attrs.get("type")
		name, _ := typ.(string)
		target = slices.DeleteFunc(slices.Clone(target), func(s string) bool { return !strings.EqualFold(s, name) })
		nested = slices.DeleteFunc(slices.Clone(nested), func(x member) bool { return x.name == "attributes" })
	}
	if len(target) != 1 || len(nested) != 1 {
		return nil, nil, fail(http.StatusBadRequest, "INVALID_FIELD", "Relationship %s needs exactly one external ID field, and attributes.type if it may point to several objects", m.name)
	}
	to := t.org.object(target[0])
	ext := to.field(nested[0].name)
	if ext == nil || !ext.ExternalID {
		return nil, nil, fail(http.StatusBadRequest, "INVALID_FIELD", "Provided external ID field does not exist or is not accessible: %s", nested[0].name)
	}
	found := t.byKey(to, ext, nested[0].value)
	if len(found) != 1 {
		return nil, nil, fail(http.StatusBadRequest, "INVALID_FIELD", "Foreign key external ID: %v not found for field %s in entity %s", nested[0].value, ext.Name, to.Name)
	}
	return f, found[0].id, nil
}

// references checks that every id that is written names a live row of an object that the field may point to.
// Of another object, deleted, and never there are three codes, as at the vendor: a client can do something else about each.
func (t *tx) references(w *writing) apiErrors {
	for i := range w.b.Fields {
		f := &w.b.Fields[i]
		id, _ := w.sent[f.Name].(string)
		if f.Type != Reference || id == "" {
			continue
		}
		to := t.org.byPrefix(id)
		if to == nil || !slices.Contains(f.RefersTo, to.Name) {
			return refuse("MALFORMED_ID", fmt.Sprintf("%s: id value of incorrect type: %s", f.Label, id), f.Name)
		}
		switch r, gone := t.org.live(id); {
		case gone:
			return refuse("ENTITY_IS_DELETED", "entity is deleted")
		case r == nil:
			return refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
		}
	}
	return nil
}

// stamp writes the system columns, to the second as the vendor keeps them.
// The caller may not write these, and no test has to expect them: they are left out of the ledger.
func (t *tx) stamp(w *writing, insert bool) {
	now := t.now.UTC().Truncate(1e9).Format(timeForm)
	if insert {
		w.fields["CreatedDate"], w.fields["CreatedById"], w.fields["IsDeleted"] = now, t.call.user(), false
	}
	w.fields["LastModifiedDate"], w.fields["SystemModstamp"], w.fields["LastModifiedById"] = now, now, t.call.user()
}

// remove puts a row into the recycle bin.
// Its keys become free: an upsert under the same key makes a new record.
func (t *tx) remove(b *Object, r *record) apiErrors {
	if b.NoDelete {
		return fail(http.StatusBadRequest, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type %s does not support delete", b.Name)
	}
	if errs := t.org.rowFault(t.call, Delete, &writing{b: b, r: r}); errs != nil {
		return errs
	}
	t.save(b, r)
	t.unindex(b, r)
	r.fields = maps.Clone(r.fields)
	r.fields["IsDeleted"], r.deleted = true, true
	r.keep(t.now)
	t.entries = append(t.entries, t.entry(Delete, r))
	return nil
}

package simforce

import (
	"net/http"
	"slices"
	"strings"
)

// row is one record of a collection: what becomes of it.
type row struct {
	id      string
	isNew   bool
	upsert  bool
	errs    apiErrors
	several []*record
}

// collections serves /composite/sobjects and what is below it. Whatever becomes of the records the answer is 200
// with an entry for each, in order; errors call their code statusCode (REST API Developer Guide, "SObject
// Collections").
// Inside a composite the family counts as one subrequest, and the composite's allOrNone is the one that holds.
func (o *Org) collections(c *call) reply {
	switch {
	case len(c.path) == 2 && c.method == http.MethodDelete:
		return o.deleteMany(c)
	case len(c.path) == 2 && (c.method == http.MethodPost || c.method == http.MethodPatch):
		return o.writeMany(c)
	case len(c.path) == 2:
		return c.notAllowed("POST", "PATCH", "DELETE")
	case len(c.path) == 3 && (c.method == http.MethodGet || c.method == http.MethodPost):
		return o.readMany(c)
	case len(c.path) == 4 && c.method == http.MethodPatch:
		return o.upsertMany(c)
	case len(c.path) == 3 || len(c.path) == 4:
		return c.notAllowed("GET", "POST", "PATCH")
	}
	return notFound().reply()
}

// each runs one write per record, undoing all of them if allOrNone and one failed.
func (c *call) each(n int, allOrNone bool, do func(i int) row) reply {
	if c.part == "composite" {
		allOrNone = c.allOrNone // the outer request's wins
	}
	// Every record is tried, also after a failure: the answer tells about each.
	m, rows, failed := c.tx.mark(), []row{}, false
	for i := range n {
		r := do(i)
		failed = failed || r.errs != nil
		rows = append(rows, r)
	}
	if failed && allOrNone {
		c.tx.rollback(m)
		for i := range rows {
			if rows[i].errs == nil {
				rows[i].errs = fail(http.StatusBadRequest, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid and the request was using AllOrNone header")
			}
		}
	}
	list := []any{}
	for _, r := range rows {
		if r.errs != nil {
			list = append(list, object{{"success", false}, {"errors", r.errs.body(true)}})
			continue
		}
		entry := object{{"id", r.id}, {"success", true}, {"errors", []any{}}}
		if r.upsert {
			entry = append(entry, member{"created", r.isNew})
		}
		list = append(list, entry)
	}
	// A composite around it must know that nothing came of it, though the status says 200.
	p := ok(list)
	p.undone = failed && allOrNone
	return p
}

// manyBody reads the envelope. More than 200 records fail the request as a whole, before any is looked at.
// The bound is the vendor's ("Using sObject Collections"); one too many is not cut off but refused.
func (c *call) manyBody() (records []object, allOrNone bool, errs apiErrors) {
	body, errs := c.bodyObject()
	if errs == nil {
		errs = body.only("allOrNone", "records")
	}
	if errs == nil {
		allOrNone, errs = body.flag("allOrNone")
	}
	if errs != nil {
		return nil, false, errs
	}
	v, _ := body.get("records")
	list, isList := v.([]any)
	if !isList || len(list) == 0 {
		return nil, false, badJSON("records must be a list of records")
	}
	if len(list) > maxRows {
		return nil, false, fail(http.StatusBadRequest, "EXCEEDED_MAX_SIZE_REQUEST", "record limit reached. cannot submit more than %d records into this call", maxRows)
	}
	for _, x := range list {
		m, isObject := x.(object)
		if !isObject {
			return nil, false, wrongType("SObject", x)
		}
		records = append(records, m)
	}
	return records, allOrNone, nil
}

// typed takes a record's object from its attributes.
// A collection may mix objects, so that each row says what it is.
func (o *Org) typed(m object) (*Object, apiErrors) {
	v, _ := m.get("attributes")
	a, _ := v.(object)
	t, _ := a.get("type")
	name, _ := t.(string)
	b := o.object(name)
	if name == "" {
		return nil, fail(http.StatusBadRequest, "INVALID_TYPE", "attributes.type must be given for each record")
	}
	if b == nil || b.Event {
		return nil, fail(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported.", name)
	}
	return b, nil
}

// takeID separates a record's id from the rest.
func takeID(m object) (id string, rest object) {
	for _, x := range m {
		if strings.EqualFold(x.name, "id") {
			id, _ = x.value.(string)
			continue
		}
		rest = append(rest, x)
	}
	return id, rest
}

// writeMany creates (POST) or updates (PATCH). An id that two rows of one update share fails both: the vendor does not
// define which would win.
func (o *Org) writeMany(c *call) reply {
	records, allOrNone, errs := c.manyBody()
	if errs != nil {
		return errs.reply()
	}
	seen := map[string]int{}
	for _, m := range records {
		if id, _ := takeID(m); id != "" {
			long, _ := longID(id)
			seen[long]++
		}
	}
	return c.each(len(records), allOrNone, func(i int) row {
		b, errs := o.typed(records[i])
		if errs != nil {
			return row{errs: errs}
		}
		if c.method == http.MethodPost {
			id, errs := c.tx.insert(b, records[i], "")
			return row{id: id, errs: errs}
		}
		id, rest := takeID(records[i])
		if id == "" {
			return row{errs: refuse("MISSING_ARGUMENT", "Id not specified in an update call")}
		}
		r, errs := o.locateRow(b, id)
		if errs == nil && seen[r.id] > 1 {
			errs = refuse("DUPLICATE_VALUE", "duplicate id specified: "+r.id)
		}
		if errs == nil {
			errs = c.tx.update(b, r, rest, "")
		}
		if errs != nil {
			return row{errs: errs}
		}
		return row{id: r.id}
	})
}

// locateRow is find with the codes that DML uses: a record that is not there is a cross reference, not a resource.
func (o *Org) locateRow(b *Object, id string) (*record, apiErrors) {
	r, errs := o.find(b, id)
	if errs != nil && errs[0].code == "NOT_FOUND" {
		errs = refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
	}
	return r, errs
}

// deleteMany takes its ids from the query, of any mixture of objects.
func (o *Org) deleteMany(c *call) reply {
	ids := strings.Split(c.query.Get("ids"), ",")
	if c.query.Get("ids") == "" {
		return fail(http.StatusBadRequest, "MISSING_ARGUMENT", "ids must be given").reply()
	}
	if len(ids) > maxRows {
		return fail(http.StatusBadRequest, "EXCEEDED_MAX_SIZE_REQUEST", "record limit reached. cannot submit more than %d records into this call", maxRows).reply()
	}
	return c.each(len(ids), c.query.Get("allOrNone") == "true", func(i int) row {
		b := o.byPrefix(ids[i])
		if b == nil {
			return row{errs: malformedID("Record", ids[i])}
		}
		r, errs := o.locateRow(b, ids[i])
		if errs == nil {
			errs = c.tx.remove(b, r)
		}
		if errs != nil {
			return row{errs: errs}
		}
		return row{id: r.id}
	})
}

// upsertMany upserts records of one object by an external id. A key that two rows share fails both.
func (o *Org) upsertMany(c *call) reply {
	b := o.object(c.path[2])
	if b == nil {
		return notFound().reply()
	}
	f := b.field(c.path[3])
	if f == nil || !f.ExternalID {
		return fail(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", c.path[3]).reply()
	}
	records, allOrNone, errs := c.manyBody()
	if errs != nil {
		return errs.reply()
	}
	keys, seen := make([]any, len(records)), map[any]int{}
	for i, m := range records {
		for _, x := range m {
			if strings.EqualFold(x.name, f.Name) {
				// A key that cannot be read fails the request: without it the record has no address.
				if keys[i], errs = f.value(x.value); errs != nil {
					return errs.reply()
				}
			}
		}
		seen[keys[i]]++
	}
	return c.each(len(records), allOrNone, func(i int) row {
		typ, errs := o.typed(records[i])
		switch {
		case errs != nil:
			return row{errs: errs}
		case typ != b:
			return row{errs: fail(http.StatusBadRequest, "INVALID_TYPE", "attributes.type must be %s", b.Name)}
		case keys[i] == nil:
			return row{errs: refuse("MISSING_ARGUMENT", f.Name+" not specified")}
		// Which of the two should win is not for the org to say.
		case seen[keys[i]] > 1:
			text, _ := keys[i].(string)
			return row{errs: refuse("DUPLICATE_VALUE", "Duplicate external id specified: "+text)}
		}
		text, _ := keys[i].(string)
		r := row{upsert: true}
		r.id, r.isNew, r.several, r.errs = c.tx.upsert(b, key{f, keys[i], text}, records[i])
		if r.several != nil {
			r.errs = refuse("DUPLICATE_EXTERNAL_ID", "The external foreign key matched more than one record", f.Name)
		}
		return r
	})
}

// readMany retrieves records by id, in the order of the ids, null for what is not there.
func (o *Org) readMany(c *call) reply {
	b := o.object(c.path[2])
	if b == nil {
		return notFound().reply()
	}
	ids, fields := strings.Split(c.query.Get("ids"), ","), strings.Split(c.query.Get("fields"), ",")
	if c.method == http.MethodPost {
		body, errs := c.bodyObject()
		if errs == nil {
			errs = body.only("ids", "fields")
		}
		if errs != nil {
			return errs.reply()
		}
		ids, fields = texts(body, "ids"), texts(body, "fields")
	}
	if len(ids) > 2000 || len(ids) == 0 || len(fields) == 0 || slices.Contains(fields, "") {
		return fail(http.StatusBadRequest, "MISSING_ARGUMENT", "ids (2,000 at most) and fields must be given").reply()
	}
	list := []any{}
	for _, id := range ids {
		r, errs := o.find(b, id)
		if errs != nil {
			list = append(list, nil)
			continue
		}
		body, errs := render(b, r, fields, c.base)
		if errs != nil {
			return errs.reply()
		}
		list = append(list, body)
	}
	return ok(list)
}

// texts reads a list of strings; what is none becomes "", which names nothing.
func texts(m object, name string) []string {
	v, _ := m.get(name)
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		s, _ := x.(string)
		out = append(out, s)
	}
	return out
}

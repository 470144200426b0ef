package simforce

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sobjects routes /sobjects and what is below it.
func (o *Org) sobjects(c *call) reply {
	if len(c.path) == 1 {
		return c.get(func() reply { return o.describeGlobal(c) })
	}
	b := o.object(c.path[1])
	if b == nil {
		return notFound().reply()
	}
	switch rest := c.path[2:]; {
	case len(rest) == 0:
		return o.collectionOf(c, b)
	case len(rest) == 1 && rest[0] == "describe":
		return c.get(func() reply { return ok(o.describe(c, b)) })
	case b.Event:
		return notFound().reply()
	case len(rest) == 1:
		return o.byID(c, b, rest[0])
	case len(rest) == 2 && strings.EqualFold(rest[1], "VersionData") && b.Name == "ContentVersion":
		return c.get(func() reply { return o.blob(b, rest[0]) })
	case len(rest) == 2:
		return o.byExternalID(c, b)
	}
	return notFound().reply()
}

// collectionOf serves /sobjects/X: a short description, or a create.
func (o *Org) collectionOf(c *call, b *Object) reply {
	switch c.method {
	case http.MethodGet, http.MethodHead:
		return ok(object{{"objectDescribe", o.summary(c, b)}, {"recentItems", []any{}}})
	case http.MethodPost:
		body, errs := c.recordBody()
		if errs != nil {
			return errs.reply()
		}
		if b.Event {
			return o.publish(c, b, body)
		}
		id, errs := c.tx.insert(b, body, "")
		if errs != nil {
			return errs.reply()
		}
		return created(c, b, id, object{})
	}
	return c.notAllowed("GET", "HEAD", "POST")
}

// created is the 201 of a create, with the record's path.
func created(c *call, b *Object, id string, more object) reply {
	body := append(object{{"id", id}, {"success", true}, {"errors", []any{}}}, more...)
	return reply{status: http.StatusCreated, body: body}.with("Location", recordURL(b, id, c.base))
}

// recordURL is a record's path as answers give it, version included.
func recordURL(b *Object, id, base string) string { return base + "/sobjects/" + b.Name + "/" + id }

// attributes stand first in every record that is answered.
func attributes(b *Object, id, base string) object {
	return object{{"type", b.Name}, {"url", recordURL(b, id, base)}}
}

// publish accepts a platform event. Success carries a non-empty errors array (Platform Events Developer Guide).
func (o *Org) publish(c *call, b *Object, body object) reply {
	w := &writing{b: b}
	if errs := c.tx.clean(w, body); errs != nil {
		return errs.reply()
	}
	id := o.newID(b.Prefix)
	e := c.tx.entry(Publish, &record{id: id, object: b.Name})
	e.Fields, e.Sent = w.fields, w.sent
	c.tx.entries = append(c.tx.entries, e)
	uuid := fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", o.random.Uint32(), o.random.IntN(1<<16), o.random.IntN(1<<12), o.random.IntN(1<<12), o.random.Int64N(1<<48))
	return reply{status: http.StatusCreated, body: object{
		{"id", id},
		{"success", true},
		{"errors", []any{object{{"statusCode", "OPERATION_ENQUEUED"}, {"message", uuid}, {"fields", []string{}}}}},
	}}
}

// find reads the id of a path. A malformed one is 400, one that names nothing 404.
func (o *Org) find(b *Object, id string) (*record, apiErrors) {
	long, good := longID(id)
	if !good || long[:3] != b.Prefix {
		return nil, malformedID(b.Label, id)
	}
	r, gone := o.live(long)
	if gone {
		return nil, apiErrors{{status: http.StatusNotFound, code: "ENTITY_IS_DELETED", message: "entity is deleted", fields: []string{}}}
	}
	if r == nil {
		return nil, notFound()
	}
	return r, nil
}

// byID serves one record by its id.
func (o *Org) byID(c *call, b *Object, id string) reply {
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodDelete}, c.method) {
		return c.notAllowed("GET", "HEAD", "PATCH", "DELETE")
	}
	r, errs := o.find(b, id)
	reading := c.method == http.MethodGet || c.method == http.MethodHead
	// A read does not tell a deleted record from one that never was; a write does.
	if errs != nil && errs[0].code == "ENTITY_IS_DELETED" && reading {
		errs = notFound()
	}
	if errs != nil {
		return errs.reply()
	}
	switch {
	case reading:
		return o.read(c, b, r)
	case c.method == http.MethodDelete:
		errs = c.tx.remove(b, r)
	default:
		if p, stopped := c.precondition(b, r); stopped {
			return p
		}
		var body object
		if body, errs = c.recordBody(); errs == nil {
			errs = c.tx.update(b, r, body, "")
		}
	}
	if errs != nil {
		return errs.reply()
	}
	return reply{status: http.StatusNoContent}
}

// read renders a record: the fields that are asked for, or all.
func (o *Org) read(c *call, b *Object, r *record) reply {
	if p, stopped := c.precondition(b, r); stopped {
		return p
	}
	var names []string
	if list := c.query.Get("fields"); list != "" {
		names = strings.Split(list, ",")
	}
	body, errs := render(b, r, names, c.base)
	if errs != nil {
		return errs.reply()
	}
	p := ok(body).with("Last-Modified", modified(r).Format(http.TimeFormat))
	if b.Name == "Account" {
		p = p.with("ETag", etag(r))
	}
	return p
}

// render lists the fields that are asked for, in that order, each once.
func render(b *Object, r *record, names []string, base string) (object, apiErrors) {
	body := object{{"attributes", attributes(b, r.id, base)}}
	if names == nil {
		for i := range b.Fields {
			if !b.Fields[i].Hidden {
				names = append(names, b.Fields[i].Name)
			}
		}
	}
	for _, name := range names {
		f := b.field(strings.TrimSpace(name))
		if f == nil {
			return nil, noColumn(strings.TrimSpace(name), b)
		}
		if _, twice := body.get(f.Name); !twice {
			body = append(body, member{f.Name, f.shown(r.fields[f.Name], recordURL(b, r.id, base))})
		}
	}
	return body, nil
}

// shown is wire, save that a blob is shown as the path where it can be had.
func (f *Field) shown(v any, record string) any {
	if f.Type == Base64 && v != nil {
		return record + "/" + f.Name
	}
	return f.wire(v)
}

// modified is the record's last change, to the second: the resolution of the conditional headers.
func modified(r *record) time.Time {
	t, _ := time.Parse(timeForm, r.str("LastModifiedDate"))
	return t.UTC()
}

// etag changes with the record. Its form is the vendor's, whose compression shows in it.
func etag(r *record) string { return fmt.Sprintf(`"%x--gzip"`, modified(r).Unix()) }

// precondition obeys the conditional headers: dates on every object, ETags on Account alone, neither on DELETE.
func (c *call) precondition(b *Object, r *record) (reply, bool) {
	at := modified(r)
	since := func(header string) (time.Time, bool) {
		t, err := http.ParseTime(c.header.Get(header))
		return t, err == nil
	}
	if t, sent := since("If-Unmodified-Since"); sent && at.After(t) {
		return reply{status: http.StatusPreconditionFailed}, true
	}
	if t, sent := since("If-Modified-Since"); sent && c.method == http.MethodGet && !at.After(t) {
		return reply{status: http.StatusNotModified}, true
	}
	if b.Name != "Account" {
		return reply{}, false
	}
	if m := c.header.Get("If-Match"); m != "" && m != "*" && !strings.Contains(m, etag(r)) {
		return reply{status: http.StatusPreconditionFailed}, true
	}
	if m := c.header.Get("If-None-Match"); m != "" && (m == "*" || strings.Contains(m, etag(r))) {
		if c.method == http.MethodGet {
			return reply{status: http.StatusNotModified}, true
		}
		return reply{status: http.StatusPreconditionFailed}, true
	}
	return reply{}, false
}

// external finds the field by which a path addresses a record, and the value in the field's type.
func (o *Org) external(b *Object, name, text string) (*Field, any, apiErrors) {
	f := b.field(name)
	// Also for a field that the caller may not see: the same words, 404, as for a record that is missing.
	if f == nil || !f.ExternalID {
		return nil, nil, fail(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", name)
	}
	if f.numeric() {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, nil, fail(http.StatusBadRequest, "INVALID_FIELD", "Invalid external ID value: %s", text)
		}
		return f, n, nil
	}
	return f, text, nil
}

// byExternalID serves /sobjects/X/Field/value.
func (o *Org) byExternalID(c *call, b *Object) reply {
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodDelete}, c.method) {
		return c.notAllowed("GET", "HEAD", "PATCH", "DELETE")
	}
	f, value, errs := o.external(b, c.path[2], c.path[3])
	if errs != nil {
		return errs.reply()
	}
	if c.method == http.MethodPatch {
		body, errs := c.recordBody()
		if errs != nil {
			return errs.reply()
		}
		return o.upsert(c, b, key{f, value, c.path[3]}, body)
	}
	c.snapshot = o.seq // a read sees what is committed when it is served
	found := c.tx.byKey(b, f, value)
	switch {
	case len(found) == 0:
		return notFound().reply()
	case len(found) > 1:
		return multiple(c, b, found)
	case c.method == http.MethodDelete:
		if errs := c.tx.remove(b, found[0]); errs != nil {
			return errs.reply()
		}
		return reply{status: http.StatusNoContent}
	}
	return o.read(c, b, found[0])
}

// multiple is the 300 of a key that several records have: a list of their paths.
func multiple(c *call, b *Object, found []*record) reply {
	var urls []any
	for _, r := range found {
		urls = append(urls, recordURL(b, r.id, c.base))
	}
	return reply{status: http.StatusMultipleChoices, body: urls}
}

// key is an external id: the field, the value in its type, and as it was written.
type key struct {
	field *Field
	value any
	text  string
}

// upsert creates or updates by external id (REST API Developer Guide, "Insert or Update (Upsert) a Record"). An
// update answers 200 with created:false from v46.0 on and 204 before.
func (o *Org) upsert(c *call, b *Object, k key, body object) reply {
	id, isNew, several, errs := c.tx.upsert(b, k, body)
	switch {
	case several != nil:
		return multiple(c, b, several)
	case errs != nil:
		return errs.reply()
	case isNew:
		return created(c, b, id, object{{"created", true}})
	case c.version <= 45:
		return reply{status: http.StatusNoContent}
	}
	return ok(object{{"id", id}, {"success", true}, {"errors", []any{}}, {"created", false}})
}

// upsert looks for the key as of the request's arrival and then writes. Between the two another request may have
// written: then the insert meets the unique index. several is what a key that is not unique has found.
func (t *tx) upsert(b *Object, k key, body object) (id string, isNew bool, several []*record, errs apiErrors) {
	// The key stands in the path. In the body it may be repeated, but not contradicted.
	var rest object
	for _, m := range body {
		if !strings.EqualFold(m.name, k.field.Name) {
			rest = append(rest, m)
			continue
		}
		if v, errs := k.field.value(m.value); errs != nil || v != k.value {
			return "", false, nil, fail(http.StatusBadRequest, "INVALID_FIELD", "The %s field should not be specified in the sobject data.", k.field.Name)
		}
	}
	switch found := t.byKey(b, k.field, k.value); {
	case len(found) > 1:
		return "", false, found, nil
	case len(found) == 1:
		return found[0].id, false, nil, t.update(b, found[0], rest, k.text)
	case t.call.query.Get("updateOnly") == "true":
		return "", false, nil, notFound()
	}
	value := k.value
	if n, isNumber := value.(float64); isNumber {
		value = plain(n)
	}
	id, errs = t.insert(b, append(rest, member{k.field.Name, value}), k.text)
	return id, true, nil, errs
}

// blob serves the content of a file.
func (o *Org) blob(b *Object, id string) reply {
	r, errs := o.find(b, id)
	if errs != nil {
		return errs.reply()
	}
	data, err := base64.StdEncoding.DecodeString(r.str("VersionData"))
	if err != nil {
		return fail(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "An unexpected error occurred.").reply()
	}
	return reply{status: http.StatusOK, raw: data, typ: "application/octetstream"}
}

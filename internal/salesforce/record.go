package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Fields are the values of a write, by API name. A nil value clears a field.
type Fields map[string]any

// Record is a row as Salesforce sends it: values by API name, related records and child
// lists nested. Numbers are float64, as Salesforce keeps them.
type Record map[string]any

// ID returns the record's id, or "" if it was not asked for.
// Salesforce spells the name in two ways, depending on the resource that answers.
func (r Record) ID() ID {
	for _, name := range []string{"Id", "id"} {
		if s, ok := r[name].(string); ok {
			return received(s)
		}
	}
	return ""
}

// Object returns the API name of the record's object.
func (r Record) Object() string {
	attributes, _ := r["attributes"].(map[string]any)
	name, _ := attributes["type"].(string)
	return name
}

// Text returns the text at a path such as "Account.AccountNumber", or "" if it is absent,
// null or not text.
// That a path is absent and that its value is null are one here: Salesforce leaves a related record
// out by writing null for it.
func (r Record) Text(path string) string {
	at := map[string]any(r)
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		at, _ = at[name].(map[string]any)
	}
	s, _ := at[names[len(names)-1]].(string)
	return s
}

// Key addresses a record by the value of an external-id field.
type Key struct{ Object, Field, Value string }

// path is where the record is addressed. The value is escaped whole: a slash in it would
// otherwise address something else.
func (k Key) path() (string, error) {
	if err := checkNames(k.Object, k.Field); err != nil {
		return "", err
	}
	// Servers and proxies resolve segments of dots, escaped or not.
	if strings.Trim(k.Value, ".") == "" {
		return "", fmt.Errorf("external id of %s is empty or of dots only: give each record a key of letters and digits", k.Object)
	}
	return "/sobjects/" + k.Object + "/" + k.Field + "/" + escape(k.Value), nil
}

// WriteOptions change what the org does with a write.
type WriteOptions struct {
	// AllowDuplicates saves in spite of duplicate rules that only warn. Rules that block
	// still refuse (REST API Developer Guide, "Duplicate Rule Header").
	AllowDuplicates bool
	// NoAutoAssign keeps assignment rules from overruling OwnerId. They run by default
	// (REST API Developer Guide, "Assignment Rule Header").
	NoAutoAssign bool
	// UpdateOnly makes an upsert answer 404 where it would create.
	UpdateOnly bool
}

// header writes the options that are headers; UpdateOnly is a parameter of the URL.
func (o WriteOptions) header() http.Header {
	h := http.Header{}
	if o.AllowDuplicates {
		h.Set("Sforce-Duplicate-Rule-Header", "allowSave=true")
	}
	if o.NoAutoAssign {
		h.Set("Sforce-Auto-Assign", "FALSE")
	}
	return h
}

// Saved is a write that happened.
type Saved struct {
	ID      ID // empty for an upsert that updated, below API version 46
	Created bool
}

// saveResult is the body of a create or upsert, and one entry of a collection's answer. A
// published platform event says success with a non-empty list of errors
// (OPERATION_ENQUEUED), so only success is believed.
type saveResult struct {
	ID      string          `json:"id"`
	Success bool            `json:"success"`
	Created bool            `json:"created"`
	Errors  json.RawMessage `json:"errors"`
}

// judgeSave turns a result into a Saved or an *Error. 400 stands for the status that such a
// refusal has outside a collection.
func (r call) judgeSave(s saveResult) (Saved, error) {
	if s.Success {
		return Saved{ID: received(s.ID), Created: s.Created}, nil
	}
	return Saved{}, r.judge(answer{status: http.StatusBadRequest, body: s.Errors})
}

// Create makes a record with a POST. A caller that cannot know whether an earlier try
// happened must use Upsert instead: there is no idempotency key for a create.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_sobject_create.htm
func (c *Client) Create(ctx context.Context, object string, f Fields, o WriteOptions) (Saved, error) {
	r := call{
		op: "create", object: object, keyField: c.cfg.KeyField,
		method: http.MethodPost, path: "/sobjects/" + object + "/",
		header: o.header(), body: f, want: []int{http.StatusCreated},
	}
	if err := checkNames(object); err != nil {
		return Saved{}, r.rejected(err)
	}
	var s saveResult
	if _, err := c.do(ctx, r, &s); err != nil {
		return Saved{}, err
	}
	saved, err := r.judgeSave(s)
	saved.Created = err == nil
	return saved, err
}

// Get reads fields of a record, all of them if none is named.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_get_field_values.htm
func (c *Client) Get(ctx context.Context, object string, id ID, fields ...string) (Record, error) {
	r := call{op: "get", object: object, method: http.MethodGet, want: []int{http.StatusOK}}
	path, err := recordPath(object, id)
	if err != nil {
		return nil, r.rejected(err)
	}
	return c.read(ctx, r, path, fields)
}

// GetByKey reads fields of the record that an external-id field names. Error.Absent tells
// whether there is none. More than one match is refused with status 300 and Matches.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_get_field_values.htm
func (c *Client) GetByKey(ctx context.Context, k Key, fields ...string) (Record, error) {
	r := call{op: "get by key", object: k.Object, method: http.MethodGet, want: []int{http.StatusOK}}
	path, err := k.path()
	if err != nil {
		return nil, r.rejected(err)
	}
	return c.read(ctx, r, path, fields)
}

// read gets a record. A body of null would read as a record without fields, which a caller
// that compares fields could take for a change.
func (c *Client) read(ctx context.Context, r call, path string, fields []string) (Record, error) {
	r.path = path
	if len(fields) > 0 {
		if err := checkPaths(fields...); err != nil {
			return nil, r.rejected(err)
		}
		r.query = url.Values{"fields": {strings.Join(fields, ",")}}
	}
	var rec Record
	if _, err := c.do(ctx, r, &rec); err != nil {
		return nil, err
	}
	if rec == nil {
		return nil, &Error{Op: r.op, Object: r.object, Status: http.StatusOK, Class: Ambiguous, cause: errors.New("answer is null")}
	}
	return rec, nil
}

// Update sets fields of a record to absolute values. Repeating it is harmless unless
// someone changed the record in between.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_update_fields.htm
// It is the caller who must find that out.
func (c *Client) Update(ctx context.Context, object string, id ID, f Fields, o WriteOptions) error {
	r := call{
		op: "update", object: object, keyField: c.cfg.KeyField,
		method: http.MethodPatch, header: o.header(), body: f, want: []int{http.StatusNoContent},
	}
	var err error
	if r.path, err = recordPath(object, id); err != nil {
		return r.rejected(err)
	}
	_, err = c.do(ctx, r, nil)
	return err
}

// Upsert creates the record that k names or updates it: the one way to create exactly once,
// if the field is unique. f must not hold the key field. Since API version 46 an update is
// answered 200 with created false, before that 204 without an id; 300 means that the field
// is not unique, and Matches names the records.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm
func (c *Client) Upsert(ctx context.Context, k Key, f Fields, o WriteOptions) (Saved, error) {
	r := call{
		op: "upsert", object: k.Object, keyField: k.Field,
		method: http.MethodPatch, header: o.header(), body: f,
		want: []int{http.StatusOK, http.StatusCreated, http.StatusNoContent},
	}
	var err error
	if r.path, err = k.path(); err != nil {
		return Saved{}, r.rejected(err)
	}
	if o.UpdateOnly {
		r.query = url.Values{"updateOnly": {"true"}}
	}
	var s saveResult
	status, err := c.do(ctx, r, &s)
	if err != nil || status == http.StatusNoContent {
		return Saved{}, err
	}
	return r.judgeSave(s)
}

// Delete moves a record to the recycle bin.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_delete_record.htm
// A second one is answered 404 with ENTITY_IS_DELETED, which Error.Absent tells.
func (c *Client) Delete(ctx context.Context, object string, id ID) error {
	r := call{op: "delete", object: object, method: http.MethodDelete, want: []int{http.StatusNoContent}}
	var err error
	if r.path, err = recordPath(object, id); err != nil {
		return r.rejected(err)
	}
	_, err = c.do(ctx, r, nil)
	return err
}

// recordPath is where a record is addressed by id. The id is checked against the object
// before it is sent, because ids reach this package from language models too.
func recordPath(object string, id ID) (string, error) {
	if err := checkNames(object); err != nil {
		return "", err
	}
	id, err := CheckID(string(id), object)
	if err != nil {
		return "", err
	}
	return "/sobjects/" + object + "/" + string(id), nil
}

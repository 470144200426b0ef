package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The vendor's bounds (REST API Developer Guide, "Composite", "sObject Collections").
const (
	maxParts       = 25
	maxPartQueries = 5
	maxCollection  = 200
)

// Part is one request of a composite. A later part's fields may refer to an earlier part's
// result by the text that RefID returns.
type Part struct {
	ref    string
	query  bool
	call   call
	failed error // why the part cannot be sent
}

// RefID is the placeholder for the id that an earlier part returned.
// Salesforce replaces it before it performs the later part (REST API Developer Guide, "Composite").
// If the earlier part failed, the later one fails with PROCESSING_HALTED.
func RefID(ref string) string { return "@{" + ref + ".id}" }

// PartUpsert is an Upsert. It is the only writing part, besides PartUpdate, with which a
// composite may be repeated.
func PartUpsert(ref string, k Key, f Fields, o WriteOptions) Part {
	path, err := k.path()
	return Part{ref: ref, failed: err, call: call{
		op: "upsert", object: k.Object, keyField: k.Field,
		method: http.MethodPatch, path: path, header: o.header(), body: f,
		want: []int{http.StatusOK, http.StatusCreated, http.StatusNoContent},
	}}
}

// PartUpdate is an Update.
func PartUpdate(ref, object string, id ID, f Fields) Part {
	path, err := recordPath(object, id)
	return Part{ref: ref, failed: err, call: call{
		op: "update", object: object, method: http.MethodPatch, path: path, body: f,
		want: []int{http.StatusNoContent},
	}}
}

// PartCreate is a Create. A composite that holds one makes a second record when repeated.
func PartCreate(ref, object string, f Fields, o WriteOptions) Part {
	return Part{ref: ref, failed: checkNames(object), call: call{
		op: "create", object: object, method: http.MethodPost, path: "/sobjects/" + object,
		header: o.header(), body: f, want: []int{http.StatusCreated},
	}}
}

// PartGetByKey is a GetByKey.
func PartGetByKey(ref string, k Key, fields ...string) Part {
	path, err := k.path()
	p := Part{ref: ref, failed: errors.Join(err, checkPaths(fields...)), call: call{
		op: "get by key", object: k.Object, method: http.MethodGet, path: path, want: []int{http.StatusOK},
	}}
	if len(fields) > 0 {
		p.call.path += "?fields=" + strings.Join(fields, ",")
	}
	return p
}

// PartQuery is a Query, of which a composite takes five at most; its result is the first page only.
// A composite cannot fetch a next page, since its link is not known beforehand.
func PartQuery(ref string, q SOQL) Part {
	return Part{ref: ref, query: true, call: call{
		op: "query", object: q.object, method: http.MethodGet,
		path: "/query?q=" + strings.ReplaceAll(url.QueryEscape(q.text), "+", "%20"), want: []int{http.StatusOK},
	}}
}

// Composite is several requests in one, in order, counted as one against the daily limit.
type Composite struct {
	AllOrNone bool // one failure undoes all
	Parts     []Part
}

// PartResult is what became of a part. With AllOrNone, a part undone for another's sake has
// an Err of class Backoff with the code PROCESSING_HALTED.
type PartResult struct {
	Ref    string
	Status int
	Body   json.RawMessage
	Err    error // nil or an *Error
}

// Saved reads the result of a writing part.
// An answer without a body is an update (204): nothing was created, and no id is told.
func (p PartResult) Saved() (Saved, error) {
	if p.Err != nil || p.Status == http.StatusNoContent {
		return Saved{}, p.Err
	}
	r := call{op: "read part", object: p.Ref}
	var s saveResult
	if err := json.Unmarshal(p.Body, &s); err != nil {
		return Saved{}, r.unreadable(answer{status: p.Status, body: p.Body}, "not a save result")
	}
	saved, err := r.judgeSave(s)
	saved.Created = saved.Created || p.Status == http.StatusCreated
	return saved, err
}

// wirePart is a part as it is sent. Headers of the composite itself do not reach its parts,
// so each carries its own (REST API Developer Guide, "Composite Subrequest").
type wirePart struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Ref    string            `json:"referenceId"`
	Body   any               `json:"body,omitempty"`
	Header map[string]string `json:"httpHeaders,omitempty"`
}

// Composite performs the parts and returns their results in order. Salesforce answers 200
// though parts failed; each result tells for itself, and err only about the whole.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
func (c *Client) Composite(ctx context.Context, batch Composite) ([]PartResult, error) {
	r := call{op: "composite", method: http.MethodPost, path: "/composite", want: []int{http.StatusOK}}
	parts, err := c.wireParts(batch)
	if err != nil {
		return nil, r.rejected(err)
	}
	r.body = map[string]any{"allOrNone": batch.AllOrNone, "collateSubrequests": false, "compositeRequest": parts}
	var w struct {
		Parts []struct {
			Ref    string          `json:"referenceId"`
			Status int             `json:"httpStatusCode"`
			Body   json.RawMessage `json:"body"`
		} `json:"compositeResponse"`
	}
	if _, err := c.do(ctx, r, &w); err != nil {
		return nil, err
	}
	// Nothing is believed of an answer whose parts cannot be told apart: they may all have happened.
	if len(w.Parts) != len(batch.Parts) {
		return nil, r.unreadable(answer{status: http.StatusOK}, "answer has another number of parts")
	}
	results := make([]PartResult, len(w.Parts))
	for i, got := range w.Parts {
		part := batch.Parts[i]
		if got.Ref != part.ref {
			return nil, r.unreadable(answer{status: http.StatusOK}, "answer has its parts in another order")
		}
		results[i] = PartResult{Ref: got.Ref, Status: got.Status, Body: got.Body}
		a := answer{status: got.Status, body: got.Body}
		if !part.call.succeeded(got.Status) {
			results[i].Err = part.call.judge(a)
		}
	}
	return results, nil
}

// succeeded says whether a part has the documented status of its kind.
func (r call) succeeded(status int) bool {
	return slices.Contains(r.want, status)
}

// wireParts checks the batch against the vendor's bounds and writes its parts.
// What Salesforce would refuse is refused here, whole: a batch of which some parts were sent would
// have to be taken apart again by its caller.
func (c *Client) wireParts(batch Composite) ([]wirePart, error) {
	if len(batch.Parts) == 0 || len(batch.Parts) > maxParts {
		return nil, fmt.Errorf("composite has %d parts, want 1 to %d", len(batch.Parts), maxParts)
	}
	queries := 0
	seen := map[string]bool{}
	parts := make([]wirePart, len(batch.Parts))
	for i, p := range batch.Parts {
		if err := errors.Join(p.failed, checkNames(p.ref)); err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
		if seen[p.ref] {
			return nil, fmt.Errorf("part %d: reference %s is taken: name each part once", i+1, p.ref)
		}
		seen[p.ref] = true
		if p.query {
			queries++
		}
		parts[i] = wirePart{Method: p.call.method, URL: c.below(p.call.path), Ref: p.ref, Body: p.call.body}
		if len(p.call.header) > 0 {
			parts[i].Header = map[string]string{}
			for name := range p.call.header {
				parts[i].Header[name] = p.call.header.Get(name)
			}
		}
	}
	if queries > maxPartQueries {
		return nil, fmt.Errorf("composite has %d queries, Salesforce takes %d", queries, maxPartQueries)
	}
	return parts, nil
}

// Row is one record of a collection. It is named by ID or by Key, as the method says.
type Row struct {
	ID     ID     // of an update
	Key    string // of an upsert: the value of the external-id field
	Fields Fields
}

// SaveResult is what became of one row.
type SaveResult struct {
	Saved
	Err error // nil or an *Error
}

// CollectionsUpsert upserts up to 200 records of one object by an external-id field, each on
// its own: a row's failure does not undo the others. Results are in the rows' order. k.Value
// is not used.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
func (c *Client) CollectionsUpsert(ctx context.Context, k Key, rows []Row, o WriteOptions) ([]SaveResult, error) {
	r := call{
		op: "collections upsert", object: k.Object, keyField: k.Field, method: http.MethodPatch,
		path: "/composite/sobjects/" + k.Object + "/" + k.Field, header: o.header(), want: []int{http.StatusOK},
	}
	if err := checkNames(k.Object, k.Field); err != nil {
		return nil, r.rejected(err)
	}
	seen := map[string]bool{}
	for i, row := range rows {
		// Two rows with one key are errors both (REST API Developer Guide, upsert in collections).
		if row.Key == "" || seen[row.Key] {
			return nil, r.rejected(fmt.Errorf("row %d: its key is empty or taken by an earlier row", i+1))
		}
		seen[row.Key] = true
	}
	return c.collection(ctx, r, rows, func(row Row) Fields { return Fields{k.Field: row.Key} })
}

// CollectionsUpdate updates up to 200 records of one object by id, each on its own. Results
// are in the rows' order.
//
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_update.htm
func (c *Client) CollectionsUpdate(ctx context.Context, object string, rows []Row, o WriteOptions) ([]SaveResult, error) {
	r := call{
		op: "collections update", object: object, keyField: c.cfg.KeyField, method: http.MethodPatch,
		path: "/composite/sobjects", header: o.header(), want: []int{http.StatusOK},
	}
	if err := checkNames(object); err != nil {
		return nil, r.rejected(err)
	}
	for i, row := range rows {
		if _, err := CheckID(string(row.ID), object); err != nil {
			return nil, r.rejected(fmt.Errorf("row %d: %w", i+1, err))
		}
	}
	return c.collection(ctx, r, rows, func(row Row) Fields { return Fields{"id": row.ID} })
}

// collection sends rows, each completed with the fields that name its record. allOrNone is
// always false: these rows belong to different people, and one's bad data is not another's.
func (c *Client) collection(ctx context.Context, r call, rows []Row, name func(Row) Fields) ([]SaveResult, error) {
	if len(rows) == 0 || len(rows) > maxCollection {
		return nil, r.rejected(fmt.Errorf("collection has %d rows, want 1 to %d", len(rows), maxCollection))
	}
	records := make([]Fields, len(rows))
	for i, row := range rows {
		records[i] = Fields{"attributes": map[string]string{"type": r.object}}
		maps.Copy(records[i], row.Fields)
		maps.Copy(records[i], name(row)) // last: a field of the caller's cannot name another record
	}
	r.body = map[string]any{"allOrNone": false, "records": records}
	var w []saveResult
	if _, err := c.do(ctx, r, &w); err != nil {
		return nil, err
	}
	// Results carry no name of their row; their order is all that ties them to it.
	if len(w) != len(rows) {
		return nil, r.unreadable(answer{status: http.StatusOK}, "answer has another number of rows")
	}
	results := make([]SaveResult, len(w))
	for i, s := range w {
		results[i].Saved, results[i].Err = r.judgeSave(s)
	}
	return results, nil
}

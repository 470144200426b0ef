package simforce

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxParts   = 25  // subrequests of a composite or batch
	maxQueries = 5   // queries and collections among a composite's
	maxRows    = 200 // records of a collection
)

var (
	referenceID  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	referenceUse = regexp.MustCompile(`@\{([^}]*)\}`)
	indexed      = regexp.MustCompile(`^([A-Za-z0-9_]+)((?:\[\d+\])*)$`)
)

// compositeFamily routes /composite and what is below it.
func (o *Org) compositeFamily(c *call) reply {
	collection := len(c.path) > 1 && c.path[1] == "sobjects"
	if c.part != "" && (c.part != "composite" || !collection) {
		return fail(http.StatusBadRequest, "INVALID_INPUT", "composite requests cannot be nested").reply()
	}
	switch {
	case len(c.path) == 1 && c.method == http.MethodGet:
		at := c.base + "/composite/"
		return ok(object{{"sobjects", at + "sobjects"}, {"batch", at + "batch"}})
	case len(c.path) == 1 && c.method == http.MethodPost:
		return o.composite(c)
	case len(c.path) == 1:
		return c.notAllowed("GET", "POST")
	case len(c.path) == 2 && c.path[1] == "batch":
		if c.method != http.MethodPost {
			return c.notAllowed("POST")
		}
		return o.batch(c)
	case c.path[1] == "sobjects":
		return o.collections(c)
	}
	return notFound().reply()
}

// step is one subrequest of a composite.
type step struct {
	method, url, ref string
	header           http.Header
	body             any
	hasBody          bool
}

// result is what came of a step; later steps may refer to its body.
// A body is kept as it was built and not as bytes, so that a reference finds a value with its type.
type result struct {
	ref   string
	reply reply
}

// composite runs subrequests one after the other. The answer is 200 whatever became of them (REST API Developer
// Guide, "Composite"); with allOrNone one failure undoes them all.
func (o *Org) composite(c *call) reply {
	steps, allOrNone, errs := compositeBody(c)
	if errs != nil {
		return errs.reply()
	}
	c.allOrNone = allOrNone
	// One savepoint for all: a part that succeeded before another failed is undone with it, and its entry in the ledger too.
	m, failed := c.tx.mark(), false
	// The parts that had succeeded say the same as those that were never tried: which one was at fault is told by its own.
	undone := halted("The transaction was rolled back since another operation in the same transaction failed.")
	var results []result
	for _, s := range steps {
		if failed && allOrNone {
			results = append(results, result{s.ref, undone})
			continue
		}
		p := o.step(c, s, results)
		failed = failed || p.failed()
		if failed && allOrNone {
			c.tx.rollback(m)
			for i := range results {
				results[i].reply = undone
			}
		}
		results = append(results, result{s.ref, p})
	}
	var list []any
	for _, r := range results {
		h := object{}
		// Location is the only header that a part answers with (REST API Developer Guide, "Composite Subrequest Result").
		if at := r.reply.header.Get("Location"); at != "" && !r.reply.failed() {
			h = object{{"Location", at}}
		}
		list = append(list, object{{"body", r.reply.body}, {"httpHeaders", h}, {"httpStatusCode", r.reply.status}, {"referenceId", r.ref}})
	}
	return ok(object{{"compositeResponse", list}})
}

// halted is the fate of a part that another part's failure took down.
func halted(why string) reply {
	return fail(http.StatusBadRequest, "PROCESSING_HALTED", "%s", why).reply()
}

// compositeBody reads the envelope. What is wrong with it is a 400 for the whole, unlike what is wrong with a part.
func compositeBody(c *call) (steps []step, allOrNone bool, errs apiErrors) {
	body, errs := c.bodyObject()
	if errs == nil {
		errs = body.only("allOrNone", "collateSubrequests", "compositeRequest")
	}
	if errs == nil {
		allOrNone, errs = body.flag("allOrNone")
	}
	if errs == nil {
		_, errs = body.flag("collateSubrequests")
	}
	if errs != nil {
		return nil, false, errs
	}
	v, _ := body.get("compositeRequest")
	list, isList := v.([]any)
	switch {
	case !isList || len(list) == 0:
		return nil, false, badJSON("compositeRequest must be a list of subrequests")
	case len(list) > maxParts:
		return nil, false, fail(http.StatusBadRequest, "LIMIT_EXCEEDED", "Composite request cannot contain more than %d subrequests", maxParts)
	}
	// Queries and collections are bounded more narrowly than parts.
	queries := 0
	for _, x := range list {
		s, errs := compositeStep(c, x)
		if errs != nil {
			return nil, false, errs
		}
		// Names are compared as they are written: references are case-sensitive.
		if slices.ContainsFunc(steps, func(t step) bool { return t.ref == s.ref }) {
			return nil, false, fail(http.StatusBadRequest, "INVALID_INPUT", "Duplicate referenceId: %s", s.ref)
		}
		if below := strings.SplitN(strings.TrimPrefix(s.url, "/services/data/"), "/", 2); len(below) == 2 &&
			(strings.HasPrefix(below[1], "query") || strings.HasPrefix(below[1], "composite/")) {
			queries++
		}
		steps = append(steps, s)
	}
	if queries > maxQueries {
		return nil, false, fail(http.StatusBadRequest, "LIMIT_EXCEEDED", "Composite request cannot contain more than %d query and sObject collection subrequests", maxQueries)
	}
	return steps, allOrNone, nil
}

// compositeStep reads one subrequest. Its url is read only when its turn comes: it may hold references.
func compositeStep(c *call, x any) (step, apiErrors) {
	m, isObject := x.(object)
	if !isObject {
		return step{}, wrongType("CompositeSubrequest", x)
	}
	if errs := m.only("method", "url", "referenceId", "body", "httpHeaders"); errs != nil {
		return step{}, errs
	}
	s := step{header: http.Header{}}
	for _, name := range []string{"method", "url", "referenceId"} {
		v, _ := m.get(name)
		t, isText := v.(string)
		if !isText || t == "" {
			return s, badJSON("Missing required field %s in a subrequest", name)
		}
		switch name {
		case "method":
			s.method = t
		case "url":
			s.url = t
		default:
			s.ref = t
		}
	}
	s.body, s.hasBody = m.get("body")
	if !referenceID.MatchString(s.ref) {
		return s, fail(http.StatusBadRequest, "INVALID_INPUT", "The referenceId %q must begin with a letter and have letters, digits and underscores only", s.ref)
	}
	if !strings.HasPrefix(s.url, "/services/data/v") {
		return s, fail(http.StatusBadRequest, "INVALID_INPUT", "The url of subrequest %s must begin with /services/data/", s.ref)
	}
	// The three headers below are inherited; others are not, and naming the three fails the request.
	for _, name := range []string{"Authorization", "Content-Type", "Accept"} {
		s.header.Set(name, c.header.Get(name))
	}
	headers, _ := m.get("httpHeaders")
	hm, _ := headers.(object)
	for _, h := range hm {
		v, isText := h.value.(string)
		if _, inherited := s.header[http.CanonicalHeaderKey(h.name)]; !isText || inherited {
			return s, fail(http.StatusBadRequest, "INVALID_INPUT", "The header %s is not allowed in a subrequest", h.name)
		}
		s.header.Set(h.name, v)
	}
	return s, nil
}

// step runs one subrequest with the references to earlier ones put in.
// A reference that cannot be resolved halts this part alone, and those that refer to it.
func (o *Org) step(c *call, s step, done []result) reply {
	text, errs := substitute(s.url, done, url.PathEscape)
	var body any
	if errs == nil {
		body, errs = substituteAll(s.body, done)
	}
	if errs != nil {
		return errs.reply()
	}
	sub := *c
	sub.method, sub.header, sub.part, sub.body = s.method, s.header, "composite", nil
	if s.hasBody {
		raw, err := encode(body)
		if err != nil {
			return badJSON("%v", err).reply()
		}
		sub.body = raw
	}
	if errs := sub.locate(text); errs != nil {
		return errs.reply()
	}
	// Search and limits are resources of their own and have no place in a composite.
	if !sub.is("sobjects") && !sub.is("query") && !sub.is("queryAll") && !sub.is("composite", "sobjects") {
		return fail(http.StatusBadRequest, "INVALID_INPUT", "The resource %s is not supported in a composite request", text).reply()
	}
	return sub.run()
}

// locate reads the url of a subrequest.
func (c *call) locate(text string) apiErrors {
	u, err := url.Parse(text)
	if err != nil {
		return fail(http.StatusBadRequest, "INVALID_INPUT", "The url %s is malformed", text)
	}
	segments, good := split(u.EscapedPath())
	if !good || len(segments) < 3 || segments[0] != "services" || segments[1] != "data" {
		return notFound()
	}
	c.query, c.path = u.Query(), segments[3:]
	return c.setVersion(segments[2])
}

// run executes a subrequest within its request's transaction. What fails has undone its own writes.
// Meanwhile the transaction belongs to the part: rules look at the part's headers, not the request's.
func (c *call) run() reply {
	outer := c.tx.call
	c.tx.call = c
	defer func() { c.tx.call = outer }()
	return c.org.route(c)
}

// substitute puts the values of @{ref.field} into a text. Names are case-sensitive.
func substitute(text string, done []result, escape func(string) string) (string, apiErrors) {
	var errs apiErrors
	out := referenceUse.ReplaceAllStringFunc(text, func(use string) string {
		inner := use[2 : len(use)-1]
		ref, path, _ := strings.Cut(inner, ".")
		v, found := any(nil), false
		// A part that failed has no values: what refers to it is halted, though it may be harmless by itself.
		for _, r := range done {
			if r.ref == ref && !r.reply.failed() {
				v, found = dig(r.reply.body, path)
			}
		}
		switch v.(type) {
		// What is put into a text must be one value.
		case nil, object, []any:
			found = false
		}
		if !found {
			errs = fail(http.StatusBadRequest, "PROCESSING_HALTED", "Invalid reference specified. No value for %s found in %s", inner, ref)
			return ""
		}
		return escape(fmt.Sprint(v))
	})
	return out, errs
}

// substituteAll goes through a part's body. Names of members are left alone.
func substituteAll(v any, done []result) (any, apiErrors) {
	switch v := v.(type) {
	case string:
		return substitute(v, done, func(s string) string { return s })
	case []any:
		list := make([]any, 0, len(v))
		for _, x := range v {
			y, errs := substituteAll(x, done)
			if errs != nil {
				return nil, errs
			}
			list = append(list, y)
		}
		return list, nil
	case object:
		m := make(object, 0, len(v))
		for _, x := range v {
			y, errs := substituteAll(x.value, done)
			if errs != nil {
				return nil, errs
			}
			m = append(m, member{x.name, y})
		}
		return m, nil
	}
	return v, nil
}

// dig follows a path such as records[0].Id into an answer's body.
// A member that is not there and an index beyond the end are both "no value found".
func dig(v any, path string) (any, bool) {
	for part := range strings.SplitSeq(path, ".") {
		m := indexed.FindStringSubmatch(part)
		body, isObject := v.(object)
		if m == nil || !isObject {
			return nil, false
		}
		var there bool
		if v, there = body.get(m[1]); !there {
			return nil, false
		}
		for _, index := range strings.FieldsFunc(m[2], func(r rune) bool { return r == '[' || r == ']' }) {
			list, isList := v.([]any)
			i, err := strconv.Atoi(index)
			if !isList || err != nil || i >= len(list) {
				return nil, false
			}
			v = list[i]
		}
	}
	return v, true
}

// batch runs independent subrequests. Their urls begin with the version.
func (o *Org) batch(c *call) reply {
	body, errs := c.bodyObject()
	if errs == nil {
		errs = body.only("haltOnError", "batchRequests")
	}
	var halt bool
	if errs == nil {
		halt, errs = body.flag("haltOnError")
	}
	if errs != nil {
		return errs.reply()
	}
	v, _ := body.get("batchRequests")
	list, isList := v.([]any)
	switch {
	case !isList || len(list) == 0:
		return badJSON("batchRequests must be a list of subrequests").reply()
	case len(list) > maxParts:
		return fail(http.StatusBadRequest, "LIMIT_EXCEEDED", "Batch request cannot contain more than %d subrequests", maxParts).reply()
	}
	failed, results := false, []any{}
	for _, x := range list {
		p := fail(http.StatusPreconditionFailed, "BATCH_PROCESSING_HALTED", "Batch processing halted on request of the caller").reply()
		if !failed || !halt {
			p = o.batchPart(c, x)
		}
		// Parts of a batch are transactions of their own: what was done before a halt stays done.
		failed = failed || p.status >= 400
		results = append(results, object{{"statusCode", p.status}, {"result", p.body}})
	}
	return ok(object{{"hasErrors", failed}, {"results", results}})
}

// batchPart runs one subrequest. Unlike a composite's, its headers are those of the batch: it has no others.
func (o *Org) batchPart(c *call, x any) reply {
	m, isObject := x.(object)
	if !isObject {
		return wrongType("BatchSubrequest", x).reply()
	}
	if errs := m.only("method", "url", "richInput", "binaryPartName", "binaryPartNameAlias"); errs != nil {
		return errs.reply()
	}
	method, _ := m.get("method")
	where, _ := m.get("url")
	sub := *c
	sub.part, sub.body = "batch", nil
	sub.method, _ = method.(string)
	text, _ := where.(string)
	// Unlike a composite's, whose urls begin with /services/data.
	if strings.HasPrefix(text, "/") || !strings.HasPrefix(text, "v") {
		return fail(http.StatusBadRequest, "INVALID_INPUT", "The url of a subrequest must begin with the version, as in v%d.0/sobjects", o.o.Latest).reply()
	}
	if input, there := m.get("richInput"); there {
		raw, err := encode(input)
		if err != nil {
			return badJSON("%v", err).reply()
		}
		sub.body = raw
	}
	if errs := sub.locate("/services/data/" + text); errs != nil {
		return errs.reply()
	}
	return sub.run()
}

package simforce

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxURI  = 16_384   // bytes of the URI, and of URI and headers together (REST API Developer Guide, "Status Codes")
	maxBody = 50 << 20 // bytes of a request body
	keepLog = 64 << 10 // bytes of a body that the request log keeps
	minZip  = 1_024    // answers from this size on are compressed for who asks
)

// call is one REST request, as it came in or as a part of a composite.
type call struct {
	org       *Org
	method    string
	base      string   // /services/data/vNN.0
	path      []string // what follows it, unescaped segment by segment
	version   int
	query     url.Values
	header    http.Header
	body      []byte
	part      string // "" for a request of its own, else "composite" or "batch"
	number    int    // in the request log
	session   *session
	tx        *tx
	snapshot  int64         // sequence number at arrival: what key lookups may see
	queryLag  time.Duration // a fault's: queries see what was this long ago
	searchLag time.Duration // the same for searches, beyond the org's own lag
	person    bool          // not a request at all, but somebody in the browser
	allOrNone bool          // of a composite
}

// user is who writes: there is one who calls.
func (c *call) user() string { return c.org.userID }

// who is the ledger's word for it.
func (c *call) who() string {
	if c.person {
		return "person"
	}
	return c.org.o.Username
}

// Handler is the org as an http.Handler.
func (o *Org) Handler() http.Handler { return o }

// ServeHTTP answers one request: it arrives, is logged and matched with faults; it passes the gates; it is
// executed under the lock; it is written. Faults may stop it before or after the execution.
// An aborted handler is how a reset looks from here: net/http closes the connection without an answer.
func (o *Org) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_sim/") && o.o.Control {
		o.control(w, r)
		return
	}
	in := &incoming{r: r, at: time.Now()}
	var err error
	if in.body, err = readBody(r); err != nil {
		in.early = fail(http.StatusBadRequest, "JSON_PARSER_ERROR", "The request body could not be read").reply()
	}
	o.arrive(in)
	defer o.finish(in)
	if o.strike(in) {
		panic(http.ErrAbortHandler)
	}
	p := in.early
	if p.status == 0 {
		p = o.answer(in)
	}
	if in.hits.ends == ResetAfter {
		panic(http.ErrAbortHandler)
	}
	o.record(in, p)
	write(w, r, p)
}

// incoming is a request with all that was decided about it on arrival.
// It is kept because a fault may let time pass between arrival and execution.
type incoming struct {
	r        *http.Request
	at       time.Time
	body     []byte
	log      *Request
	snapshot int64
	hits     hits
	early    reply // an answer that needs no execution
	release  func()
	vouched  *session // of a late commit: checked on arrival
}

// readBody takes the whole body before anything is decided: a reset after commit needs the request to have arrived.
func readBody(r *http.Request) ([]byte, error) {
	src := io.Reader(http.MaxBytesReader(nil, r.Body, maxBody))
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, fmt.Errorf("read body: %w", err)
		}
		src = io.LimitReader(z, maxBody)
	}
	return io.ReadAll(src)
}

// arrive logs the request, takes the snapshot that key lookups will see, and asks the faults.
func (o *Org) arrive(in *incoming) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := in.r
	in.snapshot, in.release = o.seq, func() {}
	in.log = &Request{N: o.dropped + len(o.requests) + 1, At: in.at, Method: r.Method, Path: r.URL.RequestURI()}
	if rest(r) {
		in.log.Objects = o.objectsOf(r, in.body)
		in.log.Body = string(in.body[:min(len(in.body), keepLog)])
	} else {
		in.log.Path = r.URL.Path
	}
	o.requests = append(o.requests, in.log)
	if len(o.requests) > maxRequests {
		o.dropped += len(o.requests) - maxRequests
		o.requests = slices.Clone(o.requests[len(o.requests)-maxRequests:])
	}
	in.hits = o.match(r.Method, r.URL.EscapedPath(), in.log.Objects)
	in.log.Faults = in.hits.kinds
}

// record notes what was answered. It runs before the answer is written, so that whoever has read the answer finds
// it in the log.
func (o *Org) record(in *incoming, p reply) {
	o.mu.Lock()
	defer o.mu.Unlock()
	in.log.Status = p.status
	if list, isList := p.body.([]any); isList && p.status >= 400 && len(list) > 0 {
		if m, isObject := list[0].(object); isObject {
			code, _ := m.get("errorCode")
			in.log.Code, _ = code.(string)
		}
	} else if m, isObject := p.body.(object); isObject && p.status >= 400 {
		code, _ := m.get("error")
		in.log.Code, _ = code.(string)
	}
	in.log.Took = time.Since(in.at)
}

// finish closes the log line, also of a request whose connection was reset.
func (o *Org) finish(in *incoming) {
	in.release()
	o.mu.Lock()
	defer o.mu.Unlock()
	in.log.Took = time.Since(in.at)
}

// rest tells the REST API from OAuth. Only its bodies are logged.
func rest(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/services/data") }

// scheme is what a client used, also behind a proxy that ends TLS: token responses repeat it.
func scheme(r *http.Request) string {
	if p := r.Header.Get("X-Forwarded-Proto"); p != "" {
		return p
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// answer passes the gates and executes.
func (o *Org) answer(in *incoming) reply {
	r := in.r
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.foreignHost(r.Host):
		return htmlReply(420)
	case len(r.URL.RequestURI()) > maxURI:
		return fail(http.StatusRequestURITooLong, "URI_TOO_LONG", "The length of the URI exceeds the 16,384-byte limit.").reply()
	case len(r.URL.RequestURI())+headerBytes(r.Header) > maxURI:
		return fail(http.StatusRequestHeaderFieldsTooLarge, "REQUEST_HEADER_FIELDS_TOO_LARGE", "The combined length of the URI and headers exceeds the 16,384-byte limit.").reply()
	case rest(r):
		return o.rest(in)
	}
	form, query := url.Values{}, r.URL.Query()
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == "application/x-www-form-urlencoded" {
		if f, err := url.ParseQuery(string(in.body)); err == nil {
			form = f
		}
	}
	if r.URL.Path == "/services/oauth2/authorize" && r.Method == http.MethodPost {
		maps.Copy(query, form)
	}
	return o.oauth(web{scheme(r), r.Host, r.Method, r.URL.Path, query, form, r.Header})
}

// headerBytes counts a name, a value, and the four bytes that part them on the wire.
func headerBytes(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

// rest checks version, session, allocation and content type, in that order, and routes what passes.
func (o *Org) rest(in *incoming) reply {
	c := &call{
		org: o, method: in.r.Method, query: in.r.URL.Query(), header: in.r.Header, body: in.body,
		number: in.log.N, snapshot: in.snapshot, queryLag: in.hits.queryLag, searchLag: in.hits.searchLag,
	}
	if o.loginHost(in.r.Host) {
		return sessionGone()
	}
	segments, good := split(in.r.URL.EscapedPath())
	if !good || len(segments) < 2 || segments[0] != "services" || segments[1] != "data" {
		return notFound().reply()
	}
	// The list of versions needs no session (REST API Developer Guide, "Versions").
	if len(segments) == 2 {
		return o.versions()
	}
	if errs := c.setVersion(segments[2]); errs != nil {
		return errs.reply()
	}
	c.path = segments[3:]
	if c.session = in.vouched; c.session == nil {
		c.session = o.use(bearer(in.r.Header))
	}
	if c.session == nil {
		return sessionGone()
	}
	now := time.Now()
	o.usage.roll(now)
	if o.usage.total >= o.o.DailyLimit {
		return o.limited(fail(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").reply())
	}
	// A request counts once it has a session, whatever becomes of it; a refused one does not.
	o.usage.add(now)
	if p, failing := in.hits.reply(); failing {
		return o.limited(p)
	}
	if len(in.body) > 0 && !c.mediaAllowed() {
		return o.limited(fail(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content type %s not supported", in.r.Header.Get("Content-Type")).reply())
	}
	c.tx = o.begin(c)
	p := o.route(c)
	c.tx.commit()
	return o.limited(p)
}

// mediaAllowed is JSON in UTF-8, and multipart where a file may come so.
func (c *call) mediaAllowed() bool {
	media, params, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	switch {
	case err != nil:
		return false
	case media == "application/json":
		charset := params["charset"]
		return charset == "" || strings.EqualFold(charset, "utf-8")
	}
	return media == "multipart/form-data" && c.is("sobjects", "ContentVersion")
}

// is reports whether the path begins with the given segments, regardless of case.
func (c *call) is(segments ...string) bool {
	return len(c.path) >= len(segments) && slices.EqualFunc(c.path[:len(segments)], segments, strings.EqualFold)
}

// limited adds the usage header that the vendor sends on every answer to an authenticated request.
func (o *Org) limited(p reply) reply {
	return p.with("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", o.usage.total, o.o.DailyLimit))
}

// split cuts an escaped path into segments before unescaping them, so that a key with a slash in it stays one.
func split(escaped string) ([]string, bool) {
	var segments []string
	for s := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		u, err := url.PathUnescape(s)
		if err != nil || u == "" {
			return nil, false
		}
		segments = append(segments, u)
	}
	return segments, true
}

// setVersion reads v67.0. Versions 21 to 30 are retired; what the org does not know yet is not found.
// The current ones are listed under "Versions", the retired under "API End-of-Life" in the REST API Developer Guide.
func (c *call) setVersion(s string) apiErrors {
	digits, dotted := strings.CutSuffix(strings.TrimPrefix(s, "v"), ".0")
	n, err := strconv.Atoi(digits)
	switch {
	case !dotted || err != nil || !strings.HasPrefix(s, "v") || n < 20 || n > c.org.o.Latest:
		return notFound()
	case n <= 30:
		return fail(http.StatusGone, "GONE", "API version %d.0 is retired", n)
	}
	c.version, c.base = n, "/services/data/"+s
	return nil
}

// route finds the resource.
func (o *Org) route(c *call) reply {
	if len(c.path) == 0 {
		return c.get(func() reply { return o.resources(c) })
	}
	switch c.path[0] {
	case "sobjects":
		return o.sobjects(c)
	case "query", "queryAll":
		return c.get(func() reply { return o.query(c) })
	case "search":
		return c.get(func() reply { return o.search(c) })
	case "parameterizedSearch":
		return o.parameterizedSearch(c)
	case "limits":
		return c.get(func() reply { return o.limits() })
	case "composite":
		return o.compositeFamily(c)
	}
	return notFound().reply()
}

// get serves a resource that can only be read.
func (c *call) get(do func() reply) reply {
	if c.method != http.MethodGet && c.method != http.MethodHead {
		return c.notAllowed("GET", "HEAD")
	}
	return do()
}

// notAllowed is the 405 of a resource that exists.
func (c *call) notAllowed(allowed ...string) reply {
	list := strings.Join(allowed, ",")
	return fail(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '%s' not allowed. Allowed are %s", c.method, list).reply().with("Allow", list)
}

// htmlReply is a page instead of JSON, as the Edge (420, 502) and maintenance (503) send.
func htmlReply(status int) reply {
	return reply{status: status, typ: "text/html; charset=UTF-8", raw: fmt.Appendf(nil,
		"<!DOCTYPE html>\n<html><head><title>%d</title></head><body><h1>We are down for maintenance.</h1></body></html>\n", status)}
}

// write sends an answer. A defect of this package, an answer that cannot be encoded, stops the handler.
// There is no Retry-After and no X-RateLimit header on any answer: the vendor's core REST sends none.
func write(w http.ResponseWriter, r *http.Request, p reply) {
	maps.Copy(w.Header(), p.header)
	raw, typ := p.raw, p.typ
	if p.body != nil {
		typ = "application/json;charset=UTF-8"
		var err error
		if raw, err = encode(p.body); err != nil {
			panic(fmt.Sprintf("simforce: encode answer: %v", err)) // a defect of this package
		}
	}
	if typ != "" {
		w.Header().Set("Content-Type", typ)
	}
	if len(raw) >= minZip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(raw) // a Buffer takes everything
		_ = z.Close()
		raw = b.Bytes()
		w.Header().Set("Content-Encoding", "gzip")
	}
	if len(raw) > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(raw) // a client that has gone is no failure of the org
}

package simforce

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kind is what a fault does.
type Kind string

// Kinds of faults. The first group changes how a request is served, and several may strike one request; the
// second ends it, and the first rule that applies does.
const (
	Latency  Kind = "latency"         // Delay passes between arrival and execution
	Expire   Kind = "expire-sessions" // every session ends before the request is looked at
	Rotate   Kind = "rotate"          // rotation is switched on, for good
	LagQuery Kind = "query-lag"       // queries and lists see what was Delay ago
	LagFind  Kind = "search-lag"      // the search index is Delay later than it is anyway

	Answer          Kind = "error"            // Status with Code and Message, nothing done
	HTML            Kind = "html"             // a page with Status (503 if none), nothing done
	LockRow         Kind = "lock-row"         // 400 UNABLE_TO_LOCK_ROW
	LimitTotal      Kind = "limit-total"      // 403 REQUEST_LIMIT_EXCEEDED, TotalRequests
	LimitConcurrent Kind = "limit-concurrent" // 403 REQUEST_LIMIT_EXCEEDED, ConcurrentRequests
	BusyRefresh     Kind = "refresh-busy"     // a refresh is refused as concurrent
	ResetBefore     Kind = "reset-before"     // the connection is reset, nothing done
	ResetAfter      Kind = "reset-after"      // the request is executed, then the connection is reset
	CommitLate      Kind = "commit-late"      // the connection is reset; the request is executed Delay later
	Down            Kind = "down"             // the connection is reset, or Status as a page; for everything that matches
)

// Fault is one rule. Empty match fields match everything. A rule strikes the Nth matching request and those after
// it, Times in all: once if neither Times nor For is given, without end if Times is negative or For alone is given.
type Fault struct {
	Kind Kind

	Method string // exact
	Object string // an sObject the request is about, the parts of a composite and a query's FROM included
	Path   string // contained in the escaped path: "/services/oauth2/token", "/composite"
	Row    bool   // match each row written, inside composites and collections too: POST a create, PATCH an update, DELETE

	Nth   int
	Times int
	After time.Duration // dormant for so long
	For   time.Duration // over after so long, counted from the end of After

	Delay         time.Duration
	Status        int
	Code, Message string
}

// rule is a fault with its state.
type rule struct {
	Fault
	from        time.Time
	seen, fired int
}

// Fault adds a rule. Rules are asked in the order in which they were added. It panics on a kind that does not
// exist, or one that cannot strike rows.
func (o *Org) Fault(f Fault) {
	if err := o.addFault(f); err != nil {
		panic(err)
	}
}

// addFault is Fault for callers outside Go, who get an error instead of a panic.
func (o *Org) addFault(f Fault) error {
	kinds := []Kind{
		Latency, Expire, Rotate, LagQuery, LagFind, Answer, HTML, LockRow, LimitTotal, LimitConcurrent,
		BusyRefresh, ResetBefore, ResetAfter, CommitLate, Down,
	}
	if !slices.Contains(kinds, f.Kind) {
		return fmt.Errorf("simforce: fault kind %q is not one of %v", f.Kind, kinds)
	}
	if f.Row && f.Kind != Answer && f.Kind != LockRow {
		return fmt.Errorf("simforce: fault kind %q cannot strike single rows; use %q or %q", f.Kind, Answer, LockRow)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = append(o.faults, &rule{Fault: f, from: time.Now().Add(f.After)})
	return nil
}

// ClearFaults removes every rule; counts stay.
func (o *Org) ClearFaults() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = nil
}

// Counts tells how often each kind of fault has struck.
func (o *Org) Counts() map[Kind]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.counts)
}

// ends tells the kinds that decide a request's answer from those that only colour it.
func (k Kind) ends() bool {
	return !slices.Contains([]Kind{Latency, Expire, Rotate, LagQuery, LagFind}, k)
}

// hits are the faults that strike one request.
type hits struct {
	kinds               []Kind
	latency             time.Duration
	queryLag, searchLag time.Duration
	ends                Kind // the one that ends the request, if any
	fault               Fault
}

// match asks every rule about a request and carries out what acts at once.
// A request is counted by each rule that it matches, whatever else strikes it, so that "the third update" does not
// depend on which other rules there are.
func (o *Org) match(method, path string, objects []string) hits {
	var h hits
	for _, r := range o.faults {
		about := r.Object == "" || slices.ContainsFunc(objects, func(s string) bool { return strings.EqualFold(s, r.Object) })
		if r.Row || !about || r.Method != "" && r.Method != method || !strings.Contains(path, r.Path) {
			continue
		}
		if r.Kind == BusyRefresh && path != "/services/oauth2/token" || !r.matched() || r.Kind.ends() && h.ends != "" || !r.due() {
			continue
		}
		o.counts[r.Kind]++
		h.kinds = append(h.kinds, r.Kind)
		switch r.Kind {
		case Latency:
			h.latency += r.Delay
		case Expire:
			o.expireSessions()
		case Rotate:
			o.o.Rotation = true
		case LagQuery:
			h.queryLag = max(h.queryLag, r.Delay)
		case LagFind:
			h.searchLag += r.Delay
		default:
			h.ends, h.fault = r.Kind, r.Fault
		}
	}
	return h
}

// matched counts a matching request, also one that another rule ends. It reports false outside the rule's time.
func (r *rule) matched() bool {
	now := time.Now()
	if now.Before(r.from) || r.For > 0 && !now.Before(r.from.Add(r.For)) {
		return false
	}
	r.seen++
	return true
}

// due reports whether the rule strikes the request that was just counted.
func (r *rule) due() bool {
	times := r.Times
	if times == 0 && r.For == 0 {
		times = 1
	}
	if r.seen < r.Nth || times > 0 && r.fired >= times {
		return false
	}
	r.fired++
	return true
}

// rowFault asks the rules that match rows.
func (o *Org) rowFault(c *call, op Op, w *writing) apiErrors {
	if c.person {
		return nil
	}
	method := map[Op]string{Create: http.MethodPost, Update: http.MethodPatch, Delete: http.MethodDelete}[op]
	for _, r := range o.faults {
		if !r.Row || r.Method != "" && r.Method != method || r.Object != "" && !strings.EqualFold(r.Object, w.b.Name) || !r.matched() || !r.due() {
			continue
		}
		o.counts[r.Kind]++
		if r.Kind == LockRow {
			return lockRow(w.r)
		}
		return apiErrors{{status: orStatus(r.Status, http.StatusBadRequest), code: r.Code, message: r.Message, fields: []string{}}}
	}
	return nil
}

// lockRow is the vendor's refusal of a row that another transaction holds; nothing was done.
func lockRow(r *record) apiErrors {
	id := "<unknown>"
	if r != nil {
		id = r.id
	}
	return refuse("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: "+id)
}

// orStatus is a fault's status, or the one that it has unless it is said otherwise.
func orStatus(status, otherwise int) int {
	if status == 0 {
		return otherwise
	}
	return status
}

// reply is the answer of a fault that refuses an otherwise good request: it is given after the session has been
// checked, as the vendor would.
func (h hits) reply() (reply, bool) {
	f := h.fault
	switch h.ends {
	case Answer:
		if f.Code == "" {
			return reply{status: orStatus(f.Status, http.StatusInternalServerError)}, true
		}
		return fail(orStatus(f.Status, http.StatusBadRequest), f.Code, "%s", f.Message).reply(), true
	case LockRow:
		return lockRow(nil).reply(), true
	case LimitTotal:
		return fail(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.").reply(), true
	case LimitConcurrent:
		return fail(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.").reply(), true
	}
	return reply{}, false
}

// strike carries out what a fault does before the execution. It reports whether the connection is to be reset now.
// The order is that of a request's life: the network first, then what stands before the org, then time, then the work.
func (o *Org) strike(in *incoming) bool {
	h := in.hits
	if h.ends == Down && h.fault.Status == 0 || h.ends == ResetBefore {
		return true
	}
	switch h.ends {
	case HTML, Down:
		in.early = htmlReply(orStatus(h.fault.Status, http.StatusServiceUnavailable))
	case BusyRefresh:
		in.early = invalidGrant("token request is already being processed").reply()
	case Answer:
		if !rest(in.r) {
			in.early = (&oauthError{orStatus(h.fault.Status, http.StatusBadRequest), h.fault.Code, h.fault.Message}).reply()
		}
	}
	if in.early.status == 0 {
		o.claim(in)
	}
	if h.latency > 0 {
		// In full, even if the client hangs up meanwhile: the vendor does the work of who has stopped listening.
		time.Sleep(h.latency)
	}
	if h.ends == CommitLate {
		o.commitLate(in)
		return true
	}
	return false
}

// claim marks a refresh as under way, or refuses it as concurrent.
func (o *Org) claim(in *incoming) {
	if in.r.URL.Path != "/services/oauth2/token" || in.r.Method != http.MethodPost {
		return
	}
	form, err := url.ParseQuery(string(in.body))
	if err != nil || form.Get("grant_type") != "refresh_token" {
		return
	}
	done, busy := o.claimRefresh(form.Get("refresh_token"))
	if busy != nil {
		in.early = busy.reply()
		return
	}
	in.release = done
}

// commitLate puts the execution off. The session is that of the arrival, and so are the keys that the request
// sees: it may lose to what was written in between.
// It is what a client meets that gave up: the answer never came, and the record is there some time later.
func (o *Org) commitLate(in *incoming) {
	o.mu.Lock()
	defer o.mu.Unlock()
	release := in.release
	in.release = func() {}
	late := &incoming{
		r: in.r.Clone(in.r.Context()), at: in.at, body: in.body, log: in.log, snapshot: in.snapshot, early: in.early,
		vouched: o.use(bearer(in.r.Header)),
	}
	o.late = append(o.late, time.AfterFunc(in.hits.fault.Delay, func() {
		defer release()
		if late.early.status == 0 {
			o.answer(late)
		}
	}))
}

// objectsOf names the sObjects that a request is about, as far as its path, query and body show.
func (o *Org) objectsOf(r *http.Request, body []byte) []string {
	segments, good := split(r.URL.EscapedPath())
	if !good || len(segments) < 4 {
		return nil
	}
	return o.mentioned(segments[3:], r.URL.Query(), body)
}

// mentioned reads what can be told without executing: a path, a body, the words after FROM. SOSL names its objects too
// deep in its text and is matched by path alone.
func (o *Org) mentioned(path []string, query url.Values, body []byte) []string {
	var names []string
	add := func(s string) {
		if b := o.object(s); b != nil && !slices.Contains(names, b.Name) {
			names = append(names, b.Name)
		}
	}
	switch {
	case path[0] == "sobjects" && len(path) > 1:
		add(path[1])
	case path[0] == "composite":
		if len(path) > 2 {
			add(path[2])
		}
		if v, errs := parseJSON(body); errs == nil {
			o.named(v, add)
		}
	case path[0] == "parameterizedSearch":
		if v, errs := parseJSON(body); errs == nil {
			m, _ := v.(object)
			list, _ := m.get("sobjects")
			rows, _ := list.([]any)
			for _, x := range rows {
				row, _ := x.(object)
				name, _ := row.get("name")
				text, _ := name.(string)
				add(text)
			}
		}
	case path[0] == "query" || path[0] == "queryAll":
		words := strings.Fields(query.Get("q"))
		for i, w := range words[:max(0, len(words)-1)] {
			if strings.EqualFold(w, "FROM") {
				add(words[i+1])
			}
		}
	}
	return names
}

// named walks a composite body for the urls of its parts and the types of its rows.
func (o *Org) named(v any, add func(string)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			o.named(x, add)
		}
	case object:
		for _, m := range v {
			s, isText := m.value.(string)
			switch {
			case m.name == "type" && isText:
				add(s)
			case m.name == "url" && isText:
				o.namedInURL(s, add)
			default:
				o.named(m.value, add)
			}
		}
	}
}

// namedInURL reads a part's url as if it were a request of its own. What it cannot read names nothing.
func (o *Org) namedInURL(s string, add func(string)) {
	u, err := url.Parse(s)
	if err != nil {
		return
	}
	segments, good := split(strings.TrimPrefix(u.EscapedPath(), "/services/data"))
	if !good || len(segments) < 2 || segments[1] == "composite" && len(segments) < 3 {
		return
	}
	for _, name := range o.mentioned(segments[1:], u.Query(), nil) {
		add(name)
	}
}

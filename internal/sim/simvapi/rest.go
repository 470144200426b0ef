package simvapi

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Handler is Vapi's REST side (https://api.vapi.ai) and the calls' control URLs in one;
// their paths do not meet.
func (c *Cloud) Handler() http.Handler {
	mux := http.NewServeMux()
	keyed := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, c.withKey(c.o.APIKey, h)) }
	keyed("POST /call", c.createCall)
	keyed("GET /call", c.listCalls)
	keyed("GET /call/{id}", c.getCall)
	keyed("PATCH /call/{id}", c.patchCall)
	keyed("POST /assistant", c.createAssistant)
	keyed("GET /assistant", c.listAssistants)
	keyed("GET /assistant/{id}", c.getAssistant)
	keyed("PATCH /assistant/{id}", c.patchAssistant)
	keyed("DELETE /assistant/{id}", c.deleteAssistant)
	// Whoever has a control URL controls the call, unless the monitor plan asks for the key.
	var control http.Handler = http.HandlerFunc(c.control)
	if c.o.ControlAuth {
		control = c.withKey(c.o.PublicKey, control)
	}
	mux.Handle("POST /{id}/control", control)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Sprintf("Cannot %s %s", r.Method, r.URL.Path))
	})
	return mux
}

// withKey lets nobody in without the key, and nothing happens for who is not let in.
func (c *Cloud) withKey(key string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(key)) != 1 {
			refuse(w, http.StatusUnauthorized, "Invalid Key. Hot tip, you may be using the private key instead of the public key, or vice versa.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse answers in the vendor's form; message is a text, or an array where the validator
// found the faults.
func refuse(w http.ResponseWriter, status int, message any) {
	reply(w, status, map[string]any{"message": message, "error": http.StatusText(status), "statusCode": status})
}

// reply answers with JSON.
func reply(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simvapi: encode answer: %v", err)) // a defect of this package
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client has gone: nobody is left to tell
}

// read takes a JSON object from a request; nothing is said if it is none.
func read(w http.ResponseWriter, r *http.Request) (map[string]any, bool) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "request entity too large")
		return nil, false
	}
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		refuse(w, http.StatusUnsupportedMediaType, "Content-Type must be application/json")
		return nil, false
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return nil, false
	}
	m, ok := v.(map[string]any)
	if !ok {
		refuse(w, http.StatusBadRequest, "the body must be an object")
	}
	return m, ok
}

// customerRule: numbers are E.164 unless the check is switched off.
func customerRule(customer map[string]any) rule {
	like := e164
	// For extensions and short codes; the check is on by default.
	if customer["numberE164CheckEnabled"] == false {
		like = plainNumber
	}
	return object(map[string]rule{
		"number": {is: "string", max: 40, like: like}, "name": text(40), "email": text(40), "externalId": text(40),
		"extension": text(10), "sipUri": text(0), "numberE164CheckEnabled": {is: "boolean"},
		"assistantOverrides": overridesRule(), "squadOverrides": object(nil),
	})
}

// callFaults is what POST /call finds wrong. metadata is not among the keys: it goes into
// assistantOverrides.
func (c *Cloud) callFaults(m map[string]any) []string {
	customer, _ := m["customer"].(map[string]any)
	out := object(with(anyOf(rule{}, "assistantVersion", "squad", "workflow", "phoneNumber", "transport"), map[string]rule{
		"name": text(40), "assistantId": text(0), "assistant": assistantRule(), "assistantOverrides": overridesRule(),
		"squadId": text(0), "squadOverrides": overridesRule(), "workflowId": text(0), "workflowOverrides": object(nil),
		"phoneNumberId": text(0), "customerId": text(0), "customer": customerRule(customer), "customers": list(object(nil)),
		"schedulePlan": object(map[string]rule{"earliestAt": {is: "time"}, "latestAt": {is: "time"}}).needs("earliestAt"),
	})).faults("", m)
	for i, one := range elements(m["customers"]) {
		out = append(out, customerRule(one).faults(fmt.Sprintf("customers.%d", i), one)...)
	}
	return out
}

// elements are the objects of an array; what is no object becomes an empty one, which the
// rules then find incomplete.
func elements(v any) []map[string]any {
	var out []map[string]any
	list, _ := v.([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		out = append(out, m)
	}
	return out
}

// missing says in the vendor's words what a call cannot be placed without.
func (c *Cloud) missing(m map[string]any) string {
	who := 0
	for _, key := range []string{"assistantId", "assistant", "squadId", "squad", "workflowId", "workflow"} {
		if m[key] != nil {
			who++
		}
	}
	people := 0
	for _, key := range []string{"customer", "customerId", "customers"} {
		if m[key] != nil {
			people++
		}
	}
	id, _ := m["assistantId"].(string)
	number, _ := m["phoneNumberId"].(string)
	switch {
	case who != 1:
		return "Need Exactly One Of `assistantId`, `assistant`, `squadId`, `squad`, `workflowId` Or `workflow`."
	case id != "" && c.assistant(id) == nil:
		return "Couldn't Get Assistant. `assistantId` " + id + " Does Not Exist."
	case people != 1:
		return "Couldn't Get Customer. Need Either `customerId` Or `customer`."
	case m["customerId"] != nil:
		return "Couldn't Get Customer. `customerId` Does Not Exist."
	case number == "" && m["phoneNumber"] == nil:
		return "Couldn't Get Phone Number. Need Either `phoneNumberId` Or `phoneNumber`."
	case number != "" && number != c.o.PhoneNumberID:
		return "Couldn't Get Phone Number. `phoneNumberId` " + number + " Does Not Exist."
	}
	all := elements(m["customers"])
	if one, ok := m["customer"].(map[string]any); ok {
		all = append(all, one)
	}
	for _, one := range all {
		if one["number"] == nil && one["sipUri"] == nil {
			return "Couldn't Get Customer. Need Either `number` Or `sipUri`."
		}
	}
	return ""
}

// createCall places calls. There is no key that would make a second request the same call.
func (c *Cloud) createCall(w http.ResponseWriter, r *http.Request) {
	m, ok := read(w, r)
	if !ok {
		return
	}
	customer, _ := m["customer"].(map[string]any)
	magic := c.magic(customer)
	switch magic {
	case "429":
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "ThrottlerException: Too Many Requests")
		return
	case "503":
		refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	if faults := c.callFaults(m); len(faults) > 0 {
		refuse(w, http.StatusBadRequest, faults)
		return
	}
	// The validator comes first and finds all; what is missing is found one at a time.
	if why := c.missing(m); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	// Whether a call over the limit is refused or waits is contradicted in the sources;
	// a refusal is what a server must be able to take.
	many := elements(m["customers"])
	if c.living()+max(1, len(many)) > c.o.Concurrency {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("Over Concurrency Limit. Your subscription allows %d concurrent calls.", c.o.Concurrency))
		return
	}
	// A batch is answered as one: what failed is in errors, which stays empty here.
	if len(many) > 0 {
		results := []any{}
		for _, one := range many {
			results = append(results, c.place(r.Context(), m, one).rest())
		}
		reply(w, http.StatusCreated, map[string]any{"results": results, "errors": []any{}, "subscriptionLimits": c.limits()})
		return
	}
	k := c.place(r.Context(), m, customer)
	if magic == "408" { // the work is done and the answer lost
		panic(http.ErrAbortHandler)
	}
	body := k.rest()
	body["subscriptionLimits"] = c.limits()
	reply(w, http.StatusCreated, body)
}

// magic is the fault that a number chooses by its end.
func (c *Cloud) magic(customer map[string]any) string {
	number, _ := customer["number"].(string)
	if !c.o.MagicNumbers || len(number) < 3 {
		return ""
	}
	return number[len(number)-3:]
}

// place makes one outbound call and begins to tell the server about it.
func (c *Cloud) place(ctx context.Context, m, customer map[string]any) *Call {
	field := func(name string) string { s, _ := customer[name].(string); return s }
	k := c.newCall(outbound, Caller{Number: field("number"), Name: field("name"), Email: field("email"), ExternalID: field("externalId")})
	k.mu.Lock()
	k.name, _ = m["name"].(string)
	for _, holder := range []map[string]any{m, customer} {
		if over, ok := holder["assistantOverrides"].(map[string]any); ok {
			k.overrides = lay(k.overrides, over)
		}
	}
	if plan, ok := m["schedulePlan"].(map[string]any); ok {
		k.plan, k.status = plan, "scheduled"
	}
	status := k.status
	k.mu.Unlock()
	id, _ := m["assistantId"].(string)
	inline, _ := m["assistant"].(map[string]any)
	if id == "" && inline == nil {
		id = c.o.AssistantID
	}
	k.take(id, inline)
	c.goOn(ctx, func(ctx context.Context) {
		// Not tellStatus: the call may have gone on by the time this is sent.
		k.tell(ctx, "status-update", map[string]any{"status": status})
		if c.o.OnDial != nil {
			c.o.OnDial(ctx, k)
		}
	})
	return k
}

// living counts the calls that have not ended; those scheduled take no slot.
func (c *Cloud) living() int {
	n := 0
	for _, k := range c.Calls() {
		if s := k.Status(); s != "ended" && s != "scheduled" {
			n++
		}
	}
	return n
}

// limits is subscriptionLimits, which comes with every call placed.
func (c *Cloud) limits() map[string]any {
	left := c.o.Concurrency - c.living()
	return map[string]any{"concurrencyBlocked": left < 0, "concurrencyLimit": c.o.Concurrency, "remainingConcurrentCalls": max(0, left)}
}

// rest is the call as the REST side shows it: with its true status, unlike in webhooks.
func (k *Call) rest() map[string]any {
	k.mu.Lock()
	defer k.mu.Unlock()
	o := k.object()
	o["status"], o["updatedAt"], o["cost"] = k.status, wireTime(k.updated), 0.0
	if k.plan != nil {
		o["schedulePlan"] = k.plan
	}
	if !k.started.IsZero() {
		o["startedAt"] = wireTime(k.started)
	}
	if !k.over.IsZero() {
		o["endedAt"], o["endedReason"], o["analysis"] = wireTime(k.over), k.reason, k.analysis
	}
	if k.report != nil {
		for _, key := range []string{"artifact", "cost", "costs", "destination"} {
			if v, ok := k.report[key]; ok {
				o[key] = v
			}
		}
	}
	return o
}

// listCalls is GET /call. There is no filter by metadata or number: who looks for a call whose
// creation was never answered must list by time and assistant, and compare.
func (c *Cloud) listCalls(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, faults := listFaults(q, "id", "assistantId", "phoneNumberId")
	if len(faults) > 0 {
		refuse(w, http.StatusBadRequest, faults)
		return
	}
	out := []any{}
	for _, k := range slices.Backward(c.Calls()) { // newest first
		o := k.rest()
		if len(out) < limit && within(q, "createdAt", o) && within(q, "updatedAt", o) &&
			matches(q, "id", o) && matches(q, "assistantId", o) && matches(q, "phoneNumberId", o) {
			out = append(out, o)
		}
	}
	reply(w, http.StatusOK, out)
}

// matches applies a filter by equality; an absent filter matches everything.
func matches(q url.Values, key string, o map[string]any) bool {
	return !q.Has(key) || o[key] == q.Get(key)
}

// within applies the bounds …Gt, …Lt, …Ge and …Le of a time.
func within(q url.Values, key string, o map[string]any) bool {
	text, _ := o[key].(string)
	at, _ := time.Parse(time.RFC3339, text)
	for _, end := range []string{"Gt", "Lt", "Ge", "Le"} {
		if !q.Has(key + end) {
			continue
		}
		bound, _ := time.Parse(time.RFC3339, q.Get(key+end))
		order := at.Compare(bound)
		if ok := map[string]bool{"Gt": order > 0, "Lt": order < 0, "Ge": order >= 0, "Le": order <= 0}[end]; !ok {
			return false
		}
	}
	return true
}

// listFaults checks the query of a list: known names, times that are times, at most 1,000.
func listFaults(q url.Values, names ...string) (limit int, faults []string) {
	limit = 100
	for _, of := range []string{"createdAt", "updatedAt"} {
		for _, end := range []string{"Gt", "Lt", "Ge", "Le"} {
			names = append(names, of+end)
			if _, err := time.Parse(time.RFC3339, q.Get(of+end)); q.Has(of+end) && err != nil {
				faults = append(faults, of+end+" must be a valid ISO 8601 date string")
			}
		}
	}
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 0 {
			faults = append(faults, "limit must not be less than 0")
		} else if n > 1000 {
			faults = append(faults, "limit must not be greater than 1000")
		}
		limit = n
	}
	for _, key := range unknown(q, append(names, "limit")...) {
		faults = append(faults, "property "+key+" should not exist")
	}
	return limit, faults
}

// getCall is GET /call/{id}, where a sweep finds the calls whose report never came.
func (c *Cloud) getCall(w http.ResponseWriter, r *http.Request) {
	if k, ok := c.Call(r.PathValue("id")); ok {
		reply(w, http.StatusOK, k.rest())
		return
	}
	refuse(w, http.StatusNotFound, "Couldn't find call "+r.PathValue("id"))
}

// patchCall is PATCH /call/{id}, which changes the name and nothing else.
func (c *Cloud) patchCall(w http.ResponseWriter, r *http.Request) {
	m, ok := read(w, r)
	if !ok {
		return
	}
	if faults := object(map[string]rule{"name": text(40)}).faults("", m); len(faults) > 0 {
		refuse(w, http.StatusBadRequest, faults)
		return
	}
	k, ok := c.Call(r.PathValue("id"))
	if !ok {
		refuse(w, http.StatusNotFound, "Couldn't find call "+r.PathValue("id"))
		return
	}
	k.mu.Lock()
	if name, ok := m["name"].(string); ok {
		k.name, k.updated = name, time.Now()
	}
	k.mu.Unlock()
	reply(w, http.StatusOK, k.rest())
}

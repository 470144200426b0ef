package simforce

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// wireFault is a Fault in JSON, its durations as text ("90s").
type wireFault struct {
	Kind    Kind   `json:"kind"`
	Method  string `json:"method"`
	Object  string `json:"object"`
	Path    string `json:"path"`
	Row     bool   `json:"row"`
	Nth     int    `json:"nth"`
	Times   int    `json:"times"`
	After   string `json:"after"`
	For     string `json:"for"`
	Delay   string `json:"delay"`
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// fault reads the durations; unlike time.Duration's own JSON they are written as people write them.
func (w wireFault) fault() (Fault, error) {
	f := Fault{
		Kind: w.Kind, Method: w.Method, Object: w.Object, Path: w.Path, Row: w.Row, Nth: w.Nth, Times: w.Times,
		Status: w.Status, Code: w.Code, Message: w.Message,
	}
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"after", w.After, &f.After}, {"for", w.For, &f.For}, {"delay", w.Delay, &f.Delay}} {
		if d.text == "" {
			continue
		}
		var err error
		if *d.to, err = time.ParseDuration(d.text); err != nil {
			return f, fmt.Errorf("%s: %w; write it like \"90s\"", d.name, err)
		}
	}
	return f, nil
}

// control serves /_sim/ for whoever runs the org in a process of its own. Its forms stand in the package comment.
func (o *Org) control(w http.ResponseWriter, r *http.Request) {
	answer, err := o.controlled(r)
	if err != nil {
		write(w, r, reply{status: http.StatusBadRequest, body: map[string]string{"error": err.Error()}})
		return
	}
	write(w, r, ok(answer))
}

// controlled finds the control call. What cannot be done is an error with a hint, answered as 400.
func (o *Org) controlled(r *http.Request) (any, error) {
	what := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/_sim/")
	switch what {
	case "GET faults":
		return o.Counts(), nil
	case "GET ledger":
		since := 0
		if s := r.URL.Query().Get("since"); s != "" {
			var err error
			if since, err = strconv.Atoi(s); err != nil {
				return nil, fmt.Errorf("since: %w", err)
			}
		}
		return orEmpty(o.ledgerSince(since)), nil
	case "GET records":
		return orEmpty(o.Records(r.URL.Query().Get("object"))), nil
	case "GET requests":
		return orEmpty(o.Requests()), nil
	case "POST expire":
		o.ExpireSessions()
	case "POST reset":
		o.Reset()
	case "POST faults", "POST put", "POST edit", "POST schema":
		d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
		d.DisallowUnknownFields()
		return o.instructed(what, d)
	default:
		return nil, fmt.Errorf("%s is not one of the control calls", what)
	}
	return struct{}{}, nil
}

// instructed carries out a call with a body. Members that it does not know are refused: a fault that was misspelt
// would strike everything, or nothing.
func (o *Org) instructed(what string, d *json.Decoder) (any, error) {
	if what == "POST faults" {
		var in wireFault
		if err := d.Decode(&in); err != nil {
			return nil, fmt.Errorf("fault: %w", err)
		}
		f, err := in.fault()
		if err != nil {
			return nil, fmt.Errorf("fault: %w", err)
		}
		return struct{}{}, o.addFault(f)
	}
	var in struct {
		Object string         `json:"object"`
		ID     string         `json:"id"`
		Fields map[string]any `json:"fields"`
		Field  string         `json:"field"`
		Change string         `json:"change"`
	}
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	switch what {
	case "POST put":
		o.mu.Lock()
		defer o.mu.Unlock()
		id, err := o.plant(in.Object, in.Fields)
		return map[string]string{"id": id}, err
	case "POST edit":
		return struct{}{}, o.Edit(in.ID, in.Fields)
	}
	return struct{}{}, o.changeField(in.Object, in.Field, in.Change)
}

// orEmpty makes an empty list [] in JSON, so that a reader may always iterate.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

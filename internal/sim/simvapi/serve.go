package simvapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Serve runs an account on a listener until ctx ends: REST, control URLs and /_sim/, as
// the package comment says. Numbers choose faults.
func Serve(ctx context.Context, ln net.Listener, o Options) error {
	o.ControlBase = orElse(o.ControlBase, "http://"+ln.Addr().String())
	// Whoever runs it by itself has no Go to inject a fault with.
	o.MagicNumbers = true
	c := New(o)
	mux := http.NewServeMux()
	mux.Handle("/", c.Handler())
	mux.Handle("/_sim/", c.Script())
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(end) // what is still open after that is cut off with the program
	})
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve simulated Vapi on %s: %w", ln.Addr(), err)
	}
	return nil
}

// Script is /_sim/: the caller's and the model's side of calls, for who has no Go.
func (c *Cloud) Script() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_sim/calls", c.simRing)
	mux.HandleFunc("GET /_sim/calls", func(w http.ResponseWriter, _ *http.Request) {
		out := []any{}
		for _, k := range c.Calls() {
			out = append(out, map[string]any{"id": k.id, "status": k.Status(), "ended_reason": k.EndedReason(), "number": k.caller.Number})
		}
		reply(w, http.StatusOK, out)
	})
	play := func(pattern string, f func(*Call, *http.Request, simStep) any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			var step simStep
			k, ok := c.Call(r.PathValue("id"))
			switch {
			case !ok:
				refuse(w, http.StatusNotFound, "no call "+r.PathValue("id"))
			case r.Method == http.MethodGet || simRead(w, r, &step):
				reply(w, http.StatusOK, f(k, r, step))
			}
		})
	}
	play("POST /_sim/calls/{id}/connects", func(k *Call, r *http.Request, _ simStep) any {
		k.Connects(r.Context())
		return k.rest()
	})
	play("POST /_sim/calls/{id}/says", func(k *Call, r *http.Request, s simStep) any {
		k.Speaks(r.Context(), Speech{Role: orElse(s.Role, "user"), Text: s.Text, Over: ms(s.OverMS)})
		return struct{}{}
	})
	play("POST /_sim/calls/{id}/interrupts", func(k *Call, r *http.Request, s simStep) any {
		k.Speaks(r.Context(), Speech{Role: "user", Text: s.Text, Over: ms(s.OverMS), Interrupting: true})
		return struct{}{}
	})
	play("POST /_sim/calls/{id}/asks", func(k *Call, r *http.Request, s simStep) any {
		return heardAsJSON(k.AsksMany(r.Context(), []Ask{{ID: s.ID, Tool: s.Tool, Args: s.args()}}, s.options())...)
	})
	play("POST /_sim/calls/{id}/hangs-up", func(k *Call, r *http.Request, s simStep) any {
		k.Ends(r.Context(), Ending{Reason: s.Reason, Summary: s.Summary})
		return k.rest()
	})
	play("GET /_sim/calls/{id}/hears", func(k *Call, _ *http.Request, _ simStep) any { return heardAsJSON(k.Hears()...) })
	mux.HandleFunc("GET /_sim/counts", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, c.Counts()) })
	mux.HandleFunc("GET /_sim/violations", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, append([]string{}, c.Violations()...))
	})
	mux.HandleFunc("POST /_sim/faults", c.simFault)
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		c.Mend()
		reply(w, http.StatusOK, struct{}{})
	})
	return mux
}

// simStep is the body of any step; each uses its own fields.
type simStep struct {
	Role    string          `json:"role"`
	Text    string          `json:"text"`
	OverMS  int             `json:"over_ms"`
	Tool    string          `json:"tool"`
	Args    json.RawMessage `json:"args"`
	ID      string          `json:"id"`
	Shape   Shape           `json:"shape"`
	Legacy  bool            `json:"legacy"`
	Wrap    Envelope        `json:"envelope"`
	Again   int             `json:"again"`
	AgainMS int             `json:"again_ms"`
	With    []struct {
		Tool string          `json:"tool"`
		Args json.RawMessage `json:"args"`
		ID   string          `json:"id"`
	} `json:"with"`
	Reason  string `json:"reason"`
	Summary string `json:"summary"`
}

// args keeps "no arguments" apart from null.
func (s simStep) args() any {
	if s.Args == nil {
		return nil
	}
	return s.Args
}

// options are the step's as AskOptions; calls beside the first are asked in parallel.
func (s simStep) options() AskOptions {
	o := AskOptions{ID: s.ID, Shape: s.Shape, Legacy: s.Legacy, Envelope: s.Wrap, Again: s.Again, AgainAfter: ms(s.AgainMS)}
	for _, a := range s.With {
		ask := Ask{ID: a.ID, Tool: a.Tool}
		if a.Args != nil {
			ask.Args = a.Args
		}
		o.With = append(o.With, ask)
	}
	return o
}

// ms is a duration of a script.
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// simRead takes a step; a field that no step has is refused, so that a typing error in a
// script does not pass for a default.
func simRead(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("the body of %s: %v", r.URL.Path, err))
		return false
	}
	return true
}

// simRing lets a call come in; it answers when the call is in progress or over.
func (c *Cloud) simRing(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Number         string         `json:"number"`
		Name           string         `json:"name"`
		Email          string         `json:"email"`
		ExternalID     string         `json:"external_id"`
		Metadata       map[string]any `json:"metadata"`
		Variables      map[string]any `json:"variables"`
		ServerMessages []string       `json:"server_messages"`
		Envelope       Envelope       `json:"envelope"`
	}
	if !simRead(w, r, &in) {
		return
	}
	k := c.Ring(r.Context(), Caller{
		Number: in.Number, Name: in.Name, Email: in.Email, ExternalID: in.ExternalID, Metadata: in.Metadata,
		Variables: in.Variables, ServerMessages: in.ServerMessages, Envelope: in.Envelope,
	})
	reply(w, http.StatusCreated, k.rest())
}

// simFault injects a Fault. Field for field the same, with durations in milliseconds.
func (c *Cloud) simFault(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Kind          string `json:"kind"`
		Call          string `json:"call"`
		Times         int    `json:"times"`
		Copies        int    `json:"copies"`
		CopiesAfterMS int    `json:"copies_after_ms"`
		Hold          int    `json:"hold"`
		Lose          bool   `json:"lose"`
		SlowMS        int    `json:"slow_ms"`
		SlowAnswerMS  int    `json:"slow_answer_ms"`
		DropResponse  bool   `json:"drop_response"`
		CutAfterMS    int    `json:"cut_after_ms"`
		BadSignature  bool   `json:"bad_signature"`
		Unsigned      bool   `json:"unsigned"`
	}
	if !simRead(w, r, &in) {
		return
	}
	c.Inject(Fault{
		Kind: in.Kind, Call: in.Call, Times: in.Times, Copies: in.Copies, CopiesAfter: ms(in.CopiesAfterMS), Hold: in.Hold, Lose: in.Lose,
		Slow: ms(in.SlowMS), SlowAnswer: ms(in.SlowAnswerMS), DropResponse: in.DropResponse, CutAfter: ms(in.CutAfterMS),
		BadSignature: in.BadSignature, Unsigned: in.Unsigned,
	})
	reply(w, http.StatusCreated, struct{}{})
}

// heardAsJSON is what was heard, for scripts.
func heardAsJSON(heard ...Heard) []any {
	out := []any{}
	for _, h := range heard {
		out = append(out, map[string]any{
			"at": h.At.UTC().Format(time.RFC3339Nano), "via": h.Via, "tool_call_id": h.ToolCallID, "tool": h.Tool,
			"said": h.Said, "result": h.Result, "error": h.Error, "took_ms": h.Took.Milliseconds(), "status": h.Status,
			"copy": h.Copy, "violations": append([]string{}, h.Violations...), "suspicious": append([]string{}, h.Suspicious...),
		})
	}
	return out
}

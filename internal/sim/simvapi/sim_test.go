package simvapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inMemory reaches a handler without a socket, so that bubbles can hold both sides. The
// handler goes on when the client has gone, as a server's does.
type inMemory struct{ h http.Handler }

func (t inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	in.Header = r.Header.Clone()
	done := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		t.h.ServeHTTP(w, in)
		done <- w.Result()
	}()
	select {
	case res := <-done:
		return res, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// desk is a server under test: it keeps what it was sent and answers as it is told to.
type desk struct {
	mu     sync.Mutex
	got    []map[string]any // whole bodies
	heads  []http.Header
	at     []time.Time
	answer func(w http.ResponseWriter, r *http.Request, message map[string]any)
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	d.got = append(d.got, body)
	d.heads = append(d.heads, r.Header.Clone())
	d.at = append(d.at, time.Now())
	d.mu.Unlock()
	message, _ := body["message"].(map[string]any)
	if d.answer != nil {
		d.answer(w, r, message)
		return
	}
	_, _ = io.WriteString(w, properly(message))
}

// properly answers as the protocol wants it.
func properly(message map[string]any) string {
	switch message["type"] {
	case "tool-calls":
		var results []any
		list, _ := message["toolCallList"].([]any)
		for _, e := range list {
			call := e.(map[string]any)
			name := call["name"]
			if f, ok := call["function"].(map[string]any); ok {
				name = f["name"]
			}
			results = append(results, map[string]any{"toolCallId": call["id"], "name": name, "result": "Case 00001026 is open."})
		}
		b, _ := json.Marshal(map[string]any{"results": results})
		return string(b)
	case "function-call":
		return `{"result":"Case 00001026 is open."}`
	default:
		return `{}`
	}
}

// messages are the contents of all bodies of a type that the server got.
func (d *desk) messages(kind string) []map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []map[string]any
	for _, body := range d.got {
		if m, ok := body["message"].(map[string]any); ok && (kind == "" || m["type"] == kind) {
			out = append(out, m)
		}
	}
	return out
}

// order is what the server got, shortly: type and status.
func (d *desk) order() []string {
	var out []string
	for _, m := range d.messages("") {
		name := fmt.Sprint(m["type"])
		if m["status"] != nil {
			name += " " + fmt.Sprint(m["status"])
		}
		out = append(out, name)
	}
	return out
}

const hook = "https://bridge.example.com/webhook/vapi"

// account joins a cloud and a server under test.
func account(d *desk, o Options) *Cloud {
	o.ServerURL = hook
	o.HTTP = &http.Client{Transport: inMemory{d}}
	o.Seed = orElse(o.Seed, 7)
	if o.ServerMessages == nil {
		o.ServerMessages = EveryServerMessage()
	}
	return New(o)
}

// saying is a server that answers every tool call with the same body.
func saying(body string) *desk {
	return &desk{answer: func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
		if m["type"] == "tool-calls" {
			_, _ = io.WriteString(w, body)
			return
		}
		_, _ = io.WriteString(w, properly(m))
	}}
}

func has(list []string, part string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
}

func fixture(t *testing.T, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// bubble runs a test on a virtual clock, and afterwards lets servers finish what their
// clients have given up.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t)
		time.Sleep(time.Minute)
	})
}

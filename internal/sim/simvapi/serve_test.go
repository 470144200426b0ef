package simvapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// One call over real sockets, driven by JSON alone.
func TestServePlaysACallByItself(t *testing.T) {
	d := &desk{}
	bridge := httptest.NewServer(d)
	defer bridge.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, Options{ServerURL: bridge.URL}) }()
	base := "http://" + ln.Addr().String()
	ask := func(method, path, body string, want int) any {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		res, err := bridge.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, _ := io.ReadAll(res.Body)
		if res.StatusCode != want {
			t.Fatalf("%s %s: got %d %s, want %d", method, path, res.StatusCode, raw, want)
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	call := ask("POST", "/_sim/calls", `{"number":"+15550100100","metadata":{"leadId":"x"}}`, 201).(map[string]any)
	at := "/_sim/calls/" + call["id"].(string)
	ask("POST", "/_sim/calls", `{"phone":"+15550100100"}`, 400)
	ask("POST", "/_sim/calls/none/says", `{"text":"Hello"}`, 404)
	ask("POST", at+"/says", `{"words":"Hello"}`, 400)
	ask("POST", at+"/says", `{"text":"My case, please"}`, 200)
	ask("POST", "/_sim/faults", `{"kind":"tool-calls","times":1,"copies":1}`, 201)
	heard := ask("POST", at+"/asks", `{"tool":"get_case","args":{"caseNumber":"00001026"},"id":"c1"}`, 200).([]any)
	if h := heard[0].(map[string]any); h["said"] != "Case 00001026 is open." || h["tool_call_id"] != "c1" {
		t.Errorf("got %v, want the answer", h)
	}
	ask("DELETE", "/_sim/faults", ``, 200)
	ask("POST", at+"/hangs-up", `{"reason":"customer-ended-call"}`, 200)
	if got := ask("GET", at+"/hears", ``, 200).([]any); len(got) == 0 {
		t.Error("heard nothing")
	}
	if got := ask("GET", "/_sim/counts", ``, 200).(map[string]any); got["end-of-call-report"] != 1.0 {
		t.Errorf("got %v, want one report", got)
	}
	if got := ask("GET", "/_sim/violations", ``, 200).([]any); len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
	ask("GET", "/call", ``, 401)
	if want := base + "/" + call["id"].(string) + "/control"; call["monitor"].(map[string]any)["controlUrl"] != want {
		t.Errorf("got %v, want control at %s", call["monitor"], want)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

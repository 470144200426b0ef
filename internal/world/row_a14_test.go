package world_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

const (
	invalid = `{"error":"Invalid signature"}`
	ringing = `{"message":{"type":"status-update","status":"ringing","call":{"id":"c1"}}}`
)

// askLead is a tool call as it arrives, for call and tool call of these ids.
func askLead(t *testing.T, call, id string) []byte {
	t.Helper()
	return encoded(t, map[string]any{"message": map[string]any{
		"type": "tool-calls", "call": map[string]any{"id": call, "customer": map[string]any{"number": "+15550100142"}},
		"toolCallList": []any{map[string]any{"id": id, "name": "create_lead", "arguments": lead(nil)}},
	}})
}

// TestStrangersAreRefused sends what nobody signed, signed badly, or signed too long ago. The answer is always
// the same, byte for byte, whatever the length of the guess, and nothing is read, kept or asked.
//
// mission-part: A.14
func TestStrangersAreRefused(t *testing.T) {
	hmacAuth := func(c *config.Config) {
		c.Vapi.WebhookAuth = []config.WebhookAuth{{HMAC: &config.HMAC{
			Secret: secrets("key"), Algorithm: "sha256", SignatureHeader: "X-Signature", TimestampHeader: "X-Timestamp",
			Payload: "{timestamp}.{body}", Encoding: "hex", Tolerance: 5 * time.Minute,
		}}}
	}
	signed := func(key string, ago time.Duration, body []byte) http.Header {
		at := fmt.Sprint(time.Now().Add(-ago).UnixMilli())
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(at + "." + string(body)))
		return http.Header{"X-Timestamp": {at}, "X-Signature": {hex.EncodeToString(mac.Sum(nil))}}
	}
	for _, tc := range []struct {
		name   string
		config func(*config.Config)
		header func(body []byte) http.Header
		good   bool
	}{
		{"no header", nil, func([]byte) http.Header { return http.Header{} }, false},
		{"empty header", nil, func([]byte) http.Header { return http.Header{"X-Vapi-Secret": {""}} }, false},
		{"wrong secret", nil, func([]byte) http.Header { return http.Header{"X-Vapi-Secret": {"A secret that only Vapi knows"}} }, false},
		{"too short", nil, func([]byte) http.Header { return http.Header{"X-Vapi-Secret": {"a"}} }, false},
		{"too long", nil, func([]byte) http.Header { return http.Header{"X-Vapi-Secret": {world.Secret + "x"}} }, false},
		{"the secret in another header", nil, func([]byte) http.Header { return http.Header{"Authorization": {"Bearer " + world.Secret}} }, false},
		{"signed", hmacAuth, func(b []byte) http.Header { return signed("key", 0, b) }, true},
		{"signed with another key", hmacAuth, func(b []byte) http.Header { return signed("kez", 0, b) }, false},
		{"signed just in time", hmacAuth, func(b []byte) http.Header { return signed("key", 4*time.Minute+59*time.Second, b) }, true},
		{"stale", hmacAuth, func(b []byte) http.Header { return signed("key", 5*time.Minute+time.Second, b) }, false},
		{"from the future", hmacAuth, func(b []byte) http.Header { return signed("key", -6*time.Minute, b) }, false},
		{"another body", hmacAuth, func([]byte) http.Header { return signed("key", 0, []byte(ringing)) }, false},
		{"a signature of another length", hmacAuth, func(b []byte) http.Header {
			h := signed("key", 0, b)
			h.Set("X-Signature", h.Get("X-Signature")[:63])
			return h
		}, false},
		{"no auth configured", func(c *config.Config) { c.Vapi.WebhookAuth = nil }, func([]byte) http.Header { return asVapi() }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			live(t, world.Options{Config: tc.config}, func(t *testing.T, w *world.World) {
				body := askLead(t, "c1", "call_1")
				got := post(t, w, body, tc.header(body))
				if tc.good {
					if got.status != 200 || !strings.Contains(got.body, "saved") {
						t.Errorf("got %d %s, want the lead saved", got.status, got.body)
					}
					return
				}
				if got.status != 401 || got.body != invalid {
					t.Errorf("got %d %s, want 401 %s", got.status, got.body, invalid)
				}
				if n := promised(t, w); n != 0 || len(w.Org.Ledger()) != 0 {
					t.Errorf("a stranger had %d writes promised and %d made", n, len(w.Org.Ledger()))
				}
				if calls, err := w.App().Calls().List(t.Context(), "default", 10); err != nil || len(calls) != 0 {
					t.Errorf("a stranger left calls %v, %v", calls, err)
				}
			})
		})
	}
}

// TestBodiesThatAreNoMessageAreRefused sends, well signed, what cannot be a message. Each is refused with what is
// wrong, nothing is written, and the next message is served as if nothing had been.
func TestBodiesThatAreNoMessageAreRefused(t *testing.T) {
	live(t, world.Options{}, func(t *testing.T, w *world.World) {
		good := string(askLead(t, "c1", "call_1"))
		for _, tc := range []struct {
			name, body string
			status     int
			says       string
		}{
			{"nothing", "", 400, "is no message"},
			{"no JSON", "to whom it may concern", 400, "is not JSON"},
			{"cut short", good[:len(good)/2], 400, "cut short"},
			{"two of them", good + good, 400, "is not JSON"},
			{"a list", "[" + good + "]", 400, "is not an object"},
			{"a number", "7", 400, "is not an object"},
			{"nested deeply", strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), 400, "nests deeper"},
			{"nested deeply in lists", `{"message":` + strings.Repeat("[", 400_000) + strings.Repeat("]", 400_000) + "}", 400, "nests deeper"},
			{"too large", `{"message":{"type":"x","pad":"` + strings.Repeat("a", 1<<20) + `"}}`, 413, "larger than 1 MiB"},
		} {
			got := post(t, w, []byte(tc.body), asVapi())
			var refusal struct{ Error string }
			if err := json.Unmarshal([]byte(got.body), &refusal); err != nil || got.status != tc.status || !strings.Contains(refusal.Error, tc.says) {
				t.Errorf("%s: got %d %s, want %d with %q", tc.name, got.status, got.body, tc.status, tc.says)
			}
		}
		fits := `{"message":{"type":"status-update","status":"ringing","call":{"id":"c1"},"pad":"`
		fits += strings.Repeat("a", 1<<20-len(fits)-3) + `"}}`
		if got := post(t, w, []byte(fits), asVapi()); got.status != 200 {
			t.Errorf("a body of exactly %d bytes: got %d %s, want 200", len(fits), got.status, got.body)
		}
		if n := promised(t, w); n != 0 || len(w.Org.Ledger()) != 0 {
			t.Errorf("%d writes promised and %d made, want none", n, len(w.Org.Ledger()))
		}
		if got := post(t, w, []byte(good), asVapi()); got.status != 200 || !strings.Contains(got.body, "saved") {
			t.Errorf("the next message: got %d %s, want the lead saved", got.status, got.body)
		}
	})
}

// TestEveryRecordedPayloadIsAccepted posts every body that was ever seen or documented to the door of the running
// server, those of other directions too: a strange message is kept and answered, never refused.
//
// mission-part: A.14
func TestEveryRecordedPayloadIsAccepted(t *testing.T) {
	files, err := filepath.Glob("../vapi/testdata/payloads/*.json")
	if err != nil || len(files) < 40 {
		t.Fatalf("found %d payloads (%v), want all", len(files), err)
	}
	bodies := map[string][]byte{}
	for _, f := range files {
		if bodies[filepath.Base(f)], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	live(t, world.Options{}, func(t *testing.T, w *world.World) {
		for name, body := range bodies {
			for range 2 { // the second delivery too
				got := post(t, w, body, asVapi())
				if got.status != 200 || !json.Valid([]byte(got.body)) {
					t.Errorf("%s: got %d %s, want 200 with JSON", name, got.status, got.body)
				}
			}
		}
	})
}

// TestTutorialEnvelopesReachTheirTools asks through every envelope and shape in which tool calls are found, over
// both addresses, a whole call each: started, spoken, asked, ended.
//
// mission-part: A.14
func TestTutorialEnvelopesReachTheirTools(t *testing.T) {
	n := 0
	for _, envelope := range []simvapi.Envelope{simvapi.EnvelopeVapi, simvapi.EnvelopeBare, simvapi.EnvelopeBeside, simvapi.EnvelopeEvent} {
		for _, shape := range []simvapi.Shape{simvapi.ShapeWire, simvapi.ShapeSpec, simvapi.ShapeFlatParameters, simvapi.ShapeFlatArguments, simvapi.ShapeToolsOnly, "legacy"} {
			n++
			number := fmt.Sprintf("+155501002%02d", n)
			t.Run(fmt.Sprintf("%q %s", envelope, shape), func(t *testing.T) {
				o := world.Options{}
				if envelope == simvapi.EnvelopeEvent {
					o.Cloud.ServerURL = "http://voice.example.com/webhook"
				}
				live(t, o, func(t *testing.T, w *world.World) {
					ask := simvapi.AskOptions{Shape: shape}
					if shape == "legacy" {
						ask = simvapi.AskOptions{Legacy: true}
					}
					c := w.Cloud.Ring(t.Context(), simvapi.Caller{Number: number, Envelope: envelope})
					c.Says(t.Context(), "user", "A house in Austin")
					c.Interrupts(t.Context(), "wait")
					h := c.Asks(t.Context(), "create_lead", lead(nil), ask)
					c.HangsUp(t.Context(), "")
					if shape == "legacy" {
						h.Said = h.Result // the old reply has one text, which the model speaks
					}
					if !strings.Contains(h.Said, "saved") {
						t.Errorf("heard %q, want that it is saved", h.Said)
					}
					if leads := w.Org.Records("Lead"); len(leads) != 1 || leads[0].Str("Phone") != "+15558675309" {
						t.Errorf("the org has leads %v, want one", leads)
					}
					for _, v := range w.Cloud.Violations() {
						t.Error(v)
					}
					known, found, err := w.App().Calls().Get(t.Context(), "default", c.ID())
					if err != nil || !found || known.State != "ended" {
						t.Errorf("the call is kept as %+v, %v %v, want it ended", known, found, err)
					}
				})
			})
		}
	}
}

// TestEventsWithoutIDsAreHandled sends events that name neither call nor customer, in every envelope, and tool
// calls too: they are answered 200 and kept.
//
// mission-part: A.14
func TestEventsWithoutIDsAreHandled(t *testing.T) {
	live(t, world.Options{}, func(t *testing.T, w *world.World) {
		for _, body := range []string{
			`{"message":{"type":"status-update","status":"in-progress"}}`, `{"type":"transcript","text":"hello"}`,
			`{"event":"call.started"}`, `{"event":"call.ended"}`, `{"event":"call-ended"}`, `{"event":"call.error","errorCode":"x"}`,
			`{"event":"transcript.partial","text":"hel"}`, `{"event":"transcript.final","transcript":{"text":"hello"}}`,
			`{"event":"transcript-partial","text":"hel"}`, `{"event":"speech-started"}`, `{"event":"speech-update","status":"interrupted"}`,
			`{"event":"function.call"}`, `{"message":{"type":"tool-calls"}}`, `{"message":{"type":"tool-calls","toolCallList":[]}}`,
			`{"message":{"type":"never-heard-of"}}`, `{}`, `{"message":null}`,
		} {
			if got := post(t, w, []byte(body), asVapi()); got.status != 200 || !json.Valid([]byte(got.body)) {
				t.Errorf("%s: got %d %s, want 200 with JSON", body, got.status, got.body)
			}
		}
		got := post(t, w, []byte(`{"event":"function.call","functionCall":{"name":"create_lead","parameters":`+string(encoded(t, lead(nil)))+`}}`), asVapi())
		if got.status != 200 || !strings.Contains(got.body, "saved") {
			t.Errorf("an ask without a call: got %d %s, want the lead saved", got.status, got.body)
		}
	})
}

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/store"
	"github.com/hookswitch/hookswitch/internal/world"
)

// health is what /health must answer, by the names that are promised.
type health struct {
	Status    string   `json:"status"`
	Connected bool     `json:"salesforce_connected"`
	Expiry    *string  `json:"token_expiry"`
	Backlog   int      `json:"backlog"`
	Review    int      `json:"review"`
	Why       []string `json:"why"`
	code      int
}

// look asks the server that runs in w, past its network.
func look(t *testing.T, w *world.World, path string) (health, int) {
	t.Helper()
	rec := httptest.NewRecorder()
	w.App().Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	var h health
	if err := json.Unmarshal(rec.Body.Bytes(), &h); err != nil {
		t.Fatalf("%s: %d %s: %v", path, rec.Code, rec.Body, err)
	}
	h.code = rec.Code
	return h, rec.Code
}

// openCase lets a caller ask for a case.
func openCase(t *testing.T, w *world.World, kind string) string {
	t.Helper()
	k := w.Cloud.Ring(t.Context(), simvapi.Caller{Number: "+15550100142"})
	return k.Asks(t.Context(), "create_case", map[string]any{"accountNumber": "AC-1001", "issueType": kind, "description": "charged twice"}, simvapi.AskOptions{}).Said
}

// TestHealthFollowsTheServer plays a server from its start to its last breath, and asks at each turn what
// orchestrators and dashboards ask.
//
// mission: P1.10
func TestHealthFollowsTheServer(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := world.New(world.Options{Dir: dir})
		w.Org.Put("Account", map[string]any{"Name": "Acme", "AccountNumber": "AC-1001"})
		if err := w.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // the first token is got in the background
		for _, path := range []string{"/livez", "/readyz"} {
			if _, code := look(t, w, path); code != http.StatusOK {
				t.Errorf("%s of a running server: got %d, want 200", path, code)
			}
		}
		h, _ := look(t, w, "/health")
		if h.Status != "ok" || !h.Connected || h.Backlog != 0 || h.Review != 0 || h.code != 200 || len(h.Why) > 0 {
			t.Errorf("all is well: got %+v, want ok, connected, nothing to do", h)
		}
		wantExpiry(t, h)

		w.Org.Fault(simforce.Fault{Kind: simforce.Down, For: time.Hour})
		if said := openCase(t, w, "billing"); strings.Contains(said, "0000") {
			t.Errorf("with Salesforce down: heard %q, want no case number", said)
		}
		time.Sleep(5 * time.Second)
		if h, _ = look(t, w, "/health"); h.Status != "degraded" || h.Backlog == 0 || h.code != 200 || !strings.Contains(strings.Join(h.Why, " "), "tried again") {
			t.Errorf("with Salesforce down: got %+v, want degraded, with what waits and why", h)
		}

		time.Sleep(2 * time.Hour)
		if h, _ = look(t, w, "/health"); h.Status != "ok" || h.Backlog != 0 {
			t.Errorf("with Salesforce back: got %+v, want ok and nothing to do", h)
		}

		w.Org.Fault(simforce.Fault{Kind: simforce.Answer, Object: "Case", Method: http.MethodPatch, Status: 400, Code: "REQUIRED_FIELD_MISSING", Message: "Required fields are missing: [Reason]", Times: -1})
		openCase(t, w, "technical")
		time.Sleep(time.Minute)
		if h, _ = look(t, w, "/health"); h.Status != "degraded" || h.Review == 0 || !strings.Contains(strings.Join(h.Why, " "), "wait for a person") {
			t.Errorf("with a write for a person: got %+v, want degraded, and why", h)
		}

		w.CutAt(1, store.BeforeCommit) // the disk is gone
		openCase(t, w, "account")
		<-w.Dark()
		if h, _ = look(t, w, "/health"); h.Status != "down" || h.code != http.StatusServiceUnavailable {
			t.Errorf("without a database: got %+v, want down with 503", h)
		}
		if _, code := look(t, w, "/livez"); code != http.StatusOK {
			t.Errorf("/livez without a database: got %d, want 200: a restart mends no disk", code)
		}
		if err := w.Kill(); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// wantExpiry holds token_expiry to RFC 3339 and to a time that a session may have left.
func wantExpiry(t *testing.T, h health) {
	t.Helper()
	if h.Expiry == nil {
		t.Error("token_expiry: got null, want a time")
		return
	}
	end, err := time.Parse(time.RFC3339, *h.Expiry)
	if left := time.Until(end); err != nil || left <= 0 || left > 95*time.Minute {
		t.Errorf("token_expiry: got %q, in %v (%v), want RFC 3339 within the next 95 minutes", *h.Expiry, left, err)
	}
}

// TestHealthWithoutASession tells the operator what keeps the server from its org.
//
// mission-part: P1.10
func TestHealthWithoutASession(t *testing.T) {
	for _, tc := range []struct {
		why    string
		change func(*config.Config)
		want   string
	}{
		{"a wrong secret", func(c *config.Config) {
			c.Salesforce.ClientSecret = config.Secrets{config.NewSecret("hunter2")}
		}, "invalid_client"},
		{"a person who has not signed in yet", func(c *config.Config) { c.Salesforce.Flow = config.Browser }, "/oauth/login"},
	} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			w := world.New(world.Options{Dir: dir, Config: tc.change})
			if err := w.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			h, _ := look(t, w, "/health")
			if h.Status != "degraded" || h.Connected || h.Expiry != nil || !strings.Contains(strings.Join(h.Why, " "), tc.want) {
				t.Errorf("%s: got %+v, want degraded, not connected, no expiry, and %q", tc.why, h, tc.want)
			}
			if strings.Contains(strings.Join(h.Why, " "), "hunter2") {
				t.Errorf("%s: the secret is told: %v", tc.why, h.Why)
			}
			if err := w.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

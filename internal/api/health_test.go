package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHealthSaysTheStatusInItsCodeToo(t *testing.T) {
	expiry := time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		probe  Probe
		status int
		body   string
	}{
		{
			"ok", func(context.Context) (Health, error) {
				return Health{Status: OK, Connected: true, TokenExpiry: &expiry, Backlog: 2}, nil
			}, 200,
			`{"status":"ok","salesforce_connected":true,"token_expiry":"2026-11-20T18:00:00Z","backlog":2,"review":0}`,
		},
		{
			"degraded is still serving", func(context.Context) (Health, error) {
				return Health{Status: Degraded, Review: 1, Why: []string{"a person must look"}}, nil
			}, 200,
			`{"status":"degraded","salesforce_connected":false,"token_expiry":null,"backlog":0,"review":1,"why":["a person must look"]}`,
		},
		{
			"down", func(context.Context) (Health, error) { return Health{}, errors.New("disk I/O error: secret path") }, 503,
			`{"status":"down","salesforce_connected":false,"token_expiry":null,"backlog":0,"review":0,"why":["the database does not answer"]}`,
		},
	} {
		w := httptest.NewRecorder()
		HealthHandler(tc.probe).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", nil))
		if got := strings.TrimSpace(w.Body.String()); w.Code != tc.status || got != tc.body {
			t.Errorf("%s: got %d %s, want %d %s", tc.name, w.Code, got, tc.status, tc.body)
		}
	}
}

func TestReadyOnlyOnceTheServerIs(t *testing.T) {
	ready := make(chan struct{})
	status := func() int {
		w := httptest.NewRecorder()
		ReadyHandler(ready).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		return w.Code
	}
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("while starting: got %d, want 503", got)
	}
	close(ready)
	if got := status(); got != http.StatusOK {
		t.Errorf("once ready: got %d, want 200", got)
	}
}

// Package api is what programs ask of the server: whether it is well, and, over its local socket, what it
// has promised and which calls it knows.
//
//	/health    JSON for people and dashboards: status, Salesforce, token, backlog
//	/livez     200 while the process answers at all
//	/readyz    200 once the journal runs and the doors are open
//
//	Book                   what was promised and which calls there were, masked, for an operator
//	LocalHandler, Client   the same, asked of a running server by a socket beside its database
package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Health is the answer of /health.
type Health struct {
	// Status is "ok"; "degraded" when Salesforce cannot be reached or a person must look at writes, so that
	// callers hear promises instead of facts; "down" when nothing can be recorded.
	Status string `json:"status"`
	// Connected tells whether a token is held that Salesforce has not refused.
	Connected bool `json:"salesforce_connected"`
	// TokenExpiry is an estimate: Salesforce tells no expiry. RFC 3339; null when no token is held.
	TokenExpiry *time.Time `json:"token_expiry"`
	// Backlog counts the writes that were promised and have not come true yet.
	Backlog int `json:"backlog"`
	// Review counts the writes that wait for a person.
	Review int `json:"review"`
	// Why says what is wrong, in words for an operator; absent when all is well.
	Why []string `json:"why,omitempty"`
}

// Probe reports the state of one workspace. An error means that not even the store answers.
type Probe func(ctx context.Context) (Health, error)

// probeTimeout bounds one probe: an orchestrator waits a second or two.
const probeTimeout = 2 * time.Second

// HealthHandler answers /health with 200, and with 503 when the status is "down".
func HealthHandler(probe Probe) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
		defer cancel()
		h, err := probe(ctx)
		if err != nil {
			h = Health{Status: Down, Why: []string{"the database does not answer"}}
		}
		status := http.StatusOK
		if h.Status == Down {
			status = http.StatusServiceUnavailable
		}
		reply(w, status, h)
	})
}

// The values of Health.Status.
const (
	OK       = "ok"
	Degraded = "degraded"
	Down     = "down"
)

// LiveHandler answers /livez. It looks at nothing: a restart mends neither the org nor a full disk.
func LiveHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": OK})
	})
}

// ReadyHandler answers /readyz: 503 until ready is closed.
func ReadyHandler(ready <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-ready:
			reply(w, http.StatusOK, map[string]string{"status": OK})
		default:
			reply(w, http.StatusServiceUnavailable, map[string]string{"status": "starting"})
		}
	})
}

func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, `{"error":"The answer could not be encoded"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a reader that has gone needs no answer
}

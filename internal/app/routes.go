package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hookswitch/hookswitch/internal/api"
	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/intake"
	"github.com/hookswitch/hookswitch/internal/journal"
	"github.com/hookswitch/hookswitch/internal/web"
)

// routes opens every door: those of the default workspace at the root, those of the others below /w/NAME.
func (a *App) routes() http.Handler {
	mux := http.NewServeMux()
	a.operator.Routes(mux)
	mux.Handle("GET /livez", api.LiveHandler())
	mux.Handle("GET /readyz", api.ReadyHandler(a.ready))
	for _, w := range a.workspaces {
		mux.Handle("POST "+w.path("/webhook/vapi"), w.vapi)
		mux.Handle("GET "+w.path("/health"), api.HealthHandler(w.health))
		if w.name == config.DefaultWorkspace {
			mux.Handle("POST /webhook", w.vapi) // as tutorials call it
		}
		if w.browser != nil {
			a.operator.Connect(mux, w.path(""), web.OAuth{
				Workspace: w.name, Flow: *w.browser, Tokens: w.tokens, DB: a.db, Box: a.box, Log: a.log,
			})
		}
	}
	return mux
}

// newOperator is the desk behind which only the operator comes.
func (a *App) newOperator() (*web.Desk, error) {
	var passwords []string
	for _, p := range a.cfg.Operator.Password {
		passwords = append(passwords, p.Reveal())
	}
	gate := intake.Gate{Allow: a.cfg.Doors.OAuth, Trusted: a.cfg.TrustedProxies}
	return web.New(web.Options{
		Username: a.cfg.Operator.Username, Passwords: passwords, Admits: gate.Admits, Log: a.log,
		Secure: strings.HasPrefix(a.cfg.PublicURL, "https://"),
	})
}

// health is the state of the workspace as the journal and the token tell it. It asks nothing of Salesforce: whoever
// polls it must not use up the org's daily requests, and an org that is slow must not make the server look down.
func (w *workspace) health(ctx context.Context) (api.Health, error) {
	if err := w.db.Probe(ctx); err != nil {
		return api.Health{}, err
	}
	counts, err := w.journal.Counts(ctx, w.name)
	if err != nil {
		return api.Health{}, err
	}
	h := api.Health{Status: api.OK, Connected: w.tokens.Connected(), Review: counts[journal.StateRefused]}
	if end := w.tokens.Expiry(); !end.IsZero() {
		end = end.UTC().Truncate(time.Second)
		h.TokenExpiry = &end
	}
	for _, s := range []journal.State{journal.StateSettling, journal.StateWaiting, journal.StateDue, journal.StateTrying, journal.StateRetry, journal.StateUnknown} {
		h.Backlog += counts[s]
	}
	if !h.Connected {
		h.Why = append(h.Why, w.disconnected())
	}
	if other := w.otherOrg.Load(); other != nil && *other != nil {
		h.Why = append(h.Why, (*other).Error())
	}
	if failed := counts[journal.StateRetry] + counts[journal.StateUnknown]; failed > 0 {
		h.Why = append(h.Why, fmt.Sprintf("writes that failed so far and are tried again: %d — see hookswitch journal list --state retry,unknown", failed))
	}
	if h.Review > 0 {
		h.Why = append(h.Why, fmt.Sprintf("writes that wait for a person: %d — see hookswitch journal list --state refused", h.Review))
	}
	if len(h.Why) > 0 {
		h.Status = api.Degraded
	}
	return h, nil
}

// disconnected says why no token is held, and what to do.
func (w *workspace) disconnected() string {
	err := w.tokens.Trouble()
	switch {
	case w.browser != nil:
		return "nobody has connected this workspace to Salesforce, or the org ended it: open " + w.path("/oauth/login")
	case err != nil:
		return err.Error()
	}
	return "no token yet: nothing has been asked of Salesforce"
}

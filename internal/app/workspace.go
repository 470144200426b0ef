package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/caller"
	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/intake"
	"github.com/hookswitch/hookswitch/internal/salesforce"
	"github.com/hookswitch/hookswitch/internal/tool"
	"github.com/hookswitch/hookswitch/internal/vapi"
)

// workspace is one customer's org, playbooks and doors.
type workspace struct {
	*App
	name     string
	cfg      config.Workspace
	tokens   *salesforce.Tokens
	kept     *crm.Tokens         // where they are kept over restarts
	browser  *salesforce.Browser // set when a person signs in by browser
	desk     *crm.Desk
	shelf    *tool.Shelf
	doors    []string // the credentials that are being rotated, by the hash of their secrets
	vapi     *intake.Vapi
	otherOrg atomic.Pointer[error] // why writes are stopped, if they are
}

// newWorkspace makes what the workspace knows and asks; openDoors, once the clerk knows every workspace, lets callers
// in. The HTTP clients have no timeout of their own: each request ends with the context of whoever asked.
func (a *App) newWorkspace(name string, cfg config.Workspace) (*workspace, error) {
	w := &workspace{App: a, name: name, cfg: cfg}
	books, err := a.loadBooks(cfg.Playbooks)
	if err != nil {
		return nil, err
	}
	w.shelf = tool.NewShelf(books...)
	flow, err := w.flow()
	if err != nil {
		return nil, err
	}
	w.kept = &crm.Tokens{DB: a.db, Box: a.box, Workspace: name, Other: w.org}
	if id := cfg.Salesforce.OrgID; id != "" { // Setup shows 15 characters, tokens carry 18
		if w.kept.OrgID, err = salesforce.CheckID(id, "Organization"); err != nil {
			return nil, fmt.Errorf("salesforce.org_id: %w", err)
		}
	}
	w.tokens, err = salesforce.NewTokens(salesforce.TokensConfig{
		Flow: flow, HTTP: &http.Client{Transport: a.transport},
		Store: w.kept,
		Early: cfg.Salesforce.RefreshEarly, SessionLife: cfg.Salesforce.SessionLife, Introspect: cfg.Salesforce.Introspect,
	})
	if err != nil {
		return nil, err
	}
	client, err := salesforce.New(salesforce.Config{
		Tokens: w.tokens, HTTP: &http.Client{Transport: a.transport},
		APIVersion: cfg.Salesforce.APIVersion, KeyField: crm.KeyField, UserAgent: "Hookswitch",
	})
	if err != nil {
		return nil, err
	}
	w.desk = crm.NewDesk(client)
	return w, nil
}

// flow is the way in which the workspace signs in.
func (w *workspace) flow() (salesforce.Flow, error) {
	s := w.cfg.Salesforce
	if !s.Configured() {
		return nil, errors.New("salesforce.client_id is missing: every promise is kept in an org, so the server does not start without one; " +
			"copy the consumer key and secret of the org's External Client App, or try `hookswitch demo`")
	}
	app := salesforce.App{LoginURL: s.LoginURL, ClientID: s.ClientID}
	for _, secret := range s.ClientSecret {
		app.ClientSecrets = append(app.ClientSecrets, salesforce.Secret(secret.Reveal()))
	}
	switch s.Flow {
	case config.JWTBearer:
		pem, err := os.ReadFile(s.PrivateKeyFile)
		if err != nil {
			return nil, fmt.Errorf("salesforce.private_key_file: %w", err)
		}
		key, err := salesforce.ParseKey(pem)
		if err != nil {
			return nil, fmt.Errorf("salesforce.private_key_file %s: %w", s.PrivateKeyFile, err)
		}
		return salesforce.JWTBearer{App: app, Username: s.Username, Key: key}, nil
	case config.RefreshToken:
		return salesforce.RefreshToken{App: app, Token: salesforce.Secret(s.RefreshToken.First().Reveal())}, nil
	case config.Browser:
		redirect := s.RedirectURI
		if redirect == "" {
			redirect = w.App.cfg.PublicURL + w.path("/oauth/callback")
		}
		w.browser = &salesforce.Browser{App: app, RedirectURL: redirect}
		return *w.browser, nil
	}
	return salesforce.ClientCredentials{App: app}, nil
}

// path is where one of the workspace's doors is.
func (w *workspace) path(p string) string {
	if w.name == config.DefaultWorkspace {
		return p
	}
	return "/w/" + w.name + p
}

// org hears whether a token is of the org that the workspace is tied to. A token of another org stops the
// workspace's writes at once; the right one lets them go on.
func (w *workspace) org(err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // hears from any caller's request, and must outlive it
	defer cancel()
	w.otherOrg.Store(&err)
	if err != nil {
		w.log.Error("org.mismatch", "workspace", w.name, "error", err)
		if err := w.journal.Park(ctx, w.name, "", time.Now().Add(untilMended), otherOrg); err != nil {
			w.log.Error("org.park", "workspace", w.name, "error", err)
		}
		return
	}
	for lane, parked := range w.journal.Parked(w.name) {
		if parked.Why != otherOrg {
			continue
		}
		if err := w.journal.Unpark(ctx, w.name, lane); err != nil {
			w.log.Error("org.unpark", "workspace", w.name, "error", err)
		}
	}
}

// otherOrg is why lanes stand still while the token is of another org; untilMended is for how long. It is
// kept in the database, so that a restart with the same mistake writes nothing either.
const (
	otherOrg    = "the token is of another org"
	untilMended = 100 * 365 * 24 * time.Hour
)

// tools is what the clerk works with here.
func (w *workspace) tools() tool.Desk {
	return tool.Desk{
		Shelf: w.shelf, Reader: w.desk, Hash: w.box.Hash, Zone: w.desk.Zone,
		Windows: tool.Windows{Deadline: w.cfg.Deadline, Settle: w.cfg.Settle, Repeat: w.cfg.RepeatWindow},
	}
}

// openDoors makes the workspace's doors, with the secrets that are good now.
func (w *workspace) openDoors(ctx context.Context) error {
	verifier, err := w.verifier(ctx)
	if err != nil {
		return err
	}
	w.vapi = &intake.Vapi{
		Workspace: w.name, PublicURL: w.App.cfg.PublicURL, AssistantID: w.cfg.Vapi.AssistantID,
		Gate:     intake.Gate{Allow: w.App.cfg.Doors.Vapi, Trusted: w.App.cfg.TrustedProxies},
		Verifier: func() *vapi.Verifier { return verifier },
		Calls:    w.calls, Clerk: w.clerk, Log: w.log,
		Person:   func(n caller.Number) string { return w.box.Hash(w.name, string(n)) },
		Playbook: w.shelf.Digest,
		Greet: func(ctx context.Context, n caller.Number) (variables, metadata map[string]any) {
			b := w.desk.Brief(ctx, n)
			return b.Variables(), b.Metadata()
		},
		About: func(m vapi.Message) call.About {
			return crm.About(crm.Named{Value: m.Metadata.Value, ExternalID: m.Customer.ExternalID, CustomerID: m.Customer.ID})
		},
	}
	return nil
}

// connect gets the first token before the first caller needs it, and asks what day it is in the org. It does not
// wait: an org that cannot be reached now must not keep the server from answering.
func (w *workspace) connect(ctx context.Context) {
	if w.cfg.Salesforce.Configured() {
		go w.stayConnected(ctx)
	}
}

// tokenCheck is how often an idle server looks at its token, so that it is renewed before its assumed end
// though nobody calls. It costs no request until the token is due.
const tokenCheck = time.Minute

// stayConnected learns what the org says of itself and has the token renewed in time, until ctx ends. What
// does not succeed is tried again; /health says so meanwhile, and the next caller's request tries by itself.
func (w *workspace) stayConnected(ctx context.Context) {
	tick := time.NewTicker(tokenCheck)
	defer tick.Stop()
	for learnt := false; ; {
		var err error
		switch {
		case w.browser != nil && w.tokens.Expiry().IsZero() && !w.hasToken(ctx):
			// Nobody has signed in yet, and only a person can.
		case !learnt:
			err = w.learn(ctx)
			learnt = err == nil
		default:
			_, err = w.tokens.Token(ctx)
		}
		if err != nil && ctx.Err() == nil {
			w.log.Warn("salesforce.unreachable", "workspace", w.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// learn asks the org what it says of itself, within a time that leaves room for the next try.
func (w *workspace) learn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return w.desk.Learn(ctx)
}

// hasToken reports whether a token is kept from an earlier run.
func (w *workspace) hasToken(ctx context.Context) bool {
	_, found, err := w.kept.Load(ctx)
	return err == nil && found
}

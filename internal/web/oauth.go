package web

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"time"

	"github.com/hookswitch/hookswitch/internal/salesforce"
	"github.com/hookswitch/hookswitch/internal/store"
)

// stateLife is how long the operator may take at Salesforce.
const stateLife = 10 * time.Minute

// OAuth connects one workspace to its org by the operator's browser.
type OAuth struct {
	Workspace string
	Flow      salesforce.Browser
	Tokens    *salesforce.Tokens
	DB        *store.DB
	Box       *store.Box
	Log       *slog.Logger
}

// outcome is what the page after a visit to Salesforce says.
type outcome struct {
	Workspace string
	Org       string
	Problem   string
	Mend      string
	Again     string // where to try again
}

// Connect adds the two doors of o, below prefix.
func (d *Desk) Connect(mux *http.ServeMux, prefix string, o OAuth) {
	mux.Handle("GET "+prefix+"/oauth/login", d.SignedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.leave(w, r, o) })))
	mux.Handle("GET "+prefix+"/oauth/callback", d.SignedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.arrive(w, r, o, prefix+"/oauth/login")
	})))
}

// leave sends the browser to Salesforce. The state ties its way back to this sign-in; the verifier, which
// never leaves the server before the exchange, ties the code to us (RFC 7636). The database holds the state as a hash
// and the verifier sealed under it: a copy of it does not finish a visit that is under way.
func (d *Desk) leave(w http.ResponseWriter, r *http.Request, o OAuth) {
	state, verifier := rand.Text(), salesforce.NewVerifier()
	hash := o.Box.Hash("oauth", o.Workspace, state)
	sealed, err := o.Box.Seal([]byte(verifier), []byte(hash))
	if err == nil {
		err = putState(r.Context(), o.DB, o.Workspace, hash, sealed)
	}
	if err != nil {
		o.Log.Error("oauth.login", "workspace", o.Workspace, "error", err)
		d.show(w, http.StatusInternalServerError, "oauth.html", outcome{Workspace: o.Workspace, Problem: "The sign-in could not be started.", Mend: "The server's log says why.", Again: r.URL.Path})
		return
	}
	http.Redirect(w, r, o.Flow.AuthURL(state, verifier), http.StatusSeeOther)
}

// arrive trades the code for a token. A state that is wrong, used or old, and a callback without a code,
// are answered 400 and change nothing. The state is used up before anything else is looked at: whatever comes of this
// callback, no other can follow it.
func (d *Desk) arrive(w http.ResponseWriter, r *http.Request, o OAuth, again string) {
	fail := func(status int, problem, mend string) {
		d.show(w, status, "oauth.html", outcome{Workspace: o.Workspace, Problem: problem, Mend: mend, Again: again})
	}
	q := r.URL.Query()
	hash := o.Box.Hash("oauth", o.Workspace, q.Get("state"))
	sealed, good, err := useState(r.Context(), o.DB, o.Workspace, hash)
	switch {
	case err != nil:
		o.Log.Error("oauth.callback", "workspace", o.Workspace, "error", err)
		fail(http.StatusInternalServerError, "The sign-in could not be finished.", "The server's log says why.")
		return
	case !good:
		fail(http.StatusBadRequest, "This visit to Salesforce was not begun here, was finished before, or took longer than ten minutes.", "Nothing has changed.")
		return
	case q.Get("error") != "":
		fail(http.StatusBadRequest, "Salesforce did not grant access.", "Nothing has changed. Allow it there, as a user who may use the app.")
		return
	case q.Get("code") == "":
		fail(http.StatusBadRequest, "Salesforce sent no code.", "Nothing has changed.")
		return
	}
	verifier, err := o.Box.Open(sealed, []byte(hash))
	if err != nil {
		o.Log.Error("oauth.callback", "workspace", o.Workspace, "error", err)
		fail(http.StatusBadRequest, "This visit to Salesforce was begun under another encryption key.", "Nothing has changed.")
		return
	}
	tok, err := o.Tokens.Exchange(r.Context(), q.Get("code"), string(verifier))
	if err != nil {
		o.Log.Error("oauth.exchange", "workspace", o.Workspace, "error", err)
		fail(http.StatusBadGateway, "Salesforce did not exchange the code for a token.", err.Error())
		return
	}
	o.Log.Info("oauth.connected", "workspace", o.Workspace, "org", tok.OrgID)
	d.show(w, http.StatusOK, "oauth.html", outcome{Workspace: o.Workspace, Org: string(tok.OrgID)})
}

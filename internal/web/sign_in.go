// Package web is what the operator sees and does in a browser: signing in, and connecting a workspace to
// its Salesforce org.
//
//	/sign-in           name and password → a session cookie, and back to where the operator was going
//	/oauth/login       to Salesforce, with a state and a PKCE verifier that are kept here
//	/oauth/callback    back from Salesforce; the state is good once and for ten minutes
//
// Everything but the sign-in itself needs a session. Sessions live in memory: a restart signs everyone out.
// Forms are protected against other sites by the browser's own Sec-Fetch-Site and Origin headers.
package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/time/rate"
)

//go:embed pages/*.html
var files embed.FS

// Options say who may sign in.
type Options struct {
	Username  string
	Passwords []string                 // any is good; none lets nobody in
	Secure    bool                     // the server is reached by https: the cookie travels by nothing else
	Admits    func(*http.Request) bool // by address, before anything else; nil admits everyone
	Log       *slog.Logger
}

// Desk is the operator's side of the server.
type Desk struct {
	o        Options
	sessions *scs.SessionManager
	attempts *rate.Limiter
	pages    *template.Template
}

// Sign-ins are slowed for everyone at once: there is one operator, and a guesser has many addresses.
const (
	attemptEvery = 2 * time.Second
	attemptBurst = 5
)

// New makes the desk.
func New(o Options) (*Desk, error) {
	pages, err := template.ParseFS(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	// Not scs.New: it starts a goroutine that cleans a store which we would not use.
	s := &scs.SessionManager{
		Store: newSessions(), Codec: scs.GobCodec{}, Lifetime: 12 * time.Hour, IdleTimeout: time.Hour,
		Cookie: scs.SessionCookie{
			Name: "hookswitch", Path: "/", HttpOnly: true, Secure: o.Secure, Persist: true,
			SameSite: http.SameSiteLaxMode, // the callback comes from Salesforce's pages
		},
		ErrorFunc: func(w http.ResponseWriter, _ *http.Request, err error) {
			o.Log.Error("session.broken", "error", err)
			http.Error(w, "The session could not be read. Please try again.", http.StatusInternalServerError)
		},
	}
	return &Desk{o: o, sessions: s, attempts: rate.NewLimiter(rate.Every(attemptEvery), attemptBurst), pages: pages}, nil
}

// operator is the session value that says who signed in.
const operator = "operator"

// Wrap gives h sessions and keeps other sites from posting to it.
func (d *Desk) Wrap(h http.Handler) http.Handler {
	guarded := http.NewCrossOriginProtection().Handler(d.sessions.LoadAndSave(h))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Before a session is looked for: it is no use from an address that may not come in.
		if d.o.Admits != nil && !d.o.Admits(r) {
			http.Error(w, "Forbidden", http.StatusForbidden)
			return
		}
		head := w.Header()
		head.Set("Cache-Control", "no-store")
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin") // stricter, browsers send forms with "Origin: null", which is refused
		guarded.ServeHTTP(w, r)
	})
}

// SignedIn lets only the operator through; everyone else is sent to sign in first.
func (d *Desk) SignedIn(h http.Handler) http.Handler {
	return d.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.sessions.GetString(r.Context(), operator) == "" {
			// The way back travels with the browser: a session for each stranger who knocks would fill the memory.
			http.Redirect(w, r, "/sign-in?"+url.Values{"to": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
			return
		}
		h.ServeHTTP(w, r)
	}))
}

// signIn is what the sign-in page shows.
type signIn struct {
	Problem string
	Closed  bool   // no password is configured
	Name    string // as it was typed
	To      string // where the operator was going
}

// Routes adds the pages for signing in and out.
func (d *Desk) Routes(mux *http.ServeMux) {
	mux.Handle("GET /sign-in", d.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.show(w, http.StatusOK, "sign_in.html", signIn{Closed: len(d.o.Passwords) == 0, To: local(r.URL.Query().Get("to"))})
	})))
	mux.Handle("POST /sign-in", d.Wrap(http.HandlerFunc(d.enter)))
	mux.Handle("POST /sign-out", d.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := d.sessions.Destroy(r.Context()); err != nil {
			d.o.Log.Error("session.destroy", "error", err)
		}
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	})))
}

// maxForm is the most that is read of a form, in bytes.
const maxForm = 8 << 10

// enter signs the operator in. The limit comes before the password is looked at, so that a guesser learns nothing
// while it holds; the operator waits as long as the guesser does.
func (d *Desk) enter(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	again := signIn{Closed: len(d.o.Passwords) == 0, Name: r.PostFormValue("username"), To: local(r.PostFormValue("to"))}
	if !d.attempts.Allow() {
		w.Header().Set("Retry-After", "10")
		again.Problem = "Too many attempts. Please wait ten seconds."
		d.show(w, http.StatusTooManyRequests, "sign_in.html", again)
		return
	}
	if !d.knows(again.Name, r.PostFormValue("password")) {
		d.o.Log.Warn("operator.refused")
		again.Problem = "That name and password do not fit."
		d.show(w, http.StatusUnauthorized, "sign_in.html", again)
		return
	}
	// A token from before the sign-in may have been planted in the browser by someone who knows it.
	if err := d.sessions.RenewToken(r.Context()); err != nil {
		d.o.Log.Error("session.renew", "error", err)
		http.Error(w, "The session could not be started. Please try again.", http.StatusInternalServerError)
		return
	}
	d.sessions.Put(r.Context(), operator, d.o.Username)
	d.o.Log.Info("operator.signed-in")
	// A page goes on from here, not a redirect: the way may lead to Salesforce, and browsers hold the
	// form-action of the page with the form against every redirect that follows it (Chromium does).
	w.Header().Set("Refresh", "0; url="+again.To)
	d.show(w, http.StatusOK, "signed_in.html", again)
}

// local is where to go after signing in: a path of this server, whatever was sent. A browser takes "//host"
// and "/\host" for another host.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(to, `\`) {
		return "/health"
	}
	return u.RequestURI()
}

// knows compares digests, so that neither a length nor a first letter can be learnt from the time it takes.
func (d *Desk) knows(username, password string) bool {
	same := func(a, b string) int {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
		return subtle.ConstantTimeCompare(x[:], y[:])
	}
	good := 0
	for _, p := range d.o.Passwords {
		if p != "" { // an empty one is none
			good |= same(password, p)
		}
	}
	return good&same(username, d.o.Username) == 1
}

// show writes a page. Once the status is out a fault can only be logged.
func (d *Desk) show(w http.ResponseWriter, status int, page string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := d.pages.ExecuteTemplate(w, page, data); err != nil {
		d.o.Log.Error("page.write", "page", page, "error", err)
	}
}

package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookswitch/hookswitch/internal/crm"
	"github.com/hookswitch/hookswitch/internal/salesforce"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/store"
)

const (
	username = "ops"
	password = "a password"
)

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newDesk is a desk that knows the operator.
func newDesk(t *testing.T, change func(*Options)) *Desk {
	t.Helper()
	o := Options{Username: username, Passwords: []string{password}, Log: silent()}
	if change != nil {
		change(&o)
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// place is a server with one workspace that signs in to a simulated org by browser.
type place struct {
	*httptest.Server
	org    *simforce.Org
	db     *store.DB
	tokens *salesforce.Tokens
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{org: simforce.New(simforce.Options{})}
	org := httptest.NewServer(p.org)
	t.Cleanup(org.Close)
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)

	var err error
	if p.db, err = store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "hookswitch.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.db.Close(); err != nil {
			t.Error(err)
		}
	})
	box, _, err := store.OpenBox(nil, filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.db.HashKey(t.Context(), box); err != nil {
		t.Fatal(err)
	}
	flow := salesforce.Browser{
		App:         salesforce.App{LoginURL: org.URL, ClientID: "simforce-client", ClientSecrets: []salesforce.Secret{"simforce-secret"}},
		RedirectURL: p.URL + "/oauth/callback",
	}
	p.tokens, err = salesforce.NewTokens(salesforce.TokensConfig{
		Flow: flow, HTTP: org.Client(), Store: &crm.Tokens{DB: p.db, Box: box, Workspace: "default", Other: func(error) {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	desk := newDesk(t, nil)
	desk.Routes(mux)
	desk.Connect(mux, "", OAuth{Workspace: "default", Flow: flow, Tokens: p.tokens, DB: p.db, Box: box, Log: silent()})
	return p
}

// browser keeps cookies and follows nothing by itself.
type browser struct {
	t *testing.T
	*http.Client
}

func (p *place) browser(t *testing.T) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{t, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is what a browser got.
type answer struct {
	status int
	header http.Header
	page   string
}

// next is where the answer sends the browser, by redirect or by refresh.
func (a answer) next() string {
	if _, to, ok := strings.Cut(a.header.Get("Refresh"), "url="); ok {
		return to
	}
	return a.header.Get("Location")
}

func (b browser) do(r *http.Request, err error) answer {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(page)}
}

func (b browser) open(address string) answer {
	b.t.Helper()
	return b.do(http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil))
}

func (b browser) post(address string, form url.Values) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin") // as browsers send it with a form of the page's own
	}
	return b.do(r, err)
}

// signIn signs the operator in.
func (b browser) signIn(p *place) {
	b.t.Helper()
	if a := b.post(p.URL+"/sign-in", url.Values{"username": {username}, "password": {password}}); a.status != http.StatusOK {
		b.t.Fatalf("sign in: got %d %s, want 200", a.status, a.page)
	}
}

// leave goes to Salesforce and grants access there. It returns the address of the way back.
func (b browser) leave(p *place) string {
	b.t.Helper()
	out := b.open(p.URL + "/oauth/login")
	if out.status != http.StatusSeeOther {
		b.t.Fatalf("leave for Salesforce: got %d %s, want 303", out.status, out.page)
	}
	granted := b.open(out.next())
	if granted.status != http.StatusFound {
		b.t.Fatalf("grant access: got %d %s, want 302", granted.status, granted.page)
	}
	return granted.next()
}

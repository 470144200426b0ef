package web

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookswitch/hookswitch/internal/salesforce"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/store"
)

// states is how many visits to Salesforce are remembered.
func (p *place) states(t *testing.T) (n int) {
	t.Helper()
	err := p.db.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT count(*) FROM oauth_state`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOAuthNeedsTheOperator protects the org from a stranger who would connect the workspace to another.
func TestOAuthNeedsTheOperator(t *testing.T) {
	p := newPlace(t)
	for path, to := range map[string]string{
		"/oauth/login":                 "/sign-in?to=%2Foauth%2Flogin",
		"/oauth/callback?code=c&state": "/sign-in?to=%2Foauth%2Fcallback%3Fcode%3Dc%26state",
	} {
		got := p.browser(t).open(p.URL + path)
		if got.status != http.StatusSeeOther || got.next() != to {
			t.Errorf("%s without a sign-in: got %d to %q, want 303 to %q", path, got.status, got.next(), to)
		}
		if cookie := got.header.Get("Set-Cookie"); cookie != "" {
			t.Errorf("%s: a stranger was given a session: %s", path, cookie)
		}
	}
	if n := p.states(t); n != 0 {
		t.Errorf("strangers left %d states behind, want none", n)
	}
}

// TestConnectByBrowser goes the whole way: to the door, to the sign-in page, back to the door, to Salesforce's
// page, and back with a code that becomes a token.
//
// mission-part: P1.6
func TestConnectByBrowser(t *testing.T) {
	p := newPlace(t)
	b := p.browser(t)
	page := b.open(p.URL + b.open(p.URL+"/oauth/login").next())
	if !strings.Contains(page.page, `<input type="hidden" name="to" value="/oauth/login">`) {
		t.Fatalf("the sign-in page does not know where the operator was going:\n%s", page.page)
	}
	in := b.post(p.URL+"/sign-in", url.Values{"username": {username}, "password": {password}, "to": {"/oauth/login"}})
	// No redirect: Chromium holds form-action against all that follow a form, and Salesforce is not 'self'.
	if in.status != http.StatusOK || in.next() != "/oauth/login" || in.header.Get("Location") != "" {
		t.Fatalf("signed in: got %d to %q, want a page that goes on to /oauth/login", in.status, in.next())
	}
	out := b.open(p.URL + in.next())
	at, err := url.Parse(out.next())
	if err != nil {
		t.Fatal(err)
	}
	q := at.Query()
	if q.Get("state") == "" || q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256" || q.Get("code_verifier") != "" {
		t.Errorf("authorize: got %s, want a state and the challenge of a verifier that stays here", q.Encode())
	}
	back := b.open(out.next()).next()
	done := b.open(back)
	if done.status != http.StatusOK || !strings.Contains(done.page, "Connected to Salesforce") || !strings.Contains(done.page, p.org.OrgID()) {
		t.Errorf("back: got %d %s, want the org that is connected now", done.status, done.page)
	}
	if !p.tokens.Connected() || p.tokens.OrgID() != salesforce.ID(p.org.OrgID()) {
		t.Errorf("connected %v to org %q, want %q", p.tokens.Connected(), p.tokens.OrgID(), p.org.OrgID())
	}
	if strings.Contains(done.page, q.Get("state")) || strings.Contains(done.header.Get("Referrer-Policy"), "unsafe") {
		t.Error("the page gives the state away")
	}
}

// TestCallbackIsGoodOnceForTenMinutes feeds the way back everything but what it waits for.
//
// mission-part: P1.6
func TestCallbackIsGoodOnceForTenMinutes(t *testing.T) {
	p := newPlace(t)
	b := p.browser(t)
	b.signIn(p)
	without := func(address, name string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Del(name)
		u.RawQuery = q.Encode()
		return u.String()
	}
	refused := func(what, address, why string) {
		t.Helper()
		got := b.open(address)
		if got.status != http.StatusBadRequest || !strings.Contains(got.page, why) || !strings.Contains(got.page, `href="/oauth/login"`) {
			t.Errorf("%s: got %d %s, want 400, %q and the way to begin again", what, got.status, got.page, why)
		}
	}
	const notOurs, noCode, denied = "was not begun here", "sent no code", "did not grant access"
	refused("a state that nobody made", p.URL+"/oauth/callback?code=c&state=s", notOurs)
	refused("no state", without(b.leave(p), "state"), notOurs)
	refused("no code", without(b.leave(p), "code"), noCode)
	p.org.Configure(func(o *simforce.Options) { o.Deny = true })
	refused("access denied", b.leave(p), denied)
	p.org.Configure(func(o *simforce.Options) { o.Deny = false })

	old := b.leave(p)
	err := p.db.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE oauth_state SET created_at = created_at - ?`, stateLife.Microseconds())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	refused("older than ten minutes", old, notOurs)
	if p.tokens.Connected() {
		t.Fatal("one of the refused ways back has connected the workspace")
	}

	good := b.leave(p)
	if got := b.open(good); got.status != http.StatusOK {
		t.Fatalf("the right way back: got %d %s, want 200", got.status, got.page)
	}
	refused("used before", good, notOurs)
	if !p.tokens.Connected() {
		t.Error("a used state has ended the connection")
	}
}

// TestTwoCallbacksOfOneStateConnectOnce protects the code, which Salesforce takes as stolen when it comes twice.
func TestTwoCallbacksOfOneStateConnectOnce(t *testing.T) {
	p := newPlace(t)
	b := p.browser(t)
	b.signIn(p)
	back := b.leave(p)
	var all sync.WaitGroup
	var good, bad atomic.Int32
	for range 4 {
		all.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, back, nil)
			if err != nil {
				t.Error(err)
				return
			}
			res, err := b.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			switch res.StatusCode {
			case http.StatusOK:
				good.Add(1)
			case http.StatusBadRequest:
				bad.Add(1)
			}
		})
	}
	all.Wait()
	if good.Load() != 1 || bad.Load() != 3 {
		t.Errorf("four callbacks at once: %d connected and %d were refused, want 1 and 3", good.Load(), bad.Load())
	}
}

// TestExchangeThatFailsSaysWhy protects the operator who mistyped the app's secret.
func TestExchangeThatFailsSaysWhy(t *testing.T) {
	p := newPlace(t)
	b := p.browser(t)
	b.signIn(p)
	back := b.leave(p)
	p.org.Configure(func(o *simforce.Options) { o.ClientSecret = "another" })
	got := b.open(back)
	if got.status != http.StatusBadGateway || !strings.Contains(got.page, "invalid_client") || strings.Contains(got.page, "simforce-secret") {
		t.Errorf("exchange with a wrong secret: got %d %s, want 502 and Salesforce's reason, no secret", got.status, got.page)
	}
}

// TestStateIsNotKeptInClear protects a visit under way from whoever reads the database.
func TestStateIsNotKeptInClear(t *testing.T) {
	p := newPlace(t)
	b := p.browser(t)
	b.signIn(p)
	at, err := url.Parse(b.leave(p))
	if err != nil {
		t.Fatal(err)
	}
	var hash string
	err = p.db.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT state_hash FROM oauth_state`).Scan(&hash)
	})
	if state := at.Query().Get("state"); err != nil || hash == "" || strings.Contains(hash, state) {
		t.Errorf("kept for state %q: %q %v, want a keyed hash", state, hash, err)
	}
}

package world_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/sim/simforce"
	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

// Hosts of Salesforce's, besides the world's own org.
const (
	production = "login.salesforce.com"
	sandbox    = "test.salesforce.com"
	myDomain   = "acme.my.salesforce.com"
	uat        = "acme--uat.sandbox.my.salesforce.com"
)

// reachable makes the org answer under more hosts, until the test ends.
func reachable(t *testing.T, w *world.World, hosts ...string) {
	for _, h := range hosts {
		srv := &http.Server{Handler: w.Org, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
		l := w.Net.Listen(h)
		go func() { _ = srv.Serve(l) }() // ends with Close
		t.Cleanup(func() { _ = srv.Close() })
	}
}

// savesLead plays a short call, and reports what the caller heard of the lead.
func savesLead(t *testing.T, w *world.World, number string) string {
	t.Helper()
	c := w.Cloud.Ring(t.Context(), simvapi.Caller{Number: number})
	h := c.Asks(t.Context(), "create_lead", lead(map[string]any{"phone": number}), simvapi.AskOptions{})
	c.HangsUp(t.Context(), "")
	return h.Said
}

const saved = "Thank you, Ada. Your details are saved."

// tokenRequests counts the requests for a token that reached the org.
func tokenRequests(w *world.World) int {
	n := 0
	for _, r := range w.Org.Requests() {
		if strings.HasPrefix(r.Path, "/services/oauth2/token") {
			n++
		}
	}
	return n
}

// signingKey is a key of the operator's: its file, and the half that the org knows.
func signingKey(t *testing.T) (file string, public *rsa.PublicKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, &key.PublicKey
}

// TestEveryFlowReachesTheOrg signs in to production, sandbox and My Domain hosts by the flows that Salesforce
// permits there, each by configuration alone, and saves a lead with the token. The browser flow is in
// TestBrowserFlowConnects, rotation in TestRotatedRefreshTokenSurvivesRestart, and the host that client
// credentials are refused on in TestClientCredentialsNeedMyDomain.
//
// mission: P2.7
func TestEveryFlowReachesTheOrg(t *testing.T) {
	file, public := signingKey(t)
	credentials := func(s *config.Salesforce) { s.Flow = config.ClientCredentials }
	jwt := func(s *config.Salesforce) {
		s.Flow, s.PrivateKeyFile, s.Username, s.ClientSecret = config.JWTBearer, file, "integration@simforce.test", nil
	}
	refresh := func(s *config.Salesforce) { s.Flow = config.RefreshToken }
	for _, tc := range []struct {
		name, login, org string
		flow             func(*config.Salesforce)
	}{
		{"client credentials, My Domain", myDomain, myDomain, credentials},
		{"client credentials, sandbox My Domain", uat, uat, credentials},
		{"JWT bearer, production", production, myDomain, jwt},
		{"JWT bearer, sandbox", sandbox, uat, jwt},
		{"JWT bearer, My Domain", myDomain, myDomain, jwt},
		{"refresh token, production", production, myDomain, refresh},
		{"refresh token, sandbox", sandbox, uat, refresh},
		{"refresh token, My Domain", uat, uat, refresh},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := world.Options{Org: simforce.Options{MyDomain: tc.org, JWTKey: public}}
			staged(t, o, func(t *testing.T, w *world.World) {
				reachable(t, w, production, sandbox, uat)
				w.Configure(func(c *config.Config) {
					c.Salesforce.LoginURL = "http://" + tc.login
					tc.flow(&c.Salesforce)
					if c.Salesforce.Flow == config.RefreshToken {
						_, token := w.Org.SignIn()
						c.Salesforce.RefreshToken = secrets(token)
					}
				})
			}, func(t *testing.T, w *world.World) {
				if said := savesLead(t, w, "+15550100142"); said != saved || len(w.Org.Records("Lead")) != 1 {
					t.Errorf("heard %q, the org has %d leads; want one", said, len(w.Org.Records("Lead")))
				}
			})
		})
	}
}

// TestClientCredentialsNeedMyDomain: Salesforce refuses this flow on its login hosts, with an answer that helps
// nobody, so the server says so itself before it starts.
//
// mission-part: P2.7
func TestClientCredentialsNeedMyDomain(t *testing.T) {
	for _, host := range []string{production, sandbox} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			w := world.New(world.Options{Dir: dir, Config: func(c *config.Config) { c.Salesforce.LoginURL = "https://" + host }})
			err := w.Start(t.Context())
			if err == nil || !strings.Contains(err.Error(), "only on the org's My Domain host: set login_url to https://YOURDOMAIN.my.salesforce.com") {
				t.Errorf("%s: got %v, want the hint", host, err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRotatedRefreshTokenSurvivesRestart: where refresh tokens rotate, the configured one is dead after its first
// use. A server that is killed and started again goes on with the newest, and only with it: Salesforce ends the
// whole authorisation when a dead one is sent.
//
// mission-part: P2.7 P1.6
func TestRotatedRefreshTokenSurvivesRestart(t *testing.T) {
	staged(t, world.Options{Org: simforce.Options{Rotation: true}}, func(_ *testing.T, w *world.World) {
		w.Configure(func(c *config.Config) {
			_, token := w.Org.SignIn()
			c.Salesforce.Flow, c.Salesforce.RefreshToken = config.RefreshToken, secrets(token)
		})
	}, func(t *testing.T, w *world.World) {
		w.Org.Configure(withoutDuplicateRules)
		for i := range 4 {
			if said := savesLead(t, w, fmt.Sprintf("+1555010014%d", i)); said != saved {
				t.Errorf("round %d: heard %q", i, said)
			}
			if err := w.Kill(); err != nil {
				t.Fatal(err)
			}
			if i%2 == 1 {
				w.Org.ExpireSessions() // while nobody was there
			}
			if err := w.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if said := savesLead(t, w, "+15550100149"); said != saved {
			t.Errorf("in the end: heard %q", said)
		}
		if n := tokenRequests(w); n != 3 {
			t.Errorf("%d tokens were asked for, want 3: the first, and one after each end of the sessions", n)
		}
	})
}

// browser is the operator's: it keeps cookies and goes where it is sent, one step at a time.
func browser(t *testing.T, w *world.World) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := w.Client()
	c.Jar = jar
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// visit gets a page and says where it sends on to.
func visit(t *testing.T, c *http.Client, address string) (status int, next string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if at, err := res.Location(); err == nil {
		next = at.String()
	}
	return res.StatusCode, next
}

// signIn lets the operator in.
func signIn(t *testing.T, c *http.Client) {
	t.Helper()
	form := url.Values{"username": {"ops"}, "password": {"an operator's password"}}
	got := postWith(t, c, "http://voice.example.com/sign-in", form.Encode(), "application/x-www-form-urlencoded")
	if got != http.StatusOK && got != http.StatusSeeOther {
		t.Errorf("sign-in: got %d, want to be let in", got)
	}
}

func postWith(t *testing.T, c *http.Client, address, body, kind string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// TestBrowserFlowConnects lets the operator sign in at an org that insists on PKCE. Until then a write is kept;
// afterwards it is made, and the connection outlives a restart. A callback with another, a used or an old state,
// or without a code, is refused.
//
// mission-part: P2.7 P1.6 A.14
func TestBrowserFlowConnects(t *testing.T) {
	base := "http://voice.example.com"
	o := world.Options{Org: simforce.Options{RequirePKCE: true, CallbackURLs: []string{base + "/oauth/callback"}}, Config: func(c *config.Config) {
		c.Salesforce.Flow, c.Salesforce.LoginURL = config.Browser, "http://"+myDomain
		c.Operator.Username, c.Operator.Password = "ops", secrets("an operator's password")
	}}
	live(t, o, func(t *testing.T, w *world.World) {
		w.Org.Configure(withoutDuplicateRules)
		if said := savesLead(t, w, "+15550100141"); !strings.Contains(said, "noted your details") {
			t.Errorf("before the sign-in: heard %q, want that it is noted", said)
		}
		c := browser(t, w)
		if status, next := visit(t, c, base+"/oauth/login"); status != 303 || !strings.Contains(next, "/sign-in") {
			t.Errorf("a stranger at /oauth/login: got %d to %s, want the sign-in", status, next)
		}
		signIn(t, c)
		begin := func() string {
			_, authorize := visit(t, c, base+"/oauth/login")
			q, err := url.Parse(authorize)
			if err != nil || q.Host != myDomain || len(q.Query().Get("state")) < 20 || q.Query().Get("code_challenge_method") != "S256" || len(q.Query().Get("code_challenge")) != 43 {
				t.Errorf("sent to %s (%v), want Salesforce with a state and a challenge", authorize, err)
			}
			_, back := visit(t, c, authorize)
			return back
		}
		for name, spoil := range map[string]func(q url.Values){
			"another state": func(q url.Values) { q.Set("state", strings.Repeat("x", 26)) },
			"no state":      func(q url.Values) { q.Del("state") },
			"no code":       func(q url.Values) { q.Del("code") },
		} {
			back, err := url.Parse(begin())
			if err != nil {
				t.Fatal(err)
			}
			q := back.Query()
			spoil(q)
			back.RawQuery = q.Encode()
			if status, _ := visit(t, c, back.String()); status != 400 {
				t.Errorf("%s: got %d, want 400", name, status)
			}
		}
		old := begin()
		time.Sleep(10*time.Minute + time.Second)
		if status, _ := visit(t, c, old); status != 400 {
			t.Errorf("after ten minutes: got %d, want 400", status)
		}
		back := begin()
		if status, _ := visit(t, c, back); status != 200 {
			t.Errorf("the callback: got %d, want 200", status)
		}
		if status, _ := visit(t, c, back); status != 400 {
			t.Errorf("the same again: got %d, want 400", status)
		}
		time.Sleep(time.Minute)
		if n := len(w.Org.Records("Lead")); n != 1 {
			t.Errorf("the org has %d leads, want the one that was noted", n)
		}
		if err := w.Kill(); err != nil {
			t.Fatal(err)
		}
		w.Org.ExpireSessions()
		if err := w.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if said := savesLead(t, w, "+15550100142"); said != saved {
			t.Errorf("after a restart: heard %q, want it saved", said)
		}
	})
}

// TestCallsShareOneRenewal ends every session under many calls that ask at once: each is served within the call,
// by one renewal and one repetition of its own request.
//
// mission-part: P1.6
func TestCallsShareOneRenewal(t *testing.T) {
	live(t, world.Options{}, func(t *testing.T, w *world.World) {
		w.Org.Configure(withoutDuplicateRules)
		time.Sleep(time.Minute)
		w.Org.ExpireSessions()
		w.Org.Fault(simforce.Fault{Kind: simforce.Latency, Path: "/services/oauth2/token", Delay: 700 * time.Millisecond, Times: -1})
		before := tokenRequests(w)
		const calls = 30
		said := make(chan string, calls)
		for i := range calls {
			go func() { said <- savesLead(t, w, fmt.Sprintf("+155501002%02d", i)) }()
		}
		for range calls {
			if s := <-said; s != saved {
				t.Errorf("heard %q, want it saved", s)
			}
		}
		if n := tokenRequests(w) - before; n != 1 {
			t.Errorf("%d renewals, want 1", n)
		}
		refused := slices.DeleteFunc(w.Org.Requests(), func(r simforce.Request) bool { return r.Code != "INVALID_SESSION_ID" })
		if len(refused) == 0 || len(w.Org.Records("Lead")) != calls {
			t.Errorf("%d requests were refused for the session and %d leads made, want some and %d", len(refused), len(w.Org.Records("Lead")), calls)
		}
	})
}

// TestRefusedTokenIsRetriedOnce: when the new session is refused as well, the write waits in the journal; the
// vendor is not asked a third time by the same attempt.
//
// mission-part: P1.6
func TestRefusedTokenIsRetriedOnce(t *testing.T) {
	live(t, world.Options{}, func(t *testing.T, w *world.World) {
		time.Sleep(time.Minute)
		w.Org.Fault(simforce.Fault{Kind: simforce.Expire, Method: http.MethodPatch, Times: 2})
		if said := savesLead(t, w, "+15550100142"); !strings.Contains(said, "noted") && said != saved {
			t.Errorf("heard %q", said)
		}
		time.Sleep(time.Minute)
		refused := 0
		var at []time.Time
		for _, r := range w.Org.Requests() {
			if r.Method == http.MethodPatch {
				at = append(at, r.At)
				if r.Code == "INVALID_SESSION_ID" {
					refused++
				}
			}
		}
		// The first attempt: refused, renewed, refused. The second, after a pause: refused with what the first had
		// left, renewed, done.
		if refused != 3 || len(at) != 4 || at[1].Sub(at[0]) > 100*time.Millisecond || at[2].Sub(at[1]) < 500*time.Millisecond {
			t.Errorf("%d of %d requests were refused, at %v; want two at once, and two after a pause", refused, len(at), at)
		}
		if n := len(w.Org.Records("Lead")); n != 1 {
			t.Errorf("the org has %d leads, want 1", n)
		}
	})
}

// TestTokenIsRenewedBeforeItsAssumedEnd asks shortly before and after the moment that is five minutes before the
// end of a session: of the configured life, 95 minutes, since Salesforce tells no end; or of the true one, where
// the app may ask for it. Who asks at that moment does not wait for the renewal.
//
// mission: P1.6
// The other clauses: state, PKCE and the two doors in TestBrowserFlowConnects; one renewal for all in
// TestCallsShareOneRenewal; 401 in TestRefusedTokenIsRetriedOnce; a restart in TestTokensSurviveRestartSealed and
// TestRotatedRefreshTokenSurvivesRestart.
func TestTokenIsRenewedBeforeItsAssumedEnd(t *testing.T) {
	for _, tc := range []struct {
		name   string
		org    simforce.Options
		config func(*config.Config)
		end    time.Duration
		early  time.Duration
	}{
		{"by default", simforce.Options{SessionTimeout: 24 * time.Hour}, nil, 95 * time.Minute, 5 * time.Minute},
		{"by configuration", simforce.Options{SessionTimeout: 24 * time.Hour}, func(c *config.Config) {
			c.Salesforce.SessionLife, c.Salesforce.RefreshEarly = 40*time.Minute, 10*time.Minute
		}, 40 * time.Minute, 10 * time.Minute},
		{"by introspection", simforce.Options{SessionTimeout: 30 * time.Minute}, func(c *config.Config) { c.Salesforce.Introspect = true }, 30 * time.Minute, 5 * time.Minute},
		{"introspection not permitted", simforce.Options{SessionTimeout: 24 * time.Hour, NoIntrospection: true}, func(c *config.Config) { c.Salesforce.Introspect = true }, 95 * time.Minute, 5 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			live(t, world.Options{Org: tc.org, Config: tc.config}, func(t *testing.T, w *world.World) {
				w.Org.Configure(withoutDuplicateRules)
				began := time.Now()
				renewals := func(at time.Duration, number string, want int) {
					t.Helper()
					time.Sleep(time.Until(began.Add(at)))
					start := time.Now()
					if said := savesLead(t, w, number); said != saved {
						t.Errorf("at %v: heard %q", at, said)
					}
					if took := time.Since(start); took > time.Second {
						t.Errorf("at %v: the call took %v, want no wait for the renewal", at, took)
					}
					if n := tokenRequests(w); n != want {
						t.Errorf("at %v: %d tokens were asked for, want %d", at, n, want)
					}
				}
				// Renewals are spread over a tenth of the lead time, so that processes do not all wake at once.
				renewals(tc.end-tc.early-tc.early/10-2*time.Second, "+15550100141", 1)
				renewals(tc.end-tc.early+time.Second, "+15550100142", 2)
				renewals(tc.end-tc.early+time.Minute, "+15550100143", 2)
			})
		})
	}
}

// TestTokensSurviveRestartSealed: a server that starts again needs no new token, and whoever copies the database
// has none.
//
// mission-part: P1.6
func TestTokensSurviveRestartSealed(t *testing.T) {
	var access, refresh string
	dir := ""
	staged(t, world.Options{}, func(_ *testing.T, w *world.World) {
		w.Configure(func(c *config.Config) {
			access, refresh = w.Org.SignIn()
			c.Salesforce.Flow, c.Salesforce.RefreshToken = config.RefreshToken, secrets(refresh)
			dir = filepath.Dir(c.Database.Path)
		})
	}, func(t *testing.T, w *world.World) {
		w.Org.Configure(withoutDuplicateRules)
		if said := savesLead(t, w, "+15550100141"); said != saved {
			t.Errorf("heard %q", said)
		}
		access, _, _ = strings.Cut(access, "!") // the part that all tokens of the org share
		restart(t, w, func(*config.Config) {})
		synctest.Wait()
		if said := savesLead(t, w, "+15550100142"); said != saved {
			t.Errorf("after the restart: heard %q", said)
		}
		if n := tokenRequests(w); n != 1 {
			t.Errorf("%d tokens were asked for, want one for both lives of the server", n)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{access + "!", refresh} {
				if strings.Contains(string(text), secret) {
					t.Errorf("%s holds a token in clear", f.Name())
				}
			}
		}
	})
}

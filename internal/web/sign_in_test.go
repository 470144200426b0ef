package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sent is one request to a desk, as a browser sends it.
type sent struct {
	method, path string
	form         url.Values
	header       map[string]string
	cookie       *http.Cookie
}

// ask hands a request to a desk whose door /inside opens for the operator alone.
func ask(d *Desk, s sent) answer {
	mux := http.NewServeMux()
	d.Routes(mux)
	mux.Handle("GET /inside", d.SignedIn(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })))
	r := httptest.NewRequest(s.method, "http://voice.example.com"+s.path, strings.NewReader(s.form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k, v := range s.header {
		r.Header.Set(k, v)
	}
	if s.cookie != nil {
		r.AddCookie(s.cookie)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// cookies are those that an answer sets.
func (a answer) cookies() []*http.Cookie {
	return (&http.Response{Header: a.header}).Cookies()
}

func credentials(name, pass string) url.Values {
	return url.Values{"username": {name}, "password": {pass}}
}

// in signs in and returns the session's cookie.
func in(t *testing.T, d *Desk) *http.Cookie {
	t.Helper()
	res := ask(d, sent{method: http.MethodPost, path: "/sign-in", form: credentials(username, password)})
	if res.status != http.StatusOK || len(res.cookies()) != 1 {
		t.Fatalf("sign in: got %d with %v, want 200 and a session", res.status, res.cookies())
	}
	return res.cookies()[0]
}

func TestOnlyTheOperatorSignsIn(t *testing.T) {
	for _, tc := range []struct {
		why, name, pass string
		passwords       []string
		want            int
	}{
		{"the right one", username, password, []string{password}, 200},
		{"the one before a rotation", username, password, []string{"new", password}, 200},
		{"wrong password", username, "another", []string{password}, 401},
		{"wrong name", "admin", password, []string{password}, 401},
		{"another case", username, strings.ToUpper(password), []string{password}, 401},
		{"the beginning of it", username, password[:4], []string{password}, 401},
		{"blank at the end", username, password + " ", []string{password}, 401},
		{"nothing", "", "", []string{password}, 401},
		{"nothing where none is set", username, "", nil, 401},
		{"nothing where an empty one is set", username, "", []string{""}, 401},
		{"longer than a form may be", username, strings.Repeat("x", maxForm), []string{password}, 401},
	} {
		d := newDesk(t, func(o *Options) { o.Passwords = tc.passwords })
		res := ask(d, sent{method: http.MethodPost, path: "/sign-in", form: credentials(tc.name, tc.pass)})
		if res.status != tc.want {
			t.Errorf("%s: got %d, want %d", tc.why, res.status, tc.want)
		}
		if got := len(res.cookies()) > 0; got != (tc.want == 200) {
			t.Errorf("%s: session given: %v, want %v", tc.why, got, tc.want == 200)
		}
	}
}

func TestOtherSitesCannotPost(t *testing.T) {
	for _, tc := range []struct {
		why    string
		header map[string]string
		want   int
	}{
		{"a form of the page's own", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://voice.example.com"}, 200},
		{"a browser that sends no Sec-Fetch-Site", map[string]string{"Origin": "http://voice.example.com"}, 200},
		{"a program", nil, 200},
		{"a form of another site", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403},
		{"a form of a neighbouring site", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://other.example.com"}, 403},
		{"another site in an old browser", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a sandboxed frame in an old browser", map[string]string{"Origin": "null"}, 403},
	} {
		d := newDesk(t, nil)
		for _, path := range []string{"/sign-in", "/sign-out"} {
			want := tc.want
			if path == "/sign-out" && want == 200 {
				want = http.StatusSeeOther
			}
			if res := ask(d, sent{method: http.MethodPost, path: path, form: credentials(username, password), header: tc.header}); res.status != want {
				t.Errorf("%s to %s: got %d, want %d", tc.why, path, res.status, want)
			}
		}
	}
}

func TestSessionCookieStaysWithTheBrowser(t *testing.T) {
	for _, secure := range []bool{false, true} {
		d := newDesk(t, func(o *Options) { o.Secure = secure })
		c := in(t, d)
		if !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("reached by https %v: got cookie %v, want HttpOnly, SameSite=Lax, Secure=%v, of this host alone", secure, c, secure)
		}
	}
}

// TestSessionIsNewAfterSignIn protects the operator whose browser was given a session by somebody else.
func TestSessionIsNewAfterSignIn(t *testing.T) {
	d := newDesk(t, nil)
	planted := in(t, d)
	res := ask(d, sent{method: http.MethodPost, path: "/sign-in", form: credentials(username, password), cookie: planted})
	if got := res.cookies(); len(got) != 1 || got[0].Value == planted.Value {
		t.Errorf("after signing in: got %v, want another session than %v", got, planted)
	}
	if res := ask(d, sent{method: http.MethodGet, path: "/inside", cookie: planted}); res.status != http.StatusSeeOther {
		t.Errorf("with the session from before: got %d, want 303 to the sign-in", res.status)
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	d := newDesk(t, nil)
	c := in(t, d)
	if res := ask(d, sent{method: http.MethodGet, path: "/inside", cookie: c}); res.status != http.StatusNoContent {
		t.Fatalf("signed in: got %d, want to be let in", res.status)
	}
	ask(d, sent{method: http.MethodPost, path: "/sign-out", cookie: c})
	if res := ask(d, sent{method: http.MethodGet, path: "/inside", cookie: c}); res.status != http.StatusSeeOther {
		t.Errorf("signed out: got %d, want 303 to the sign-in", res.status)
	}
}

func TestSessionEnds(t *testing.T) {
	for _, tc := range []struct {
		why   string
		pause time.Duration // between two visits
		want  time.Duration // until the first visit that is not let in
	}{
		{"an hour after the last visit", time.Hour + time.Second, time.Hour + time.Second},
		{"twelve hours after the sign-in, though it is used", 29 * time.Minute, 12*time.Hour + 5*time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, nil)
			c, began := in(t, d), time.Now()
			for time.Since(began) < 24*time.Hour {
				time.Sleep(tc.pause)
				if ask(d, sent{method: http.MethodGet, path: "/inside", cookie: c}).status != http.StatusNoContent {
					break
				}
			}
			if got := time.Since(began); got != tc.want {
				t.Errorf("a session should end %s: it ended after %v, want %v", tc.why, got, tc.want)
			}
		})
	}
}

// TestGuessingIsSlowed counts what a guesser gets in a minute.
func TestGuessingIsSlowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil)
		tried, slowed := 0, 0
		for range 600 {
			res := ask(d, sent{method: http.MethodPost, path: "/sign-in", form: credentials(username, "guess")})
			switch res.status {
			case http.StatusUnauthorized:
				tried++
			case http.StatusTooManyRequests:
				slowed++
				if res.header.Get("Retry-After") == "" {
					t.Fatal("slowed without a word on when to come again")
				}
			default:
				t.Fatalf("a guess: got %d", res.status)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if tried > 40 || slowed != 600-tried {
			t.Errorf("600 guesses in a minute: %d were looked at, want at most 40", tried)
		}
		time.Sleep(10 * time.Second)
		in(t, d) // the operator, who waited as the page says
	})
}

// TestWayBackStaysOnThisServer protects the operator from a link that signs in here and goes on elsewhere.
func TestWayBackStaysOnThisServer(t *testing.T) {
	for to, want := range map[string]string{
		"/oauth/login":            "/oauth/login",
		"/w/acme/oauth/login?a=b": "/w/acme/oauth/login?a=b",
		"":                        "/health",
		"oauth/login":             "/health",
		"https://evil.example":    "/health",
		"//evil.example":          "/health",
		"///evil.example":         "/health",
		`/\evil.example`:          "/health",
		`\\evil.example`:          "/health",
		"javascript:alert(1)":     "/health",
		"/a\r\nSet-Cookie: x=y":   "/health",
		"/%0d%0aSet-Cookie: x=y":  "/%0D%0ASet-Cookie:%20x=y",
	} {
		form := credentials(username, password)
		form.Set("to", to)
		res := ask(newDesk(t, nil), sent{method: http.MethodPost, path: "/sign-in", form: form})
		if got := res.header.Get("Refresh"); got != "0; url="+want {
			t.Errorf("to %q: got %q, want %q", to, got, want)
		}
	}
}

// TestDoorAdmitsSomeAddressesOnly holds the pages to the door's list of addresses.
func TestDoorAdmitsSomeAddressesOnly(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Admits = func(*http.Request) bool { return false } })
	for _, s := range []sent{
		{method: http.MethodGet, path: "/sign-in"},
		{method: http.MethodPost, path: "/sign-in", form: credentials(username, password)},
		{method: http.MethodGet, path: "/inside"},
	} {
		if res := ask(d, s); res.status != http.StatusForbidden {
			t.Errorf("%s %s from an address that is not admitted: got %d, want 403", s.method, s.path, res.status)
		}
	}
}

func TestPagesLetNothingIn(t *testing.T) {
	form := credentials(`"><script>alert(1)</script>`, "x")
	form.Set("to", `/"><b>`)
	d := newDesk(t, nil)
	res := ask(d, sent{method: http.MethodPost, path: "/sign-in", form: form})
	if text := res.page; strings.Contains(text, "<script") || strings.Contains(text, "<b>") {
		t.Errorf("what was typed became part of the page:\n%s", text)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "no-store", "Referrer-Policy": "same-origin",
	} {
		if got := res.header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestClosedDeskSaysHowToOpenIt(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Passwords = nil })
	res := ask(d, sent{method: http.MethodGet, path: "/sign-in"})
	if text := res.page; !strings.Contains(text, "operator.password") || strings.Contains(text, "<form") {
		t.Errorf("without a password: got %s, want how to set one, and no form", text)
	}
}

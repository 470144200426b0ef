package simforce

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func credentials(more ...string) url.Values {
	v := url.Values{"client_id": {"simforce-client"}, "client_secret": {"simforce-secret"}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func (p *peer) refresh(token string) got {
	return p.form("/services/oauth2/token", credentials("grant_type", "refresh_token", "refresh_token", token))
}

// authorize goes through the browser's part and gives what came back with the redirect.
func (p *peer) authorize(more ...string) url.Values {
	p.t.Helper()
	q := url.Values{"response_type": {"code"}, "client_id": {"simforce-client"}, "redirect_uri": {"https://app.test/oauth/callback?a=1"}, "state": {"s t/1"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	g := p.send(p.request("GET", "/services/oauth2/authorize?"+q.Encode(), ""))
	p.want(g, 302)
	u, err := url.Parse(g.header.Get("Location"))
	if err != nil {
		p.t.Fatal(err)
	}
	if got, want := u.Query().Get("state"), "s t/1"; got != want {
		p.t.Errorf("state: got %q, want %q", got, want)
	}
	return u.Query()
}

func (p *peer) redeem(code string, more ...string) got {
	return p.form("/services/oauth2/token", credentials(append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", "https://app.test/oauth/callback?a=1"}, more...)...))
}

func keysOf(t *testing.T, g got) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(g.json(t)))
}

func signedAssertion(t *testing.T, key *rsa.PrivateKey, change func(jwt.MapClaims)) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": "simforce-client", "sub": "integration@simforce.test", "aud": "https://login.salesforce.com", "exp": time.Now().Add(2 * time.Minute).Unix()}
	if change != nil {
		change(claims)
	}
	s, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestFourFlowsAnswerTheirExactKeys(t *testing.T) {
	key := rsaKey(t)
	p := newPeer(t, Options{JWTKey: &key.PublicKey})
	web := p.redeem(p.authorize().Get("code"))
	for name, c := range map[string]struct {
		got  got
		want string
	}{
		"web server":         {web, "access_token id instance_url issued_at refresh_token scope signature token_type"},
		"web server, openid": {p.redeem(p.authorize("scope", "openid api refresh_token").Get("code")), "access_token id id_token instance_url issued_at refresh_token scope signature token_type"},
		"without refresh":    {p.redeem(p.authorize("scope", "api").Get("code")), "access_token id instance_url issued_at scope signature token_type"},
		"refresh":            {p.refresh(web.text(t, "refresh_token")), "access_token id instance_url issued_at scope signature token_type"},
		"client credentials": {p.form("/services/oauth2/token", credentials("grant_type", "client_credentials")), "access_token api_instance_url id instance_url issued_at scope signature token_type"},
		"jwt bearer": {
			p.form("/services/oauth2/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {signedAssertion(t, key, nil)}}),
			"access_token id instance_url scope token_type",
		},
	} {
		p.want(c.got, 200)
		if diff := cmp.Diff(strings.Fields(c.want), keysOf(t, c.got)); diff != "" {
			t.Errorf("%s: keys (-want +got):\n%s", name, diff)
		}
	}
}

func TestIssuedAtIsMillisecondsAsTextAndSignatureCoversIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, Options{})
		m := p.form("/services/oauth2/token", credentials("grant_type", "client_credentials")).json(t)
		issued, isText := m["issued_at"].(string)
		if want := strconv.FormatInt(time.Now().UnixMilli(), 10); !isText || issued != want {
			t.Errorf("issued_at: got %v, want the string %s", m["issued_at"], want)
		}
		mac := hmac.New(sha256.New, []byte("simforce-secret"))
		mac.Write([]byte(m["id"].(string) + issued))
		if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); m["signature"] != want {
			t.Errorf("signature: got %v, want %v", m["signature"], want)
		}
		if want := "http://acme.my.salesforce.com"; m["instance_url"] != want {
			t.Errorf("instance_url: got %v, want %v", m["instance_url"], want)
		}
	})
}

func TestCodeIsForOneUseAndFifteenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, Options{})
		code := p.authorize().Get("code")
		p.want(p.redeem(code), 200)
		p.want(p.redeem(code), 400, `{"error":"invalid_grant","error_description":"expired authorization code"}`)
		code = p.authorize().Get("code")
		time.Sleep(15*time.Minute + time.Second)
		p.want(p.redeem(code), 400, `"expired authorization code"`)
		code = p.authorize().Get("code")
		p.want(p.redeem(code, "redirect_uri", "https://app.test/other"), 400, `"redirect_uri_mismatch"`)
		p.want(p.redeem(code), 400, `"expired authorization code"`)
		p.want(p.redeem("never"), 400, `"invalid_grant"`)
	})
}

func TestPKCEIsChecked(t *testing.T) {
	p := newPeer(t, Options{})
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	code := func() string {
		return p.authorize("code_challenge", challenge, "code_challenge_method", "S256").Get("code")
	}
	p.want(p.redeem(code(), "code_verifier", verifier), 200)
	p.want(p.redeem(code(), "code_verifier", strings.Repeat("w", 43)), 400, `"invalid_request"`)
	p.want(p.redeem(code(), "code_verifier", "short"), 400, `"invalid_request"`)
	p.want(p.redeem(code()), 400, `"invalid_grant"`)
	p.want(p.redeem(p.authorize().Get("code"), "code_verifier", verifier), 400, `"invalid_grant"`)
	if got := p.authorize("code_challenge", challenge, "code_challenge_method", "plain").Get("error"); got != "invalid_request" {
		t.Errorf("plain method: got %q, want invalid_request", got)
	}
	p.org.Configure(func(o *Options) { o.RequirePKCE = true })
	if got := p.authorize().Get("error"); got != "invalid_request" {
		t.Errorf("no challenge where PKCE is required: got %q, want invalid_request", got)
	}
}

func TestAuthorizeRefusals(t *testing.T) {
	p := newPeer(t, Options{CallbackURLs: []string{"https://app.test/oauth/callback?a=1"}, Deny: true})
	back := p.authorize()
	if got, want := back.Get("error_description"), "end-user denied authorization"; back.Get("error") != "access_denied" || got != want {
		t.Errorf("denied: got %v, want access_denied, %s", back, want)
	}
	if back.Get("a") != "1" {
		t.Errorf("the callback's own query is lost: %v", back)
	}
	at := "/services/oauth2/authorize?response_type=code&client_id="
	p.want(p.send(p.request("GET", at+"other&redirect_uri=https://app.test/", "")), 400, "invalid_client_id")
	p.want(p.send(p.request("GET", at+"simforce-client&redirect_uri=https://evil.test/", "")), 400, "redirect_uri_mismatch")
}

func TestTokenEndpointWordings(t *testing.T) {
	p := newPeer(t, Options{})
	token := func(v url.Values) got { return p.form("/services/oauth2/token", v) }
	p.want(p.refresh("gone"), 400, `{"error":"invalid_grant","error_description":"expired access/refresh token"}`)
	p.want(token(credentials("grant_type", "refresh_token", "client_secret", "no", "refresh_token", "x")), 400, `"invalid_client"`, `"invalid client credentials"`)
	p.want(token(credentials("grant_type", "client_credentials", "client_id", "no")), 400, `"invalid_client_id"`, `"client identifier invalid"`)
	p.want(token(credentials("grant_type", "password", "username", "u", "password", "p")), 400, `"unsupported_grant_type"`, `"grant type not supported"`)
	p.want(token(credentials()), 400, `"invalid_request"`)
	r := p.request("POST", "/services/oauth2/token", `{"grant_type":"client_credentials"}`)
	p.want(p.send(r), 400, `"invalid_request"`)
	p.want(p.send(p.request("GET", "/services/oauth2/token?grant_type=client_credentials", "")), 400, "must use HTTP POST")

	basic := p.request("POST", "/services/oauth2/token", "grant_type=client_credentials")
	basic.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	basic.SetBasicAuth("simforce-client", "simforce-secret")
	p.want(p.send(basic), 200, `"access_token"`)

	login := *p
	login.host = "login.salesforce.com"
	p.want(login.form("/services/oauth2/token", credentials("grant_type", "client_credentials")), 400,
		`{"error":"invalid_grant","error_description":"request not supported on this domain"}`)
	p.org.Configure(func(o *Options) { o.NoRunAsUser = true })
	p.want(token(credentials("grant_type", "client_credentials")), 400, `"no client credentials user enabled"`)
}

func TestJWTBearerRefusals(t *testing.T) {
	key, other := rsaKey(t), rsaKey(t)
	p := newPeer(t, Options{JWTKey: &key.PublicKey})
	try := func(assertion string) got {
		return p.form("/services/oauth2/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
	}
	p.want(try(signedAssertion(t, key, func(c jwt.MapClaims) { c["aud"] = "https://evil.test" })), 400, `"audience is invalid"`)
	p.want(try(signedAssertion(t, key, func(c jwt.MapClaims) { c["iss"] = "other" })), 400, `"invalid_client_id"`)
	p.want(try(signedAssertion(t, key, func(c jwt.MapClaims) { c["sub"] = "x@y.test" })), 400, `"user hasn't approved this consumer"`)
	p.want(try(signedAssertion(t, key, func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Minute).Unix() })), 400, `"invalid_grant"`)
	p.want(try(signedAssertion(t, key, func(c jwt.MapClaims) { c["exp"] = time.Now().Add(time.Hour).Unix() })), 400, `"invalid_grant"`)
	p.want(try(signedAssertion(t, other, nil)), 400, `"invalid assertion"`)
	hs, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "simforce-client"}).SignedString([]byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	p.want(try(hs), 400, `"invalid assertion"`)
	p.org.Configure(func(o *Options) { o.NoPreapproval = true })
	p.want(try(signedAssertion(t, key, nil)), 400, `"user hasn't approved this consumer"`)
}

func TestConcurrentRefreshIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, Options{RefreshWindow: 2 * time.Second})
		_, refresh := p.org.SignIn()
		p.org.Fault(Fault{Kind: Latency, Path: "/token", Delay: 5 * time.Second, Times: -1})
		var statuses [3]int
		var wg sync.WaitGroup
		for i := range statuses {
			wg.Go(func() { statuses[i] = p.refresh(refresh).status })
		}
		wg.Wait()
		slices.Sort(statuses[:])
		if want := [3]int{200, 400, 400}; statuses != want {
			t.Errorf("three at once: got %v, want %v", statuses, want)
		}
		p.org.ClearFaults()
		p.want(p.refresh(refresh), 200)
		p.want(p.refresh(refresh), 400, `{"error":"invalid_grant","error_description":"token request is already being processed"}`)
		time.Sleep(2 * time.Second)
		p.want(p.refresh(refresh), 200)
	})
}

func TestRotationReuseEndsTheFamily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, Options{Rotation: true})
		first, old := p.org.SignIn()
		p.token = first
		g := p.refresh(old)
		fresh, second := g.text(t, "refresh_token"), g.text(t, "access_token")
		if fresh == "" || fresh == old {
			t.Fatalf("rotated refresh token: got %q, want a new one", fresh)
		}
		p.want(p.do("GET", "/limits", ""), 401, "INVALID_SESSION_ID")
		p.token = second
		p.want(p.do("GET", "/limits", ""), 200)
		time.Sleep(time.Second)
		p.want(p.refresh(old), 400, `"expired access/refresh token"`)
		p.want(p.do("GET", "/limits", ""), 401)
		p.want(p.refresh(fresh), 400, `"expired access/refresh token"`)
	})
}

func TestSixthApprovalRevokesTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, Options{})
		var tokens []string
		for range 6 {
			time.Sleep(time.Second)
			_, r := p.org.SignIn()
			tokens = append(tokens, r)
		}
		p.want(p.refresh(tokens[0]), 400, `"expired access/refresh token"`)
		p.want(p.refresh(tokens[1]), 200)
	})
}

func TestSessionSlidesWhenUsedPastHalfItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, Options{SessionTimeout: time.Hour})
		early := *p
		early.token, _ = p.org.SignIn()
		time.Sleep(20 * time.Minute)
		p.want(early.do("GET", "/limits", ""), 200) // before half its time, and never again
		p.want(p.do("GET", "/limits", ""), 200)     // before half: not renewed
		time.Sleep(39 * time.Minute)
		p.want(p.do("GET", "/limits", ""), 200) // renewed
		time.Sleep(time.Minute)
		p.want(early.do("GET", "/limits", ""), 401)
		time.Sleep(58 * time.Minute)
		p.want(p.do("GET", "/limits", ""), 200)
		time.Sleep(60 * time.Minute)
		g := p.do("GET", "/limits", "")
		p.want(g, 401)
		if want := `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`; g.body != want {
			t.Errorf("dead session: got %s, want %s", g.body, want)
		}
		if got := g.header.Get("WWW-Authenticate"); got != "Token" {
			t.Errorf("WWW-Authenticate: got %q, want Token", got)
		}
	})
}

func TestIntrospectRevokeUserinfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, Options{SessionTimeout: time.Hour})
		access, refresh := p.org.SignIn()
		p.token = access
		ask := func(token string) got {
			return p.form("/services/oauth2/introspect", credentials("token", token, "token_type_hint", "access_token"))
		}
		m := ask(access).json(t)
		if m["active"] != true || m["exp"] != float64(time.Now().Add(time.Hour).Unix()) || m["token_type"] != "access_token" {
			t.Errorf("introspection: got %v, want active with exp in an hour, in seconds", m)
		}
		p.want(p.form("/services/oauth2/introspect", url.Values{"token": {access}}), 400, `"invalid_client_id"`)
		p.want(p.send(p.request("GET", "/services/oauth2/userinfo", "")), 200, `"organization_id":"`+p.org.OrgID(), `"preferred_username":"integration@simforce.test"`)
		p.want(p.form("/services/oauth2/revoke", url.Values{"token": {refresh}}), 200)
		if got := ask(access).body; got != `{"active":false}` {
			t.Errorf("after revocation: got %s, want inactive", got)
		}
		p.want(p.form("/services/oauth2/revoke", url.Values{"token": {refresh}}), 400, "invalid_token")
		p.want(p.send(p.request("GET", "/services/oauth2/userinfo", "")), 403)
		p.org.Configure(func(o *Options) { o.NoIntrospection = true })
		p.want(ask(access), 403)
	})
}

func TestHosts(t *testing.T) {
	p := newPeer(t, Options{MyDomain: "acme.my.salesforce.com", RefreshWindow: -1})
	p.want(p.do("GET", "/limits", ""), 200)
	other := *p
	other.host = "old.my.salesforce.com"
	g := other.do("GET", "/limits", "")
	p.want(g, 420, "<html>")
	other.host = "login.salesforce.com"
	p.want(other.do("GET", "/limits", ""), 401, "INVALID_SESSION_ID")
	p.want(other.send(other.request("GET", "/.well-known/openid-configuration", "")), 200, `"token_endpoint":"http://login.salesforce.com/services/oauth2/token"`)
	_, refresh := p.org.SignIn()
	p.want(other.refresh(refresh), 200, `"instance_url":"http://acme.my.salesforce.com"`)
	p.org.Configure(func(o *Options) { o.MyDomain = "new.my.salesforce.com" })
	p.want(p.do("GET", "/limits", ""), 420)
	p.want(other.refresh(refresh), 200, `"instance_url":"http://new.my.salesforce.com"`)
}

func TestBearerSchemes(t *testing.T) {
	p := newPeer(t, Options{})
	for header, want := range map[string]int{"Bearer " + p.token: 200, "OAuth " + p.token: 200, "Basic " + p.token: 401, p.token: 401, "Bearer " + p.token[:40]: 401, "": 401} {
		r := p.request("GET", "/services/data/v67.0/limits", "")
		r.Header = http.Header{"Authorization": {header}}
		if got := p.send(r).status; got != want {
			t.Errorf("Authorization %.10q…: got %d, want %d", header, got, want)
		}
	}
}

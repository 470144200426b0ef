package salesforce

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func newTokens(t *testing.T, f Flow, store TokenStore) *Tokens {
	t.Helper()
	h := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(h.CloseIdleConnections)
	tokens, err := NewTokens(TokensConfig{Flow: f, HTTP: h, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// mission-part: P2.7
func TestEachFlowSendsItsForm(t *testing.T) {
	key := rsaKey(t)
	o := newOrg(t, nil)
	tests := []struct {
		flow Flow
		want url.Values
	}{
		{ClientCredentials{o.app()}, url.Values{"grant_type": {"client_credentials"}, "client_id": {"client"}, "client_secret": {"s3cret-value"}}},
		{RefreshToken{o.app(), "r1"}, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r1"}, "client_id": {"client"}, "client_secret": {"s3cret-value"}}},
		{JWTBearer{App: o.app(), Username: "u@x", Key: key}, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "client_id": {"client"}}},
	}
	for i, tt := range tests {
		tok, err := newTokens(t, tt.flow, nil).Token(t.Context())
		if err != nil || tok.Access != Secret(fmt.Sprintf("token-%d", i+1)) || tok.InstanceURL != o.url {
			t.Errorf("%T: %v", tt.flow, err)
			continue
		}
		form := o.tokenRequests()[i]
		checkAssertion(t, form.Get("assertion"), &key.PublicKey, o.url)
		form.Del("assertion")
		if diff := cmp.Diff(tt.want, form); diff != "" {
			t.Errorf("%T (-want +got):\n%s", tt.flow, diff)
		}
	}
}

func checkAssertion(t *testing.T, assertion string, key *rsa.PublicKey, audience string) {
	if assertion == "" {
		return
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(assertion, &claims, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(audience), jwt.WithIssuer("client"), jwt.WithSubject("u@x"), jwt.WithExpirationRequired())
	if err != nil {
		t.Errorf("assertion: %v", err)
	} else if left := time.Until(claims.ExpiresAt.Time); left > 3*time.Minute || left < time.Minute {
		t.Errorf("assertion lives %v, want at most 3 minutes", left)
	}
}

// mission-part: P2.7
func TestAudienceFollowsTheHost(t *testing.T) {
	for login, want := range map[string]string{
		"https://login.salesforce.com":                "https://login.salesforce.com",
		"https://test.salesforce.com/":                "https://test.salesforce.com",
		"https://acme.my.salesforce.com":              "https://login.salesforce.com",
		"https://x-dev-ed.develop.my.salesforce.com":  "https://login.salesforce.com",
		"https://acme--uat.sandbox.my.salesforce.com": "https://test.salesforce.com",
		"https://ACME--UAT.SANDBOX.my.salesforce.com": "https://test.salesforce.com",
		"https://acme.scratch.my.salesforce.com":      "https://test.salesforce.com",
		"http://127.0.0.1:8081/base/":                 "http://127.0.0.1:8081/base",
		"https://login.salesforce.com.evil.example":   "https://login.salesforce.com.evil.example",
		"https://my.salesforce.com.example":           "https://my.salesforce.com.example",
	} {
		if got := (JWTBearer{App: App{LoginURL: login}}).audience(); got != want {
			t.Errorf("%s: got %s, want %s", login, got, want)
		}
	}
}

// mission-part: P2.7
func TestFlowsAreCheckedBeforeUse(t *testing.T) {
	at := func(login string) App { return App{LoginURL: login, ClientID: "c", ClientSecrets: []Secret{"s"}} }
	good := at("https://acme.my.salesforce.com")
	for name, flow := range map[string]Flow{
		"client credentials on login":   ClientCredentials{at("https://login.salesforce.com")},
		"client credentials on test":    ClientCredentials{at("https://test.salesforce.com/")},
		"client credentials, no secret": ClientCredentials{App{LoginURL: good.LoginURL, ClientID: "c"}},
		"no client id":                  RefreshToken{App{LoginURL: good.LoginURL}, "r"},
		"no scheme":                     RefreshToken{at("login.salesforce.com"), "r"},
		"password in URL":               RefreshToken{at("https://u:p@login.salesforce.com"), "r"},
		"no refresh token":              RefreshToken{good, ""},
		"no key":                        JWTBearer{App: good, Username: "u"},
		"no username":                   JWTBearer{App: good, Key: rsaKey(t)},
		"no redirect URL":               Browser{App: good},
		"nothing":                       nil,
	} {
		if _, err := NewTokens(TokensConfig{Flow: flow, HTTP: &http.Client{}}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := ParseKey([]byte("no key")); err == nil {
		t.Error("bad key: accepted")
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey(t))}
	if _, err := ParseKey(pem.EncodeToMemory(block)); err != nil {
		t.Errorf("good key: %v", err)
	}
}

// mission-part: P1.6
func TestBrowserFlowBindsStateAndVerifier(t *testing.T) {
	o := newOrg(t, nil)
	flow := Browser{App: o.app(), RedirectURL: "https://voice.example.com/oauth/callback?w=a b"}
	store := &memoryStore{}
	tokens := newTokens(t, flow, store)
	if _, err := tokens.Token(t.Context()); !errors.Is(err, ErrReauthorise) || len(o.tokenRequests()) != 0 {
		t.Errorf("before: got %v, want ErrReauthorise without a request", err)
	}
	verifier := NewVerifier()
	u, err := url.Parse(flow.AuthURL("state-1", verifier))
	if err != nil || !strings.HasPrefix(u.String(), o.url+"/services/oauth2/authorize?") {
		t.Fatalf("authorise URL %s, %v", u, err)
	}
	sum := sha256.Sum256([]byte(verifier))
	want := url.Values{
		"response_type": {"code"}, "client_id": {"client"}, "redirect_uri": {flow.RedirectURL}, "scope": {"api refresh_token"},
		"state": {"state-1"}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	if diff := cmp.Diff(want, u.Query()); diff != "" {
		t.Errorf("authorise URL (-want +got):\n%s", diff)
	}

	o.answer = saying(200, fmt.Sprintf(`{"access_token":"a1","refresh_token":"r1","instance_url":%q,"id":%q,"issued_at":"1278448832702"}`, o.url, orgURL))
	tok, err := tokens.Exchange(t.Context(), "code-1", verifier)
	if err != nil || tok.OrgID != received("00Dx0000000BV7z") || store.token != tok || !tokens.Connected() {
		t.Errorf("exchange: %v, org %s, connected %v", err, tok.OrgID, tokens.Connected())
	}
	wantForm := url.Values{
		"grant_type": {"authorization_code"}, "code": {"code-1"}, "code_verifier": {verifier}, "redirect_uri": {flow.RedirectURL},
		"client_id": {"client"}, "client_secret": {"s3cret-value"},
	}
	if diff := cmp.Diff(wantForm, o.tokenRequests()[0]); diff != "" {
		t.Errorf("exchange (-want +got):\n%s", diff)
	}
	if got, err := tokens.Token(t.Context()); err != nil || got != tok || len(o.tokenRequests()) != 1 {
		t.Errorf("after: %v, %d token requests, want the token and 1", err, len(o.tokenRequests()))
	}

	o.answer = saying(200, fmt.Sprintf(`{"access_token":"a2","instance_url":%q}`, o.url))
	if _, err := tokens.Exchange(t.Context(), "code-2", verifier); err == nil || store.token.Access != "a1" {
		t.Errorf("no refresh token: got %v, want a refusal that keeps the old token", err)
	}
	if _, err := newTokens(t, RefreshToken{o.app(), "r"}, nil).Exchange(t.Context(), "c", "v"); err == nil {
		t.Error("exchange without browser flow: accepted")
	}
}

func TestTokenAnswersAreReadLeniently(t *testing.T) {
	now := time.UnixMilli(1700000000000)
	const life = 95 * time.Minute
	last := Token{Refresh: "r0", InstanceURL: "https://old.example", OrgID: "o", UserID: "u"}
	tests := []struct {
		name, body string
		want       Token
	}{
		{
			"text", `{"access_token":"a","issued_at":"1700000001000"}`,
			Token{IssuedAt: now.Add(time.Second), AssumedEnd: now.Add(time.Second + life)},
		},
		{
			"number", `{"access_token":"a","issued_at":1700000001000}`,
			Token{IssuedAt: now.Add(time.Second), AssumedEnd: now.Add(time.Second + life)},
		},
		{"absent", `{"access_token":"a"}`, Token{IssuedAt: now, AssumedEnd: now.Add(life)}},
		{"null", `{"access_token":"a","issued_at":null}`, Token{IssuedAt: now, AssumedEnd: now.Add(life)}},
		{"other clock", `{"access_token":"a","issued_at":"1278448832702"}`, Token{IssuedAt: now, AssumedEnd: now.Add(life)}},
		{"expires_in", `{"access_token":"a","expires_in":"900"}`, Token{IssuedAt: now, AssumedEnd: now.Add(15 * time.Minute)}},
		{
			"all new", `{"access_token":"a","refresh_token":"r1","instance_url":"https://new.example","id":"` + orgURL + `"}`,
			Token{Refresh: "r1", InstanceURL: "https://new.example", OrgID: received("00Dx0000000BV7z"), UserID: received("005x00000012Q9P"), IssuedAt: now, AssumedEnd: now.Add(life)},
		},
		{"id of a fixture", `{"access_token":"a","id":"https://login.salesforce.com/id/foo/bar"}`, Token{IssuedAt: now, AssumedEnd: now.Add(life)}},
	}
	for _, tt := range tests {
		var w wireToken
		if err := json.Unmarshal([]byte(tt.body), &w); err != nil {
			t.Fatal(err)
		}
		got, err := w.token(last, now, life)
		if tt.want.Refresh == "" { // what an answer leaves out is kept
			tt.want.Refresh, tt.want.InstanceURL, tt.want.OrgID, tt.want.UserID = "r0", "https://old.example", "o", "u"
		}
		tt.want.Access = "a"
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestIntrospectionReplacesTheAssumedEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			body string
			want time.Duration
		}{
			{`{"active":true,"exp":%d}`, 15 * time.Minute},
			{`{"active":false,"exp":%d}`, 95 * time.Minute},
			{`<html>%d`, 95 * time.Minute},
		} {
			end := time.Now().Add(15 * time.Minute)
			h, stop := pipes(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/introspect") {
					say(w, 200, fmt.Sprintf(tt.body, end.Unix()))
					return
				}
				say(w, 200, `{"access_token":"a","instance_url":"http://org.example"}`)
			}))
			tokens, err := NewTokens(TokensConfig{
				Flow: ClientCredentials{App{LoginURL: "http://login.example", ClientID: "c", ClientSecrets: []Secret{"s"}}}, HTTP: h, Introspect: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tokens.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := time.Until(tokens.Expiry()); got != tt.want {
				t.Errorf("%s: end in %v, want %v", tt.body, got, tt.want)
			}
			stop()
		}
	})
}

func TestNextSecretIsTriedWhenTheClientIsRefused(t *testing.T) {
	o := newOrg(t, nil)
	o.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("client_secret") == "new" {
			say(w, 400, `{"error":"invalid_client","error_description":"invalid client credentials"}`)
			return
		}
		say(w, 200, fmt.Sprintf(`{"access_token":"a","instance_url":%q}`, o.url))
	}
	app := o.app()
	app.ClientSecrets = []Secret{"new", "old", "older"}
	if _, err := newTokens(t, ClientCredentials{app}, nil).Token(t.Context()); err != nil || len(o.tokenRequests()) != 2 {
		t.Errorf("got %v after %d requests, want success after 2", err, len(o.tokenRequests()))
	}
}

func TestSecretsStayOutOfErrorsAndLogs(t *testing.T) {
	o := newOrg(t, nil)
	o.answer = func(w http.ResponseWriter, r *http.Request) { // an answer that quotes the whole request
		b, _ := json.Marshal(map[string]string{"error": "invalid_grant", "error_description": fmt.Sprint(r.PostForm)})
		say(w, 400, string(b))
	}
	_, err := newTokens(t, RefreshToken{o.app(), "r3fresh-value"}, nil).Token(t.Context())
	if err == nil {
		t.Fatal("want an error")
	}
	tok := Token{Access: "s3cret-value", Refresh: "r3fresh-value", InstanceURL: "https://x.example"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", tok, "secret", tok.Access)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", tok, "secret", tok.Access)
	for _, s := range []string{
		err.Error(), log.String(), tok.Access.String(),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", tok, tok, tok, tok.Access, tok.Access, tok.Access, tok.Refresh),
		fmt.Sprintf("%+v %#v", o.app(), RefreshToken{o.app(), "r3fresh-value"}),
	} {
		if strings.Contains(s, "s3cret") || strings.Contains(s, "r3fresh") || strings.Contains(s, "733363726574") {
			t.Errorf("secret in %s", s)
		}
	}
}

func TestHintsNameTheRemedy(t *testing.T) {
	for description, want := range map[string]string{
		"request not supported on this domain":  "My Domain",
		"no client credentials user enabled":    "run-as user",
		"user hasn't approved this consumer":    "pre-authorise",
		"Audience validation failed":            "login_url",
		"audience is invalid":                   "login_url",
		"grant type not supported":              "enable this flow",
		"authentication failure - Invalid User": "frozen",
	} {
		b, _ := json.Marshal(map[string]string{"error": "invalid_grant", "error_description": description})
		e := refusal(answer{status: 400, body: b}, url.Values{"grant_type": {"client_credentials"}})
		if !strings.Contains(e.Error(), want) || errors.Is(e, ErrReauthorise) {
			t.Errorf("%s: got %v, want a hint with %q", description, e, want)
		}
	}
}

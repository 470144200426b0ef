package simforce

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// oauthError is the body of a refused OAuth request.
type oauthError struct {
	status            int
	code, description string
}

// reply renders the two members that the token endpoint's errors have. REST errors are arrays; these are not.
func (e *oauthError) reply() reply {
	return reply{status: e.status, body: object{{"error", e.code}, {"error_description", e.description}}}
}

// oauthFail is a refusal by the token endpoint: 400 (RFC 6749, section 5.2), except where client says 401.
func oauthFail(code, description string) *oauthError {
	return &oauthError{http.StatusBadRequest, code, description}
}

// invalidGrant is the code behind which Salesforce keeps most refusals; the description alone tells them apart.
func invalidGrant(description string) *oauthError { return oauthFail("invalid_grant", description) }

// web is a request outside the REST API: its form and where it came in.
type web struct {
	scheme, host string
	method, path string
	query, form  url.Values
	header       http.Header
}

// grant is an authorization code that has been given out.
type grant struct {
	redirect, scope, challenge string
	made                       time.Time
	used                       bool
}

// codeLife is how long an authorization code lives.
// The vendor's own is 15 minutes (Salesforce Help, "OAuth 2.0 Web Server Flow").
const codeLife = 15 * time.Minute

var (
	// Longer than RFC 7636 allows: the vendor's own tools send 128 random bytes in base64url, 171 characters.
	verifierForm  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,256}$`)
	challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
)

// oauth answers everything under /services/oauth2/, the identity URL and the discovery document.
func (o *Org) oauth(w web) reply {
	switch {
	case w.path == "/.well-known/openid-configuration":
		return ok(discovery(w.scheme + "://" + w.host))
	case w.path == "/services/oauth2/userinfo" || strings.HasPrefix(w.path, "/id/"):
		return o.userinfo(w)
	case w.path == "/services/oauth2/authorize":
		return o.authorize(w)
	case w.path == "/services/oauth2/revoke":
		return o.revoke(w)
	case w.path != "/services/oauth2/introspect" && w.path != "/services/oauth2/token":
		return reply{status: http.StatusNotFound, raw: []byte("<html><body>Not found</body></html>"), typ: "text/html;charset=UTF-8"}
	case w.method != http.MethodPost:
		return oauthFail("invalid_request", "must use HTTP POST").reply()
	case w.path == "/services/oauth2/introspect":
		return o.introspect(w)
	default:
		body, err := o.exchange(w)
		if err != nil {
			return err.reply()
		}
		return ok(body).with("Cache-Control", "no-cache, no-store").with("Pragma", "no-cache")
	}
}

// discovery is the OpenID document. It advertises what the vendor's does; id tokens are signed with the app's
// secret here, since nobody in this project checks them against a published key.
func discovery(base string) object {
	at := base + "/services/oauth2/"
	return object{
		{"issuer", base},
		{"authorization_endpoint", at + "authorize"},
		{"token_endpoint", at + "token"},
		{"revocation_endpoint", at + "revoke"},
		{"userinfo_endpoint", at + "userinfo"},
		{"introspection_endpoint", at + "introspect"},
		{"scopes_supported", []string{"api", "full", "id", "openid", "profile", "refresh_token", "offline_access", "web"}},
		{"response_types_supported", []string{"code"}},
		{"subject_types_supported", []string{"public"}},
		{"code_challenge_methods_supported", []string{"S256"}},
		{"id_token_signing_alg_values_supported", []string{"HS256"}},
		{"token_endpoint_auth_methods_supported", []string{"client_secret_post", "client_secret_basic", "private_key_jwt"}},
	}
}

// authorize is the page that asks a person; here the answer is an option. Errors that concern the app stay on the
// page, errors that concern the request go back by redirect. A challenge without a method is S256, the only one
// there is: jsforce and the vendor's command line send none.
func (o *Org) authorize(w web) reply {
	q := w.query
	if q.Get("client_id") != o.o.ClientID {
		return page("invalid_client_id", "client identifier invalid")
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || !back.IsAbs() || back.Host == "" || len(o.o.CallbackURLs) > 0 && !slices.Contains(o.o.CallbackURLs, q.Get("redirect_uri")) {
		return page("redirect_uri_mismatch", "redirect_uri must match configuration")
	}
	challenge, answer := q.Get("code_challenge"), url.Values{}
	deny := func(code, description string) {
		answer.Set("error", code)
		answer.Set("error_description", description)
	}
	switch {
	case q.Get("response_type") != "code":
		deny("unsupported_response_type", "response type not supported")
	case challenge == "" && o.o.RequirePKCE:
		deny("invalid_request", "missing required code challenge")
	case challenge != "" && (!challengeForm.MatchString(challenge) || q.Has("code_challenge_method") && q.Get("code_challenge_method") != "S256"):
		deny("invalid_request", "invalid code challenge")
	case o.o.Deny:
		deny("access_denied", "end-user denied authorization")
	default:
		scope := q.Get("scope")
		if scope == "" {
			scope = "api refresh_token"
		}
		code := "aPrx" + o.token(60)
		o.codes[code] = &grant{redirect: q.Get("redirect_uri"), scope: scope, challenge: challenge, made: time.Now()}
		answer.Set("code", code)
	}
	if state, sent := q["state"]; sent {
		answer.Set("state", state[0])
	}
	for name, values := range back.Query() {
		answer[name] = append(answer[name], values...)
	}
	back.RawQuery = answer.Encode()
	return reply{status: http.StatusFound}.with("Location", back.String())
}

// page is an error that must not travel by redirect: the app or its callback is not known, so there is nobody to
// send it to.
func page(code, description string) reply {
	return reply{status: http.StatusBadRequest, typ: "text/html;charset=UTF-8", raw: []byte("<html><body>error=" + code +
		"&amp;error_description=" + url.QueryEscape(description) + "</body></html>")}
}

// exchange answers the token endpoint. Each flow's key set is that of the vendor: see signed and jwtBearer.
// No flow states when its token ends: expires_in belongs to another of the vendor's products.
func (o *Org) exchange(w web) (object, *oauthError) {
	f := w.form
	switch f.Get("grant_type") {
	case "authorization_code":
		if err := o.client(w); err != nil {
			return nil, err
		}
		return o.codeGrant(w)
	case "refresh_token":
		if err := o.client(w); err != nil {
			return nil, err
		}
		if f.Get("refresh_token") == "" {
			return nil, oauthFail("invalid_request", "missing required parameter refresh_token")
		}
		return o.refresh(f.Get("refresh_token"), w.scheme, w.host)
	case "client_credentials":
		return o.clientCredentials(w)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return o.jwtBearer(w)
	case "":
		return nil, oauthFail("invalid_request", "missing required parameter grant_type")
	}
	return nil, oauthFail("unsupported_grant_type", "grant type not supported")
}

// codeGrant redeems an authorization code (OAuth 2.0 Web Server Flow). PKCE errors: a verifier that does not fit or
// is malformed is invalid_request, a missing one invalid_grant.
func (o *Org) codeGrant(w web) (object, *oauthError) {
	g := o.codes[w.form.Get("code")]
	if g == nil {
		return nil, invalidGrant("invalid authorization code")
	}
	if g.used || time.Since(g.made) > codeLife {
		return nil, invalidGrant("expired authorization code")
	}
	g.used = true // also if what follows fails: a code is for one presentation
	if w.form.Get("redirect_uri") != g.redirect {
		return nil, oauthFail("redirect_uri_mismatch", "redirect_uri must match configuration")
	}
	verifier := w.form.Get("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case g.challenge == "" && verifier == "":
	// Half of PKCE is refused as a whole: a verifier without a challenge was meant for another code.
	case verifier == "" || g.challenge == "":
		return nil, invalidGrant("invalid code verifier")
	case !verifierForm.MatchString(verifier) || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		return nil, oauthFail("invalid_request", "invalid code verifier")
	}
	scopes, fam := strings.Fields(g.scope), (*family)(nil)
	if slices.Contains(scopes, "refresh_token") || slices.Contains(scopes, "offline_access") {
		fam = o.approve(g.scope)
	}
	s := o.open(g.scope, fam)
	answer := object{{"access_token", s.token}}
	if fam != nil {
		answer = append(answer, member{"refresh_token", fam.current})
	}
	answer = append(answer, o.signed(s, w.scheme, w.host)...)
	if slices.Contains(scopes, "openid") {
		answer = append(answer, member{"id_token", o.idToken(w)})
	}
	return answer, nil
}

// idToken is there because a client that asks for openid expects one. It is signed with the app's secret, see discovery.
func (o *Org) idToken(w web) string {
	now := time.Now()
	claims := jwt.MapClaims{"iss": w.scheme + "://" + w.host, "aud": o.o.ClientID, "sub": o.identity(w.scheme, w.host), "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix()}
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(o.o.ClientSecret))
	if err != nil {
		return "" // an HMAC with a byte key cannot fail
	}
	return s
}

// clientCredentials works on the org's own host alone (help article 000886201).
func (o *Org) clientCredentials(w web) (object, *oauthError) {
	if o.loginHost(w.host) {
		return nil, invalidGrant("request not supported on this domain")
	}
	if err := o.client(w); err != nil {
		return nil, err
	}
	if o.o.NoRunAsUser || o.o.RequirePKCE {
		return nil, invalidGrant("no client credentials user enabled")
	}
	s := o.open("api", nil)
	answer := append(object{{"access_token", s.token}}, o.signed(s, w.scheme, w.host)...)
	return append(answer, member{"api_instance_url", o.instance(w.scheme, w.host)}), nil
}

// maxAssertion is how far ahead an assertion's exp may lie; skew is forgiven.
const (
	maxAssertion = 3 * time.Minute
	skew         = 30 * time.Second
)

// jwtBearer answers with five members: neither issued_at nor signature nor refresh_token.
func (o *Org) jwtBearer(w web) (object, *oauthError) {
	if err := o.assertion(w, w.form.Get("assertion"), o.o.Username); err != nil {
		return nil, err
	}
	if o.o.NoPreapproval {
		return nil, invalidGrant("user hasn't approved this consumer")
	}
	s := o.open("api", nil)
	return object{
		{"access_token", s.token},
		{"scope", s.scope},
		{"instance_url", o.instance(w.scheme, w.host)},
		{"id", o.identity(w.scheme, w.host)},
		{"token_type", "Bearer"},
	}, nil
}

// assertion checks a signed statement of the app about a subject: the JWT bearer flow's about a user, private_key_jwt's
// about itself. Only RS256, one audience, and an exp within minutes.
func (o *Org) assertion(w web, token, subject string) *oauthError {
	// An app without a certificate knows no assertions.
	if o.o.JWTKey == nil {
		return invalidGrant("invalid assertion")
	}
	claims := jwt.RegisteredClaims{}
	p := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := p.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return o.o.JWTKey, nil })
	if err != nil {
		return invalidGrant("invalid assertion")
	}
	// An org answers to its own address as well: simulators and scratch orgs have no other.
	own := w.scheme + "://" + w.host
	audiences := []string{"https://login.salesforce.com", "https://test.salesforce.com", own, own + "/services/oauth2/token"}
	now := time.Now()
	switch {
	case claims.Issuer != o.o.ClientID:
		return oauthFail("invalid_client_id", "client identifier invalid")
	case len(claims.Audience) != 1 || !slices.Contains(audiences, claims.Audience[0]):
		return invalidGrant("audience is invalid")
	// The vendor says the same of an assertion that is too old as of a code: a client must not take it for one.
	case claims.ExpiresAt == nil || now.After(claims.ExpiresAt.Add(skew)) || claims.ExpiresAt.After(now.Add(maxAssertion+skew)):
		return invalidGrant("expired authorization code")
	case claims.Subject != subject:
		return invalidGrant("user hasn't approved this consumer")
	}
	return nil
}

// client checks who asks: secret in the form, Basic, or a signed client_assertion.
func (o *Org) client(w web) *oauthError {
	id, secret := w.form.Get("client_id"), w.form.Get("client_secret")
	status := http.StatusBadRequest
	if user, pass, basic := (&http.Request{Header: w.header}).BasicAuth(); basic {
		status = http.StatusUnauthorized
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(pass)
	} else if a := w.form.Get("client_assertion"); a != "" && w.form.Get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return o.assertion(w, a, o.o.ClientID)
	}
	switch {
	case id != o.o.ClientID:
		return &oauthError{status, "invalid_client_id", "client identifier invalid"}
	case subtle.ConstantTimeCompare([]byte(secret), []byte(o.o.ClientSecret)) != 1:
		return &oauthError{status, "invalid_client", "invalid client credentials"}
	}
	return nil
}

// introspect tells the truth about a token's end, if the app may ask.
// Its times are in seconds, unlike issued_at in a token's answer.
func (o *Org) introspect(w web) reply {
	if err := o.client(w); err != nil {
		return err.reply()
	}
	if o.o.NoIntrospection {
		return (&oauthError{http.StatusForbidden, "access_denied", "the app is not allowed to introspect"}).reply()
	}
	token, now := w.form.Get("token"), time.Now()
	common := object{{"client_id", o.o.ClientID}, {"username", o.o.Username}, {"sub", o.identity(w.scheme, w.host)}}
	if s := o.sessions[token]; s != nil && s.alive(now) {
		return ok(append(append(object{{"active", true}, {"scope", s.scope}}, common...), member{"token_type", "access_token"},
			member{"exp", s.expires.Unix()}, member{"iat", s.issued.Unix()}, member{"nbf", s.issued.Unix()}))
	}
	if f := o.families[token]; f != nil && !f.revoked && f.current == token {
		return ok(append(append(object{{"active", true}, {"scope", f.scope}}, common...), member{"token_type", "refresh_token"},
			member{"iat", f.approved.Unix()}, member{"nbf", f.approved.Unix()}))
	}
	return ok(object{{"active", false}})
}

// revoke ends a session, or with a refresh token the family.
// A token that is not known is refused with 400 here; RFC 7009 would have it pass.
func (o *Org) revoke(w web) reply {
	token := w.form.Get("token")
	if w.method == http.MethodGet {
		token = w.query.Get("token")
	}
	s, f := o.sessions[token], o.families[token]
	switch {
	case f != nil && !f.revoked:
		f.revoke()
	case s != nil && s.alive(time.Now()):
		s.ended = true
	default:
		return oauthFail("invalid_token", "invalid token: "+head(token, 15)).reply()
	}
	return reply{status: http.StatusOK}
}

// userinfo serves the identity URL as well; both tell who the token belongs to, and in which org.
func (o *Org) userinfo(w web) reply {
	if o.use(bearer(w.header)) == nil {
		return reply{status: http.StatusForbidden, raw: []byte("Bad_OAuth_Token"), typ: "text/plain;charset=UTF-8"}
	}
	u := o.tables["User"].byID[o.userID]
	id := o.identity(w.scheme, w.host)
	return ok(object{
		{"sub", id},
		{"id", id},
		{"user_id", o.userID},
		{"organization_id", o.orgID},
		{"username", u.str("Username")},
		{"preferred_username", u.str("Username")},
		{"display_name", u.str("Name")},
		{"name", u.str("Name")},
		{"nick_name", u.str("Alias")},
		{"email", u.str("Email")},
		{"email_verified", true},
		{"active", true},
		{"user_type", "STANDARD"},
		{"is_app_installed", true},
		{"urls", object{{"rest", o.instance(w.scheme, w.host) + "/services/data/v{version}/"}, {"query", o.instance(w.scheme, w.host) + "/services/data/v{version}/query/"}}},
	})
}

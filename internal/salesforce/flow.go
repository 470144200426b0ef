package salesforce

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
)

// App is the external client app (or connected app) that this program signs in as.
type App struct {
	// LoginURL is https://login.salesforce.com, https://test.salesforce.com for sandboxes,
	// or the org's My Domain host.
	LoginURL string
	ClientID string
	// ClientSecrets may hold a new and an old secret during a rotation. The next one is
	// tried when Salesforce does not accept the client.
	ClientSecrets []Secret
}

func (a App) app() App { return a }

// check refuses, at the start, what could only fail at the first sign-in. Each flow has its own on
// top.
func (a App) check() error {
	if err := checkURL(a.LoginURL); err != nil {
		return fmt.Errorf("login URL: %w", err)
	}
	if a.ClientID == "" {
		return errors.New("client id is missing: copy the consumer key of the app")
	}
	return nil
}

// host is the login URL's host in lower case, by which the flows tell production, sandbox and
// My Domain apart.
func (a App) host() string {
	u, err := url.Parse(a.LoginURL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// source leaves the secret out: a rotated secret goes on with the same session.
func (a App) source() string { return a.host() + " " + a.ClientID }

// endpoint is the address of one of the login host's OAuth services (Salesforce Help, "OAuth
// Endpoints").
func (a App) endpoint(name string) string {
	return strings.TrimRight(a.LoginURL, "/") + "/services/oauth2/" + name
}

// Flow is a way to get a token: ClientCredentials, JWTBearer, RefreshToken or Browser.
// The set is closed: Tokens knows what each needs beside a form.
type Flow interface {
	app() App
	check() error
	// form is the body of the next token request after last; client id and secret are added
	// by the caller, and so is last's refresh token if only the configuration has one. It
	// returns ErrReauthorise if only a person can get a token.
	form(last Token, now time.Time) (url.Values, error)
	// secret says whether the client's secret belongs into the form.
	secret() bool
	// source names the configuration: a stored token of another one is not used, so that a
	// changed login URL, app, user or refresh token takes effect at the next start.
	source() string
}

// ClientCredentials signs in as the app's run-as user. Salesforce permits it on the org's My
// Domain host only.
type ClientCredentials struct{ App }

const myDomainHint = "client credentials work only on the org's My Domain host: set login_url to https://YOURDOMAIN.my.salesforce.com"

// The generic hosts answer "request not supported on this domain", which names no remedy.
func (f ClientCredentials) check() error {
	if h := f.host(); h == "login.salesforce.com" || h == "test.salesforce.com" {
		return errors.New(myDomainHint)
	}
	if len(f.ClientSecrets) == 0 {
		return errors.New("client secret is missing: copy the consumer secret of the app")
	}
	return f.App.check()
}

func (ClientCredentials) form(Token, time.Time) (url.Values, error) {
	return url.Values{"grant_type": {"client_credentials"}}, nil
}

func (ClientCredentials) secret() bool { return true }

// JWTBearer signs in as a user who has pre-authorised the app, by an assertion signed with
// the key whose certificate the app holds. There is nothing to store and nothing to rotate.
type JWTBearer struct {
	App
	Username string
	Key      *rsa.PrivateKey
	Audience string // default: by the login URL's host
}

// assertionLife is the longest that Salesforce accepts (OAuth 2.0 JWT Bearer Flow: "within
// 3 minutes").
const assertionLife = 3 * time.Minute

// ParseKey reads the PEM form of a JWTBearer's key.
func ParseKey(pem []byte) (*rsa.PrivateKey, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM(pem)
	if err != nil {
		return nil, errors.New("private key is not an RSA key in PEM form: make one with openssl genrsa 2048")
	}
	return key, nil
}

func (f JWTBearer) check() error {
	switch {
	case f.Key == nil:
		return errors.New("private key is missing")
	case f.Username == "":
		return errors.New("username is missing: name the user whom the app signs in as")
	}
	return f.App.check()
}

// form signs anew each time: an assertion is good for minutes, a session for hours.
func (f JWTBearer) form(_ Token, now time.Time) (url.Values, error) {
	assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": f.ClientID, "sub": f.Username, "aud": f.audience(), "exp": now.Add(assertionLife).Unix(),
	}).SignedString(f.Key)
	if err != nil {
		return nil, fmt.Errorf("sign assertion: %w", err)
	}
	return url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion":  {assertion},
	}, nil
}

func (JWTBearer) secret() bool { return false }

// source holds the user, since another user has other rights, and not the key: a new certificate
// goes on with the same session.
func (f JWTBearer) source() string { return f.App.source() + " " + f.Username }

// audience is the login service's name, not the org's: production or test. A host that is
// not Salesforce's, such as a simulator, is its own audience.
func (f JWTBearer) audience() string {
	h := f.host()
	switch {
	case f.Audience != "":
		return f.Audience
	case h == "test.salesforce.com",
		strings.HasSuffix(h, ".sandbox.my.salesforce.com"),
		strings.HasSuffix(h, ".scratch.my.salesforce.com"):
		return "https://test.salesforce.com"
	case h == "login.salesforce.com", strings.HasSuffix(h, ".my.salesforce.com"):
		return "https://login.salesforce.com"
	}
	return strings.TrimRight(f.LoginURL, "/")
}

// RefreshToken continues an authorisation that was given elsewhere. The stored token goes
// before the configured one: where rotation is on, using a token that has been replaced
// kills its successors.
type RefreshToken struct {
	App
	Token Secret
}

func (f RefreshToken) check() error {
	if f.Token == "" {
		return errors.New("refresh token is missing")
	}
	return f.App.check()
}

func (RefreshToken) form(last Token, _ time.Time) (url.Values, error) {
	return refreshForm(last.Refresh), nil
}

func (RefreshToken) secret() bool { return true }

// source holds a digest of the token: a new one in the configuration replaces what is stored.
func (f RefreshToken) source() string {
	sum := sha256.Sum256([]byte(f.Token))
	return f.App.source() + " " + hex.EncodeToString(sum[:8])
}

// Browser lets an operator give the authorisation in the browser, by the web-server flow
// with PKCE, and continues it by its refresh token.
type Browser struct {
	App
	RedirectURL string
	Scopes      []string // default: api refresh_token
}

func (f Browser) check() error {
	if _, err := url.Parse(f.RedirectURL); err != nil || f.RedirectURL == "" {
		return errors.New("redirect URL is missing: it must equal the app's callback URL")
	}
	return f.App.check()
}

// form has nothing to begin with until a person has been at the login page.
func (f Browser) form(last Token, _ time.Time) (url.Values, error) {
	if last.Refresh == "" {
		return nil, fmt.Errorf("no authorisation has been given yet: %w", ErrReauthorise)
	}
	return refreshForm(last.Refresh), nil
}

func (Browser) secret() bool { return true }

// refreshForm is the token request that continues an authorisation.
func refreshForm(token Secret) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {string(token)}}
}

// AuthURL is where the operator's browser goes. state and verifier must be random, fresh for
// each visit, and kept with the operator's sign-in until the callback: state is compared
// there, verifier goes to Tokens.Exchange.
//
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm
func (f Browser) AuthURL(state, verifier string) string {
	scopes := f.Scopes
	// refresh_token, or every session would end with a visit to the browser.
	if len(scopes) == 0 {
		scopes = []string{"api", "refresh_token"}
	}
	c := oauth2.Config{
		ClientID:    f.ClientID,
		Endpoint:    oauth2.Endpoint{AuthURL: f.endpoint("authorize")},
		RedirectURL: f.RedirectURL,
		Scopes:      scopes,
	}
	return c.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))
}

// NewVerifier makes a PKCE verifier of 256 random bits.
func NewVerifier() string { return oauth2.GenerateVerifier() }

// exchangeForm is the token request of a callback.
// The redirect URL is sent again and must be the same: it was tied to the code (RFC 6749, section
// 4.1.3). The verifier proves that the browser's visit was ours (RFC 7636).
func (f Browser) exchangeForm(code, verifier string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"code_verifier": {verifier}, "redirect_uri": {f.RedirectURL},
	}
}

package salesforce

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrReauthorise means that no token can be had until a person authorises the app again.
var ErrReauthorise = errors.New("salesforce must be authorised again")

// maxTokenBody bounds the token endpoint's answers.
// Honest ones have a few kilobytes; the JWT forms of a token the most.
const maxTokenBody = 1 << 20

// AuthError is a sign-in that Salesforce refused. The code alone says little: invalid_grant
// stands for a dead refresh token, for one that is in use at this moment, for a wrong
// audience and for a locked user. The wording of the description tells them apart.
type AuthError struct {
	Grant       string // the grant type
	Status      int
	Code        string // such as "invalid_grant"; empty if the body was no JSON
	Description string
	Hint        string // what an operator can do, if known
}

// Error holds neither the request nor a token.
func (e *AuthError) Error() string {
	s := fmt.Sprintf("salesforce: sign-in by %s refused: %d", e.Grant, e.Status)
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.Hint != "" {
		s += " — " + e.Hint
	}
	return s
}

// Is reports that e is ErrReauthorise where a refresh token is dead.
// It needs the wording as well as the code, and takes an empty one for the worst: to ask a person
// once in vain costs less than to send a dead token for ever.
func (e *AuthError) Is(target error) bool {
	return target == ErrReauthorise && e.Grant == "refresh_token" && e.Code == "invalid_grant" &&
		(e.dead() || e.Description == "" || strings.HasPrefix(e.Description, "expired authorization code"))
}

// dead says whether Salesforce has ruled the refresh token out for good.
func (e *AuthError) dead() bool {
	return e.Grant == "refresh_token" && strings.HasPrefix(e.Description, "expired access/refresh token")
}

// busy says whether the refusal is about another request under way with the same refresh
// token. It carries the code of a dead token; the wording alone tells.
func (e *AuthError) busy() bool {
	return strings.Contains(e.Description, "token request is already being processed")
}

// stumbled is the wording that concurrent refreshes met in early Summer '24, and that a
// used code meets always: on a refresh it is believed the second time only.
func (e *AuthError) stumbled() bool {
	return e.Grant == "refresh_token" && strings.HasPrefix(e.Description, "expired authorization code")
}

// badClient says whether another client secret may help.
func (e *AuthError) badClient() bool {
	return e.Code == "invalid_client" || e.Code == "invalid_client_id"
}

// hints names the remedy for each wording (Salesforce Help, "OAuth 2.0 Authorization Errors").
var hints = []struct{ wording, hint string }{
	{"request not supported on this domain", myDomainHint},
	{"expired access/refresh token", "authorise the app again"},
	{"no client credentials user enabled", "set the run-as user in the app's client credentials settings"},
	{"hasn't approved this consumer", "pre-authorise the app for the user's profile or permission set"},
	{"audience", "the JWT's audience does not fit the org: check login_url (production or sandbox)"},
	{"authentication failure", "the user is frozen, locked or outside the permitted addresses"},
	{"grant type not supported", "enable this flow in the app's OAuth settings"},
	{"client identifier invalid", "check client_id; a new app needs up to 10 minutes"},
	{"invalid client credentials", "check client_secret; a new or rotated one needs up to 10 minutes"},
}

// endpoint is the OAuth service of an app's login host.
type endpoint struct {
	app  App
	http http.Client
}

// token asks for a token with form, trying the app's secrets in turn if the flow needs one.
// A secret that is not accepted is no failure while another is left: during a rotation one of the
// two is always wrong, on one side or the other.
func (e *endpoint) token(ctx context.Context, form url.Values, withSecret bool) (wireToken, error) {
	form.Set("client_id", e.app.ClientID)
	secrets := e.app.ClientSecrets
	if !withSecret || len(secrets) == 0 {
		secrets = []Secret{""}
	}
	var w wireToken
	var err error
	for _, s := range secrets {
		if s != "" {
			form.Set("client_secret", string(s))
		}
		w, err = e.ask(ctx, form)
		if refusal, ok := errors.AsType[*AuthError](err); !ok || !refusal.badClient() {
			break
		}
	}
	return w, err
}

// ask makes one token request. A body of success is quoted nowhere: it is the token.
func (e *endpoint) ask(ctx context.Context, form url.Values) (wireToken, error) {
	a, err := e.post(ctx, "token", form)
	if err != nil {
		return wireToken{}, fmt.Errorf("salesforce: sign-in by %s: %w", form.Get("grant_type"), err)
	}
	if a.status != http.StatusOK {
		return wireToken{}, refusal(a, form)
	}
	var w wireToken
	if a.html() || json.Unmarshal(a.body, &w) != nil { // the error would quote the body
		return wireToken{}, fmt.Errorf("salesforce: sign-in by %s: answer is not JSON: check login_url", form.Get("grant_type"))
	}
	return w, nil
}

// post sends a form once. Like every request of this package it cannot be repeated by
// net/http: a refresh token that is used twice may end the whole authorisation.
func (e *endpoint) post(ctx context.Context, name string, form url.Values) (answer, error) {
	body := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.app.endpoint(name), nil)
	if err != nil {
		return answer{}, errors.New("login URL cannot be parsed")
	}
	req.Body = io.NopCloser(strings.NewReader(body))
	req.ContentLength = int64(len(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	return exchange(&e.http, req, maxTokenBody)
}

// introspect returns when Salesforce says that token ends. The app needs the permission to
// introspect; without it, or for an inactive token, ok is false.
//
// https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oidc_token_introspection.htm
func (e *endpoint) introspect(ctx context.Context, token Secret) (end time.Time, ok bool) {
	form := url.Values{"token": {string(token)}, "token_type_hint": {"access_token"}, "client_id": {e.app.ClientID}}
	if len(e.app.ClientSecrets) > 0 {
		form.Set("client_secret", string(e.app.ClientSecrets[0]))
	}
	a, err := e.post(ctx, "introspect", form)
	var w struct {
		Active bool  `json:"active"`
		Exp    int64 `json:"exp"` // seconds, unlike issued_at
	}
	if err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &w) != nil {
		return time.Time{}, false
	}
	return time.Unix(w.Exp, 0), w.Active && w.Exp > 0
}

// refusal reads the endpoint's error. Whatever was secret in the form is masked, should the
// answer quote it.
func refusal(a answer, form url.Values) *AuthError {
	e := &AuthError{Grant: form.Get("grant_type"), Status: a.status}
	var w struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if !a.html() && json.Unmarshal(a.body, &w) == nil {
		e.Code, e.Description = w.Code, w.Description
	}
	for _, name := range []string{"client_secret", "refresh_token", "assertion", "code", "code_verifier"} {
		if v := form.Get(name); v != "" {
			e.Code = strings.ReplaceAll(e.Code, v, masked)
			e.Description = strings.ReplaceAll(e.Description, v, masked)
		}
	}
	e.Code, e.Description = cut([]byte(e.Code)), cut([]byte(e.Description))
	for _, h := range hints {
		if strings.Contains(strings.ToLower(cmp.Or(e.Description, e.Code)), h.wording) {
			e.Hint = h.hint
			break
		}
	}
	return e
}

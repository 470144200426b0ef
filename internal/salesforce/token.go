package salesforce

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Secret is text that no error, log line or fmt verb shows. Converting it to a string, and
// JSON on purpose, give the text itself: a store must be able to keep it.
type Secret string

const masked = "•••"

// maxSkew is how far Salesforce's clock may be from ours for its issued_at to be believed.
// Beyond, each new token would seem old already, and be renewed without end.
const maxSkew = 5 * time.Minute

// String returns a mask.
func (s Secret) String() string { return masked }

// GoString returns a mask.
func (s Secret) GoString() string { return masked }

// LogValue returns a mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// Format prints a mask for every verb.
// Without it a verb that is not for strings (%d, say) would print the text in its complaint.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// Token is a session with an org, and what is needed to get the next one.
type Token struct {
	Access      Secret    `json:"access"`
	Refresh     Secret    `json:"refresh,omitempty"` // the newest one; "" for flows that need none
	InstanceURL string    `json:"instance_url"`
	OrgID       ID        `json:"org_id"`
	UserID      ID        `json:"user_id"`
	IssuedAt    time.Time `json:"issued_at"`   // as Salesforce says if our clocks agree, else when it came
	AssumedEnd  time.Time `json:"assumed_end"` // an estimate; only a 401 tells for sure
	Source      string    `json:"source"`      // the configuration that it was got with
}

// LogValue shows of a token what is not secret.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("org", string(t.OrgID)), slog.String("user", string(t.UserID)),
		slog.String("instance", t.InstanceURL), slog.Time("assumed_end", t.AssumedEnd),
	)
}

// wireToken is the token endpoint's answer. The flows differ in what they send: JWT bearer
// has no issued_at and no signature, a refresh has no refresh_token unless rotation is on,
// and expires_in is in none of them; it is honoured all the same.
type wireToken struct {
	Access      string          `json:"access_token"`
	Refresh     string          `json:"refresh_token"`
	InstanceURL string          `json:"instance_url"`
	Identity    string          `json:"id"`
	IssuedAt    json.RawMessage `json:"issued_at"`  // text or number, of milliseconds
	ExpiresIn   json.RawMessage `json:"expires_in"` // text or number, of seconds
}

// token makes a Token of the answer to a request made with last, which keeps what the
// answer leaves out. now is the time of receipt, life the assumed one of a session.
func (w wireToken) token(last Token, now time.Time, life time.Duration) (Token, error) {
	if w.Access == "" {
		return Token{}, errors.New("the answer holds no access token")
	}
	t := last
	t.Access = Secret(w.Access)
	if w.Refresh != "" {
		t.Refresh = Secret(w.Refresh)
	}
	if w.InstanceURL != "" {
		t.InstanceURL = w.InstanceURL
	}
	if err := checkURL(t.InstanceURL); err != nil {
		return Token{}, fmt.Errorf("instance URL: %w", err)
	}
	if org, user, ok := identity(w.Identity); ok {
		t.OrgID, t.UserID = org, user
	}
	t.IssuedAt = now
	if ms, ok := number(w.IssuedAt); ok && time.UnixMilli(ms).Sub(now).Abs() <= maxSkew {
		t.IssuedAt = time.UnixMilli(ms)
	}
	t.AssumedEnd = t.IssuedAt.Add(life)
	if s, ok := number(w.ExpiresIn); ok {
		t.AssumedEnd = now.Add(time.Duration(s) * time.Second)
	}
	return t, nil
}

// identity reads org and user from https://login.salesforce.com/id/ORG/USER.
// An identity that does not parse leaves the ids as they were: they are compared with what is
// configured, and an empty one compares with nothing.
func identity(address string) (org, user ID, ok bool) {
	parts := strings.Split(strings.TrimRight(address, "/"), "/")
	if len(parts) < 3 || parts[len(parts)-3] != "id" {
		return "", "", false
	}
	org, err1 := CheckID(parts[len(parts)-2], "Organization")
	user, err2 := CheckID(parts[len(parts)-1], "User")
	return org, user, err1 == nil && err2 == nil
}

// number reads a whole number that may be written as text.
func number(raw json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	return n, err == nil && n > 0
}

// checkURL refuses an address to which a token must not be sent.
func checkURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("want an address such as https://example.my.salesforce.com")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("scheme %q is not https", u.Scheme)
	}
	return nil
}

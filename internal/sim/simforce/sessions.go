package simforce

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// session is what an access token opens. It ends timeout after its last renewal, when revoked, or, with rotation,
// when its family refreshes.
type session struct {
	token, scope string
	issued       time.Time
	expires      time.Time
	ended        bool
	family       *family // nil for flows without a refresh token
}

// family is one approval of the app by the user: the refresh token in force, those before it, and the sessions
// that came of them. Reuse of a token that rotation has replaced ends the whole family.
type family struct {
	current  string
	scope    string
	sessions []*session
	revoked  bool
	approved time.Time
	running  bool      // a refresh is under way
	used     string    // the token of the latest refresh
	busy     time.Time // until then a second refresh with it counts as concurrent
}

// maxApprovals is how often a user may approve one app: the next approval revokes the oldest.
// Salesforce Help, "OAuth Tokens and Scopes": who authorises anew for every start loses the oldest start's token.
const maxApprovals = 5

// open begins a session. Each exchange gives a new token; the vendor may hand out the old one again, which a client
// must bear too but cannot be made to meet here.
func (o *Org) open(scope string, f *family) *session {
	now := time.Now()
	s := &session{token: o.orgID[:15] + "!" + o.token(96), scope: scope, issued: now, expires: now.Add(o.o.SessionTimeout), family: f}
	o.sessions[s.token] = s
	if f != nil {
		f.sessions = append(slices.DeleteFunc(f.sessions, func(x *session) bool { return !x.alive(now) }), s)
	}
	return s
}

// alive reports whether a token opens anything.
func (s *session) alive(now time.Time) bool { return !s.ended && now.Before(s.expires) }

// use finds a live session and renews it once half its time has gone: that is how the timeout slides.
// A session that is used goes on for ever; one that is not ends after the org's timeout (Salesforce Help, "Modify Session
// Security Settings").
func (o *Org) use(token string) *session {
	now := time.Now()
	s := o.sessions[token]
	if s == nil {
		return nil
	}
	if !s.alive(now) {
		delete(o.sessions, token)
		return nil
	}
	if s.expires.Sub(now) < o.o.SessionTimeout/2 {
		s.expires = now.Add(o.o.SessionTimeout)
	}
	return s
}

// approve makes a refresh token, revoking the oldest if the user has given five already.
func (o *Org) approve(scope string) *family {
	f := &family{scope: scope, approved: time.Now(), current: "5Aep861" + o.token(80)}
	var held []*family
	for token, g := range o.families {
		if token == g.current && !g.revoked {
			held = append(held, g)
		}
	}
	slices.SortFunc(held, func(a, b *family) int {
		if c := a.approved.Compare(b.approved); c != 0 {
			return c
		}
		return strings.Compare(a.current, b.current)
	})
	for len(held) >= maxApprovals {
		held[0].revoke()
		held = held[1:]
	}
	o.families[f.current] = f
	return f
}

// revoke ends an approval: its refresh token, those before it, and every session.
func (f *family) revoke() {
	f.revoked = true
	f.end()
}

// end closes the family's sessions and leaves its refresh token alone.
func (f *family) end() {
	for _, s := range f.sessions {
		s.ended = true
	}
	f.sessions = nil
}

// ExpireSessions ends every session now, as an administrator or a security policy may. Refresh tokens live on.
func (o *Org) ExpireSessions() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expireSessions()
}

// expireSessions is ExpireSessions under the lock.
func (o *Org) expireSessions() {
	for _, s := range o.sessions {
		s.ended = true
	}
}

// RevokeRefreshTokens ends every approval: the next refresh is invalid_grant for good.
func (o *Org) RevokeRefreshTokens() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.families {
		f.revoke()
	}
}

// SignIn gives an access token and a refresh token as if the browser flow had been gone through, for tests that
// are not about signing in.
func (o *Org) SignIn() (access, refresh string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.approve("api refresh_token")
	return o.open(f.scope, f).token, f.current
}

// claimRefresh begins a refresh. It refuses a second one with the same token while the first runs and for a while
// after it began (Salesforce release notes, Summer '24, "refresh token requests").
func (o *Org) claimRefresh(token string) (done func(), errs *oauthError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.families[token]
	if f == nil {
		return func() {}, nil
	}
	now := time.Now()
	if token == f.used && (f.running || now.Before(f.busy)) {
		return nil, invalidGrant("token request is already being processed")
	}
	f.running, f.used, f.busy = true, token, now.Add(max(0, o.o.RefreshWindow))
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if f.used == token {
			f.running = false
		}
	}, nil
}

// refresh exchanges a refresh token that claimRefresh has let through.
// With rotation the answer holds the next refresh token, and the one that was sent is spent even if the answer is lost.
func (o *Org) refresh(token, scheme, host string) (object, *oauthError) {
	f := o.families[token]
	if f == nil || f.revoked {
		return nil, invalidGrant("expired access/refresh token")
	}
	// A token that rotation has replaced is either a replay or stolen: either way the whole family goes.
	if token != f.current {
		f.revoke()
		return nil, invalidGrant("expired access/refresh token")
	}
	rotated := ""
	if o.o.Rotation {
		f.end()
		f.current = "5Aep861" + o.token(80)
		o.families[f.current] = f
		rotated = f.current
	}
	s := o.open(f.scope, f)
	answer := object{{"access_token", s.token}}
	if rotated != "" {
		answer = append(answer, member{"refresh_token", rotated})
	}
	return append(answer, o.signed(s, scheme, host)...), nil
}

// signed are the members that all flows but the JWT's share, in the vendor's order. There is no expires_in, and
// issued_at is a string of milliseconds.
func (o *Org) signed(s *session, scheme, host string) object {
	id := o.identity(scheme, host)
	issued := strconv.FormatInt(s.issued.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(o.o.ClientSecret))
	mac.Write([]byte(id + issued))
	return object{
		{"signature", base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		{"scope", s.scope},
		{"instance_url", o.instance(scheme, host)},
		{"id", id},
		{"token_type", "Bearer"},
		{"issued_at", issued},
	}
}

// identity is the URL that names org and user; its host is the one that was asked.
func (o *Org) identity(scheme, host string) string {
	return scheme + "://" + host + "/id/" + o.orgID + "/" + o.userID
}

// instance is where the API is to be called, which may differ from where the token was asked for, and may change.
func (o *Org) instance(scheme, host string) string {
	if o.o.InstanceURL != "" {
		return o.o.InstanceURL
	}
	if o.o.MyDomain != "" {
		host = o.o.MyDomain
	}
	return scheme + "://" + host
}

// bearer reads the access token of a request; REST takes the scheme names Bearer and OAuth.
func bearer(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "OAuth") {
		return strings.TrimSpace(token)
	}
	return ""
}

// sessionGone is the answer to any token that opens nothing: expired, revoked, cut short, or of another host.
func sessionGone() reply {
	return fail(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid").reply().with("WWW-Authenticate", "Token")
}

// limitWindow is the span of the daily allocation, counted in buckets of a minute.
const limitWindow = 24 * time.Hour

// usage counts requests in a rolling window.
// The vendor counts per org over the last 24 hours, all users and clients together.
type usage struct {
	total   int
	minutes []minute
}

type minute struct {
	at time.Time
	n  int
}

// roll lets go of minutes that have left the window.
func (u *usage) roll(now time.Time) {
	for len(u.minutes) > 0 && !u.minutes[0].at.After(now.Add(-limitWindow)) {
		u.total -= u.minutes[0].n
		u.minutes = u.minutes[1:]
	}
}

func (u *usage) add(now time.Time) {
	at := now.Truncate(time.Minute)
	if n := len(u.minutes); n == 0 || !u.minutes[n-1].at.Equal(at) {
		u.minutes = append(u.minutes, minute{at: at})
	}
	u.minutes[len(u.minutes)-1].n++
	u.total++
}

// SetUsage makes the org have used n requests of its allocation just now, by whomever.
func (o *Org) SetUsage(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.usage = usage{total: n, minutes: []minute{{time.Now().Truncate(time.Minute), n}}}
}

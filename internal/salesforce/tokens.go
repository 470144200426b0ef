package salesforce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	defaultEarly       = 5 * time.Minute
	defaultSessionLife = 95 * time.Minute
	defaultTimeout     = 15 * time.Second
	// maxBusy is how often a refresh is repeated while Salesforce works on another one.
	maxBusy = 3
	// maxRest bounds the pause after failed renewals, during which calls fail at once.
	maxRest = 15 * time.Second
)

// TokenStore keeps the org's token over restarts.
type TokenStore interface {
	// Load returns the newest token saved, by whichever process; false if there is none.
	Load(ctx context.Context) (Token, bool, error)
	// Save keeps t. It is durable when Save returns: where refresh tokens rotate, the one
	// before is dead by then, and a lost successor means a new authorisation by hand.
	Save(ctx context.Context, t Token) error
}

// RefreshLock is offered by a TokenStore that several processes share. Refresh runs fn, at
// most once, while no other process is in its Refresh: Salesforce rejects concurrent
// refreshes with one token, and where tokens rotate the slower one ends the authorisation.
type RefreshLock interface {
	Refresh(ctx context.Context, fn func(context.Context) error) error
}

// TokensConfig says how tokens are got and kept.
type TokensConfig struct {
	Flow  Flow         // required
	HTTP  *http.Client // required
	Store TokenStore   // nil: tokens live as long as the process
	// Early is how long before its assumed end a token is renewed; default 5 minutes, at
	// most half of the token's life.
	Early time.Duration
	// SessionLife is the assumed life of a session, for Salesforce does not say; default 95
	// minutes, safe for the org's default timeout of two hours.
	SessionLife time.Duration
	// Introspect asks Salesforce for each token's end. The app needs the permission.
	Introspect bool
	Timeout    time.Duration // of one renewal, repeats included; default 15 seconds
}

// Tokens hands out the org's access token and renews it: in the background when its assumed
// end is near, and when a call is refused for it. However many calls wait, one renewal runs
// at a time, across processes if the store is a RefreshLock, and a new token is saved before
// it is used. It is safe for concurrent use.
//
// Where a renewal stands, seen from a token's life (defaults, from its issue on):
//
//	0 to 90 min      calls use the token; nothing happens
//	90 to 95 min     the next call starts a renewal in the background and uses the old token
//	after 95 min     calls wait for the renewal; if it fails, they try the old token still
//	401 at any time  the call waits for a renewal, or takes the one that has been made since
type Tokens struct {
	cfg      TokensConfig
	endpoint *endpoint
	turn     chan struct{} // held by whoever changes the token: a renewal or an Exchange

	mu       sync.Mutex
	held     held
	flight   *flight
	failed   error // of the newest renewal
	failures int
	rest     time.Time // no renewal before, after failures

	// Guarded by turn.
	unsaved *Token // got but not yet saved; its predecessor may be dead
	dead    Secret // a refresh token that Salesforce has ruled out: never sent again
}

// held is a token with its generation: a call that is refused with an older generation
// than the current one needs no renewal.
type held struct {
	token      Token
	generation uint64
	due        time.Time // when to renew
	refused    bool      // a call with it was answered 401
}

// flight is a renewal under way, or one that has landed: got and err are set before done is
// closed, and not changed after.
type flight struct {
	done chan struct{}
	got  held
	err  error
}

// NewTokens checks the configuration. It makes no request.
func NewTokens(cfg TokensConfig) (*Tokens, error) {
	switch {
	case cfg.Flow == nil:
		return nil, errors.New("salesforce: TokensConfig.Flow is missing")
	case cfg.HTTP == nil:
		return nil, errors.New("salesforce: TokensConfig.HTTP is missing: give a client with a timeout")
	}
	if err := cfg.Flow.check(); err != nil {
		return nil, fmt.Errorf("salesforce: %w", err)
	}
	cfg.Early = cmp.Or(cfg.Early, defaultEarly)
	cfg.SessionLife = cmp.Or(cfg.SessionLife, defaultSessionLife)
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	return &Tokens{
		cfg:      cfg,
		endpoint: &endpoint{app: cfg.Flow.app(), http: strictHTTP(cfg.HTTP)},
		turn:     make(chan struct{}, 1),
	}, nil
}

// Token returns a token that is believed good. The first call loads or gets it; a program
// that calls it at its start spares the first caller that wait.
func (t *Tokens) Token(ctx context.Context) (Token, error) {
	h, err := t.hold(ctx)
	return h.token, err
}

// Refused reports that Salesforce has rejected used as dead, and returns its successor. If
// used is not the current token any more, no renewal is made.
func (t *Tokens) Refused(ctx context.Context, used Token) (Token, error) {
	h := t.current()
	if h.token.Access == used.Access {
		var err error
		if h, err = t.refused(ctx, h); err != nil {
			return Token{}, err
		}
	}
	return h.token, nil
}

// Connected says whether a token is held that has not been refused, nor its renewal for good.
func (t *Tokens) Connected() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held.token.Access != "" && !t.held.refused && !errors.Is(t.failed, ErrReauthorise)
}

// Trouble returns why the newest renewal failed, or nil.
func (t *Tokens) Trouble() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// Expiry estimates the end of the current token; zero without one.
func (t *Tokens) Expiry() time.Time { return t.current().token.AssumedEnd }

// OrgID returns the org that the current token belongs to; "" without one.
func (t *Tokens) OrgID() ID { return t.current().token.OrgID }

// Close waits until no renewal is under way: one that is cut off between Salesforce's answer
// and the store can lose a rotated token. It is called after the last request.
func (t *Tokens) Close(ctx context.Context) error {
	t.mu.Lock()
	f := t.flight
	t.mu.Unlock()
	if f != nil {
		select {
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for token: %w", context.Cause(ctx))
		}
	}
	return t.alone(ctx, func(ctx context.Context) error {
		if t.unsaved == nil {
			return nil
		}
		return t.save(ctx, *t.unsaved) // its predecessor may be dead, and this is the last chance to keep it
	})
}

// Exchange completes a Browser flow: it trades the callback's code for a token and saves it.
// The caller has compared state before, and compares the token's org with its own after.
func (t *Tokens) Exchange(ctx context.Context, code, verifier string) (Token, error) {
	flow, ok := t.cfg.Flow.(Browser)
	if !ok {
		return Token{}, errors.New("salesforce: exchange: the configured flow is not browser")
	}
	// The code is spent once sent: a browser that goes away must not lose what it buys.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.Timeout)
	defer cancel()
	var h held
	err := t.alone(ctx, func(ctx context.Context) error {
		w, err := t.endpoint.token(ctx, flow.exchangeForm(code, verifier), true)
		if err != nil {
			return err
		}
		if w.Refresh == "" {
			return errors.New("salesforce gave no refresh token: add the scope refresh_token to the app")
		}
		tok, err := w.token(Token{Source: flow.source()}, time.Now(), t.cfg.SessionLife)
		if err != nil {
			return fmt.Errorf("salesforce: exchange: %w", err)
		}
		// A visit that the store turns away, such as one to another org, changes nothing: not the token
		// that waits to be saved, and not what the store thinks of the one it keeps.
		waiting := t.unsaved
		if err := t.save(ctx, tok); err != nil {
			t.unsaved = waiting
			_, _, _ = t.cfg.Store.Load(ctx) // only for the store to look again; what it holds is in use
			return err
		}
		h = t.publish(ctx, tok, true)
		return nil
	})
	return h.token, err
}

// current is the token as it is known now, whatever it is worth.
func (t *Tokens) current() held {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held
}

// hold returns the token for a call that begins.
// A token that may have ended is still tried if no other can be had: the end is assumed, the login
// service is another machine than the org's, and a caller is waiting.
func (t *Tokens) hold(ctx context.Context) (held, error) {
	h := t.current()
	if h.token.Access == "" || h.refused {
		var err error
		if h, err = t.renew(ctx, h); err != nil {
			return held{}, err
		}
	}
	switch now := time.Now(); {
	case now.Before(h.due):
		return h, nil
	case now.Before(h.token.AssumedEnd):
		t.begin(ctx, h) // the caller need not wait, nor hear of a failure
		return h, nil
	}
	fresh, err := t.renew(ctx, h)
	if err != nil && ctx.Err() == nil {
		// The end was assumed. If it was right, a 401 will say so.
		return h, nil
	}
	return fresh, err
}

// refused is called with the token of a call that was answered INVALID_SESSION_ID.
// Many calls find out at once. The generation tells whether the token has been replaced since the
// call began; only those that had the newest ask for another.
func (t *Tokens) refused(ctx context.Context, h held) (held, error) {
	t.mu.Lock()
	if t.held.generation == h.generation {
		t.held.refused = true
	}
	t.mu.Unlock()
	return t.renew(ctx, h)
}

// renew returns the successor of h, and waits for it as long as ctx lasts.
func (t *Tokens) renew(ctx context.Context, h held) (held, error) {
	f := t.begin(ctx, h)
	select {
	case <-f.done:
		return f.got, f.err
	case <-ctx.Done():
		return held{}, fmt.Errorf("wait for token: %w", context.Cause(ctx))
	}
}

// begin starts the renewal of h or joins the one under way. If h has a successor already,
// or renewals are at rest after a failure, the flight it returns has landed. The renewal
// outlives the call that began it: other calls wait for it, and a rotated token must be
// saved once it has been asked for.
func (t *Tokens) begin(ctx context.Context, h held) *flight {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.held.generation != h.generation:
		return landed(t.held, nil)
	case t.flight != nil:
		return t.flight
	case time.Now().Before(t.rest):
		return landed(held{}, t.failed)
	}
	f := &flight{done: make(chan struct{})}
	t.flight = f
	detached := context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(detached, t.cfg.Timeout)
		defer cancel()
		got, err := t.fly(ctx, h)
		t.land(f, got, err)
	}()
	return f
}

// landed is a flight whose outcome is known already.
func landed(h held, err error) *flight {
	f := &flight{done: make(chan struct{}), got: h, err: err}
	close(f.done)
	return f
}

// land ends a flight. After a failure renewals rest, a little longer each time: calls fail at
// once instead of piling up at a login service that is down, and it is not asked per call.
func (t *Tokens) land(f *flight, got held, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flight = nil
	f.got, f.err = got, err
	if err != nil {
		t.failed = err
		t.rest = time.Now().Add(min(time.Second<<min(t.failures, 4), maxRest))
		t.failures++
	}
	close(f.done)
}

// fly does one renewal of h, alone.
func (t *Tokens) fly(ctx context.Context, h held) (got held, err error) {
	err = t.alone(ctx, func(ctx context.Context) error {
		if got = t.current(); got.generation != h.generation {
			return nil // an Exchange came first
		}
		tok, asked, err := t.next(ctx, h.token)
		if err == nil {
			got = t.publish(ctx, tok, asked)
		}
		return err
	})
	return got, err
}

// alone runs fn while no other renewal runs, here or in a process that shares the store.
// The order is always this one: first our own turn, then the lock that other processes see. It is
// held while Salesforce answers, for seconds; the mutex mu never is.
func (t *Tokens) alone(ctx context.Context, fn func(context.Context) error) error {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l, ok := t.cfg.Store.(RefreshLock); ok {
		return l.Refresh(ctx, fn)
	}
	return fn(ctx)
}

// publish makes tok the current token. asked says that Salesforce has just given it, so
// that its end may be asked for.
func (t *Tokens) publish(ctx context.Context, tok Token, asked bool) held {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = held{token: tok, generation: t.held.generation + 1, due: t.due(tok)}
	t.failed, t.failures, t.rest = nil, 0, time.Time{}
	if h := t.held; asked && t.cfg.Introspect {
		go t.inspect(context.WithoutCancel(ctx), h)
	}
	return t.held
}

// due is when to renew tok: early by the configured time and up to a tenth more, so that
// processes which share it do not all wake at once.
func (t *Tokens) due(tok Token) time.Time {
	early := t.cfg.Early + rand.N(t.cfg.Early/10+1) //nolint:gosec // it spreads load: nobody gains by guessing it
	return tok.AssumedEnd.Add(-min(early, tok.AssumedEnd.Sub(tok.IssuedAt)/2))
}

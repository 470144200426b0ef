package salesforce

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// next gets the successor of last: from the store, if another process has been there
// before, else from Salesforce. asked tells which. It is called by one goroutine at a time.
func (t *Tokens) next(ctx context.Context, last Token) (tok Token, asked bool, err error) {
	for try := 0; ; try++ {
		// The store is read again before every try: while one process waits, another may have renewed.
		base, err := t.load(ctx, last)
		if err != nil {
			return Token{}, false, err
		}
		if base.Access != last.Access {
			t.unsaved = nil
			return base, false, nil
		}
		if f, ok := t.cfg.Flow.(RefreshToken); ok && base.Refresh == "" {
			base.Refresh = f.Token
		}
		tok, err := t.ask(ctx, base)
		if err == nil {
			return tok, true, t.save(ctx, tok)
		}
		pause, again := t.again(err, base, try)
		if !again {
			return Token{}, false, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return Token{}, false, errors.Join(err, context.Cause(ctx))
		}
	}
}

// load returns the token in the store, or last if there is none of this configuration.
// A stored token of another configuration is passed over, not deleted: who goes back to the old
// configuration finds it.
func (t *Tokens) load(ctx context.Context, last Token) (Token, error) {
	if t.cfg.Store == nil {
		return last, nil
	}
	stored, ok, err := t.cfg.Store.Load(ctx)
	if err != nil {
		return Token{}, fmt.Errorf("load token: %w", err)
	}
	if !ok || stored.Access == "" || stored.Source != t.cfg.Flow.source() {
		return last, nil
	}
	return stored, nil
}

// ask gets the successor of base from Salesforce, or the one that was got before and could
// not be saved: its predecessor may be dead.
// A refresh token that is known to be dead is not sent again: only a person can help.
func (t *Tokens) ask(ctx context.Context, base Token) (Token, error) {
	if t.unsaved != nil {
		return *t.unsaved, nil
	}
	if base.Refresh != "" && base.Refresh == t.dead {
		return Token{}, fmt.Errorf("the refresh token is dead: %w", ErrReauthorise)
	}
	form, err := t.cfg.Flow.form(base, time.Now())
	if err != nil {
		return Token{}, err
	}
	w, err := t.endpoint.token(ctx, form, t.cfg.Flow.secret())
	if err != nil {
		return Token{}, err
	}
	base.Source = t.cfg.Flow.source()
	tok, err := w.token(base, time.Now(), t.cfg.SessionLife)
	if err != nil {
		return Token{}, fmt.Errorf("salesforce: sign-in: %w", err)
	}
	return tok, nil
}

// save stores tok before anything uses it. A token that could not be stored is kept for the
// next renewal, and not used meanwhile.
func (t *Tokens) save(ctx context.Context, tok Token) error {
	t.unsaved = nil
	if t.cfg.Store == nil {
		return nil
	}
	if err := t.cfg.Store.Save(ctx, tok); err != nil {
		t.unsaved = &tok
		return fmt.Errorf("save token: %w", err)
	}
	return nil
}

// again says whether a refused renewal is worth another look at the store and another try.
// Of the three wordings that share invalid_grant, one clears by itself, one may be another process's
// doing, and one needs a person; see AuthError.
func (t *Tokens) again(err error, base Token, try int) (pause time.Duration, again bool) {
	refusal, ok := errors.AsType[*AuthError](err)
	switch {
	case !ok:
		return 0, false
	case refusal.busy():
		step := 250 * time.Millisecond << try
		return step + rand.N(step), try < maxBusy //nolint:gosec // it spreads load: nobody gains by guessing it
	case refusal.stumbled():
		return time.Second, try == 0
	case refusal.dead():
		// Another process may have rotated it: look once more. An unchanged one is not sent.
		t.dead = base.Refresh
		return 0, try == 0
	}
	return 0, false
}

// inspect replaces the assumed end of h's token by the one that Salesforce states, off every
// caller's path. A token that is replaced meanwhile, or an app that may not ask, leaves all
// as it is.
func (t *Tokens) inspect(ctx context.Context, h held) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Timeout)
	defer cancel()
	end, ok := t.endpoint.introspect(ctx, h.token.Access)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !ok || !end.After(time.Now()) || t.held.generation != h.generation {
		return
	}
	t.held.token.AssumedEnd = end
	t.held.due = t.due(t.held.token)
}

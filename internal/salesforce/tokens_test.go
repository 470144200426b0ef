package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memoryStore is a TokenStore and RefreshLock that several Tokens can share.
type memoryStore struct {
	mu     sync.Mutex
	token  Token
	onSave func(Token) error
	lock   sync.Mutex
}

func (s *memoryStore) Load(context.Context) (Token, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.token.Access != "", nil
}

func (s *memoryStore) Save(_ context.Context, t Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onSave != nil {
		if err := s.onSave(t); err != nil {
			return err
		}
	}
	s.token = t
	return nil
}

func (s *memoryStore) Refresh(ctx context.Context, fn func(context.Context) error) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	return fn(ctx)
}

// rotating is a login service where every exchange ends the session and the refresh token
// before, and the reuse of a refresh token ends everything. It also serves one resource.
type rotating struct {
	mu       sync.Mutex
	n        int // the newest access-N and refresh-N
	dead     bool
	asked    int
	calls    int
	refused  int
	events   []string
	takes    time.Duration          // of a token request
	scripted []func() (int, string) // answers that come first
}

func (s *rotating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if strings.HasSuffix(r.URL.Path, "/token") {
		if s.takes > 0 {
			time.Sleep(s.takes) // in a bubble only
		}
		say2(w)(s.token(r.PostForm))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer access-%d", s.n) || s.dead {
		s.refused++
		say(w, 401, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`)
		return
	}
	s.events = append(s.events, fmt.Sprintf("used access-%d", s.n))
	say(w, 200, `{"DailyApiRequests":{"Max":1,"Remaining":1}}`)
}

func say2(w http.ResponseWriter) func(int, string) {
	return func(status int, body string) { say(w, status, body) }
}

func (s *rotating) token(form url.Values) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.events = append(s.events, "asked with "+form.Get("refresh_token"))
	if len(s.scripted) > 0 {
		next := s.scripted[0]
		s.scripted = s.scripted[1:]
		return next()
	}
	if s.dead || form.Get("refresh_token") != fmt.Sprintf("refresh-%d", s.n) {
		s.dead = true
		return 400, `{"error":"invalid_grant","error_description":"expired access/refresh token"}`
	}
	s.n++
	return 200, fmt.Sprintf(`{"access_token":"access-%d","refresh_token":"refresh-%d","instance_url":"http://org.example/a%%20b","id":%q,"issued_at":"%d"}`,
		s.n, s.n, orgURL, time.Now().UnixMilli())
}

func refusing(description string) func() (int, string) {
	return func() (int, string) {
		return 400, fmt.Sprintf(`{"error":"invalid_grant","error_description":%q}`, description)
	}
}

// bubble runs f in a synctest bubble with a rotating service.
func bubble(t *testing.T, f func(t *testing.T, s *rotating, h *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{}
		h, stop := pipes(s)
		defer stop()
		f(t, s, h)
	})
}

func tokensFor(t *testing.T, h *http.Client, store TokenStore) *Tokens {
	t.Helper()
	tokens, err := NewTokens(TokensConfig{
		HTTP: h, Store: store,
		Flow: RefreshToken{App{LoginURL: "http://login.example/x%20y", ClientID: "client", ClientSecrets: []Secret{"s3cret"}}, "refresh-0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func clientFor(t *testing.T, h *http.Client, tokens *Tokens) *Client {
	t.Helper()
	c, err := New(Config{Tokens: tokens, HTTP: h})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// crowdSize is how many calls a crowd makes.
const crowdSize = 20

// crowd makes them at once and returns how many failed.
func crowd(t *testing.T, clients ...*Client) (failed int) {
	var wg sync.WaitGroup
	errs := make([]error, crowdSize)
	for i := range errs {
		wg.Go(func() { _, errs[i] = clients[i%len(clients)].Limits(t.Context()) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			failed++
			t.Log(err)
		}
	}
	return failed
}

// mission-part: P1.6
func TestManyCallsAfterTheEndShareOneRenewal(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		s.takes = 300 * time.Millisecond
		c := clientFor(t, h, tokensFor(t, h, &memoryStore{}))
		if failed := crowd(t, c); failed > 0 || s.asked != 1 {
			t.Errorf("first token: %d failed, %d token requests, want 0 and 1", failed, s.asked)
		}
		s.n, s.asked = 1, 0
		time.Sleep(96 * time.Minute)
		if failed := crowd(t, c); failed > 0 || s.asked != 1 {
			t.Errorf("after the assumed end: %d failed, %d token requests, want 0 and 1", failed, s.asked)
		}
		// Someone ends the session; the refresh token lives.
		s.asked, s.refused = 0, 0
		s.mu.Lock()
		alive := s.n
		s.n = -1
		s.mu.Unlock()
		s.scripted = append(s.scripted, func() (int, string) {
			s.n = alive + 1
			return 200, fmt.Sprintf(`{"access_token":"access-%d","refresh_token":"refresh-%d"}`, s.n, s.n)
		})
		if failed := crowd(t, c); failed > 0 || s.asked != 1 || s.refused == 0 {
			t.Errorf("session ended: %d failed, %d token requests, %d refused, want 0, 1 and some", failed, s.asked, s.refused)
		}
	})
}

// A call that is refused after others have renewed must not renew again: with rotation that
// would end the session which they now use.
func TestLateRefusalUsesTheRenewedToken(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		tokens := tokensFor(t, h, &memoryStore{})
		old, err := tokens.hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := tokens.refused(t.Context(), old)
		if err != nil {
			t.Fatal(err)
		}
		again, err := tokens.refused(t.Context(), old)
		public, err2 := tokens.Refused(t.Context(), old.token)
		if err != nil || err2 != nil || again.token != fresh.token || public != fresh.token || s.asked != 2 {
			t.Errorf("got %v %v after %d token requests, want the renewed token and 2", err, err2, s.asked)
		}
	})
}

func TestManyCallsShareOneFailedRenewal(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		s.takes = time.Second
		s.scripted = append(s.scripted, refusing("authentication failure"))
		c := clientFor(t, h, tokensFor(t, h, nil))
		if failed := crowd(t, c); failed != crowdSize || s.asked != 1 {
			t.Errorf("%d failed, %d token requests, want 20 and 1", failed, s.asked)
		}
	})
}

func TestLateRefusalIsNotHurtByAFailingRenewal(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		tokens := tokensFor(t, h, nil)
		old, err := tokens.hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := tokens.refused(t.Context(), old)
		if err != nil {
			t.Fatal(err)
		}
		s.scripted = append(s.scripted, refusing("authentication failure"))
		if _, err := tokens.renew(t.Context(), fresh); err == nil {
			t.Fatal("want a failed renewal")
		}
		if got, err := tokens.refused(t.Context(), old); err != nil || got.token != fresh.token {
			t.Errorf("got %v, want the current token", err)
		}
	})
}

// mission-part: P1.6
func TestProcessesThatShareAStoreRenewOnce(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		store := &memoryStore{}
		a, b := clientFor(t, h, tokensFor(t, h, store)), clientFor(t, h, tokensFor(t, h, store))
		for round := 1; round <= 3; round++ {
			if failed := crowd(t, a, b); failed > 0 || s.asked != round {
				t.Errorf("round %d: %d failed, %d token requests, want 0 and %d", round, failed, s.asked, round)
			}
			time.Sleep(96 * time.Minute)
		}
	})
}

// mission-part: P1.6
func TestRotatedTokenIsSavedBeforeItIsUsed(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		store := &memoryStore{onSave: func(tok Token) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, "saved "+string(tok.Refresh))
			return nil
		}}
		tokens := tokensFor(t, h, store)
		c := clientFor(t, h, tokens)
		for range 2 {
			if _, err := c.Limits(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(96 * time.Minute)
		}
		want := []string{
			"asked with refresh-0", "saved refresh-1", "used access-1",
			"asked with refresh-1", "saved refresh-2", "used access-2",
		}
		if diff := cmp.Diff(want, s.events); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestTokenThatCannotBeSavedIsKeptForTheNextTry(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		full := errors.New("disk full")
		store := &memoryStore{onSave: func(Token) error { return full }}
		tokens := tokensFor(t, h, store)
		c := clientFor(t, h, tokens)
		if _, err := c.Limits(t.Context()); ClassOf(err) != Safe || !errors.Is(err, full) || s.calls != 0 {
			t.Errorf("got %v after %d calls, want safe, disk full, none", err, s.calls)
		}
		store.onSave = nil
		time.Sleep(20 * time.Second)
		if _, err := c.Limits(t.Context()); err != nil || s.asked != 1 || store.token.Refresh != "refresh-1" {
			t.Errorf("got %v after %d token requests, want success after one", err, s.asked)
		}
	})
}

// mission-part: P1.6
func TestTokensSurviveARestart(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		store := &memoryStore{}
		for range 3 {
			tokens := tokensFor(t, h, store)
			if _, err := clientFor(t, h, tokens).Limits(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !tokens.Connected() || tokens.OrgID() != received("00Dx0000000BV7z") || tokens.Expiry().IsZero() {
				t.Errorf("health: connected %v, org %s, expiry %v", tokens.Connected(), tokens.OrgID(), tokens.Expiry())
			}
		}
		if s.asked != 1 {
			t.Errorf("%d token requests, want 1", s.asked)
		}
		// As a store would keep it.
		b, _ := json.Marshal(store.token)
		var back Token
		if err := json.Unmarshal(b, &back); err != nil || !cmp.Equal(back, store.token) {
			t.Errorf("JSON does not keep a token: %v", cmp.Diff(store.token, back))
		}
		// Another org's configuration must not go on with this org's token.
		other, err := NewTokens(TokensConfig{HTTP: h, Store: store, Flow: RefreshToken{App{LoginURL: "http://other.example", ClientID: "client"}, "refresh-1"}})
		if err != nil {
			t.Fatal(err)
		}
		if tok, err := other.Token(t.Context()); err != nil || tok.Access != "access-2" {
			t.Errorf("changed configuration: token was kept, %v", err)
		}
	})
}

// mission-part: P1.6
func TestRenewalRunsAheadOfTheEndAndNobodyWaits(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		tokens := tokensFor(t, h, &memoryStore{})
		if _, err := tokens.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.takes = 2 * time.Second
		time.Sleep(89 * time.Minute)
		if _, _ = tokens.Token(t.Context()); s.asked != 1 {
			t.Error("renewed more than 6 minutes before the end")
		}
		time.Sleep(time.Minute)
		begin := time.Now()
		tok, err := tokens.Token(t.Context())
		if err != nil || tok.Access != "access-1" || time.Since(begin) != 0 {
			t.Errorf("5 minutes before the end: %v, waited %v, want the old token at once", err, time.Since(begin))
		}
		if err := tokens.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if tok, _ = tokens.Token(t.Context()); tok.Access != "access-2" || time.Since(begin) != s.takes {
			t.Errorf("after Close, want the renewed token once the renewal is through, waited %v", time.Since(begin))
		}
	})
}

func TestFailureOfAnEarlyRenewalFailsNoCall(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		tokens := tokensFor(t, h, &memoryStore{})
		c := clientFor(t, h, tokens)
		if _, err := c.Limits(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			s.scripted = append(s.scripted, func() (int, string) { return 503, "<html>maintenance</html>" })
		}
		// Before the assumed end and past it: the session is alive, whatever we assume.
		for _, wait := range []time.Duration{91 * time.Minute, 10 * time.Minute} {
			time.Sleep(wait)
			for range 10 {
				if _, err := c.Limits(t.Context()); err != nil {
					t.Errorf("call failed: %v", err)
				}
				synctest.Wait()
			}
		}
		if s.asked > 4 {
			t.Errorf("%d token requests for 20 calls: failed renewals must rest", s.asked)
		}
		if tokens.Trouble() == nil || !tokens.Connected() {
			t.Error("want trouble reported, and still connected")
		}
	})
}

func TestRenewalOutlivesTheCallThatBeganIt(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		s.takes = 2 * time.Second
		store := &memoryStore{}
		tokens := tokensFor(t, h, store)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := clientFor(t, h, tokens).Limits(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || ClassOf(err) != Safe {
			t.Errorf("got %v, want deadline exceeded, safe", err)
		}
		if err := tokens.Close(t.Context()); err != nil || store.token.Refresh != "refresh-1" {
			t.Errorf("rotated token was lost: %v", err)
		}
	})
}

func TestConcurrentRefreshElsewhereIsWaitedFor(t *testing.T) {
	busy := refusing("token request is already being processed")
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		s.scripted = append(s.scripted, busy, busy, busy)
		if _, err := tokensFor(t, h, &memoryStore{}).Token(t.Context()); err != nil || s.asked != 4 {
			t.Errorf("busy three times: %v after %d requests, want success after 4", err, s.asked)
		}
	})
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		s.scripted = append(s.scripted, busy, busy, busy, busy)
		_, err := tokensFor(t, h, &memoryStore{}).Token(t.Context())
		if err == nil || errors.Is(err, ErrReauthorise) || s.asked != 4 {
			t.Errorf("busy for ever: %v after %d requests, want a passing failure after 4", err, s.asked)
		}
	})
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		// The other process has no lock; it saves while we wait.
		store := &memoryStore{}
		tokens := tokensFor(t, h, store)
		s.scripted = append(s.scripted, func() (int, string) {
			theirs := Token{Access: "access-9", Refresh: "refresh-9", InstanceURL: "http://org.example", AssumedEnd: time.Now().Add(time.Hour), Source: tokens.cfg.Flow.source()}
			_ = store.Save(t.Context(), theirs)
			return busy()
		})
		if tok, err := tokens.Token(t.Context()); err != nil || tok.Access != "access-9" || s.asked != 1 {
			t.Errorf("got %v after %d requests, want the other's token after 1", err, s.asked)
		}
	})
}

func TestExpiredCodeOnARefreshIsBelievedTheSecondTime(t *testing.T) {
	code := refusing("expired authorization code")
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		s.scripted = append(s.scripted, code)
		if _, err := tokensFor(t, h, nil).Token(t.Context()); err != nil || s.asked != 2 {
			t.Errorf("once: %v after %d requests, want success after 2", err, s.asked)
		}
	})
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		s.scripted = append(s.scripted, code, code)
		if _, err := tokensFor(t, h, nil).Token(t.Context()); !errors.Is(err, ErrReauthorise) {
			t.Errorf("twice: got %v, want ErrReauthorise", err)
		}
	})
}

func TestDeadRefreshTokenIsNotSentAgain(t *testing.T) {
	bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
		store := &memoryStore{}
		tokens := tokensFor(t, h, store)
		c := clientFor(t, h, tokens)
		if _, err := c.Limits(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.dead, s.asked, s.calls = true, 0, 0
		for range 5 {
			if _, err := c.Limits(t.Context()); !errors.Is(err, ErrReauthorise) || ClassOf(err) != Safe {
				t.Errorf("got %v, want ErrReauthorise, safe", err)
			}
			time.Sleep(time.Minute)
		}
		if s.asked != 1 || s.calls != 1 || tokens.Connected() {
			t.Errorf("%d token requests, %d calls, connected %v, want 1, 1, false", s.asked, s.calls, tokens.Connected())
		}
		// The operator authorises through another process.
		s.dead, s.n = false, 5
		_ = store.Save(t.Context(), Token{
			Access: "access-5", Refresh: "refresh-x", InstanceURL: "http://org.example",
			AssumedEnd: time.Now().Add(time.Hour), Source: tokens.cfg.Flow.source(),
		})
		if _, err := c.Limits(t.Context()); err != nil || !tokens.Connected() {
			t.Errorf("after a new authorisation: %v, connected %v", err, tokens.Connected())
		}
	})
}

func TestFailedSignInFailsCallsSafelyAndRecovers(t *testing.T) {
	answers := map[string]func() (int, string){
		"page":           func() (int, string) { return 503, "<html>" },
		"page as 200":    func() (int, string) { return 200, "<html>" },
		"no token":       func() (int, string) { return 200, `{}` },
		"no instance":    func() (int, string) { return 200, `{"access_token":"s3cret"}` },
		"bad instance":   func() (int, string) { return 200, `{"access_token":"s3cret","instance_url":"ftp://u:s3cret@x"}` },
		"oversize":       func() (int, string) { return 200, strings.Repeat("s3cret", maxTokenBody) },
		"no description": func() (int, string) { return 400, `{"error":"server_error"}` },
		"redirect":       func() (int, string) { return 302, "" },
		"frozen":         refusing("authentication failure"),
	}
	for name, answer := range answers {
		bubble(t, func(t *testing.T, s *rotating, h *http.Client) {
			s.scripted = append(s.scripted, answer)
			c := clientFor(t, h, tokensFor(t, h, nil))
			_, err := c.Limits(t.Context())
			if ClassOf(err) != Safe || errors.Is(err, ErrReauthorise) || s.calls != 0 || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: got %v after %d calls, want safe, none, and no secret", name, err, s.calls)
			}
			time.Sleep(time.Second)
			if _, err := c.Limits(t.Context()); err != nil {
				t.Errorf("%s: a second later: %v", name, err)
			}
		})
	}
}

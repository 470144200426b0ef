package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// awkward is a base path that any careless joining of URLs breaks.
const awkward = "/a%20b/c;d=%2F"

const (
	leadID    = "00QD000000dYKKFMA4"
	contactID = "003aj000002oTldAAE"
	orgURL    = "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P"
)

// org is a server of one test: a token endpoint that gives token-1, token-2 and so on, and
// whatever serve answers below /services/data.
type org struct {
	t     *testing.T
	url   string
	serve http.HandlerFunc

	mu     sync.Mutex
	seen   []seen
	asked  []url.Values // token requests
	answer http.HandlerFunc
}

// seen is one request as it came over the wire.
type seen struct {
	line   string // method and escaped path with query, without the base path
	auth   string
	header http.Header
	body   string
}

func newOrg(t *testing.T, serve http.HandlerFunc) *org {
	t.Helper()
	o := &org{t: t, serve: serve}
	srv := httptest.NewServer(o)
	t.Cleanup(srv.Close)
	o.url = srv.URL + awkward
	return o
}

func (o *org) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.RequestURI, awkward)
	if !ok {
		o.t.Errorf("request for %s misses the base path %s", r.RequestURI, awkward)
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(path, "/services/oauth2/token") {
		o.token(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	o.mu.Lock()
	o.seen = append(o.seen, seen{r.Method + " " + path, r.Header.Get("Authorization"), r.Header, string(body)})
	o.mu.Unlock()
	o.serve(w, r)
}

func (o *org) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	o.mu.Lock()
	o.asked = append(o.asked, r.PostForm)
	n, answer := len(o.asked), o.answer
	o.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	say(w, 200, fmt.Sprintf(`{"access_token":"token-%d","instance_url":%q,"id":%q,"token_type":"Bearer"}`, n, o.url, orgURL))
}

func (o *org) requests() []seen {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]seen(nil), o.seen...)
}

func (o *org) tokenRequests() []url.Values {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]url.Values(nil), o.asked...)
}

func (o *org) app() App {
	return App{LoginURL: o.url, ClientID: "client", ClientSecrets: []Secret{"s3cret-value"}}
}

// client returns a client of o that signs in by client credentials.
func (o *org) client(change ...func(*Config)) *Client {
	o.t.Helper()
	h := &http.Client{Transport: &http.Transport{}}
	o.t.Cleanup(h.CloseIdleConnections)
	tokens, err := NewTokens(TokensConfig{Flow: ClientCredentials{o.app()}, HTTP: h})
	if err != nil {
		o.t.Fatal(err)
	}
	cfg := Config{Tokens: tokens, HTTP: h, MaxBody: 1 << 16, UserAgent: "test"}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// saying answers every request alike.
func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { say(w, status, body) }
}

func failure(code, message string, fields ...string) string {
	b, _ := json.Marshal([]map[string]any{{"errorCode": code, "message": message, "fields": fields}})
	return string(b)
}

// cutOff takes the request and closes the connection without an answer.
func cutOff(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// pipes serves h over in-memory connections, which a synctest bubble can wait for, and
// returns a client for it under any host name. End it with the returned function.
func pipes(h http.Handler) (*http.Client, func()) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Hour}
	go func() { _ = srv.Serve(l) }()
	tr := &http.Transport{DialContext: l.dial}
	return &http.Client{Transport: tr}, func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
	}
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

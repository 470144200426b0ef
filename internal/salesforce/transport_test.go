package salesforce

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// clientAt is a client whose token names instance, over its own transport.
func clientAt(t *testing.T, instance string, h *http.Client) *Client {
	t.Helper()
	store := &memoryStore{token: Token{
		Access: "a", InstanceURL: instance, IssuedAt: time.Now(), AssumedEnd: time.Now().Add(time.Hour),
		Source: ClientCredentials{App{LoginURL: instance, ClientID: "client"}}.source(),
	}}
	tokens, err := NewTokens(TokensConfig{
		Flow: ClientCredentials{App{LoginURL: instance, ClientID: "client", ClientSecrets: []Secret{"s"}}},
		HTTP: h, Store: store,
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Tokens: tokens, HTTP: h})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.CloseIdleConnections)
	return c
}

func upsert(ctx context.Context, c *Client) error {
	_, err := c.Upsert(ctx, leadKey, Fields{"LastName": "Doe"}, WriteOptions{})
	return err
}

func TestWhatNeverLeftIsSafe(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	untrusted := httptest.NewUnstartedServer(nil)
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	noName := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}}
	stuck := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	tests := []struct {
		name, url string
		transport *http.Transport
	}{
		{"refused", closed.URL, &http.Transport{}},
		{"TLS", untrusted.URL, &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}},
		{"DNS", "https://nowhere.invalid", noName},
		{"connecting too long", "https://nowhere.invalid", stuck},
	}
	for _, tt := range tests {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := upsert(ctx, clientAt(t, tt.url, &http.Client{Transport: tt.transport}))
		if ClassOf(err) != Safe {
			t.Errorf("%s: got %v, want safe", tt.name, err)
		}
		cancel()
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := clientAt(t, untrusted.URL, &http.Client{Transport: &http.Transport{}})
	if _, err := c.cfg.Tokens.Token(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := upsert(ctx, c); ClassOf(err) != Safe || !errors.Is(err, context.Canceled) {
		t.Errorf("context ended before: got %v, want safe", err)
	}
}

func TestWhatMayHaveArrivedIsAmbiguous(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	}))
	defer slow.Close()
	defer close(release)
	cut := httptest.NewServer(http.HandlerFunc(cutOff))
	defer cut.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := upsert(ctx, clientAt(t, slow.URL, &http.Client{Transport: &http.Transport{}})); ClassOf(err) != Ambiguous || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: got %v, want ambiguous", err)
	}
	if err := upsert(t.Context(), clientAt(t, slow.URL, &http.Client{Transport: &http.Transport{}, Timeout: 50 * time.Millisecond})); ClassOf(err) != Ambiguous {
		t.Errorf("client's timeout: got %v, want ambiguous", err)
	}
	if err := upsert(t.Context(), clientAt(t, cut.URL, &http.Client{Transport: &http.Transport{}})); ClassOf(err) != Ambiguous {
		t.Errorf("cut: got %v, want ambiguous", err)
	}
}

// A RoundTripper that says nothing to httptrace proves nothing.
func TestSilentTransportIsAmbiguous(t *testing.T) {
	silent := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("broken") })
	if err := upsert(t.Context(), clientAt(t, "https://x.example", &http.Client{Transport: silent})); ClassOf(err) != Ambiguous {
		t.Errorf("got %v, want ambiguous", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The server answers one request and closes the connection upon the next without having read
// it: net/http would repeat a request that it can rewind.
func TestWriteOnDyingConnectionIsSentOnce(t *testing.T) {
	var arrived atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go dieOnSecond(conn, &arrived)
		}
	}()
	for _, m := range []struct {
		name string
		do   func(context.Context, *Client) error
	}{{"PATCH", upsert}, {"POST", methods[0].do}} {
		arrived.Store(0)
		c := clientAt(t, "http://"+l.Addr().String(), &http.Client{Transport: &http.Transport{}})
		if err := upsert(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		err := m.do(t.Context(), c)
		if ClassOf(err) != Ambiguous {
			t.Errorf("%s: got %v, want ambiguous", m.name, err)
		}
		if n := arrived.Load(); n != 2 {
			t.Errorf("%s: %d requests arrived, want 2", m.name, n)
		}
	}
}

// dieOnSecond answers the first request of a connection and hangs up on the second.
func dieOnSecond(conn net.Conn, arrived *atomic.Int32) {
	defer conn.Close()
	buf := make([]byte, 1<<16)
	for n := 1; ; n++ {
		if _, err := conn.Read(buf); err != nil {
			return
		}
		arrived.Add(1)
		if n == 2 {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
	}
}

func TestTransportErrorsDoNotQuoteTheURL(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	c := clientAt(t, closed.URL, &http.Client{Transport: &http.Transport{}})
	q, err := Select("Id").From("Lead").Where(Eq("Phone", String("4155550123"))).Build()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Query(t.Context(), q)
	if err == nil || strings.Contains(err.Error(), "4155550123") {
		t.Errorf("got %v, want an error without the number", err)
	}
}

func TestWriteOverHTTP2IsSentOnce(t *testing.T) {
	var arrived atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived.Add(1)
		panic(http.ErrAbortHandler)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	err := upsert(t.Context(), clientAt(t, srv.URL, srv.Client()))
	if n := arrived.Load(); ClassOf(err) != Ambiguous || n != 1 {
		t.Errorf("got %v after %d requests, want ambiguous after one", err, n)
	}
}

func TestNoRequestCanBeRewound(t *testing.T) {
	c := newOrg(t, nil).client()
	req, err := c.request(t.Context(), call{method: http.MethodPost, path: "/x"}, Token{InstanceURL: "https://x.example"}, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if req.GetBody != nil || req.ContentLength != 2 {
		t.Errorf("GetBody set %v, length %d, want not set, 2: net/http repeats what it can rewind", req.GetBody != nil, req.ContentLength)
	}
}

package salesforce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// answer is what came back over the wire, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// html says whether the answer is a page. Maintenance pages and the edge's own errors are
// HTML under any status, so a body is never taken for JSON on the status alone.
func (a answer) html() bool {
	return strings.Contains(strings.ToLower(a.header.Get("Content-Type")), "html") ||
		bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<"))
}

// retryAfter reads the header that core REST does not document but an edge may send.
// Both forms of RFC 9110, section 10.2.3, are read; a time that has passed asks for nothing.
func (a answer) retryAfter() time.Duration {
	v := a.header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// strictHTTP copies base without redirects: a redirect would carry the token elsewhere and,
// for some statuses, turn a write into a read that succeeds.
func strictHTTP(base *http.Client) http.Client {
	c := *base
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// send performs the one Do of an attempt. On an error with a status, the header is known
// and the body is not.
func (c *Client) send(req *http.Request, r call) (answer, error) {
	if err := context.Cause(req.Context()); err != nil {
		return answer{}, r.broken(0, Safe, err)
	}
	var w wire
	a, err := exchange(&c.http, w.watch(req), c.cfg.MaxBody)
	if err != nil {
		return a, r.broken(a.status, w.class(req.Context(), err), err)
	}
	return a, nil
}

// exchange sends req once and reads at most limit bytes of the answer, after decompression.
// It reads the whole body before it returns, so that the connection can be used again.
func exchange(client *http.Client, req *http.Request, limit int64) (answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, bare(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(a.body)) > limit {
		// A cut answer could still be valid JSON with rows missing: nothing of it is used.
		a.body = nil
		return a, fmt.Errorf("answer is longer than %d bytes", limit)
	}
	return a, nil
}

// bare drops the *url.Error around a failure: it quotes the URL, and with it the query and
// the phone numbers in it.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// wire records how far a request got. The hooks run on the transport's goroutines.
type wire struct {
	asked, connected, written atomic.Bool
}

// watch notes what the transport reports of the request (net/http/httptrace). On a connection that
// is reused, GotConn comes as well.
func (w *wire) watch(req *http.Request) *http.Request {
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GetConn:      func(string) { w.asked.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { w.connected.Store(true) },
		WroteHeaders: func() { w.written.Store(true) },
	}))
}

// class says whether a request that failed with err can have reached Salesforce.
//
// Safe needs proof. Without a connection (refused, DNS, TLS) nothing was sent. With one but
// without complete headers the server could not act either; yet if time ran out meanwhile,
// an HTTP/2 writer may still have been about to send, so that is Ambiguous. So is everything
// under a RoundTripper that does not report to httptrace. Headers count as written when they
// enter the connection's buffer: a request on a connection that died idle is sometimes
// called Ambiguous though nothing left, which costs a look and never a double.
func (w *wire) class(ctx context.Context, err error) Class {
	t, ok := errors.AsType[net.Error](err)
	late := ctx.Err() != nil || ok && t.Timeout()
	switch {
	case !w.asked.Load():
		return Ambiguous
	case !w.connected.Load(), !w.written.Load() && !late:
		return Safe
	}
	return Ambiguous
}

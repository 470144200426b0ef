package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hookswitch/hookswitch/internal/call"
	"github.com/hookswitch/hookswitch/internal/journal"
)

// Client asks a running server by its local socket what a Book answers without one.
type Client struct{ http *http.Client }

// ErrNoServer means that nobody listens on the local socket.
var ErrNoServer = errors.New("no server answers on the local socket")

// DialLocal reaches the server that has the database open; ErrNoServer if none answers. A socket's file proves
// nothing, because a server leaves it behind: somebody must answer.
func DialLocal(ctx context.Context, database string) (*Client, error) {
	var d net.Dialer
	for i, path := range sockets(database) {
		if i > 0 && private(path) != nil {
			continue // whoever listens there need not be our server
		}
		c, err := d.DialContext(ctx, "unix", path)
		if err != nil {
			continue // none there, or none that lives
		}
		_ = c.Close() // it was only to see whether somebody listens
		return &Client{&http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) },
		}}}, nil
	}
	return nil, ErrNoServer
}

// Close ends the connections to the server.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Intents asks as Book.Intents answers. Of the filter it takes workspace, states, call, before and limit.
func (c *Client) Intents(ctx context.Context, f journal.Filter) (all []journal.Intent, err error) {
	q := url.Values{"call": {f.Call}, "before": {strconv.FormatInt(int64(f.Before), 10)}, "limit": {strconv.Itoa(f.Limit)}}
	for _, s := range f.States {
		q.Add("state", string(s))
	}
	err = c.get(ctx, &all, path(f.Workspace, "intents")+"?"+q.Encode())
	for i := range all {
		all[i] = unsent(all[i])
	}
	return all, err
}

// Intent asks as Book.Intent answers.
func (c *Client) Intent(ctx context.Context, workspace string, id journal.IntentID) (in journal.Intent, err error) {
	err = c.get(ctx, &in, path(workspace, "intents", id))
	return unsent(in), err
}

// unsent gives bodies back as they were when JSON wrote null for those that were absent.
func unsent(in journal.Intent) journal.Intent {
	for _, raw := range []*json.RawMessage{&in.Body, &in.Before} {
		if string(*raw) == "null" {
			*raw = nil
		}
	}
	return in
}

// Attempts asks as Book.Attempts answers.
func (c *Client) Attempts(ctx context.Context, workspace string, id journal.IntentID) (all []journal.AttemptRow, err error) {
	err = c.get(ctx, &all, path(workspace, "intents", id, "attempts"))
	return all, err
}

// Retry asks as Book.Retry answers.
func (c *Client) Retry(ctx context.Context, workspace string, id journal.IntentID) error {
	return c.do(ctx, &struct{}{}, http.MethodPost, path(workspace, "intents", id, "retry"), nil)
}

// Discard asks as Book.Discard answers.
func (c *Client) Discard(ctx context.Context, workspace string, id journal.IntentID, why string) (fell []journal.IntentID, err error) {
	err = c.do(ctx, &fell, http.MethodPost, path(workspace, "intents", id, "discard"), encode(map[string]string{"why": why}))
	return fell, err
}

// Counts asks as Book.Counts answers.
func (c *Client) Counts(ctx context.Context, workspace string) (counts map[journal.State]int, err error) {
	err = c.get(ctx, &counts, path(workspace, "counts"))
	return counts, err
}

// Calls asks as Book.Calls answers.
func (c *Client) Calls(ctx context.Context, workspace string, limit int) (calls []call.Call, err error) {
	err = c.get(ctx, &calls, path(workspace, "calls")+"?limit="+strconv.Itoa(limit))
	return calls, err
}

// Call asks as Book.Call answers.
func (c *Client) Call(ctx context.Context, workspace, id string) (found call.Call, err error) {
	err = c.get(ctx, &found, path(workspace, "calls", id))
	return found, err
}

// Export asks as Book.Export answers.
func (c *Client) Export(ctx context.Context, workspace, id string) ([]byte, error) {
	var doc json.RawMessage
	err := c.get(ctx, &doc, path(workspace, "calls", id, "export"))
	return doc, err
}

// path names a thing of a workspace. A call's id is opaque and may hold a slash.
func path(workspace string, parts ...any) string {
	var p strings.Builder
	p.WriteString("/w/" + url.PathEscape(workspace))
	for _, part := range parts {
		p.WriteString("/" + url.PathEscape(fmt.Sprint(part)))
	}
	return p.String()
}

func (c *Client) get(ctx context.Context, into any, path string) error {
	return c.do(ctx, into, http.MethodGet, path, nil)
}

// do asks and decodes the answer. There is no timeout beside ctx's: a server that writes under load answers late, and
// a command that gave up could not say whether a write was discarded. The server's error is returned as it would be
// without a socket between.
func (c *Client) do(ctx context.Context, into any, method, path string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://hookswitch"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask the running server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, maxQuestion))
		if err != nil {
			return fmt.Errorf("ask the running server: %w", err)
		}
		return errors.New(strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return fmt.Errorf("read the running server's answer: %w", err)
	}
	return nil
}

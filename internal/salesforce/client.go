// Package salesforce speaks to one Salesforce org over REST: it reads, writes and
// describes records, and keeps the token that this needs.
//
//	Client   one method per endpoint; one request per call, two when a session has died
//	Tokens   the org's access token, renewed before and upon its end, one renewal at a time
//	Error    what the org refused, with the Class that says whether it could have happened
//	SOQL     a query built from checked names and typed values; there are no bind parameters
//	ID       a record id, 18 characters, checksum verified
//
// What is promised: a write is sent once per call. No method repeats a request whose first
// sending could have reached Salesforce, with one exception that is safe: a request answered
// 401 INVALID_SESSION_ID did no work and is replayed once with a new token. Whether to try
// again is the caller's decision, and Class is what it needs to decide.
//
// Errors and log values of this package carry no token, no secret and no text that was sent.
//
// Not covered: bulk jobs, file uploads by multipart, events over gRPC, and SOAP.
package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// defaultVersion is one that every org serves. The newest is not: orgs are upgraded on
	// their own schedule, and answer 404 to a version that has not reached them.
	defaultVersion = "62.0"
	// maxURL is the vendor's limit on a request's URI, in bytes (414 beyond it).
	maxURL = 16384
	// defaultMaxBody bounds what is read of an answer. The largest honest answers are
	// describes and full query pages of 2,000 rows, a few megabytes.
	defaultMaxBody = 16 << 20
)

var (
	versionPattern = regexp.MustCompile(`^[0-9]{2,3}\.0$`)
	usagePattern   = regexp.MustCompile(`api-usage=([0-9]+)/([0-9]+)`)
)

// Config says how a Client reaches its org.
type Config struct {
	Tokens     *Tokens      // required
	HTTP       *http.Client // required; its Timeout, if any, bounds each request
	APIVersion string       // such as "62.0", the default; below 46 an upsert reports no id
	UserAgent  string
	// KeyField is the external-id field under which this program creates records. A
	// DUPLICATE_VALUE on it is Resolved on every write, not only on an upsert by it.
	KeyField string
	// OnLimit hears the org's daily request count after each answer that states it.
	// It is called on the request's goroutine and must not block.
	OnLimit func(used, limit int)
	MaxBody int64 // bytes read of one answer; default 16 MiB
}

// Client calls one org. It is safe for concurrent use and holds no state of its own.
type Client struct {
	cfg  Config
	http http.Client
}

// New returns a client for the org that cfg.Tokens signs in to. It makes no request.
// Nothing is asked of the org here: a server must start, and take calls, while the org is away.
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.Tokens == nil:
		return nil, errors.New("salesforce: Config.Tokens is missing: make it with NewTokens")
	case cfg.HTTP == nil:
		return nil, errors.New("salesforce: Config.HTTP is missing: give a client with a timeout")
	}
	if cfg.APIVersion == "" {
		cfg.APIVersion = defaultVersion
	}
	if !versionPattern.MatchString(cfg.APIVersion) {
		return nil, fmt.Errorf("salesforce: API version %q is not of the form 62.0", cfg.APIVersion)
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = defaultMaxBody
	}
	return &Client{cfg: cfg, http: strictHTTP(cfg.HTTP)}, nil
}

// call describes one request: the words for its errors, and what goes on the wire.
type call struct {
	op, object string
	keyField   string // the external-id field of an upsert
	method     string
	path       string // escaped; below the version, or below the instance if it begins with /services/
	query      url.Values
	header     http.Header
	body       any
	want       []int // the documented statuses of success
	anonymous  bool  // sent without a token
}

// do performs r and decodes its answer into out, unless out is nil or the answer is 204.
// It returns the status of success; every error is an *Error.
//
// The order is what keeps the classes true: whatever fails before the first attempt was
// never sent, and whatever fails between the two attempts was refused before any work.
func (c *Client) do(ctx context.Context, r call, out any) (int, error) {
	body, err := r.encode()
	if err != nil {
		return 0, r.rejected(err)
	}
	h, err := c.cfg.Tokens.hold(ctx)
	if err != nil {
		return 0, r.unsent(err)
	}
	a, err := c.attempt(ctx, r, h.token, body)
	if ClassOf(err) == Refresh {
		// A rejected session did no work, so the replay cannot do it twice; once only,
		// because a second rejection is not about age.
		if h, err = c.cfg.Tokens.refused(ctx, h); err != nil {
			return 0, r.unsent(err)
		}
		a, err = c.attempt(ctx, r, h.token, body)
	}
	if err != nil {
		return 0, err
	}
	if out == nil || a.status == http.StatusNoContent {
		return a.status, nil
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return 0, r.unreadable(a, "answer is not the JSON that the documentation shows")
	}
	return a.status, nil
}

// attempt sends r once and judges the answer.
// The daily count is read of refusals too: REQUEST_LIMIT_EXCEEDED is when it matters most.
func (c *Client) attempt(ctx context.Context, r call, tok Token, body []byte) (answer, error) {
	req, err := c.request(ctx, r, tok, body)
	if err != nil {
		return answer{}, r.rejected(err)
	}
	a, err := c.send(req, r)
	if a.status != 0 {
		c.usage(a.header)
	}
	if err != nil {
		return answer{}, err
	}
	if !slices.Contains(r.want, a.status) {
		return answer{}, r.judge(a)
	}
	return a, nil
}

// request builds the HTTP request. Its GetBody stays nil whatever it carries: with GetBody
// set, net/http would send a POST or PATCH again by itself when a reused connection turns
// out dead or an HTTP/2 stream is refused, and would follow a 307 with it.
func (c *Client) request(ctx context.Context, r call, tok Token, body []byte) (*http.Request, error) {
	address := strings.TrimRight(tok.InstanceURL, "/") + c.below(r.path)
	if len(r.query) > 0 {
		// Blanks as %20: a plus sign is a blank in forms only.
		address += "?" + strings.ReplaceAll(r.query.Encode(), "+", "%20")
	}
	if len(address) > maxURL {
		return nil, fmt.Errorf("the request's URI has %d bytes, Salesforce takes %d: ask for less at once", len(address), maxURL)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, nil)
	if err != nil {
		return nil, errors.New("the instance URL cannot be parsed") // err would quote the URL
	}
	maps.Copy(req.Header, r.header)
	if body != nil {
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
		req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	req.Header.Set("Accept", "application/json")
	if c.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", c.cfg.UserAgent)
	}
	if !r.anonymous {
		req.Header.Set("Authorization", "Bearer "+string(tok.Access))
	}
	return req, nil
}

// below completes a path of a call to one below the instance. Paths that Salesforce has
// given, such as the link to a next page, hold their version already and keep it.
func (c *Client) below(path string) string {
	if strings.HasPrefix(path, "/services/") {
		return path
	}
	return "/services/data/v" + c.cfg.APIVersion + path
}

// usage reports the daily request count, which comes free with most answers
// (REST API Developer Guide, "Limit Info Header").
func (c *Client) usage(h http.Header) {
	m := usagePattern.FindStringSubmatch(h.Get("Sforce-Limit-Info"))
	if m == nil || c.cfg.OnLimit == nil {
		return
	}
	used, err1 := strconv.Atoi(m[1])
	limit, err2 := strconv.Atoi(m[2])
	if err1 == nil && err2 == nil {
		c.cfg.OnLimit(used, limit)
	}
}

// encode writes the body once, so that a replay sends the same bytes.
func (r call) encode() ([]byte, error) {
	if r.body == nil {
		return nil, nil
	}
	b, err := json.Marshal(r.body)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return b, nil
}

// escape makes one path segment of an external key. A plus sign is legal in a path, but
// decoders written for forms read it as a blank, and E.164 numbers begin with one.
func escape(segment string) string {
	return strings.ReplaceAll(url.PathEscape(segment), "+", "%2B")
}

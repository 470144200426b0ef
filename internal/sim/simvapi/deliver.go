package simvapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Fault is what goes wrong with deliveries. Faults are tried in the order in which they
// were injected; the first that fits applies, alone.
type Fault struct {
	Kind  string // type of event; "" any
	Call  string // call id; "" any
	Times int    // deliveries that it spoils before it is used up; 0: all

	Copies      int           // the event is delivered so many times more, with the same ids
	CopiesAfter time.Duration // between one copy and the next; 0: all at the same time

	Hold         int           // held back until so many later events of the call were delivered, at most to its end; never an event that waits for an answer
	Lose         bool          // never sent
	Slow         time.Duration // on the way to the server
	SlowAnswer   time.Duration // on the way back, counted against the time limit
	DropResponse bool          // the server's answer is lost after it was made
	CutAfter     time.Duration // the connection closes so long after the request was sent
	BadSignature bool          // signed with something else; 401 is then the right answer
	Unsigned     bool          // no credential at all; likewise
}

// spoils says that the answer is no longer the server's to be judged by.
func (f Fault) spoils() bool {
	return f.Lose || f.DropResponse || f.CutAfter > 0 || f.BadSignature || f.Unsigned
}

// Inject adds a fault.
func (c *Cloud) Inject(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// Mend removes all faults. What is held back stays so until its call goes on.
func (c *Cloud) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// fault takes the fault that applies to an event, the zero Fault if none does.
func (c *Cloud) fault(kind, call string) Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.faults {
		if f.Kind != "" && f.Kind != kind || f.Call != "" && f.Call != call {
			continue
		}
		// The last time: the fault is used up, and the next one that fits may apply to the next event.
		if f.Times == 1 {
			c.faults = slices.Delete(slices.Clone(c.faults), i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return *f
	}
	return Fault{}
}

// Delivery is one event as the server met it: a copy is a Delivery of its own, retries are
// attempts of one.
type Delivery struct {
	At         time.Time // when the last attempt was sent
	Kind, Call string
	Copy       bool
	Attempts   int
	Status     int // of the last attempt; 0: none came back
	Took       time.Duration
	Violations []string
}

// event is a message on its way to a server.
type event struct {
	call     *Call
	kind     string
	message  map[string]any
	envelope Envelope
	to       server
	answers  bool // somebody waits for what it says: not held back
	// judge is called once for each delivery and returns what was wrong with the answer.
	judge func(a answer) []string
}

// answer is what came back from the last attempt of a delivery.
type answer struct {
	at       time.Time
	took     time.Duration
	status   int
	body     []byte
	err      error // no answer: timeout, refused or cut connection
	attempts int
	copy     bool
	spoilt   bool // by a Fault, not by the server
}

// deliver sends an event as often as faults and the backoff plan want, and returns what
// the first delivery brought back. It returns at once if the event is held back.
func (c *Cloud) deliver(ctx context.Context, ev event) answer {
	f := c.fault(ev.kind, ev.call.id)
	if f.Hold > 0 && !ev.answers {
		ev.call.hold(ev, f)
		return answer{spoilt: true}
	}
	a := c.deliverNow(ctx, ev, f)
	ev.call.release(ctx, 1)
	return a
}

// deliverNow sends the event and starts its copies. Copies carry no fault of their own, so that
// a lost answer and a good copy of the same event can be had together.
func (c *Cloud) deliverNow(ctx context.Context, ev event, f Fault) answer {
	for i := range f.Copies {
		c.goOn(ctx, func(ctx context.Context) {
			if pause(ctx, f.CopiesAfter*time.Duration(i+1)) != nil {
				return
			}
			a := c.attempts(ctx, ev, Fault{})
			a.copy = true
			c.record(ev, a)
		})
	}
	a := c.attempts(ctx, ev, f)
	c.record(ev, a)
	return a
}

// goOn runs what outlives the step of the script that caused it.
func (c *Cloud) goOn(ctx context.Context, f func(context.Context)) {
	ctx = context.WithoutCancel(ctx)
	c.background.Go(func() { f(ctx) })
}

// record has a delivery judged and keeps the result. What a Fault spoilt is judged too, since
// the caller hears something then as well, but it is not held against the server.
func (c *Cloud) record(ev event, a answer) {
	var violations []string
	if v := ev.judge(a); !a.spoilt {
		violations = v
	}
	if a.attempts == 0 { // never sent
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deliveries = append(c.deliveries, Delivery{
		At: a.at, Kind: ev.kind, Call: ev.call.id, Copy: a.copy, Attempts: a.attempts,
		Status: a.status, Took: a.took, Violations: violations,
	})
}

// errLost stands for an answer that a Fault kept from arriving.
var errLost = errors.New("connection closed before the answer")

// attempts sends one delivery, again where the backoff plan says so. With a plan every
// answer but a 2xx, and none at all, is retried; an assistant-request ends with its limit.
func (c *Cloud) attempts(ctx context.Context, ev event, f Fault) answer {
	if f.Lose {
		return answer{err: errLost, spoilt: true}
	}
	if ev.kind == "assistant-request" { // 7.5 s end to end: the retries are inside
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, assistantTimeout)
		defer cancel()
	}
	plan := c.o.Retry
	for n := 0; ; n++ {
		a := c.post(ctx, ev, f)
		a.attempts = n + 1
		// A 4xx is retried as well: the plan knows statuses only by its exclusions.
		good := a.err == nil && a.status/100 == 2
		if good || n >= plan.MaxRetries || slices.Contains(plan.Excluded, a.status) {
			return a
		}
		if pause(ctx, plan.wait(n)) != nil {
			return a
		}
		// The network has recovered since the first attempt; a wrong credential stays wrong.
		f = Fault{BadSignature: f.BadSignature, Unsigned: f.Unsigned}
	}
}

// post makes one HTTP request.
func (c *Cloud) post(ctx context.Context, ev event, f Fault) (a answer) {
	a = answer{at: time.Now(), spoilt: f.spoils()}
	if a.err = pause(ctx, f.Slow); a.err != nil {
		return a
	}
	// The limit counts from when the request goes out: the way there is the network's.
	ctx, cancel := context.WithTimeout(ctx, ev.to.timeout)
	defer cancel()
	a.at = time.Now()
	defer func() { a.took = time.Since(a.at) }()
	req, err := c.request(ctx, ev, f)
	if err != nil {
		a.err = err
		return a
	}
	if f.CutAfter > 0 {
		stop := time.AfterFunc(f.CutAfter, cancel)
		defer stop.Stop()
	}
	// Counted before the answer: a request that was cut off reached the server all the same.
	c.mu.Lock()
	c.counts[ev.kind]++
	c.mu.Unlock()
	res, err := c.o.HTTP.Do(req)
	if err != nil {
		a.err = err
		return a
	}
	defer res.Body.Close()
	// As much as a server's framework would send by mistake; the rest is cut off and then no JSON.
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil {
		err = pause(ctx, f.SlowAnswer)
	}
	if err == nil && f.DropResponse {
		err = errLost
	}
	if err != nil {
		a.err = err
		return a
	}
	a.status, a.body = res.StatusCode, body
	a.spoilt = f.BadSignature || f.Unsigned // whole in spite of any other fault
	return a
}

// request is one signed HTTP request. Signatures are made anew for each attempt, over the bytes
// that go out: a server that verifies a re-marshalled body fails here as it does in life.
func (c *Cloud) request(ctx context.Context, ev event, f Fault) (*http.Request, error) {
	body, err := json.Marshal(wrap(c.anew(ev), ev.envelope))
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", ev.kind, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ev.to.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", ev.kind, err)
	}
	// The simulator decides what is sent twice: without GetBody and with a POST, the
	// transport never repeats a request of its own accord.
	req.GetBody = nil
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "axios/1.7.9")
	req.Header.Set("X-Call-Id", ev.call.id)
	for name, v := range ev.to.headers {
		req.Header.Set(name, v)
	}
	if f.Unsigned {
		return req, nil
	}
	if err := ev.to.auth.sign(req, body, "msg_"+c.token(27)); err != nil {
		return nil, err
	}
	// Authorization in the server's own headers overrides the credential.
	if v, ok := ev.to.headers["Authorization"]; ok {
		req.Header.Set("Authorization", v)
	}
	if f.BadSignature {
		forge(req, ev.to.auth)
	}
	return req, nil
}

// anew is the message for one attempt: presigned URLs differ between deliveries of the same
// report, so that no hash of a body can tell duplicates.
func (c *Cloud) anew(ev event) map[string]any {
	if ev.kind != "end-of-call-report" {
		return ev.message
	}
	m := maps.Clone(ev.message)
	if old, ok := m["artifact"].(map[string]any); ok {
		art := maps.Clone(old)
		for _, what := range []string{"Mono", "Stereo"} {
			art["presigned"+what+"Url"] = "https://storage.vapi.ai/" + ev.call.id + "?X-Amz-Signature=" + c.token(32)
		}
		art["presignedUrlsExpiresAt"] = wireTime(time.Now().Add(time.Hour))
		m["artifact"] = art
	}
	return m
}

// pause sleeps unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// held is an event that waits for later ones.
type held struct {
	ev    event
	fault Fault
	left  int
}

// hold keeps an event back. Its timestamp is already set: it arrives late and says when it was.
func (k *Call) hold(ev event, f Fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = append(k.held, held{ev, f, f.Hold})
}

// release counts n later events as delivered and sends what has waited long enough.
func (k *Call) release(ctx context.Context, n int) {
	k.mu.Lock()
	var ready, rest []held
	for _, h := range k.held {
		if h.left -= n; h.left <= 0 {
			ready = append(ready, h)
		} else {
			rest = append(rest, h)
		}
	}
	k.held = rest
	k.mu.Unlock()
	for _, h := range ready {
		k.cloud.deliverNow(ctx, h.ev, h.fault)
	}
}

// server is where an event goes. Each goes to exactly one place.
type server struct {
	url     string
	timeout time.Duration
	headers map[string]string
	auth    Auth
}

// serverOf is the server of one event: the tool's before the assistant's before the
// account's. A server that names no credential of the account gets no signature. The caller
// holds k.mu.
func (k *Call) serverOf(tool map[string]any) server {
	c := k.cloud
	own := server{url: c.o.ServerURL, timeout: c.o.Timeout, auth: c.o.Auth}
	// The phone number's server and the organisation's are one here: Options.ServerURL.
	for _, holder := range []map[string]any{tool, k.assistant} {
		s, _ := holder["server"].(map[string]any)
		url, _ := s["url"].(string)
		if url == "" {
			continue
		}
		own.url, own.auth = url, Auth{}
		if s["credentialId"] == c.o.CredentialID {
			own.auth = c.o.Auth
		}
		if seconds, ok := s["timeoutSeconds"].(float64); ok {
			own.timeout = time.Duration(seconds * float64(time.Second))
		}
		own.headers = map[string]string{}
		headers, _ := s["headers"].(map[string]any)
		for name, v := range headers {
			own.headers[name] = fmt.Sprint(v)
		}
		return own
	}
	return own
}

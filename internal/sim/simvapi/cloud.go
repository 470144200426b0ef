// Package simvapi plays Vapi as a server of its customers meets it: calls come in or are
// placed, webhooks are delivered to a server URL, and what the server answers is judged
// against the wire protocol and turned into the words that the caller hears.
//
// It is written from the published description of the protocol and shares no type with
// the client or server that it tests, so that a wrong JSON tag cannot agree with itself.
// Where sources leave room it takes the reading that is harder for the server: an answer
// that Vapi merely might ignore is a violation here.
//
//	Cloud ── Call ── messages (artifact), Heard (what the caller was told), Control (what the server said)
//	  │       └── events → deliveries: signed, timed, retried, duplicated, held back, cut
//	  └── REST: /call, /assistant, /{callId}/control
//
// Promised: bodies are whole wire bodies (call, phone number with Twilio's credentials,
// assistant with its prompt, growing artifact) and call.status in them is stale, as on the
// wire; nothing is retried unless a backoff plan asks for it; an event that the assistant's
// serverMessages do not name is not sent (transcript is not among the defaults); every
// answer is judged, and the judgement is kept. Time is the plain clock: in a
// testing/synctest bubble it is the bubble's. Everything is in memory and kept until the
// Cloud is dropped. Not covered: audio, squads and workflows beyond their names, chat,
// sessions, campaigns, files, knowledge bases, encrypted arguments.
//
// # By itself
//
// Serve answers the REST side, the control URLs and, below /_sim/, the following. It is
// for the loopback interface: /_sim/ asks for no key.
//
//	POST   /_sim/calls                   {"number":"+15550100","name":"…","metadata":{…},"variables":{…}} rings in → {"id":…}
//	GET    /_sim/calls                   ids and states
//	POST   /_sim/calls/{id}/connects     {} a call placed over REST is answered
//	POST   /_sim/calls/{id}/says         {"role":"user","text":"…","over_ms":1200}
//	POST   /_sim/calls/{id}/interrupts   {"text":"no wait"}
//	POST   /_sim/calls/{id}/asks         {"tool":"create_case","args":{…},"id":"…","shape":"wire","with":[{"tool":…,"args":…}]} → what was heard
//	POST   /_sim/calls/{id}/hangs-up     {"reason":"customer-ended-call"}
//	GET    /_sim/calls/{id}/hears        everything that the caller was told
//	GET    /_sim/counts                  deliveries by kind
//	GET    /_sim/violations              what the server did against the protocol
//	POST   /_sim/faults                  a Fault, durations in milliseconds; DELETE ends all faults
//
// Numbers choose faults too when Options.MagicNumbers is set: POST /call for a number that
// ends in 408 places the call and loses the answer, in 429 is refused for a second, in 503
// is refused.
package simvapi

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Times of the vendor: a webhook or tool server is waited for 20 s unless its server
// object says otherwise, an assistant-request 7.5 s whatever anything says.
const (
	defaultTimeout   = 20 * time.Second
	assistantTimeout = 7500 * time.Millisecond
)

// Options is an account: one phone number, one server URL, one private key.
// Every absent field has a value that works.
type Options struct {
	ServerURL string       // where events go unless the assistant or the tool names its own server
	HTTP      *http.Client // how the server is reached; nil: a client of its own
	Auth      Auth         // how deliveries are signed; zero: X-Vapi-Secret, empty
	Retry     Backoff      // zero: no retries, as at the vendor
	Timeout   time.Duration

	OrgID, PhoneNumberID, AssistantID string
	CredentialID                      string // the credential that Auth belongs to; servers of assistants made over REST must name it to be signed
	Number                            string // the account's own number, E.164

	// AssistantRequests says that the phone number has no assistant, so that each inbound
	// call begins by asking the server for one.
	AssistantRequests bool
	// ServerMessages are the kinds of event sent when neither call nor assistant names
	// them; nil: DefaultServerMessages.
	ServerMessages []string
	Tools          []string // tools of the assistant that the account begins with

	APIKey, PublicKey string // REST; control URLs when ControlAuth is set
	ControlAuth       bool
	ControlBase       string // scheme and host of control URLs; default the vendor's
	Concurrency       int    // calls that may live at once before POST /call is refused; default 10
	MagicNumbers      bool
	ReportAfter       time.Duration // post-processing between status ended and the report
	ISOTimestamps     bool          // message.timestamp as text, as in captures of 2024

	// OnDial plays a call placed over REST, in a goroutine of its own and after the server
	// was told that it is queued. nil: the call waits for a script.
	OnDial func(context.Context, *Call)
	Seed   uint64 // of ids and tokens; 0: drawn at random
}

// Backoff is a server's backoffPlan. The zero value never retries.
type Backoff struct {
	Type       string // fixed (default) or exponential
	MaxRetries int
	BaseDelay  time.Duration
	Excluded   []int // status codes that are final
}

// wait is the pause before retry n, counted from 0.
func (b Backoff) wait(n int) time.Duration {
	if b.Type == "exponential" {
		return b.BaseDelay << n
	}
	return b.BaseDelay
}

// Cloud is the account with its calls. All methods may be used at the same time.
type Cloud struct {
	o          Options
	mu         sync.Mutex // guards what follows; taken after a Call's own
	rng        *rand.Rand
	calls      []*Call
	assistants []map[string]any
	faults     []*Fault
	deliveries []Delivery
	counts     map[string]int
	background sync.WaitGroup
}

// New opens an account.
func New(o Options) *Cloud {
	seed := o.Seed
	if seed == 0 {
		var b [8]byte
		_, _ = crand.Read(b[:]) // never fails: crypto/rand ends the program instead
		seed = binary.LittleEndian.Uint64(b[:])
	}
	c := &Cloud{rng: rand.New(rand.NewPCG(seed, 0x7661_7069)), counts: map[string]int{}}
	client := http.Client{}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	// A redirect is an answer other than 200, not a way to one.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTP = &client
	o.Timeout = orElse(o.Timeout, defaultTimeout)
	o.OrgID = orElse(o.OrgID, c.id())
	o.PhoneNumberID = orElse(o.PhoneNumberID, c.id())
	o.AssistantID = orElse(o.AssistantID, c.id())
	o.CredentialID = orElse(o.CredentialID, c.id())
	o.Number = orElse(o.Number, "+14155550100")
	o.APIKey = orElse(o.APIKey, "vapi-private-key")
	o.PublicKey = orElse(o.PublicKey, "vapi-public-key")
	o.ControlBase = orElse(o.ControlBase, "https://phone-call-websocket.aws-us-west-2-backend-production2.vapi.ai")
	o.Concurrency = orElse(o.Concurrency, 10)
	if o.ServerMessages == nil {
		o.ServerMessages = DefaultServerMessages()
	}
	c.o = o
	return c
}

// orElse is v, or otherwise if v is the zero value: absent options have values that work.
func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// DefaultServerMessages are the kinds that Vapi sends when nobody names any.
// Transcripts are not among them.
func DefaultServerMessages() []string {
	return []string{
		"conversation-update", "end-of-call-report", "function-call", "hang", "speech-update", "status-update", "tool-calls",
		"transfer-destination-request", "handoff-destination-request", "user-interrupted", "assistant.started",
	}
}

// EveryServerMessage are the defaults and transcripts, partial and final.
func EveryServerMessage() []string { return append(DefaultServerMessages(), "transcript") }

// Call is the call with this id.
func (c *Cloud) Call(id string) (*Call, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.calls {
		if k.id == id {
			return k, true
		}
	}
	return nil, false
}

// Calls are all calls, oldest first.
func (c *Cloud) Calls() []*Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Counts says how many requests were sent to the server, by kind of event; retries and
// copies count.
func (c *Cloud) Counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// Deliveries are all requests sent to the server, in the order in which they ended.
func (c *Cloud) Deliveries() []Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.deliveries)
}

// Violations are the server's offences against the protocol, each with the event it
// answered. Answers that a Fault spoilt are not among them.
func (c *Cloud) Violations() []string {
	var all []string
	for _, d := range c.Deliveries() {
		for _, v := range d.Violations {
			all = append(all, fmt.Sprintf("%s of call %s: %s", d.Kind, d.Call, v))
		}
	}
	return all
}

// Wait returns when copies, retries and repeated asks that run in the background have ended.
func (c *Cloud) Wait() { c.background.Wait() }

// Secrets are values that stand in the bodies of webhooks and must be found neither in
// a database nor in a log of the server.
func (c *Cloud) Secrets() []string {
	s := []string{secretTwilioToken, secretTwilioAPISecret, secretOldServer, secretHeader}
	for _, k := range c.Calls() {
		s = append(s, k.controlURL())
	}
	return s
}

// id is a UUID of version 7, as the vendor's are.
func (c *Cloud) id() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ms := uint64(time.Now().UnixMilli())
	a, b := c.rng.Uint64(), c.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-7%03x-%04x-%012x", ms>>16&0xffffffff, ms&0xffff, a&0xfff, 0x8000|a>>48&0x3fff, b&0xffffffffffff)
}

// token is a random text in the manner of the model providers' tool call ids.
func (c *Cloud) token(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	c.mu.Lock()
	defer c.mu.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[c.rng.IntN(len(letters))]
	}
	return string(b)
}

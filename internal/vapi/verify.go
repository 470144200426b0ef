package vapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// ErrSignature is returned, wrapped with the reason, for a request that no credential vouches for. The reason is
// for the operator's log; the sender is told only that the signature is invalid.
var ErrSignature = errors.New("vapi: signature refused")

// Kind says how a credential travels.
type Kind int

// The three mechanisms of Vapi's server authentication. The zero Kind is none of them and is refused.
const (
	Secret Kind = iota + 1 // the value itself, in X-Vapi-Secret
	Bearer                 // "Bearer " and the value, in Authorization
	HMAC                   // a keyed hash of the request
)

// String names k as the configuration does.
func (k Kind) String() string {
	switch k {
	case Secret:
		return "secret"
	case Bearer:
		return "bearer"
	case HMAC:
		return "hmac"
	default:
		return fmt.Sprintf("kind %d", int(k))
	}
}

// Key is one value of a credential. Several are good at once while a secret is being changed.
type Key struct {
	Value string
	Until time.Time // first instant at which Value is no longer good; zero: no end
}

// String hides the value: a key must not reach a log by way of the struct that holds it.
func (Key) String() string { return "[secret]" }

// GoString hides the value from %#v.
func (Key) GoString() string { return "[secret]" }

// LogValue hides the value from slog.
func (Key) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Credential is one way in which Vapi was told to prove itself.
type Credential struct {
	Kind   Kind
	Keys   []Key  // newest first by custom; each that has not ended is good
	Header string // Secret and Bearer: header that carries the value; empty: X-Vapi-Secret, Authorization
	Bare   bool   // Bearer: the header holds the value alone (bearerPrefixEnabled off in Vapi)
	Scheme Scheme // HMAC only
}

// Request is what a verifier sees of an HTTP request. Body holds the bytes as received, before any decoding.
type Request struct {
	Method string
	URL    string // as Vapi was told to call it, scheme and host included; used by payloads that sign {url}
	Header http.Header
	Body   []byte
}

// Verifier decides whether a request comes from the holder of one of its credentials. The zero Verifier and a nil
// one refuse everything. It is safe for concurrent use.
type Verifier struct {
	checks []check
}

// check says why req does not pass one credential, or nil.
type check func(req Request, now time.Time) error

// NewVerifier prepares cs for use. A credential that could never pass, or that everyone could pass, is an error
// that names its place in cs (counted from 1), the field and the mend. An empty cs is no error: the verifier then
// refuses everything.
func NewVerifier(cs []Credential) (*Verifier, error) {
	v := &Verifier{}
	for i, c := range cs {
		ch, err := c.compile()
		if err != nil {
			return nil, fmt.Errorf("vapi: credential %d (%s): %w", i+1, c.Kind, err)
		}
		v.checks = append(v.checks, ch)
	}
	return v, nil
}

// Verify returns nil if any one credential passes, otherwise an error that is ErrSignature and gives the reason of
// each. No reason repeats a value that was sent.
func (v *Verifier) Verify(req Request) error {
	if v == nil || len(v.checks) == 0 {
		return fmt.Errorf("%w: no credential is configured", ErrSignature)
	}
	now := time.Now()
	reasons := make([]string, 0, len(v.checks))
	for _, ch := range v.checks {
		err := ch(req, now)
		if err == nil {
			return nil
		}
		reasons = append(reasons, err.Error())
	}
	return fmt.Errorf("%w: %s", ErrSignature, strings.Join(reasons, "; "))
}

// compile makes the check of c.
func (c Credential) compile() (check, error) {
	if c.Kind != Secret && c.Kind != Bearer && c.Kind != HMAC {
		return nil, errors.New("kind: is none of secret, bearer, hmac; give one")
	}
	if len(c.Keys) == 0 {
		return nil, errors.New("keys: there is none; give the value that Vapi was given")
	}
	if c.Kind == HMAC {
		s, err := c.Scheme.compile(c.Keys)
		if err != nil {
			return nil, err
		}
		return s.check, nil
	}
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	return t.check, nil
}

// token is a credential whose value is in a header.
type token struct {
	header string
	prefix bool // the value follows "Bearer "
	keys   []digest
}

// digest stands for a key's value when it is compared: digests have one length, so neither the place of the first
// difference nor the length of the value shows in the time that a comparison takes.
type digest struct {
	sum   [sha256.Size]byte
	until time.Time
}

// token prepares a Secret or Bearer credential.
func (c Credential) token() (*token, error) {
	t := &token{header: c.Header, prefix: c.Kind == Bearer && !c.Bare}
	if t.header == "" {
		t.header = "X-Vapi-Secret"
		if c.Kind == Bearer {
			t.header = "Authorization"
		}
	}
	if err := headerName("header", t.header); err != nil {
		return nil, err
	}
	for i, k := range c.Keys {
		// HTTP takes blanks off both ends of a header's value, so a key that has them could never match.
		value := strings.TrimSpace(k.Value)
		if value == "" {
			// Vapi sends X-Vapi-Secret empty when it has no secret: an empty key would let everyone in.
			return nil, fmt.Errorf("keys: key %d is empty; give its value or leave the credential out", i+1)
		}
		t.keys = append(t.keys, digest{sum: sha256.Sum256([]byte(value)), until: k.Until})
	}
	return t, nil
}

// check compares the presented value with every key in force.
func (t *token) check(req Request, now time.Time) error {
	value := req.Header.Get(t.header)
	if value == "" {
		return fmt.Errorf("%s is absent or empty", t.header)
	}
	if t.prefix {
		const scheme = "bearer "
		if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
			return fmt.Errorf("%s is not a bearer token", t.header)
		}
		value = strings.TrimSpace(value[len(scheme):])
	}
	sum := sha256.Sum256([]byte(value))
	match := 0
	for _, k := range t.keys {
		if inForce(k.until, now) {
			match |= subtle.ConstantTimeCompare(sum[:], k.sum[:])
		}
	}
	if match == 0 {
		return fmt.Errorf("%s does not match", t.header)
	}
	return nil
}

// inForce reports whether a key that ends at until is good at now.
func inForce(until, now time.Time) bool {
	return until.IsZero() || now.Before(until)
}

// headerName refuses what net/http would never deliver under that name.
func headerName(field, name string) error {
	if name == "" || strings.ContainsAny(name, " \t\r\n:") {
		return fmt.Errorf("%s: %q is not the name of a header; write it as in x-signature", field, name)
	}
	return nil
}

package vapi

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Vapi offers HMAC-SHA1 to receivers that know no other; HMAC does not rest on collision resistance
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"time"
)

// defaultTolerance is how far a signed timestamp may be from our clock, either way.
// Vapi names no number. Five minutes are what Svix and others take: enough for a clock that is badly
// set and for a retry, too short for a copied request to be of use later.
const defaultTolerance = 5 * time.Minute

// Scheme describes an HMAC credential with the fields of Vapi's HMACAuthenticationPlan. The zero Scheme is Vapi's
// default: SHA-256 over "{timestamp}.{body}", in hexadecimal, in x-signature. A plan with includeTimestamp off is
// written as Payload "{body}".
type Scheme struct {
	Algorithm       string        // sha256 (also when empty), sha512, sha1
	SignatureHeader string        // empty: x-signature
	TimestampHeader string        // empty: x-timestamp; read when Payload has {timestamp}
	Prefix          string        // what precedes the signature, such as "sha256=" or "v1,"
	Payload         string        // of {body} {timestamp} {method} {url} {svix-id} and literal text; empty: {timestamp}.{body}
	MessageIDHeader string        // header of {svix-id}
	Encoding        string        // hex (also when empty) or base64
	SecretIsBase64  bool          // the keys are base64; a leading "whsec_" is not part of them
	Tolerance       time.Duration // zero: 5 minutes; applies when Payload has {timestamp}
}

// presetNames are the names that Preset knows, in the order in which they are told to an operator.
const presetNames = "vapi-secret, bearer, hmac-default, hmac-raw-body, hmac-svix"

// Preset returns the credential known under name, without keys. Its fields may be changed before use.
//
//	vapi-secret    the plain secret in X-Vapi-Secret
//	bearer         Authorization: Bearer …
//	hmac-default   Vapi's default HMAC plan: x-signature over x-timestamp "." body
//	hmac-raw-body  x-vapi-signature, hexadecimal HMAC-SHA256 over the body alone; a copy of such a request is as
//	               good as the first for ever, since no time is signed
//	hmac-svix      svix-signature "v1,…" in base64 over svix-id "." svix-timestamp "." body
func Preset(name string) (Credential, error) {
	switch name {
	case "vapi-secret":
		return Credential{Kind: Secret}, nil
	case "bearer":
		return Credential{Kind: Bearer}, nil
	case "hmac-default":
		return Credential{Kind: HMAC}, nil
	case "hmac-raw-body":
		return Credential{Kind: HMAC, Scheme: Scheme{SignatureHeader: "x-vapi-signature", Payload: "{body}"}}, nil
	case "hmac-svix":
		return Credential{Kind: HMAC, Scheme: Scheme{
			SignatureHeader: "svix-signature",
			TimestampHeader: "svix-timestamp",
			MessageIDHeader: "svix-id",
			Prefix:          "v1,",
			Payload:         "{svix-id}.{timestamp}.{body}",
			Encoding:        "base64",
			SecretIsBase64:  true,
		}}, nil
	default:
		return Credential{}, fmt.Errorf("vapi: preset: %q is unknown; use one of %s", name, presetNames)
	}
}

// signer is a Scheme made ready, with its keys.
type signer struct {
	Scheme
	newHash func() hash.Hash
	decode  func(string) ([]byte, error)
	payload []segment
	timed   bool // payload has {timestamp}
	keys    []macKey
}

// macKey is a key in the bytes that go into the HMAC.
type macKey struct {
	value []byte
	until time.Time
}

// segment is a piece of the signed payload: a placeholder, or literal text when field is empty.
type segment struct {
	field   string
	literal string
}

// compile fills in Vapi's defaults and refuses what could not work.
// compile is the place where a mistake in the configuration is told: at the first request it would be
// one more signature that does not match.
func (s Scheme) compile(keys []Key) (*signer, error) {
	s.SignatureHeader = orElse(s.SignatureHeader, "x-signature")
	s.TimestampHeader = orElse(s.TimestampHeader, "x-timestamp")
	s.Payload = orElse(s.Payload, "{timestamp}.{body}")
	if s.Tolerance == 0 {
		s.Tolerance = defaultTolerance
	}
	if s.Tolerance < 0 {
		return nil, fmt.Errorf("tolerance: %v is negative; give a duration such as 5m", s.Tolerance)
	}
	if err := headerName("signature_header", s.SignatureHeader); err != nil {
		return nil, err
	}
	if err := headerName("timestamp_header", s.TimestampHeader); err != nil {
		return nil, err
	}
	sg := &signer{Scheme: s}
	if err := sg.setFunctions(); err != nil {
		return nil, err
	}
	if err := sg.setPayload(); err != nil {
		return nil, err
	}
	return sg, sg.setKeys(keys)
}

// setFunctions chooses hash and encoding by the names that Vapi's plan uses.
func (s *signer) setFunctions() error {
	switch strings.ToLower(s.Algorithm) {
	case "", "sha256":
		s.newHash = sha256.New
	case "sha512":
		s.newHash = sha512.New
	case "sha1":
		s.newHash = sha1.New
	default:
		return fmt.Errorf("algorithm: %q is unknown; use sha256, sha512 or sha1", s.Algorithm)
	}
	switch strings.ToLower(s.Encoding) {
	case "", "hex":
		s.decode = hex.DecodeString
	case "base64":
		s.decode = decodeBase64
	default:
		return fmt.Errorf("encoding: %q is unknown; use hex or base64", s.Encoding)
	}
	return nil
}

// setPayload cuts the payload into segments. A payload without {body} is refused: its signature could be moved to
// any other body.
func (s *signer) setPayload() error {
	signsBody := false
	for rest := s.Payload; rest != ""; {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			s.payload = append(s.payload, segment{literal: rest})
			break
		}
		if open > 0 {
			s.payload = append(s.payload, segment{literal: rest[:open]})
		}
		end := strings.IndexByte(rest[open:], '}')
		if end < 0 {
			return fmt.Errorf("payload: %q has a brace that is not closed; close it", s.Payload)
		}
		field := rest[open : open+end+1]
		rest = rest[open+end+1:]
		switch field {
		case "{body}":
			signsBody = true
		case "{timestamp}":
			s.timed = true
		case "{svix-id}":
			if err := headerName("message_id_header", s.MessageIDHeader); err != nil {
				return fmt.Errorf("%w (payload has {svix-id})", err)
			}
		case "{method}", "{url}":
		default:
			return fmt.Errorf("payload: %q is no placeholder; use {body}, {timestamp}, {method}, {url} or {svix-id}", field)
		}
		s.payload = append(s.payload, segment{field: field})
	}
	if !signsBody {
		return fmt.Errorf("payload: %q has no {body}, so its signature would fit any body; add {body}", s.Payload)
	}
	return nil
}

// setKeys takes the keys as they are, blanks included, unless they are base64: every byte counts in an HMAC key.
func (s *signer) setKeys(keys []Key) error {
	for i, k := range keys {
		value := []byte(k.Value)
		if s.SecretIsBase64 {
			var err error
			if value, err = decodeBase64(strings.TrimPrefix(strings.TrimSpace(k.Value), "whsec_")); err != nil {
				// The cause is left out: it could quote the key.
				return fmt.Errorf("keys: key %d is not base64; correct it or turn secret_is_base64 off", i+1)
			}
		}
		if len(value) == 0 {
			return fmt.Errorf("keys: key %d is empty; give its value or leave the credential out", i+1)
		}
		s.keys = append(s.keys, macKey{value: value, until: k.Until})
	}
	return nil
}

// check passes if any signature in the request is that of any key in force. All pairs are compared whichever
// matches, each in a time that does not depend on where they differ.
func (s *signer) check(req Request, now time.Time) error {
	presented, err := s.presented(req)
	if err != nil {
		return err
	}
	if s.timed {
		if err := s.fresh(req.Header.Get(s.TimestampHeader), now); err != nil {
			return err
		}
	}
	match := false
	for _, k := range s.keys {
		if !inForce(k.until, now) {
			continue
		}
		want := s.sum(k.value, req)
		for _, p := range presented {
			match = hmac.Equal(want, p) || match
		}
	}
	if !match {
		return fmt.Errorf("%s does not match", s.SignatureHeader)
	}
	return nil
}

// presented returns the signatures in the request. The header may hold several, parted by spaces, as Svix sends
// while a key is changed; those with another prefix or of another encoding are passed over.
func (s *signer) presented(req Request) ([][]byte, error) {
	value := req.Header.Get(s.SignatureHeader)
	if value == "" {
		return nil, fmt.Errorf("%s is absent or empty", s.SignatureHeader)
	}
	candidates := strings.Fields(value)
	if strings.Contains(s.Prefix, " ") {
		candidates = []string{value}
	}
	var sums [][]byte
	for _, c := range candidates {
		encoded, ok := strings.CutPrefix(c, s.Prefix)
		if !ok {
			continue
		}
		if sum, err := s.decode(encoded); err == nil && len(sum) > 0 {
			sums = append(sums, sum)
		}
	}
	if len(sums) == 0 {
		return nil, fmt.Errorf("%s holds no signature of the form %q and %s", s.SignatureHeader, s.Prefix, orElse(s.Encoding, "hex"))
	}
	return sums, nil
}

// fresh refuses a timestamp too far from now. Vapi does not document the unit; seconds, milliseconds and RFC 3339
// are told apart by their form.
func (s *signer) fresh(text string, now time.Time) error {
	at := instant(text)
	if at.IsZero() {
		return fmt.Errorf("%s is absent or no time", s.TimestampHeader)
	}
	if off := now.Sub(at).Abs(); off > s.Tolerance {
		return fmt.Errorf("%s is %v from our clock, more than %v", s.TimestampHeader, off.Round(time.Second), s.Tolerance)
	}
	return nil
}

// sum is the signature of req under key, over the header's literal timestamp and the body's bytes.
func (s *signer) sum(key []byte, req Request) []byte {
	mac := hmac.New(s.newHash, key)
	for _, seg := range s.payload {
		switch seg.field {
		case "{body}":
			mac.Write(req.Body)
		case "{timestamp}":
			mac.Write([]byte(req.Header.Get(s.TimestampHeader)))
		case "{method}":
			mac.Write([]byte(req.Method))
		case "{url}":
			mac.Write([]byte(req.URL))
		case "{svix-id}":
			mac.Write([]byte(req.Header.Get(s.MessageIDHeader)))
		default:
			mac.Write([]byte(seg.literal))
		}
	}
	return mac.Sum(nil)
}

// decodeBase64 takes the standard alphabet, padded or not.
func decodeBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
}

// orElse returns text, or otherwise when text is empty.
func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

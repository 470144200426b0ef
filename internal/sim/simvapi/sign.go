package simvapi

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Auth is how the account proves to a server who is calling. The mechanisms exclude each
// other at the vendor; here the first that is set wins: HMAC, bearer, secret.
type Auth struct {
	Secret string // X-Vapi-Secret in plain: a comparison, no signature
	Bearer *Bearer
	HMAC   *HMAC
}

// Bearer is a credential with authenticationPlan.type bearer.
type Bearer struct {
	Token    string
	Header   string // default Authorization
	NoPrefix bool   // bearerPrefixEnabled: false
}

// HMAC is a credential with authenticationPlan.type hmac. Zero fields are the vendor's
// defaults: x-signature, x-timestamp, no prefix, {timestamp}.{body}, hex.
type HMAC struct {
	SecretKey       string
	Algorithm       string // sha256 (default here; the vendor requires it), sha512, sha1
	SignatureHeader string
	TimestampHeader string
	SignaturePrefix string
	OmitTimestamp   bool   // includeTimestamp: false
	PayloadFormat   string // of {body} {timestamp} {method} {url} {svix-id}
	MessageIDHeader string
	Encoding        string // hex or base64
	SecretIsBase64  bool

	// TimestampUnit is ms, s or iso: the vendor does not document it, implementers saw ms.
	TimestampUnit string
}

// VapiSecret is the legacy shared secret.
func VapiSecret(secret string) Auth { return Auth{Secret: secret} }

// BearerToken is a bearer credential as it comes.
func BearerToken(token string) Auth { return Auth{Bearer: &Bearer{Token: token}} }

// HMACDefault is an HMAC credential of which only the key was filled in.
func HMACDefault(key string) Auth { return Auth{HMAC: &HMAC{SecretKey: key}} }

// HMACRawBody signs the body alone: hex HMAC-SHA256 in x-vapi-signature. It is a setting
// that people chose, never a default.
func HMACRawBody(key string) Auth {
	return Auth{HMAC: &HMAC{SecretKey: key, SignatureHeader: "x-vapi-signature", OmitTimestamp: true, PayloadFormat: "{body}"}}
}

// Svix is an HMAC credential that imitates Svix: id, timestamp in seconds and body signed
// with a base64 key, as base64 with the prefix "v1,".
func Svix(base64Key string) Auth {
	return Auth{HMAC: &HMAC{
		SecretKey: base64Key, SecretIsBase64: true, SignatureHeader: "svix-signature", TimestampHeader: "svix-timestamp",
		MessageIDHeader: "svix-id", PayloadFormat: "{svix-id}.{timestamp}.{body}", SignaturePrefix: "v1,", Encoding: "base64", TimestampUnit: "s",
	}}
}

// sign sets the headers of one delivery attempt. X-Vapi-Secret is present and empty when
// nothing is configured, as implementers have seen.
func (a Auth) sign(req *http.Request, body []byte, id string) error {
	switch {
	case a.HMAC != nil:
		return a.HMAC.sign(req, body, id)
	case a.Bearer != nil:
		v := a.Bearer.Token
		if !a.Bearer.NoPrefix {
			v = "Bearer " + v
		}
		req.Header.Set(orElse(a.Bearer.Header, "Authorization"), v)
	default:
		req.Header.Set("X-Vapi-Secret", a.Secret)
	}
	return nil
}

// sign computes the signature over the payload format with the literal text of the timestamp
// header. id is the message id; it is sent only if the credential names a header for it, but
// can be signed over in any case.
func (h *HMAC) sign(req *http.Request, body []byte, id string) error {
	key := []byte(h.SecretKey)
	if h.SecretIsBase64 {
		k, err := base64.StdEncoding.DecodeString(h.SecretKey)
		if err != nil {
			return fmt.Errorf("hmac key: not base64 although SecretIsBase64 is set: %w", err)
		}
		key = k
	}
	newHash, ok := algorithms[orElse(h.Algorithm, "sha256")]
	if !ok {
		return fmt.Errorf("hmac algorithm %q: want sha256, sha512 or sha1", h.Algorithm)
	}
	stamp, format := "", orElse(h.PayloadFormat, "{timestamp}.{body}")
	if h.OmitTimestamp {
		format = orElse(h.PayloadFormat, "{body}")
	} else {
		stamp = h.stamp(time.Now())
		req.Header.Set(orElse(h.TimestampHeader, "x-timestamp"), stamp)
	}
	if h.MessageIDHeader != "" {
		req.Header.Set(h.MessageIDHeader, id)
	}
	// One pass: a placeholder that stands in the body is not a placeholder.
	payload := strings.NewReplacer("{body}", string(body), "{timestamp}", stamp, "{method}", req.Method,
		"{url}", req.URL.String(), "{svix-id}", id).Replace(format)
	mac := hmac.New(newHash, key)
	mac.Write([]byte(payload))
	sum := hex.EncodeToString(mac.Sum(nil))
	if h.Encoding == "base64" {
		sum = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	req.Header.Set(orElse(h.SignatureHeader, "x-signature"), h.SignaturePrefix+sum)
	return nil
}

// stamp is the timestamp header's text; the signature is over this very text.
func (h *HMAC) stamp(now time.Time) string {
	switch h.TimestampUnit {
	case "s":
		return strconv.FormatInt(now.Unix(), 10)
	case "iso":
		return wireTime(now)
	default:
		return strconv.FormatInt(now.UnixMilli(), 10)
	}
}

// algorithms are the vendor's three.
var algorithms = map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New, "sha1": sha1.New}

// forge spoils what sign has set, for a server that must refuse it: the credential keeps
// its length and differs in its last character.
func forge(req *http.Request, a Auth) {
	header := "X-Vapi-Secret"
	switch {
	case a.HMAC != nil:
		header = orElse(a.HMAC.SignatureHeader, "x-signature")
	case a.Bearer != nil:
		header = orElse(a.Bearer.Header, "Authorization")
	}
	v := []byte(req.Header.Get(header))
	if len(v) == 0 {
		v = []byte("forged ")
	}
	// Before the padding of base64, where a change could decode to the same bytes.
	at := max(0, len(strings.TrimRight(string(v), "="))-2)
	if v[at] == 'a' {
		v[at] = 'b'
	} else {
		v[at] = 'a'
	}
	req.Header.Set(header, string(v))
}

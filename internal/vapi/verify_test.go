package vapi

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const hangBody = `{"message":{"type":"hang","call":{"id":"c1"}}}`

// Signatures of hangBody that OpenSSL made, such as
//
//	printf '%s' "946684800000.$BODY" | openssl dgst -sha256 -hmac topsecret
//
// The timestamps are the first instant of a synctest bubble, 2000-01-01T00:00:00Z.
const (
	sumMillis  = "02b624a9ce0e7697e1e8943b2d743d4e7692e7c9127b92fbab63ec4d151e0c3b"
	sumSeconds = "bf370f42ad7f94b9727642ea65f0fb56d3df1fb263114203caf3a29f93e6b47f"
	sumRFC3339 = "4746dbc294134d39eadb4e9afea14c8977fda16489934100e9edd9014baf62e6"
	sumRawBody = "b31b900ea917ac8ac323b1862eeb20ef24a402377a76d415fc0190a7ef08e6f1"
	sumSHA1    = "fefec72395ab186743194dbf48d715554aabecbe"
	sumSHA512  = "f9f894924382116d26769c29b913311fc2b452926609c13260e420d3694b7429" +
		"c7bdf3f6ade96fead3df997de3c5b90d4744657dd16aaa71d61ff83d78374b30"
	sumURL  = "dba6188b8ff933004894cdd6e320fc4c44423e860d5b735668654cad05b42f71" // "POST https://… $BODY"
	sumSvix = "8PZzjPu+R9ku/WDFNz8uMMhWGurw5i0Hmy0HC8DZXSk="                     // "msg_1.946684800.$BODY", "sixteen byte key"
)

// headers makes a header of name, value pairs.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func withKeys(c Credential, values ...string) Credential {
	for _, v := range values {
		c.Keys = append(c.Keys, Key{Value: v})
	}
	return c
}

func preset(t testing.TB, name string, values ...string) Credential {
	t.Helper()
	c, err := Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return withKeys(c, values...)
}

func verifier(t testing.TB, cs ...Credential) *Verifier {
	t.Helper()
	v, err := NewVerifier(cs)
	if err != nil {
		t.Fatalf("NewVerifier: %v", err)
	}
	return v
}

// mission-part: A.14
func TestSecretAndBearer(t *testing.T) {
	secret := preset(t, "vapi-secret", "s3cret")
	bearer := preset(t, "bearer", "tok-en")
	inSignature := withKeys(Credential{Kind: Secret, Header: "X-Vapi-Signature"}, "s3cret")
	bare := withKeys(Credential{Kind: Bearer, Header: "X-Vapi-Secret", Bare: true}, "tok-en")
	tests := []struct {
		name string
		cred Credential
		sent http.Header
		want bool
	}{
		{"secret", secret, headers("X-Vapi-Secret", "s3cret"), true},
		{"secret in any spelling of the header", secret, headers("x-vapi-secret", "s3cret"), true},
		{"secret of another value", secret, headers("X-Vapi-Secret", "s3cres"), false},
		{"secret too short", secret, headers("X-Vapi-Secret", "s3cre"), false},
		{"secret too long", secret, headers("X-Vapi-Secret", "s3crets"), false},
		{"secret of other case", secret, headers("X-Vapi-Secret", "S3CRET"), false},
		{"secret header empty", secret, headers("X-Vapi-Secret", ""), false},
		{"secret header absent", secret, headers(), false},
		{"secret in another header", secret, headers("Authorization", "s3cret"), false},
		{"secret in x-vapi-signature", inSignature, headers("X-Vapi-Signature", "s3cret"), true},
		{"key with a line break at its end", preset(t, "vapi-secret", "s3cret\n"), headers("X-Vapi-Secret", "s3cret"), true},
		{"bearer", bearer, headers("Authorization", "Bearer tok-en"), true},
		{"bearer in small letters", bearer, headers("Authorization", "bearer tok-en"), true},
		{"bearer without its prefix", bearer, headers("Authorization", "tok-en"), false},
		{"bearer with prefix alone", bearer, headers("Authorization", "Bearer "), false},
		{"bearer of another scheme", bearer, headers("Authorization", "Basic tok-en"), false},
		{"bearer of another value", bearer, headers("Authorization", "Bearer tok-em"), false},
		{"bare bearer", bare, headers("X-Vapi-Secret", "tok-en"), true},
		{"bare bearer with prefix", bare, headers("X-Vapi-Secret", "Bearer tok-en"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := verifier(t, tt.cred).Verify(Request{Method: "POST", Header: tt.sent, Body: []byte(hangBody)})
			if got := err == nil; got != tt.want {
				t.Errorf("passes: got %v (%v), want %v", got, err, tt.want)
			}
			if err != nil && !errors.Is(err, ErrSignature) {
				t.Errorf("got %v, want ErrSignature", err)
			}
		})
	}
}

// mission-part: A.14
func TestHMACAgainstOpenSSL(t *testing.T) {
	raw := func(algorithm string) Credential {
		return withKeys(Credential{Kind: HMAC, Scheme: Scheme{Algorithm: algorithm, Payload: "{body}"}}, "topsecret")
	}
	standard := preset(t, "hmac-default", "topsecret")
	prefixed := withKeys(Credential{Kind: HMAC, Scheme: Scheme{Prefix: "sha256=", Payload: "{body}"}}, "topsecret")
	spaced := withKeys(Credential{Kind: HMAC, Scheme: Scheme{Prefix: "HMAC ", Payload: "{body}"}}, "topsecret")
	url := withKeys(Credential{Kind: HMAC, Scheme: Scheme{Payload: "{method} {url} {body}"}}, "topsecret")
	const ms, s = "946684800000", "946684800"
	tests := []signedCase{
		{"milliseconds", standard, headers("x-signature", sumMillis, "x-timestamp", ms), true},
		{"seconds", standard, headers("x-signature", sumSeconds, "x-timestamp", s), true},
		{"RFC 3339", standard, headers("x-signature", sumRFC3339, "x-timestamp", "2000-01-01T00:00:00Z"), true},
		{"same instant, other text than signed", standard, headers("x-signature", sumMillis, "x-timestamp", s), false},
		{"capital hexadecimal", standard, headers("x-signature", strings.ToUpper(sumMillis), "x-timestamp", ms), true},
		{"cut short", standard, headers("x-signature", sumMillis[:62], "x-timestamp", ms), false},
		{"half a byte short", standard, headers("x-signature", sumMillis[:63], "x-timestamp", ms), false},
		{"too long", standard, headers("x-signature", sumMillis+"00", "x-timestamp", ms), false},
		{"no hexadecimal", standard, headers("x-signature", "signature", "x-timestamp", ms), false},
		{"empty signature", standard, headers("x-signature", "", "x-timestamp", ms), false},
		{"no signature", standard, headers("x-timestamp", ms), false},
		{"no timestamp", standard, headers("x-signature", sumMillis), false},
		{"timestamp is no time", standard, headers("x-signature", sumMillis, "x-timestamp", "soon"), false},
		{"raw body", preset(t, "hmac-raw-body", "topsecret"), headers("x-vapi-signature", sumRawBody), true},
		{"raw body in another header", preset(t, "hmac-raw-body", "topsecret"), headers("x-signature", sumRawBody), false},
		{"wrong key", preset(t, "hmac-raw-body", "topsecreT"), headers("x-vapi-signature", sumRawBody), false},
		{"sha1", raw("sha1"), headers("x-signature", sumSHA1), true},
		{"sha256", raw("sha256"), headers("x-signature", sumRawBody), true},
		{"sha512", raw("SHA512"), headers("x-signature", sumSHA512), true},
		{"sha1 where sha256 is agreed", raw("sha256"), headers("x-signature", sumSHA1), false},
		{"prefix", prefixed, headers("x-signature", "sha256="+sumRawBody), true},
		{"prefix missing", prefixed, headers("x-signature", sumRawBody), false},
		{"prefix with a blank", spaced, headers("x-signature", "HMAC "+sumRawBody), true},
		{"method and URL signed", url, headers("x-signature", sumURL), true},
	}
	checkSigned(t, tests)
}

// mission-part: A.14
func TestSvixSignatureMayBeOneOfSeveral(t *testing.T) {
	svix := preset(t, "hmac-svix", "whsec_"+base64.StdEncoding.EncodeToString([]byte("sixteen byte key")))
	svixHeaders := func(signature string) http.Header {
		return headers("svix-id", "msg_1", "svix-timestamp", "946684800", "svix-signature", signature)
	}
	checkSigned(t, []signedCase{
		{"svix", svix, svixHeaders("v1," + sumSvix), true},
		{"svix among several", svix, svixHeaders("v1a,xyz v1,AAAA v1," + sumSvix), true},
		{"svix unpadded", svix, svixHeaders("v1," + strings.TrimRight(sumSvix, "=")), true},
		{"svix of other version", svix, svixHeaders("v2," + sumSvix), false},
		{"svix without id", svix, headers("svix-timestamp", "946684800", "svix-signature", "v1,"+sumSvix), false},
	})
}

// signedCase is a request with the headers sent, to a verifier that knows cred alone.
type signedCase struct {
	name string
	cred Credential
	sent http.Header
	want bool
}

func checkSigned(t *testing.T, tests []signedCase) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				req := Request{Method: "POST", URL: "https://voice.example.com/webhook/vapi", Header: tt.sent, Body: []byte(hangBody)}
				v := verifier(t, tt.cred)
				err := v.Verify(req)
				if got := err == nil; got != tt.want {
					t.Errorf("passes: got %v (%v), want %v", got, err, tt.want)
				}
				if err != nil && !errors.Is(err, ErrSignature) {
					t.Errorf("got %v, want ErrSignature", err)
				}
				req.Body = []byte(hangBody + " ")
				if err := v.Verify(req); err == nil {
					t.Error("one more byte in the body: got no error, want ErrSignature")
				}
			})
		})
	}
}

func TestSignedURLIsTheOneCalled(t *testing.T) {
	c := withKeys(Credential{Kind: HMAC, Scheme: Scheme{Payload: "{method} {url} {body}"}}, "topsecret")
	req := Request{Method: "POST", URL: "https://voice.example.com/webhook", Header: headers("x-signature", sumURL), Body: []byte(hangBody)}
	if err := verifier(t, c).Verify(req); !errors.Is(err, ErrSignature) {
		t.Errorf("other path: got %v, want ErrSignature", err)
	}
	req.Method, req.URL = "PUT", "https://voice.example.com/webhook/vapi"
	if err := verifier(t, c).Verify(req); !errors.Is(err, ErrSignature) {
		t.Errorf("other method: got %v, want ErrSignature", err)
	}
}

// sign makes a request as a sender with c's first key would, at the given timestamp.
func sign(t testing.TB, c Credential, timestamp, body string) Request {
	t.Helper()
	s, err := c.Scheme.compile(c.Keys)
	if err != nil {
		t.Fatal(err)
	}
	req := Request{Method: "POST", Header: headers(s.TimestampHeader, timestamp), Body: []byte(body)}
	req.Header.Set(s.SignatureHeader, s.Prefix+fmt.Sprintf("%x", s.sum(s.keys[0].value, req)))
	return req
}

func TestSignedTimestampHasAWindow(t *testing.T) {
	standard := preset(t, "hmac-default", "topsecret")
	narrow := standard
	narrow.Scheme.Tolerance = 30 * time.Second
	tests := []struct {
		cred Credential
		off  time.Duration
		want bool
	}{
		{standard, 0, true},
		{standard, -5 * time.Minute, true},
		{standard, -5*time.Minute - time.Second, false},
		{standard, 5 * time.Minute, true},
		{standard, 5*time.Minute + time.Second, false},
		{standard, -24 * time.Hour, false},
		{narrow, -30 * time.Second, true},
		{narrow, -31 * time.Second, false},
		{narrow, 31 * time.Second, false},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			at := time.Now().Add(tt.off)
			for unit, text := range map[string]string{
				"s": strconv.FormatInt(at.Unix(), 10), "ms": strconv.FormatInt(at.UnixMilli(), 10), "RFC 3339": at.Format(time.RFC3339Nano),
			} {
				err := verifier(t, tt.cred).Verify(sign(t, tt.cred, text, hangBody))
				if got := err == nil; got != tt.want {
					t.Errorf("%v from now in %s: got %v (%v), want %v", tt.off, unit, got, err, tt.want)
				}
			}
		})
	}
}

// mission-part: P2.6
func TestPreviousKeyIsGoodUntilItsGraceEnds(t *testing.T) {
	for _, name := range []string{"vapi-secret", "bearer", "hmac-raw-body"} {
		synctest.Test(t, func(t *testing.T) {
			end := time.Now().Add(5 * time.Minute)
			c := preset(t, name, "new")
			c.Keys = append(c.Keys, Key{Value: "old", Until: end})
			v := verifier(t, c)
			passes := func(value string) bool {
				signed := sign(t, preset(t, "hmac-raw-body", value), "", hangBody)
				signed.Header.Set("X-Vapi-Secret", value)
				signed.Header.Set("Authorization", "Bearer "+value)
				return v.Verify(signed) == nil
			}
			for _, step := range []struct {
				wait     time.Duration
				old, new bool
			}{
				{0, true, true},
				{5*time.Minute - time.Nanosecond, true, true},
				{time.Nanosecond, false, true},
				{time.Hour, false, true},
			} {
				time.Sleep(step.wait)
				if got := passes("old"); got != step.old {
					t.Errorf("%s: old key %v after its grace: got %v, want %v", name, time.Since(end), got, step.old)
				}
				if got := passes("new"); got != step.new {
					t.Errorf("%s: new key: got %v, want %v", name, got, step.new)
				}
			}
		})
	}
}

func TestAnyOneCredentialIsEnough(t *testing.T) {
	v := verifier(t, preset(t, "vapi-secret", "a"), preset(t, "bearer", "b"), preset(t, "hmac-raw-body", "topsecret"))
	for name, sent := range map[string]http.Header{
		"secret": headers("X-Vapi-Secret", "a"),
		"bearer": headers("Authorization", "Bearer b"),
		"hmac":   headers("x-vapi-signature", sumRawBody),
		"two":    headers("X-Vapi-Secret", "wrong", "Authorization", "Bearer b"),
	} {
		if err := v.Verify(Request{Header: sent, Body: []byte(hangBody)}); err != nil {
			t.Errorf("%s: got %v, want nil", name, err)
		}
	}
}

func TestNoCredentialRefusesEverything(t *testing.T) {
	var none *Verifier
	for name, v := range map[string]*Verifier{"nil": none, "zero": {}, "empty": verifier(t)} {
		err := v.Verify(Request{Header: headers("X-Vapi-Secret", ""), Body: []byte(hangBody)})
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: got %v, want ErrSignature", name, err)
		}
	}
}

func TestRefusalNamesTheReasonButNoSecret(t *testing.T) {
	v := verifier(t, preset(t, "vapi-secret", "the-key"), preset(t, "hmac-default", "the-key"))
	err := v.Verify(Request{Header: headers("X-Vapi-Secret", "presented")})
	if err == nil {
		t.Fatal("got nil, want ErrSignature")
	}
	for _, want := range []string{"X-Vapi-Secret does not match", "x-signature is absent"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to contain %q", err, want)
		}
	}
	for _, secret := range []string{"the-key", "presented"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error repeats %q: %v", secret, err)
		}
	}
	c := preset(t, "bearer", "the-key")
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("config.loaded", "key", c.Keys[0])
	if strings.Contains(log.String(), "the-key") {
		t.Errorf("log: got %s, want no key", log.String())
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, c); strings.Contains(got, "the-key") {
			t.Errorf("%s of a credential: got %s, want no key", format, got)
		}
	}
}

func TestNewVerifierNamesFieldAndMend(t *testing.T) {
	scheme := func(s Scheme) Credential { return withKeys(Credential{Kind: HMAC, Scheme: s}, "k") }
	tests := []struct {
		cred Credential
		want string
	}{
		{withKeys(Credential{}, "k"), "kind: is none of secret, bearer, hmac; give one"},
		{Credential{Kind: Secret}, "keys: there is none; give"},
		{withKeys(Credential{Kind: Secret}, "k", " "), "keys: key 2 is empty; give"},
		{withKeys(Credential{Kind: HMAC}, ""), "keys: key 1 is empty; give"},
		{withKeys(Credential{Kind: Secret, Header: "X Secret"}, "k"), `header: "X Secret" is not the name of a header; write`},
		{scheme(Scheme{Algorithm: "md5"}), `algorithm: "md5" is unknown; use sha256, sha512 or sha1`},
		{scheme(Scheme{Encoding: "base32"}), `encoding: "base32" is unknown; use hex or base64`},
		{scheme(Scheme{Payload: "{timestmp}.{body}"}), `payload: "{timestmp}" is no placeholder; use {body}`},
		{scheme(Scheme{Payload: "{body"}), "brace that is not closed; close it"},
		{scheme(Scheme{Payload: "{timestamp}"}), "has no {body}"},
		{scheme(Scheme{Payload: "{svix-id}.{body}"}), "message_id_header:"},
		{scheme(Scheme{SignatureHeader: "x:y"}), "signature_header:"},
		{scheme(Scheme{TimestampHeader: "x y"}), "timestamp_header:"},
		{scheme(Scheme{Tolerance: -time.Second}), "tolerance: -1s is negative; give"},
		{scheme(Scheme{SecretIsBase64: true}), "keys: key 1 is not base64; correct it"},
	}
	for _, tt := range tests {
		_, err := NewVerifier([]Credential{preset(t, "bearer", "ok"), tt.cred})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "credential 2") {
			t.Errorf("got %v, want it to name credential 2 and %q", err, tt.want)
		}
	}
	if _, err := Preset("hmac"); err == nil || !strings.Contains(err.Error(), presetNames) {
		t.Errorf("unknown preset: got %v, want the names that exist", err)
	}
}

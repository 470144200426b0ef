package world_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/hookswitch/hookswitch/internal/config"
	"github.com/hookswitch/hookswitch/internal/world"
)

func secrets(all ...string) config.Secrets {
	var s config.Secrets
	for _, one := range all {
		s = append(s, config.NewSecret(one))
	}
	return s
}

// restart starts the server again with another configuration.
func restart(t *testing.T, w *world.World, change func(*config.Config)) {
	t.Helper()
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Configure(change)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestSecretsRotateWithoutLoss replaces a secret of each kind. The one before stays good for five minutes, which
// count from when its successor was first loaded: neither a restart in between nor one after prolongs them. A
// grace of the operator's own counts likewise.
//
// mission: P2.6
// The address ranges of the doors are in TestDoorsAdmitByAddress.
func TestSecretsRotateWithoutLoss(t *testing.T) {
	body := []byte(`{"message":{"type":"status-update","status":"in-progress","call":{"id":"c1"}}}`)
	sign := func(key string) http.Header {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(body)
		return http.Header{"X-Vapi-Signature": {hex.EncodeToString(mac.Sum(nil))}}
	}
	for _, kind := range []struct {
		name string
		auth func(newest string, before ...string) config.WebhookAuth
		with func(secret string) http.Header
	}{
		{"shared secret", func(newest string, before ...string) config.WebhookAuth {
			return config.WebhookAuth{Secret: secrets(append([]string{newest}, before...)...)}
		}, func(s string) http.Header { return http.Header{"X-Vapi-Secret": {s}} }},
		{"bearer", func(newest string, before ...string) config.WebhookAuth {
			return config.WebhookAuth{Bearer: secrets(append([]string{newest}, before...)...)}
		}, func(s string) http.Header { return http.Header{"Authorization": {"Bearer " + s}} }},
		{"HMAC", func(newest string, before ...string) config.WebhookAuth {
			return config.WebhookAuth{HMAC: &config.HMAC{
				Secret: secrets(newest), Previous: secrets(before...), Algorithm: "sha256", SignatureHeader: "X-Vapi-Signature", Payload: "{body}", Encoding: "hex",
			}}
		}, sign},
	} {
		for _, grace := range []time.Duration{5 * time.Minute, time.Hour} {
			t.Run(kind.name+" "+grace.String(), func(t *testing.T) {
				use := func(newest string, before ...string) func(*config.Config) {
					return func(c *config.Config) {
						if c.SecretGrace != 5*time.Minute && grace == 5*time.Minute {
							t.Errorf("the default grace is %v, want 5m", c.SecretGrace)
						}
						c.SecretGrace = grace
						c.Vapi.WebhookAuth = []config.WebhookAuth{kind.auth(newest, before...)}
					}
				}
				live(t, world.Options{Config: use("the first secret")}, func(t *testing.T, w *world.World) {
					status := func(secret string, want int) {
						t.Helper()
						if got := post(t, w, body, kind.with(secret)); got.status != want {
							t.Errorf("%v after the rotation, %q: got %d, want %d", time.Now(), secret, got.status, want)
						}
					}
					status("the first secret", 200)
					status("the second secret", 401)
					time.Sleep(24 * time.Hour)
					restart(t, w, use("the second secret", "the first secret"))
					began := time.Now()
					status("the first secret", 200)
					status("the second secret", 200)
					time.Sleep(time.Until(began.Add(grace / 2)))
					restart(t, w, use("the second secret", "the first secret"))
					time.Sleep(time.Until(began.Add(grace - time.Second)))
					status("the first secret", 200)
					time.Sleep(time.Until(began.Add(grace + time.Second)))
					status("the first secret", 401)
					status("the second secret", 200)
					restart(t, w, use("the second secret", "the first secret"))
					status("the first secret", 401)
					status("the second secret", 200)
					status("another secret", 401)
				})
			})
		}
	}
}

// TestDoorsAdmitByAddress asks the door of the running server from several addresses. Without a list everyone
// may come whose signature is good; with one, nobody else, whatever they know or claim.
//
// mission-part: P2.6
func TestDoorsAdmitByAddress(t *testing.T) {
	body := []byte(`{"message":{"type":"status-update","status":"in-progress","call":{"id":"c1"}}}`)
	only := func(c *config.Config) {
		c.Doors.Vapi = []netip.Prefix{netip.MustParsePrefix("167.150.224.0/23")}
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	}
	for _, tc := range []struct {
		name      string
		config    func(*config.Config)
		from      string
		forwarded string
		secret    string
		want      int
	}{
		{"off by default", nil, "203.0.113.9:1", "", world.Secret, 200},
		{"in the list", only, "167.150.225.7:1", "", world.Secret, 200},
		{"in the list, without the secret", only, "167.150.225.7:1", "", "guess", 401},
		{"outside, with the secret", only, "203.0.113.9:1", "", world.Secret, 403},
		{"outside, claiming to be inside", only, "203.0.113.9:1", "167.150.225.7", world.Secret, 403},
		{"behind our proxy", only, "10.0.0.1:1", "167.150.225.7", world.Secret, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			live(t, world.Options{Config: tc.config}, func(t *testing.T, w *world.World) {
				for _, path := range []string{"/webhook/vapi", "/webhook"} {
					r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
					r.RemoteAddr = tc.from
					r.Header.Set("X-Vapi-Secret", tc.secret)
					if tc.forwarded != "" {
						r.Header.Set("X-Forwarded-For", tc.forwarded)
					}
					got := httptest.NewRecorder()
					w.App().Handler().ServeHTTP(got, r)
					if got.Code != tc.want {
						t.Errorf("%s from %s: got %d %s, want %d", path, tc.from, got.Code, got.Body, tc.want)
					}
				}
			})
		})
	}
}

package simvapi

import (
	"net/http"
	"testing"
)

// The expected values were computed with another implementation (Python's hmac) over
// {"message":{"type":"status-update"}} at the first instant of 2000, the bubbles' start.
func TestSignaturesEqualIndependentlyComputedOnes(t *testing.T) {
	const key = "topsecret"
	tests := []struct {
		name string
		auth Auth
		want map[string]string
	}{
		{"nothing configured", Auth{}, map[string]string{"X-Vapi-Secret": ""}},
		{"legacy secret", VapiSecret(key), map[string]string{"X-Vapi-Secret": key}},
		{"bearer", BearerToken(key), map[string]string{"Authorization": "Bearer topsecret"}},
		{"bearer as legacy header", Auth{Bearer: &Bearer{Token: key, Header: "X-Vapi-Secret", NoPrefix: true}}, map[string]string{"X-Vapi-Secret": key}},
		{"default", HMACDefault(key), map[string]string{
			"x-timestamp": "946684800000", "x-signature": "419498ac4e0003002b189788ceb9f5c7b7b526466aed9cae5052e49d26aefc33",
		}},
		{"raw body", HMACRawBody(key), map[string]string{
			"x-vapi-signature": "1cdce058fee6c5bc493d45f38963d6a6843a17f9a0effcd39cf614bcd6bc0222",
		}},
		{"sha512 in base64", Auth{HMAC: &HMAC{SecretKey: key, Algorithm: "sha512", Encoding: "base64"}}, map[string]string{
			"x-timestamp": "946684800000", "x-signature": "hZcx++NbtiBlKt4BaP+4Vfa5vZXbW6yF1VEYCmlF35c/TsQOKAoKZTaF8lIi6GfcdkvnQ2FyQ6u3echnuZGGew==",
		}},
		{"sha1, prefix, method and url", Auth{HMAC: &HMAC{
			SecretKey: key, Algorithm: "sha1", SignaturePrefix: "sha1=", PayloadFormat: "{method} {url} {timestamp} {body}", SignatureHeader: "x-hub",
		}}, map[string]string{"x-timestamp": "946684800000", "x-hub": "sha1=feda039b7cd03e99bd170f9972b88a6e8adf8f8b"}},
		{"svix", Svix("dG9wc2VjcmV0"), map[string]string{
			"svix-id": "msg_1", "svix-timestamp": "946684800", "svix-signature": "v1,xJ9UCHZGAWyBVKVPtRUuFTcDAqmeHnadtlafVTv1E1I=",
		}},
		{"timestamp as text", Auth{HMAC: &HMAC{SecretKey: key, TimestampUnit: "iso"}}, map[string]string{
			"x-timestamp": "2000-01-01T00:00:00.000Z", "x-signature": "5dd6fd3fe58e41667edfeae224f263c7f17e99579cc3438842388d0990d13f95",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hook, nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := tt.auth.sign(req, []byte(`{"message":{"type":"status-update"}}`), "msg_1"); err != nil {
					t.Fatal(err)
				}
				for name, want := range tt.want {
					if got, ok := req.Header[http.CanonicalHeaderKey(name)]; !ok || got[0] != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				if len(req.Header) != len(tt.want) {
					t.Errorf("headers %v, want only %v", req.Header, tt.want)
				}
				before := req.Header.Clone()
				forge(req, tt.auth)
				same := true
				for name := range before {
					same = same && req.Header.Get(name) == before.Get(name)
				}
				if same {
					t.Error("a forged request equals the true one")
				}
			})
		})
	}
}

func TestBadCredentialsAreRefused(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hook, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []HMAC{{SecretKey: "a", Algorithm: "md5"}, {SecretKey: "not base64!", SecretIsBase64: true}} {
		if err := h.sign(req, nil, ""); err == nil {
			t.Errorf("%+v: signed, want an error", h)
		}
	}
}

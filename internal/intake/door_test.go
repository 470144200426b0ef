package intake

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestGateAdmitsByAddress(t *testing.T) {
	allow := []netip.Prefix{netip.MustParsePrefix("167.150.224.0/23")}
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tc := range []struct {
		name      string
		gate      Gate
		remote    string
		forwarded []string
		want      bool
	}{
		{"no list lets everyone come", Gate{}, "203.0.113.9:1", nil, true},
		{"in range", Gate{Allow: allow}, "167.150.225.7:1", nil, true},
		{"out of range", Gate{Allow: allow}, "203.0.113.9:1", nil, false},
		{"a stranger's claim is not read", Gate{Allow: allow}, "203.0.113.9:1", []string{"167.150.225.7"}, false},
		{"behind a trusted proxy", Gate{allow, proxy}, "10.1.1.1:1", []string{"167.150.225.7"}, true},
		{"behind two trusted proxies", Gate{allow, proxy}, "10.1.1.1:1", []string{"167.150.225.7, 10.2.2.2"}, true},
		{"the client forged an earlier hop", Gate{allow, proxy}, "10.1.1.1:1", []string{"167.150.225.7, 203.0.113.9"}, false},
		{"hops in two headers", Gate{allow, proxy}, "10.1.1.1:1", []string{"203.0.113.9", "167.150.225.7"}, true},
		{"IPv4 in IPv6", Gate{Allow: allow}, "[::ffff:167.150.225.7]:1", nil, true},
		{"no address", Gate{Allow: allow}, "@", nil, false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/webhook/vapi", nil)
		r.RemoteAddr = tc.remote
		for _, f := range tc.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := tc.gate.Admits(r); got != tc.want {
			t.Errorf("%s: Admits = %v, want %v", tc.name, got, tc.want)
		}
	}
}

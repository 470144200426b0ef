// Package intake hears what others tell us: Vapi's server messages, and later Salesforce's events and
// Twilio's callbacks. Each sender has a door:
//
//	address allowed → at most 1 MiB → sender verified over the raw bytes → decoded → masked → given on
//
// Nothing is parsed before it is verified, and nothing is stored before it is masked. A tool call is
// always answered with HTTP 200, because Vapi ignores any other answer to it.
package intake

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// MaxBody is the most that a door reads of one request, in bytes.
const MaxBody = 1 << 20

// errTooLarge is a body beyond MaxBody; nothing of it is looked at.
var errTooLarge = errors.New("the body is larger than 1 MiB")

// Gate says which addresses may come to a door. An empty Allow lets everyone come: the sender's signature
// is what decides then.
type Gate struct {
	Allow   []netip.Prefix // of clients, not of the trusted proxies before them
	Trusted []netip.Prefix // proxies whose X-Forwarded-For is believed
}

// Admits reports whether the client of r may come in.
func (g Gate) Admits(r *http.Request) bool {
	if len(g.Allow) == 0 {
		return true
	}
	client, err := g.client(r)
	return err == nil && within(client, g.Allow)
}

// client is the address that sent r: the last hop of X-Forwarded-For that no trusted proxy added. Behind
// no trusted proxy the header is a stranger's claim and is not read.
func (g Gate) client(r *http.Request) (netip.Addr, error) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("client address %q: %w", r.RemoteAddr, err)
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("client address %q: %w", r.RemoteAddr, err)
	}
	return g.beyond(peer.Unmap(), r.Header.Values("X-Forwarded-For")), nil
}

// beyond walks back from peer through what the trusted proxies say they forwarded for. The walk ends at a hop
// that is no address: the last one that was is then the nearest to a client that anybody vouches for.
func (g Gate) beyond(peer netip.Addr, forwarded []string) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && within(peer, g.Trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		peer = hop.Unmap()
	}
	return peer
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	for _, p := range ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// readBody reads the whole body, or nothing of one that is too large or was cut short.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var body bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= MaxBody {
		body.Grow(int(n) + bytes.MinRead) // one piece of memory, with the room that ReadFrom wants at the end
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, errTooLarge
	case err != nil:
		return nil, fmt.Errorf("read body: %w", err)
	}
	return body.Bytes(), nil
}

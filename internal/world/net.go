package world

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Net is a network in memory: listeners by host name, connections that are pipes. In a synctest bubble
// its waits are the bubble's, so a script's clock is exact; real sockets would stop virtual time.
type Net struct {
	mu    sync.Mutex
	hosts map[string]*listener
}

// NewNet is a network on which nobody listens.
func NewNet() *Net { return &Net{hosts: make(map[string]*listener)} }

// Listen takes the host's place; a host that is taken is given to the newer listener, as when a server
// restarts on the same address.
func (n *Net) Listen(host string) net.Listener { return n.listen(host, &machine{}) }

func (n *Net) listen(host string, m *machine) net.Listener {
	l := &listener{net: n, host: host, machine: m, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = l
	return l
}

// Dial connects to host, or is refused as a closed port refuses.
func (n *Net) Dial(ctx context.Context, host string) (net.Conn, error) {
	n.mu.Lock()
	l := n.hosts[host]
	n.mu.Unlock()
	if l == nil {
		return nil, refused(host)
	}
	client, server := net.Pipe()
	if !l.machine.holds(server) {
		hangUp(client)
		return nil, refused(host)
	}
	select {
	case l.conns <- &conn{Conn: server, host: host}:
		return &conn{Conn: client, host: host}, nil
	case <-l.closed:
		hangUp(client, server)
		return nil, refused(host)
	case <-ctx.Done():
		hangUp(client, server)
		return nil, ctx.Err()
	}
}

// Client is an HTTP client on this network. It keeps no idle connections past a minute.
func (n *Net) Client() *http.Client {
	return &http.Client{Transport: n.Transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Transport is what Client uses: every host name reaches its listener, whatever the port.
func (n *Net) Transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return n.Dial(ctx, host)
		},
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
	}
}

// hangUp closes ends of pipes. What is at the other end learns of it by reading or writing, as in life; the one
// who hangs up learns nothing, and a pipe's Close never fails.
func hangUp(ends ...net.Conn) {
	for _, c := range ends {
		_ = c.Close()
	}
}

func refused(host string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: addr(host), Err: errors.New("connection refused")}
}

// machine is a computer on the network, whose power can be cut. From then on nothing leaves or reaches it,
// whatever its goroutines still do: in life they would be gone.
type machine struct {
	mu    sync.Mutex
	off   bool
	conns []net.Conn
}

// holds gives the machine one end of a connection. It reports whether the power is on; if not, the end is closed.
func (m *machine) holds(c net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		hangUp(c)
		return false
	}
	m.conns = append(m.conns, c)
	return true
}

func (m *machine) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off = true
	hangUp(m.conns...)
	m.conns = nil
}

// transport reaches the network's hosts from the machine.
func (m *machine) transport(n *Net) *http.Transport {
	t := n.Transport()
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err == nil && !m.holds(c) {
			return nil, errors.New("the power is off")
		}
		return c, err
	}
	return t
}

type listener struct {
	net     *Net
	host    string
	machine *machine
	conns   chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		if l.net.hosts[l.host] == l {
			delete(l.net.hosts, l.host)
		}
	})
	return nil
}

func (l *listener) Addr() net.Addr { return addr(l.host) }

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) + ":443" }

// conn gives a pipe's ends addresses, which net/http reads.
type conn struct {
	net.Conn
	host string
}

func (c *conn) RemoteAddr() net.Addr { return addr(c.host) }
func (c *conn) LocalAddr() net.Addr  { return addr(c.host) }

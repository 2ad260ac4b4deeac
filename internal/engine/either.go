package engine

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/authority"
)

// either is a listener whose clients speak TLS or do not: what they send first
// tells. Docker takes a registry on loopback without TLS; Podman and skopeo want
// TLS there, too, and a certificate that they can verify (slipway engine trust).
type either struct {
	net.Listener
	config *tls.Config
}

// Accept implements net.Listener. It does not wait for what the client sends.
func (l either) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &undecided{Conn: c, config: l.config}, nil
}

// undecided is a connection of which the first byte decides.
type undecided struct {
	net.Conn
	config *tls.Config
	once   sync.Once
	chosen io.ReadWriter
}

// handshake is the type of a TLS record that begins a connection (RFC 8446, 5.1).
const handshake = 0x16

func (c *undecided) choose() io.ReadWriter {
	c.once.Do(func() {
		first := make([]byte, 1)
		n, err := c.Conn.Read(first)
		begun := &beginning{c.Conn, first[:n], err}
		if c.chosen = begun; n == 1 && first[0] == handshake {
			c.chosen = tls.Server(begun, c.config)
		}
	})
	return c.chosen
}

func (c *undecided) Read(p []byte) (int, error)  { return c.choose().Read(p) }
func (c *undecided) Write(p []byte) (int, error) { return c.choose().Write(p) }

// ReadFrom lets the system send files, where there is no TLS.
func (c *undecided) ReadFrom(r io.Reader) (int64, error) {
	if plain, ok := c.choose().(*beginning); ok {
		return io.Copy(plain.Conn, r)
	}
	return io.Copy(c.choose(), r)
}

// beginning is a connection with what was read of it, or the error instead, put
// back.
type beginning struct {
	net.Conn
	first []byte
	err   error
}

func (c *beginning) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(p)
}

// leaf is a certificate for one address, issued when it is first asked for and
// again before it ends.
type leaf struct {
	authority *authority.Authority
	address   string
	now       func() time.Time

	mu   sync.Mutex
	pair *tls.Certificate
}

func (l *leaf) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pair != nil && l.now().Add(24*time.Hour).Before(l.pair.Leaf.NotAfter) {
		return l.pair, nil
	}
	c, err := l.authority.Issue(authority.Request{Names: []string{l.address}, Key: authority.P256})
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(append(c.Certificate, c.Chain...), c.PrivateKey)
	if err != nil {
		return nil, err
	}
	l.pair = &pair
	return l.pair, nil
}

package balancer

import (
	"net"
	"syscall"
)

// alive looks whether a connection that waits for its next request has met its
// end: a target that owes no answer has nothing to say, so whatever can be read
// (an end of file included) ends its use.
func alive(c net.Conn) bool {
	s, ok := rawConn(c)
	if !ok {
		return true
	}
	live := true
	err := s.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		live = n < 0 && (err == syscall.EAGAIN || err == syscall.EINTR)
		return true
	})
	return live && err == nil
}

// rawConn digs for the socket below TLS and tracking.
func rawConn(c net.Conn) (syscall.RawConn, bool) {
	for {
		if t, ok := c.(syscall.Conn); ok {
			s, err := t.SyscallConn()
			return s, err == nil
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil, false
		}
		c = inner.NetConn()
	}
}

// unseen tells whether the target's side has certainly received nothing of the
// request just written.
func (c *backConn) unseen() bool { return false }

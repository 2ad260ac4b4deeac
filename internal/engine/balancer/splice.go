package balancer

import (
	"io"
	"net"
	"time"
)

const (
	// spliceFrom is how much of a body must be left for splicing to pay.
	spliceFrom = 64 << 10
	// splicePiece is moved at a time; a client must take that much within the
	// idle timeout.
	splicePiece = 256 << 10
)

// splice moves the rest of a long body from socket to socket within the kernel,
// where both sides are plain TCP. It returns io.EOF when that was all, and nil
// when it does not apply.
func (x *exchange) splice(a *answer) error {
	body, ok := a.body.(*sized)
	if !ok || body.left < spliceFrom || body.in.ready() {
		return nil
	}
	out, ok := x.out.(*h1Responder)
	if !ok || len(out.buf.b) > 0 {
		return nil
	}
	to, ok := out.h.conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	back, ok := a.owner.(*backConn)
	if !ok {
		return nil
	}
	below, ok := back.Conn.(*trackedConn)
	if !ok {
		return nil
	}
	from, ok := below.Conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	for body.left > 0 {
		deadline := time.Now().Add(x.lb.attributes.IdleTimeout)
		from.SetReadDeadline(deadline)
		to.SetWriteDeadline(deadline)
		n, err := to.ReadFrom(&io.LimitedReader{R: from, N: min(body.left, splicePiece)})
		body.left -= n
		x.returned += n
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	out.armed = time.Time{}
	return io.EOF
}

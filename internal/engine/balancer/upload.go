package balancer

import (
	"io"
	"strconv"
	"sync/atomic"
	"time"
)

func (x *exchange) askForBody() {
	if x.req.ask != nil {
		x.req.ask()
		x.req.ask = nil
	}
}

// upload copies a request's body to a target while the answer is awaited.
type upload struct {
	done   chan struct{}
	ended  time.Time             // valid once done, as is sent
	sent   bool                  // all of the body
	failed atomic.Pointer[error] // reading the client
	// whole: the body has been read to its end. It is set before the last part
	// is sent, so no target can have answered a whole request before it.
	whole atomic.Bool
}

func startUpload(c *backConn, x *exchange, idle time.Duration) *upload {
	x.askForBody()
	up := &upload{done: make(chan struct{})}
	c.SetReadDeadline(time.Time{}) // the answer's time runs from the last byte sent
	x.bal.work.Go(func() {
		defer close(up.done)
		err := up.run(c, x, idle)
		up.ended = time.Now()
		if err != nil {
			up.failed.Store(&err)
			c.close() // ends the wait for an answer too
			return
		}
		c.SetReadDeadline(up.ended.Add(min(idle, watchAfter)))
	})
	return up
}

// run returns what went wrong with reading the client. An error of writing is
// the answer's reader's to see: the target may have answered early.
func (up *upload) run(c *backConn, x *exchange, idle time.Duration) error {
	buf := getBuf()
	defer buf.release()
	b := buf.b[:partSize]
	for {
		n, err := x.req.body.Read(b[chunkRoom : len(b)-2])
		if err == io.EOF {
			up.whole.Store(true)
		} else if err != nil {
			return err
		}
		part := b[chunkRoom : chunkRoom+n]
		if x.req.length < 0 && n > 0 {
			part = frameChunk(b, n)
		}
		if x.req.length < 0 && err == io.EOF {
			part = appendTrailers(append(part, "0\r\n"...), x.req.trailers)
		}
		c.SetWriteDeadline(time.Now().Add(idle))
		if _, werr := c.Write(part); werr != nil {
			return nil
		}
		if err == io.EOF {
			up.sent = true
			return nil
		}
	}
}

// settle waits for the last part to be on its way, and reports whether all is
// sent. A target that answered without reading on is not waited for.
func (up *upload) settle(c *backConn) bool {
	if !up.whole.Load() {
		return false
	}
	select {
	case <-up.done:
	default:
		c.SetWriteDeadline(time.Now().Add(lastPartTime))
		<-up.done
	}
	return up.sent
}

// lastPartTime is how long the last part of a body may take to send after the
// answer has been read.
const lastPartTime = 50 * time.Millisecond

// chunkRoom is what a chunk takes beside its data.
const chunkRoom = 20

// frameChunk makes a chunk of the n bytes at b[chunkRoom:], in place.
func frameChunk(b []byte, n int) []byte {
	var size [chunkRoom]byte
	line := append(strconv.AppendInt(size[:0], int64(n), 16), '\r', '\n')
	from := chunkRoom - len(line)
	copy(b[from:], line)
	copy(b[chunkRoom+n:], "\r\n")
	return b[from : chunkRoom+n+2]
}

func appendTrailers(b []byte, trailers func() fields) []byte {
	if trailers != nil {
		for _, f := range trailers() {
			b = appendField(b, f.name, f.value)
		}
	}
	return append(b, "\r\n"...)
}

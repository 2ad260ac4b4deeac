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
	ended  time.Time             // valid once done
	failed atomic.Pointer[error] // reading the client
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
		if n > 0 {
			part := b[chunkRoom : chunkRoom+n]
			if x.req.length < 0 {
				part = frameChunk(b, n)
			}
			c.SetWriteDeadline(time.Now().Add(idle))
			if _, werr := c.Write(part); werr != nil {
				return nil
			}
		}
		switch {
		case err == io.EOF && x.req.length < 0:
			c.Write(appendTrailers([]byte("0\r\n"), x.req.trailers))
			return nil
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// finished tells whether the whole body was read.
func (up *upload) finished() bool {
	select {
	case <-up.done:
		return up.failed.Load() == nil
	default:
		return false
	}
}

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

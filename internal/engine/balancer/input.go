package balancer

import (
	"bytes"
	"errors"
	"io"
)

// input is a buffered reader of HTTP/1 messages. Its buffer grows for a long
// head and shrinks back after it.
type input struct {
	src  io.Reader
	arm  func() // called before the source is read; nil is nothing
	buf  []byte
	r, w int // buf[r:w] is unread
}

const inputSize = 4 << 10

func newInput(src io.Reader) *input { return &input{src: src, buf: make([]byte, inputSize)} }

// buffered is how much can be read without the source.
func (in *input) buffered() int { return in.w - in.r }

func (in *input) ready() bool { return in.w > in.r }

// fill reads once from the source, growing the buffer up to limit bytes.
func (in *input) fill(limit int) error {
	if in.r == in.w {
		in.r, in.w = 0, 0
		if len(in.buf) > 4*inputSize {
			in.buf = make([]byte, inputSize)
		}
	}
	if in.w == len(in.buf) {
		if in.r > 0 {
			in.w = copy(in.buf, in.buf[in.r:in.w])
			in.r = 0
		} else {
			if len(in.buf) >= limit {
				return errTooLong
			}
			grown := make([]byte, min(2*len(in.buf), limit))
			copy(grown, in.buf[:in.w])
			in.buf = grown
		}
	}
	if in.arm != nil {
		in.arm()
	}
	n, err := in.src.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

var errTooLong = errors.New("longer than allowed")

// head returns a message's head with its empty line, as a string of its own.
// Empty lines before it are skipped, as RFC 9112 section 2.2 asks of servers.
func (in *input) head(limit int) (string, error) {
	seen := 0
	for {
		for in.r < in.w && seen == 0 && (in.buf[in.r] == '\r' || in.buf[in.r] == '\n') {
			in.r++
		}
		if n := headEnd(in.buf[in.r:in.w], seen); n > 0 {
			if n > limit {
				return "", errTooLong
			}
			s := string(in.buf[in.r : in.r+n])
			in.r += n
			return s, nil
		}
		seen = max(0, in.w-in.r-3)
		if in.w-in.r >= limit {
			return "", errTooLong
		}
		if err := in.fill(limit + inputSize); err != nil {
			if err == io.EOF && in.w > in.r {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
	}
}

// headEnd is the length of a head that is complete in b: up to an empty line,
// whether lines end in CRLF or bare LF. from is where to begin looking.
func headEnd(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return 0
		}
		i += j
		switch {
		case i+1 < len(b) && b[i+1] == '\n':
			return i + 2
		case i+2 < len(b) && b[i+1] == '\r' && b[i+2] == '\n':
			return i + 3
		}
	}
	return 0
}

// line returns the next line without its CRLF; a bare LF is refused.
func (in *input) line(limit int) ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(in.buf[in.r+seen:in.w], '\n'); i >= 0 {
			l := in.buf[in.r : in.r+seen+i+1]
			in.r += len(l)
			if len(l) < 2 || l[len(l)-2] != '\r' {
				return nil, errBareLF
			}
			return l[:len(l)-2], nil
		}
		seen = in.w - in.r
		if seen >= limit {
			return nil, errTooLong
		}
		if err := in.fill(limit + inputSize); err != nil {
			return nil, unexpected(err)
		}
	}
}

var errBareLF = errors.New("a line ends without CR")

// Read reads what is buffered first.
func (in *input) Read(p []byte) (int, error) {
	if in.r == in.w {
		if len(p) >= len(in.buf) {
			if in.arm != nil {
				in.arm()
			}
			return in.src.Read(p)
		}
		if err := in.fill(len(in.buf)); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	return n, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sized is a body of a known length.
type sized struct {
	in   *input
	left int64
}

func (s *sized) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.in.Read(p)
	s.left -= int64(n)
	if err == nil && s.left == 0 {
		err = io.EOF
	}
	if err == io.EOF && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (s *sized) ready() bool { return s.in.ready() }

// chunked is a body in the chunked transfer coding. It is read strictly: hex
// sizes, CRLF, no more than a line of extensions, which are dropped.
type chunked struct {
	in       *input
	left     int64 // of the current chunk
	open     bool  // within a chunk, or before the CRLF that ends it
	done     bool
	err      error
	trailers fields
}

const (
	chunkLineLimit = 4 << 10
	trailerLimit   = 16 << 10
)

func (c *chunked) Read(p []byte) (int, error) {
	for c.err == nil && !c.done && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	if c.done {
		return 0, io.EOF
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.in.Read(p)
	c.left -= int64(n)
	if err != nil {
		c.err = unexpected(err)
		return n, c.err
	}
	// A chunk that follows in the buffer is left for the next Read; the end,
	// when it is here already, is told at once.
	if c.left == 0 && c.in.buffered() >= 7 && bytes.HasPrefix(c.in.buf[c.in.r:], []byte("\r\n0\r\n\r\n")) {
		c.in.r += 7
		c.done = true
		return n, io.EOF
	}
	return n, nil
}

func (c *chunked) trailing() fields { return c.trailers }

// ready tells that Read would not wait.
func (c *chunked) ready() bool {
	b := c.in.buf[c.in.r:c.in.w]
	if c.left > 0 {
		return len(b) > 0
	}
	if c.open {
		if !bytes.HasPrefix(b, []byte("\r\n")) {
			return false
		}
		b = b[2:]
	}
	if len(b) > 0 && b[0] == '0' {
		return bytes.HasPrefix(b, []byte("0\r\n\r\n"))
	}
	i := bytes.IndexByte(b, '\n')
	return i >= 0 && i+1 < len(b)
}

// next reads up to the next chunk's data, or the end with its trailers.
func (c *chunked) next() error {
	if c.open {
		if l, err := c.in.line(2); err != nil || len(l) != 0 {
			return cmpErr(err, errBadChunk)
		}
		c.open = false
	}
	l, err := c.in.line(chunkLineLimit)
	if err != nil {
		return err
	}
	size, err := parseChunkSize(l)
	if err != nil {
		return err
	}
	if size > 0 {
		c.left, c.open = size, true
		return nil
	}
	for total := 0; ; {
		l, err := c.in.line(trailerLimit)
		if err != nil {
			return err
		}
		if len(l) == 0 {
			c.done = true
			return nil
		}
		if total += len(l); total > trailerLimit {
			return errTooLong
		}
		f, ok := parseField(string(l))
		if !ok {
			return errBadChunk
		}
		c.trailers = append(c.trailers, f)
	}
}

var errBadChunk = errors.New("malformed chunked body")

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func parseChunkSize(l []byte) (int64, error) {
	if i := bytes.IndexByte(l, ';'); i >= 0 {
		for _, c := range l[i:] {
			if c < ' ' && c != '\t' {
				return 0, errBadChunk
			}
		}
		l = bytes.TrimRight(l[:i], " \t")
	}
	if len(l) == 0 || len(l) > 15 {
		return 0, errBadChunk
	}
	var n int64
	for _, c := range l {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int64(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | int64(c-'a'+10)
		case 'A' <= c && c <= 'F':
			n = n<<4 | int64(c-'A'+10)
		default:
			return 0, errBadChunk
		}
	}
	return n, nil
}

package balancer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const responseHeadLimit = 32 << 10

// untilClose is the length of a body that ends with the connection.
const untilClose = -2

// readAnswer reads a response's head and frames its body. The answer is the
// connection's, and valid until it is finished.
func (c *backConn) readAnswer(x *exchange) (*answer, error) {
	head, err := c.in.head(responseHeadLimit)
	if err != nil {
		return nil, unexpected(err)
	}
	a := &c.answer
	if err := a.parse(head); err != nil {
		return nil, err
	}
	a.owner = c
	switch {
	case a.status == 101:
		if x.req.upgrade == "" {
			return nil, errors.New("switches protocols unasked")
		}
		a.conn, a.in = c.Conn, c.in
	case x.req.method == "HEAD" || a.status < 200 || a.status == 204 || a.status == 304:
		a.length = max(a.length, -1)
	case a.length == -1:
		c.chunked = chunked{in: c.in}
		a.body = &c.chunked
	case a.length == untilClose:
		a.body = c.in
	case a.length > 0:
		c.sized = sized{c.in, a.length}
		a.body = &c.sized
	}
	c.idle, c.armed, c.in.arm = x.lb.attributes.IdleTimeout, time.Time{}, c.armer
	return a, nil
}

// arm moves the deadline on as an answer's body comes in.
func (c *backConn) arm() {
	if now := time.Now(); now.Sub(c.armed) > c.idle/64 {
		c.SetDeadline(now.Add(c.idle))
		c.armed = now
	}
}

// parse reads a response's head. The length is −1 for chunked bodies and
// untilClose where nothing else tells.
func (a *answer) parse(head string) error {
	line, rest := cutLine(head)
	if len(line) < 12 || line[:7] != "HTTP/1." || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return fmt.Errorf("malformed status line %.40q", line)
	}
	status, err := strconv.Atoi(line[9:12])
	if err != nil || status < 100 {
		return fmt.Errorf("malformed status line %.40q", line)
	}
	*a = answer{status: status, length: untilClose, fields: a.fields[:0]}
	if len(line) > 13 && isValue(line[13:]) {
		a.reason = line[13:]
	}
	old, sawLength := line[7] == '0', false
	for rest != "\r\n" && rest != "\n" {
		line, rest = cutLine(rest)
		f, ok := parseField(line)
		if !ok {
			return fmt.Errorf("malformed header %.40q", line)
		}
		switch {
		case len(f.name) == 14 && equalFold(f.name, "Content-Length"):
			n, ok := digits(f.value)
			if !ok || sawLength && n != a.length {
				return fmt.Errorf("malformed Content-Length %.40q", f.value)
			}
			if a.length != -1 {
				a.length, sawLength = n, true
			}
		case len(f.name) == 17 && equalFold(f.name, "Transfer-Encoding"):
			if !equalFold(f.value, "chunked") {
				if equalFold(f.value, "identity") {
					continue
				}
				return fmt.Errorf("unsupported Transfer-Encoding %.40q", f.value)
			}
			a.length = -1
		default:
			a.fields = append(a.fields, f)
		}
	}
	if old && !a.fields.token("Connection", "keep-alive") {
		a.fields = append(a.fields, field{"Connection", "close"})
	}
	return nil
}

// cutLine cuts the first line off a head; lines end in CRLF or LF.
func cutLine(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return s, ""
	}
	line, rest = s[:i], s[i+1:]
	return strings.TrimSuffix(line, "\r"), rest
}

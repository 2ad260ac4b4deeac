package wire

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// maxDepth bounds how deep a request may be nested; the deepest model has 11.
const maxDepth = 64

// jsonReader reads one JSON text, strictly by RFC 8259. What it makes of the
// values is json_decode.go's.
type jsonReader struct {
	text  []byte
	at    int
	depth int
	// scratch holds the last string that had escapes.
	scratch []byte
}

// serialization is the error for a text that is not JSON or not what the model
// says, in the words that AWS's services share.
func serialization(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf("SerializationException", 400, format, args...)
}

func (r *jsonReader) fail(what string) error {
	return serialization("%s at offset %d of the request", what, r.at)
}

// peek is the next byte that is no space, 0 at the end.
func (r *jsonReader) peek() byte {
	for r.at < len(r.text) {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) expect(c byte) error {
	if r.peek() != c {
		return r.fail("expected '" + string(rune(c)) + "'")
	}
	r.at++
	return nil
}

// literal reads true, false or null if it stands next.
func (r *jsonReader) literal(word string) bool {
	r.peek()
	if len(r.text)-r.at < len(word) || string(r.text[r.at:r.at+len(word)]) != word {
		return false
	}
	r.at += len(word)
	return true
}

func (r *jsonReader) null() bool { return r.peek() == 'n' && r.literal("null") }

// open reads the start of an object or array. Then next tells, before each
// member or element, whether there is one.
func (r *jsonReader) open(c byte) error {
	if r.depth++; r.depth > maxDepth {
		return r.fail("nested too deeply")
	}
	return r.expect(c)
}

func (r *jsonReader) next(end byte, first bool) (bool, error) {
	c := r.peek()
	switch {
	case c == end:
		r.at++
		r.depth--
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, r.fail("expected ',' or '" + string(rune(end)) + "'")
	}
	r.at++
	if r.peek() == end {
		return false, r.fail("expected a value")
	}
	return true, nil
}

// key reads a member's name and the colon. The bytes are good until the next
// string is read.
func (r *jsonReader) key() ([]byte, error) {
	name, err := r.str()
	if err != nil {
		return nil, err
	}
	return name, r.expect(':')
}

// str reads a string. The bytes are good until the next one is read.
func (r *jsonReader) str() ([]byte, error) {
	if err := r.expect('"'); err != nil {
		return nil, err
	}
	start := r.at
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			s := r.text[start:r.at]
			r.at++
			return s, r.utf8(s)
		case c == '\\':
			r.scratch = append(r.scratch[:0], r.text[start:r.at]...)
			return r.escaped()
		case c < ' ':
			return nil, r.fail("a control character stands in a string")
		}
		r.at++
	}
	return nil, r.fail("a string does not end")
}

func (r *jsonReader) utf8(s []byte) error {
	if !utf8.Valid(s) {
		return r.fail("a string is not UTF-8")
	}
	return nil
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads on in a string that has escapes.
func (r *jsonReader) escaped() ([]byte, error) {
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		switch {
		case c == '"':
			return r.scratch, r.utf8(r.scratch)
		case c < ' ':
			return nil, r.fail("a control character stands in a string")
		case c != '\\':
			r.scratch = append(r.scratch, c)
		default:
			if err := r.escape(); err != nil {
				return nil, err
			}
		}
	}
	return nil, r.fail("a string does not end")
}

// escape reads what follows a backslash.
func (r *jsonReader) escape() error {
	if r.at >= len(r.text) {
		return r.fail("a string does not end")
	}
	c := r.text[r.at]
	r.at++
	if c != 'u' {
		if escapes[c] == 0 {
			return r.fail("unknown escape")
		}
		r.scratch = append(r.scratch, escapes[c])
		return nil
	}
	u, err := r.hex()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(u) {
		u = r.pair(u)
	}
	r.scratch = utf8.AppendRune(r.scratch, u)
	return nil
}

// pair is the character of a surrogate and the one that may follow it.
func (r *jsonReader) pair(high rune) rune {
	back := r.at
	if len(r.text)-r.at >= 6 && r.text[r.at] == '\\' && r.text[r.at+1] == 'u' {
		r.at += 2
		if low, err := r.hex(); err == nil {
			if u := utf16.DecodeRune(high, low); u != utf8.RuneError {
				return u
			}
		}
	}
	r.at = back
	return utf8.RuneError
}

func (r *jsonReader) hex() (rune, error) {
	if len(r.text)-r.at < 4 {
		return 0, r.fail("a \\u escape does not end")
	}
	n, err := strconv.ParseUint(string(r.text[r.at:r.at+4]), 16, 16)
	if err != nil {
		return 0, r.fail("a \\u escape has no four digits")
	}
	r.at += 4
	return rune(n), nil
}

// number reads a number's text.
func (r *jsonReader) number() ([]byte, error) {
	r.peek()
	start := r.at
	r.take("-")
	if !r.take("0") && !r.digits() {
		return nil, r.fail("expected a value")
	}
	if r.take(".") && !r.digits() {
		return nil, r.fail("expected digits")
	}
	if r.take("eE") {
		r.take("+-")
		if !r.digits() {
			return nil, r.fail("expected digits")
		}
	}
	return r.text[start:r.at], nil
}

func (r *jsonReader) take(any string) bool {
	if r.at >= len(r.text) || strings.IndexByte(any, r.text[r.at]) < 0 {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) digits() bool {
	from := r.at
	for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
		r.at++
	}
	return r.at > from
}

// skip reads any value and forgets it.
func (r *jsonReader) skip() error {
	switch r.peek() {
	case '{':
		return r.skipAll('{', '}')
	case '[':
		return r.skipAll('[', ']')
	case '"':
		_, err := r.str()
		return err
	case 't', 'f', 'n':
		if r.literal("true") || r.literal("false") || r.literal("null") {
			return nil
		}
		return r.fail("expected a value")
	}
	_, err := r.number()
	return err
}

func (r *jsonReader) skipAll(start, end byte) error {
	if err := r.open(start); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.next(end, first)
		if err != nil || !more {
			return err
		}
		if start == '{' {
			if _, err := r.key(); err != nil {
				return err
			}
		}
		if err := r.skip(); err != nil {
			return err
		}
	}
}

// any reads any value as encoding/json would.
func (r *jsonReader) any() (any, error) {
	switch r.peek() {
	case '{':
		return r.anyObject()
	case '[':
		return r.anyArray()
	case '"':
		s, err := r.str()
		return string(s), err
	case 't', 'f', 'n':
		switch {
		case r.literal("true"):
			return true, nil
		case r.literal("false"):
			return false, nil
		case r.literal("null"):
			return nil, nil
		}
		return nil, r.fail("expected a value")
	}
	s, err := r.number()
	if err != nil {
		return nil, err
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil {
		return nil, r.fail("a number is out of range")
	}
	return f, nil
}

func (r *jsonReader) anyObject() (any, error) {
	if err := r.open('{'); err != nil {
		return nil, err
	}
	object := map[string]any{}
	for first := true; ; first = false {
		more, err := r.next('}', first)
		if err != nil || !more {
			return object, err
		}
		name, err := r.key()
		if err != nil {
			return nil, err
		}
		key := string(name)
		if object[key], err = r.any(); err != nil {
			return nil, err
		}
	}
}

func (r *jsonReader) anyArray() (any, error) {
	if err := r.open('['); err != nil {
		return nil, err
	}
	array := []any{}
	for first := true; ; first = false {
		more, err := r.next(']', first)
		if err != nil || !more {
			return array, err
		}
		v, err := r.any()
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
}

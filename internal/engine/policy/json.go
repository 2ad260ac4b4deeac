package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// A document is refused beyond these; IAM's own limits are lower (131,072
// characters is the longest that its API takes, and no element nests deeper
// than six).
const (
	maxSize  = 131_072
	maxDepth = 8
)

// node is a JSON value that knows where it stands: encoding/json's own decoding
// forgets positions and keeps the last of duplicate keys, which IAM refuses.
type node struct {
	kind       kind
	start, end int // offsets in the text
	text       string
	members    []member
	items      []node
}

type member struct {
	name  string
	start int
	value node
}

type kind byte

const (
	aNull kind = iota
	aBool
	aNumber
	aString
	anArray
	anObject
)

// reader turns a text into nodes.
type reader struct {
	text []byte
	dec  *json.Decoder
	line lineFinder
}

// readJSON parses the whole text.
func readJSON(text []byte) (node, *reader, error) {
	r := &reader{text: text, line: lineFinder{text: text, line: 1}}
	switch {
	case len(text) > maxSize:
		return node{}, r, r.broken(maxSize, "longer than %d bytes", maxSize)
	case !utf8.Valid(text):
		return node{}, r, r.broken(invalidUTF8(text), "not UTF-8")
	}
	r.dec = json.NewDecoder(bytes.NewReader(text))
	r.dec.UseNumber()
	root, err := r.value(0)
	if err != nil {
		return node{}, r, err
	}
	if rest := r.next(); rest < len(text) {
		return node{}, r, r.broken(rest, "text after the end of the document")
	}
	return root, r, nil
}

func (r *reader) value(depth int) (node, error) {
	start := r.next()
	token, err := r.dec.Token()
	if err != nil {
		return node{}, r.syntax(start, err)
	}
	n := node{start: start}
	switch token := token.(type) {
	case json.Delim:
		if depth++; depth > maxDepth {
			return node{}, r.broken(start, "nested deeper than %d", maxDepth)
		}
		if token == '{' {
			n.kind = anObject
			err = r.object(&n, depth)
		} else {
			n.kind = anArray
			err = r.array(&n, depth)
		}
		if err != nil {
			return node{}, err
		}
	case string:
		n.kind, n.text = aString, token
	case json.Number:
		n.kind, n.text = aNumber, token.String()
	case bool:
		n.kind, n.text = aBool, fmt.Sprint(token)
	}
	n.end = int(r.dec.InputOffset())
	return n, nil
}

func (r *reader) object(n *node, depth int) error {
	seen := map[string]bool{}
	for r.dec.More() {
		start := r.next()
		name, err := r.dec.Token()
		if err != nil {
			return r.syntax(start, err)
		}
		key := name.(string) // the decoder takes nothing else here
		if seen[key] {
			return r.malformed(start, syntaxErrors, "%q appears twice", key)
		}
		seen[key] = true
		value, err := r.value(depth)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{key, start, value})
	}
	return r.close()
}

func (r *reader) array(n *node, depth int) error {
	for r.dec.More() {
		item, err := r.value(depth)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	return r.close()
}

// close takes the closing bracket.
func (r *reader) close() error {
	if _, err := r.dec.Token(); err != nil {
		return r.syntax(r.next(), err)
	}
	return nil
}

// next is the offset of the next token.
func (r *reader) next() int {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[at]) >= 0 {
		at++
	}
	return at
}

func (r *reader) syntax(at int, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// The offset is that of the byte after the offending one.
		return r.broken(max(at, int(syntax.Offset)-1), "%v", err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.broken(len(r.text), "the document ends too early")
	}
	return r.broken(at, "%v", err)
}

// broken is the error for a text that is not JSON at all.
func (r *reader) broken(at int, format string, args ...any) error {
	err := r.malformed(at, syntaxErrors, format, args...)
	err.notJSON = true
	return err
}

func (r *reader) malformed(at int, words, format string, args ...any) *Malformed {
	return &Malformed{Message: words, Reason: fmt.Sprintf(format, args...), At: r.line.position(at)}
}

func invalidUTF8(text []byte) int {
	for at := 0; at < len(text); {
		c, size := utf8.DecodeRune(text[at:])
		if c == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return len(text)
}

// lineFinder turns offsets into positions; it goes on from the last one asked
// for, so that asking in order costs one pass over the text.
type lineFinder struct {
	text         []byte
	at           int
	line, column int // column before the character at
}

func (f *lineFinder) position(at int) Position {
	at = min(at, len(f.text))
	if at < f.at {
		f.at, f.line, f.column = 0, 1, 0
	}
	for f.at < at {
		c, size := utf8.DecodeRune(f.text[f.at:])
		f.at += size
		f.column++
		if c == '\n' {
			f.line++
			f.column = 0
		}
	}
	return Position{f.line, f.column + 1}
}

package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// maxDepth bounds how deep a request may be nested.
const maxDepth = 64

// jsonReader reads one JSON text straight into generated types. Unknown members
// are skipped, null is as good as absent, of a member that stands twice the
// last one counts.
type jsonReader struct {
	text  []byte
	at    int
	depth int
}

// serialization is the error for a text that is not what the model says.
func serialization(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf("SerializationException", 400, format, args...)
}

func (r *jsonReader) fail(what string) error {
	return serialization("%s at offset %d of the request", what, r.at)
}

func (r *jsonReader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// peek is the next byte that is no space, 0 at the end.
func (r *jsonReader) peek() byte {
	r.space()
	if r.at < len(r.text) {
		return r.text[r.at]
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

func (r *jsonReader) literal(word string) bool {
	if len(r.text)-r.at >= len(word) && string(r.text[r.at:r.at+len(word)]) == word {
		r.at += len(word)
		return true
	}
	return false
}

func (r *jsonReader) enter() error {
	if r.depth++; r.depth > maxDepth {
		return r.fail("nested too deeply")
	}
	return nil
}

// members reads an object, giving each key to one, which reads the value.
func (r *jsonReader) members(one func(key string) error) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer func() { r.depth-- }()
	if err := r.expect('{'); err != nil {
		return err
	}
	if r.peek() == '}' {
		r.at++
		return nil
	}
	for {
		key, err := r.str()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		if err := one(key); err != nil {
			return err
		}
		if r.peek() == ',' {
			r.at++
			continue
		}
		return r.expect('}')
	}
}

// elements reads an array, calling one before each element.
func (r *jsonReader) elements(one func() error) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer func() { r.depth-- }()
	if err := r.expect('['); err != nil {
		return err
	}
	if r.peek() == ']' {
		r.at++
		return nil
	}
	for {
		if err := one(); err != nil {
			return err
		}
		if r.peek() == ',' {
			r.at++
			continue
		}
		return r.expect(']')
	}
}

// str reads a string.
func (r *jsonReader) str() (string, error) {
	if err := r.expect('"'); err != nil {
		return "", err
	}
	start := r.at
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			s := r.text[start:r.at]
			r.at++
			if !utf8.Valid(s) {
				return "", r.fail("a string is not UTF-8")
			}
			return string(s), nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", r.fail("a control character stands in a string")
		}
		r.at++
	}
	return "", r.fail("a string does not end")
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped reads on in a string that has an escape.
func (r *jsonReader) escaped(start int) (string, error) {
	out := append([]byte(nil), r.text[start:r.at]...)
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				return "", r.fail("a string is not UTF-8")
			}
			return string(out), nil
		case c < ' ':
			return "", r.fail("a control character stands in a string")
		case c != '\\':
			out = append(out, c)
		case r.at >= len(r.text):
			return "", r.fail("a string does not end")
		case r.text[r.at] == 'u':
			r.at++
			u, err := r.unicode()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, u)
		default:
			e := escapes[r.text[r.at]]
			if e == 0 {
				return "", r.fail("unknown escape")
			}
			out = append(out, e)
			r.at++
		}
	}
	return "", r.fail("a string does not end")
}

// unicode reads the digits of a \u escape, and its pair if it has one.
func (r *jsonReader) unicode() (rune, error) {
	u, err := r.hex()
	if err != nil || !utf16.IsSurrogate(u) {
		return u, err
	}
	back := r.at
	if r.literal(`\u`) {
		low, err := r.hex()
		if err != nil {
			return 0, err
		}
		if pair := utf16.DecodeRune(u, low); pair != utf8.RuneError {
			return pair, nil
		}
		r.at = back
	}
	return utf8.RuneError, nil
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
func (r *jsonReader) number() (string, error) {
	r.space()
	start := r.at
	digits := func() bool {
		from := r.at
		for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
			r.at++
		}
		return r.at > from
	}
	next := func(set ...byte) bool {
		for _, c := range set {
			if r.at < len(r.text) && r.text[r.at] == c {
				r.at++
				return true
			}
		}
		return false
	}
	next('-')
	if !next('0') && !digits() {
		return "", r.fail("expected a number")
	}
	if next('.') && !digits() {
		return "", r.fail("expected digits")
	}
	if next('e', 'E') {
		next('+', '-')
		if !digits() {
			return "", r.fail("expected digits")
		}
	}
	return string(r.text[start:r.at]), nil
}

// any reads any value; skip is the same without keeping it.
func (r *jsonReader) any() (any, error) {
	switch c := r.peek(); c {
	case '{':
		m := map[string]any{}
		return m, r.members(func(key string) (err error) { m[key], err = r.any(); return err })
	case '[':
		list := []any{}
		err := r.elements(func() error {
			v, err := r.any()
			list = append(list, v)
			return err
		})
		return list, err
	case '"':
		return r.str()
	case 't', 'f', 'n':
		for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
			if r.literal(word) {
				return v, nil
			}
		}
		return nil, r.fail("expected a value")
	default:
		s, err := r.number()
		if err != nil {
			return nil, err
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, r.fail("a number is out of range")
		}
		return f, nil
	}
}

// into reads a value of the plan into v, which is settable and no pointer.
func (r *jsonReader) into(v reflect.Value, p *plan) error {
	switch p.shape.Kind {
	case awsapi.Structure:
		return r.members(func(key string) error {
			i, known := p.byName[key]
			if !known {
				_, err := r.any()
				return err
			}
			return r.field(v, &p.fields[i])
		})
	case awsapi.List:
		return r.list(v, p)
	case awsapi.Map:
		return r.mapping(v, p)
	case awsapi.Document:
		doc, err := r.any()
		if doc != nil {
			v.Set(reflect.ValueOf(doc))
		}
		return err
	}
	return r.scalar(v, p)
}

func (r *jsonReader) field(v reflect.Value, f *field) error {
	fv := v.Field(f.at)
	if r.peek() == 'n' && r.literal("null") {
		fv.SetZero()
		return nil
	}
	if !f.pointer {
		return r.into(fv, f.plan)
	}
	p := reflect.New(f.plan.typ)
	if err := r.into(p.Elem(), f.plan); err != nil {
		return err
	}
	fv.Set(p)
	return nil
}

func (r *jsonReader) list(v reflect.Value, p *plan) error {
	v.Set(reflect.MakeSlice(p.typ, 0, 0))
	return r.elements(func() error {
		if r.peek() == 'n' && r.literal("null") {
			return nil
		}
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		return r.into(v.Index(n), p.elem)
	})
}

func (r *jsonReader) mapping(v reflect.Value, p *plan) error {
	v.Set(reflect.MakeMap(p.typ))
	return r.members(func(key string) error {
		if r.peek() == 'n' && r.literal("null") {
			return nil
		}
		one := reflect.New(p.value.typ).Elem()
		if err := r.into(one, p.value); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(p.typ.Key()), one)
		return nil
	})
}

func (r *jsonReader) scalar(v reflect.Value, p *plan) error {
	kind, start := p.shape.Kind, r.peek()
	switch kind {
	case awsapi.String, awsapi.Blob:
		if start != '"' {
			return r.fail("expected a string")
		}
		s, err := r.str()
		if err != nil {
			return err
		}
		if kind == awsapi.String {
			v.SetString(s)
			return nil
		}
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return r.fail("expected base64")
		}
		v.SetBytes(b)
		return nil
	case awsapi.Boolean:
		switch {
		case r.literal("true"):
			v.SetBool(true)
		case r.literal("false"):
			v.SetBool(false)
		default:
			return r.fail("expected true or false")
		}
		return nil
	case awsapi.Timestamp:
		return r.timestamp(v, start)
	}
	s, err := r.number()
	if err != nil {
		return err
	}
	return r.numeric(v, kind, s)
}

func (r *jsonReader) timestamp(v reflect.Value, start byte) error {
	var t time.Time
	var err error
	if start == '"' {
		var s string
		if s, err = r.str(); err == nil {
			t, err = parseTime(s)
		}
	} else {
		var s string
		if s, err = r.number(); err == nil {
			t, err = parseTime(s)
		}
	}
	if err != nil {
		return r.fail("expected a timestamp")
	}
	v.Set(reflect.ValueOf(t))
	return nil
}

func (r *jsonReader) numeric(v reflect.Value, kind awsapi.Kind, s string) error {
	if kind == awsapi.Float {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return r.fail("a number is out of range")
		}
		v.SetFloat(f)
		return nil
	}
	n, err := parseInt(s, kind)
	if err != nil {
		return r.fail("expected a whole number in range")
	}
	v.SetInt(n)
	return nil
}

// parseInt reads a whole number of the kind; "3.0" and "3e0" are whole too.
func parseInt(s string, kind awsapi.Kind) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, strconv.ErrSyntax
		}
		n = int64(f)
	}
	if kind == awsapi.Integer && (n < math.MinInt32 || n > math.MaxInt32) {
		return 0, strconv.ErrRange
	}
	return n, nil
}

// parseTime reads a timestamp: seconds since 1970, or ISO 8601.
func parseTime(s string) (time.Time, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if math.IsNaN(f) || math.Abs(f) > 1e12 {
			return time.Time{}, strconv.ErrRange
		}
		return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02", time.RFC1123} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, strconv.ErrSyntax
}

// decodeJSON reads a JSON request. An empty body is an empty object.
func decodeJSON(body []byte, v reflect.Value, p *plan) error {
	r := jsonReader{text: body}
	if r.peek() == 0 && r.at >= len(body) {
		return nil
	}
	var err error
	if p != nil {
		err = r.into(v, p)
	} else {
		_, err = r.any()
	}
	if err == nil && (r.peek() != 0 || r.at < len(body)) {
		err = r.fail("something follows the object")
	}
	return err
}

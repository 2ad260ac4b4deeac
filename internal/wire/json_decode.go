package wire

import (
	"encoding/base64"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// decodeJSON reads a JSON request into v. An empty body is an empty object;
// unknown members are skipped, as AWS does; null is as good as absent; of a
// member that stands twice the last one counts.
func decodeJSON(body []byte, v reflect.Value, p *plan) error {
	r := jsonReader{text: body}
	if r.peek() == 0 && r.at >= len(body) {
		return nil
	}
	err := r.body(v, p)
	if err == nil && (r.peek() != 0 || r.at < len(body)) {
		err = r.fail("something follows the object")
	}
	return err
}

func (r *jsonReader) body(v reflect.Value, p *plan) error {
	if r.peek() != '{' {
		return r.mismatch("Structure")
	}
	if p == nil {
		return r.skip()
	}
	return r.structure(v, p)
}

// mismatch is the error for a value that is not of the kind.
func (r *jsonReader) mismatch(kind string) error {
	token := ""
	switch c := r.peek(); {
	case c == '{':
		return serialization("Start of structure or map found where not expected.")
	case c == '[':
		return serialization("Start of list found where not expected")
	case c == '"':
		token = "STRING_VALUE"
	case c == 't':
		token = "TRUE_VALUE"
	case c == 'f':
		token = "FALSE_VALUE"
	case c == 'n':
		token = "NULL_VALUE"
	case c == '-' || '0' <= c && c <= '9':
		token = "NUMBER_VALUE"
	default:
		return r.fail("expected a value")
	}
	return serialization("%s cannot be converted to %s", token, kind)
}

var kindNames = [...]string{
	awsapi.Structure: "Structure", awsapi.List: "List", awsapi.Map: "Map", awsapi.String: "String", awsapi.Integer: "Integer", awsapi.Long: "Long",
	awsapi.Float: "Double", awsapi.Boolean: "Boolean", awsapi.Timestamp: "Date", awsapi.Blob: "Blob", awsapi.Document: "Document",
}

func (r *jsonReader) structure(v reflect.Value, p *plan) error {
	if err := r.open('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.next('}', first)
		if err != nil || !more {
			return err
		}
		name, err := r.key()
		if err != nil {
			return err
		}
		if f := p.byName[string(name)]; f != nil {
			err = r.field(v.Field(f.at), f)
		} else {
			err = r.skip()
		}
		if err != nil {
			return err
		}
	}
}

// field reads a member. The common kinds go without reflection.
func (r *jsonReader) field(v reflect.Value, f *field) (err error) {
	if r.null() {
		v.SetZero()
		return nil
	}
	switch to := v.Addr().Interface().(type) {
	case **string:
		*to, err = pointer(r.stringOf(f.plan))
	case **int:
		*to, err = pointer(r.intOf(f.plan.shape.Kind))
	case **bool:
		*to, err = pointer(r.boolean())
	default:
		if !f.pointer {
			return r.value(v, f.plan)
		}
		target := reflect.New(f.plan.typ)
		if err = r.value(target.Elem(), f.plan); err == nil {
			v.Set(target)
		}
	}
	return err
}

func pointer[T any](v T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// value reads a value that is not null into v, which is no pointer.
func (r *jsonReader) value(v reflect.Value, p *plan) error {
	switch kind, c := p.shape.Kind, r.peek(); kind {
	case awsapi.Structure:
		if c != '{' {
			return r.mismatch(kindNames[kind])
		}
		return r.structure(v, p)
	case awsapi.List:
		if c != '[' {
			return r.mismatch(kindNames[kind])
		}
		return r.list(v, p)
	case awsapi.Map:
		if c != '{' {
			return r.mismatch(kindNames[kind])
		}
		return r.mapping(v, p)
	case awsapi.String:
		s, err := r.stringOf(p)
		v.SetString(s)
		return err
	case awsapi.Integer, awsapi.Long:
		n, err := r.intOf(kind)
		v.SetInt(int64(n))
		return err
	case awsapi.Boolean:
		b, err := r.boolean()
		v.SetBool(b)
		return err
	case awsapi.Float:
		f, err := r.float()
		v.SetFloat(f)
		return err
	case awsapi.Timestamp:
		t, err := r.timestamp()
		v.Set(reflect.ValueOf(t))
		return err
	case awsapi.Blob:
		b, err := r.blob()
		v.SetBytes(b)
		return err
	}
	doc, err := r.any()
	if doc != nil {
		v.Set(reflect.ValueOf(doc))
	}
	return err
}

// list reads an array; null elements are left out.
func (r *jsonReader) list(v reflect.Value, p *plan) error {
	if err := r.open('['); err != nil {
		return err
	}
	v.Set(p.empty)
	for first := true; ; first = false {
		more, err := r.next(']', first)
		if err != nil || !more {
			return err
		}
		if r.null() {
			continue
		}
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		if err := r.value(v.Index(n), p.elem); err != nil {
			return err
		}
	}
}

// mapping reads an object as a map; null values are left out.
func (r *jsonReader) mapping(v reflect.Value, p *plan) error {
	if err := r.open('{'); err != nil {
		return err
	}
	v.Set(reflect.MakeMap(p.typ))
	for first := true; ; first = false {
		more, err := r.next('}', first)
		if err != nil || !more {
			return err
		}
		name, err := r.key()
		if err != nil {
			return err
		}
		key := reflect.ValueOf(string(name))
		if r.null() {
			continue
		}
		one := reflect.New(p.value.typ).Elem()
		if err := r.value(one, p.value); err != nil {
			return err
		}
		v.SetMapIndex(key, one)
	}
}

// stringOf reads a string; of a small enum it is the model's own string.
func (r *jsonReader) stringOf(p *plan) (string, error) {
	if r.peek() != '"' {
		return "", r.mismatch("String")
	}
	s, err := r.str()
	if err != nil {
		return "", err
	}
	if enum := p.shape.Enum; len(enum) < 50 {
		for _, known := range enum {
			if known == string(s) {
				return known, nil
			}
		}
	}
	return string(s), nil
}

func (r *jsonReader) boolean() (bool, error) {
	switch c := r.peek(); {
	case c == 't' && r.literal("true"):
		return true, nil
	case c == 'f' && r.literal("false"):
		return false, nil
	}
	return false, r.mismatch("Boolean")
}

// digit tells whether a number stands next.
func (r *jsonReader) digit() bool {
	c := r.peek()
	return c == '-' || '0' <= c && c <= '9'
}

func (r *jsonReader) intOf(kind awsapi.Kind) (int, error) {
	if !r.digit() {
		return 0, r.mismatch(kindNames[kind])
	}
	s, err := r.number()
	if err != nil {
		return 0, err
	}
	n, err := parseInt(string(s), kind)
	if err != nil {
		return 0, serialization("NUMBER_VALUE cannot be converted to %s", kindNames[kind])
	}
	return n, nil
}

func (r *jsonReader) float() (float64, error) {
	if r.peek() == '"' {
		return r.noNumber()
	}
	if !r.digit() {
		return 0, r.mismatch("Double")
	}
	s, err := r.number()
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil {
		return 0, serialization("NUMBER_VALUE cannot be converted to Double")
	}
	return f, nil
}

// noNumber reads what JSON has no number for.
func (r *jsonReader) noNumber() (float64, error) {
	s, err := r.str()
	if err != nil {
		return 0, err
	}
	switch string(s) {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return 0, serialization("STRING_VALUE cannot be converted to Double")
}

func (r *jsonReader) timestamp() (t time.Time, err error) {
	var s []byte
	switch {
	case r.digit():
		s, err = r.number()
	case r.peek() == '"':
		s, err = r.str()
	default:
		err = r.mismatch("Date")
	}
	if err != nil {
		return t, err
	}
	if t, err = parseTime(string(s)); err != nil {
		return t, serialization("the value cannot be converted to Date")
	}
	return t, nil
}

func (r *jsonReader) blob() ([]byte, error) {
	if r.peek() != '"' {
		return nil, r.mismatch("Blob")
	}
	s, err := r.str()
	if err != nil {
		return nil, err
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(b, s)
	if err != nil {
		return nil, serialization("STRING_VALUE cannot be converted to Blob")
	}
	return b[:n], nil
}

// parseInt reads a whole number of the kind. "3.0" and "3e0" are whole too.
func parseInt(s string, kind awsapi.Kind) (int, error) {
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
	return int(n), nil
}

package wire

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// appendJSON writes v, which is no pointer.
func appendJSON(b []byte, v reflect.Value, p *plan) []byte {
	switch p.shape.Kind {
	case awsapi.Structure:
		return appendObject(b, v, p)
	case awsapi.List:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, v.Index(i), p.elem)
		}
		return append(b, ']')
	case awsapi.Map:
		return appendMap(b, v, p)
	case awsapi.Document:
		text, err := json.Marshal(v.Interface())
		if err != nil {
			text = []byte("{}")
		}
		return append(b, text...)
	case awsapi.String:
		return appendString(b, v.String())
	case awsapi.Blob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"')
	case awsapi.Boolean:
		return strconv.AppendBool(b, v.Bool())
	case awsapi.Timestamp:
		return appendEpoch(b, *v.Addr().Interface().(*time.Time))
	case awsapi.Float:
		return appendFloat(b, v.Float())
	}
	return strconv.AppendInt(b, v.Int(), 10)
}

func appendObject(b []byte, v reflect.Value, p *plan) []byte {
	b = append(b, '{')
	first := true
	for i := range p.fields {
		f := &p.fields[i]
		fv, present := presentField(v, f)
		if !present {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, f.jsonKey...)
		b = appendJSON(b, fv, f.plan)
	}
	return append(b, '}')
}

// presentField is a member's value and whether it is there: nil and the enum ""
// are absent, empty lists and maps are not.
func presentField(v reflect.Value, f *field) (reflect.Value, bool) {
	fv := v.Field(f.at)
	if f.pointer {
		if fv.IsNil() {
			return fv, false
		}
		return fv.Elem(), true
	}
	switch fv.Kind() {
	case reflect.String:
		return fv, fv.Len() > 0
	default:
		return fv, !fv.IsNil()
	}
}

func appendMap(b []byte, v reflect.Value, p *plan) []byte {
	b = append(b, '{')
	for i, k := range sortedKeys(v) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k.String())
		b = append(b, ':')
		b = appendJSON(b, addressable(v.MapIndex(k)), p.value)
	}
	return append(b, '}')
}

// sortedKeys makes answers the same each time.
func sortedKeys(v reflect.Value) []reflect.Value {
	byName := map[string]reflect.Value{}
	for _, k := range v.MapKeys() {
		byName[k.String()] = k
	}
	keys := make([]reflect.Value, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		keys = append(keys, byName[name])
	}
	return keys
}

func addressable(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

// appendEpoch writes seconds since 1970 with at most three decimals.
func appendEpoch(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(b, ms/1000, 10)
	}
	return strconv.AppendFloat(b, float64(ms)/1000, 'f', -1, 64)
}

func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(append(append(b, '"'), strconv.FormatFloat(f, 'g', -1, 64)...), '"')
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	if !slices.ContainsFunc(b[start:], func(c byte) bool { return c == '.' || c == 'e' }) {
		b = append(b, ".0"...)
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string; what is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

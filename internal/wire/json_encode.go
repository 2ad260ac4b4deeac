package wire

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// appendJSON writes v, which is addressable and no pointer.
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
		return appendDocument(b, v.Interface())
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
		return appendJSONFloat(b, v.Float())
	}
	return strconv.AppendInt(b, v.Int(), 10)
}

func appendObject(b []byte, v reflect.Value, p *plan) []byte {
	start := len(b)
	b = append(b, '{')
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.at)
		if fv.IsZero() {
			continue // nil or an enum's ""
		}
		if len(b) > start+1 {
			b = append(b, ',')
		}
		b = append(b, f.jsonKey...)
		switch of := fv.Addr().Interface().(type) { // the common kinds go without reflection
		case **string:
			b = appendString(b, **of)
		case **int:
			b = strconv.AppendInt(b, int64(**of), 10)
		default:
			if f.pointer {
				fv = fv.Elem()
			}
			b = appendJSON(b, fv, f.plan)
		}
	}
	return append(b, '}')
}

func appendMap(b []byte, v reflect.Value, p *plan) []byte {
	b = append(b, '{')
	for i, k := range sortedKeys(v) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k.String()), ':')
		b = appendJSON(b, addressable(v.MapIndex(k)), p.value)
	}
	return append(b, '}')
}

// sortedKeys makes answers the same each time.
func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

func addressable(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

func appendDocument(b []byte, doc any) []byte {
	text, err := json.Marshal(doc)
	if err != nil {
		return append(b, "null"...) // only a value that JSON cannot hold
	}
	return append(b, text...)
}

func appendJSONFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	return appendFloat(b, f)
}

// appendFloat writes a finite number so that it shows that it is no integer.
func appendFloat(b []byte, f float64) []byte {
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
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += n
			continue
		}
		b = appendEscape(append(b, s[start:i]...), c)
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

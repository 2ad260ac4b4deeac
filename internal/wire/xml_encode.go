package wire

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// xmlWriter writes the members of answers. IAM and STS write timestamps without
// milliseconds, the others with them.
type xmlWriter struct{ layout string }

func writerOf(svc *awsapi.Service) xmlWriter {
	if svc.Name == "iam" || svc.Name == "sts" {
		return xmlWriter{"2006-01-02T15:04:05Z"}
	}
	return xmlWriter{"2006-01-02T15:04:05.000Z"}
}

// appendXMLAnswer writes the whole answer of a query or EC2 operation. EC2's
// operations without an output answer <return>true</return>.
func appendXMLAnswer(b []byte, svc *awsapi.Service, op *awsapi.Operation, v reflect.Value, p *plan, requestID string) []byte {
	w := writerOf(svc)
	if svc.Protocol == "ec2" {
		b = append(b, xmlHead+"<"+op.Name+`Response xmlns="`+svc.XMLNamespace+`/"><requestId>`+requestID+"</requestId>"...)
		if p != nil {
			b = w.members(b, v, p)
		} else {
			b = append(b, "<return>true</return>"...)
		}
		return append(b, "</"+op.Name+"Response>\n"...)
	}
	b = append(b, "<"+op.Name+`Response xmlns="`+svc.XMLNamespace+`">`...)
	if p != nil {
		b = appendTag(b, op.ResultWrapper)
		b = w.members(b, v, p)
		b = appendEnd(b, op.ResultWrapper)
	}
	return append(b, "<ResponseMetadata><RequestId>"+requestID+"</RequestId></ResponseMetadata></"+op.Name+"Response>\n"...)
}

func (w xmlWriter) members(b []byte, v reflect.Value, p *plan) []byte {
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.at)
		if fv.IsZero() {
			continue // nil or an enum's ""
		}
		if f.pointer {
			fv = fv.Elem()
		}
		b = w.element(b, f.element, fv, f.plan)
	}
	return b
}

func (w xmlWriter) element(b []byte, name string, v reflect.Value, p *plan) []byte {
	b = appendTag(b, name)
	b = w.content(b, v, p)
	return appendEnd(b, name)
}

func (w xmlWriter) content(b []byte, v reflect.Value, p *plan) []byte {
	switch p.shape.Kind {
	case awsapi.Structure:
		return w.members(b, v, p)
	case awsapi.List:
		for i := range v.Len() {
			b = w.element(b, p.elemName, v.Index(i), p.elem)
		}
		return b
	case awsapi.Map:
		for _, k := range sortedKeys(v) {
			b = append(b, "<entry>"...)
			b = w.element(b, "key", k, p.key)
			b = w.element(b, "value", addressable(v.MapIndex(k)), p.value)
			b = append(b, "</entry>"...)
		}
		return b
	case awsapi.String:
		return appendText(b, v.String())
	case awsapi.Blob:
		return base64.StdEncoding.AppendEncode(b, v.Bytes())
	case awsapi.Boolean:
		return strconv.AppendBool(b, v.Bool())
	case awsapi.Timestamp:
		return v.Addr().Interface().(*time.Time).UTC().AppendFormat(b, w.layout)
	case awsapi.Float:
		return appendFloat(b, v.Float())
	case awsapi.Document:
		return appendText(b, string(appendDocument(nil, v.Interface())))
	}
	return strconv.AppendInt(b, v.Int(), 10)
}

func appendTag(b []byte, name string) []byte {
	return append(append(append(b, '<'), name...), '>')
}

func appendEnd(b []byte, name string) []byte {
	return append(append(append(b, "</"...), name...), '>')
}

// appendText escapes text for XML. What XML 1.0 cannot carry becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '\r':
			b = append(b, "&#xD;"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			b = utf8.AppendRune(b, utf8.RuneError)
		case r < utf8.RuneSelf:
			b = append(b, byte(r))
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

package wire

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// appendXML writes the members of a structure.
func appendMembers(b []byte, v reflect.Value, p *plan) []byte {
	for i := range p.fields {
		f := &p.fields[i]
		fv, present := presentField(v, f)
		if !present {
			continue
		}
		if f.plan.shape.Kind == awsapi.List && f.plan.shape.Flattened {
			for j := range fv.Len() {
				b = appendElement(b, f.xml, fv.Index(j), f.plan.elem)
			}
			continue
		}
		b = appendElement(b, f.xml, fv, f.plan)
	}
	return b
}

func appendElement(b []byte, name string, v reflect.Value, p *plan) []byte {
	b = appendTag(b, name)
	b = appendContent(b, v, p)
	return appendEnd(b, name)
}

func appendTag(b []byte, name string) []byte {
	return append(append(append(b, '<'), name...), '>')
}

func appendEnd(b []byte, name string) []byte {
	return append(append(append(b, "</"...), name...), '>')
}

func appendContent(b []byte, v reflect.Value, p *plan) []byte {
	switch p.shape.Kind {
	case awsapi.Structure:
		return appendMembers(b, v, p)
	case awsapi.List:
		for i := range v.Len() {
			b = appendElement(b, p.elemName, v.Index(i), p.elem)
		}
		return b
	case awsapi.Map:
		for _, k := range sortedKeys(v) {
			b = append(b, "<entry>"...)
			b = appendTag(b, p.keyName)
			b = appendText(b, k.String())
			b = appendEnd(b, p.keyName)
			b = appendElement(b, p.valueName, addressable(v.MapIndex(k)), p.value)
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
		return v.Addr().Interface().(*time.Time).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	case awsapi.Float:
		return appendFloat(b, v.Float())
	case awsapi.Document:
		return b
	}
	return strconv.AppendInt(b, v.Int(), 10)
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
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// appendQueryAnswer writes the whole answer of a query operation.
func appendQueryAnswer(b []byte, svc *awsapi.Service, op *awsapi.Operation, v reflect.Value, p *plan, requestID string) []byte {
	b = append(b, "<"+op.Name+`Response xmlns="`+svc.XMLNamespace+`">`...)
	if op.ResultWrapper != "" {
		b = appendTag(b, op.ResultWrapper)
	}
	if p != nil {
		b = appendMembers(b, v, p)
	}
	if op.ResultWrapper != "" {
		b = appendEnd(b, op.ResultWrapper)
	}
	b = append(b, "<ResponseMetadata><RequestId>"+requestID+"</RequestId></ResponseMetadata></"+op.Name+"Response>"...)
	return append(b, '\n')
}

// appendEC2Answer writes the whole answer of an EC2 operation. Those without an
// output answer <return>true</return>.
func appendEC2Answer(b []byte, svc *awsapi.Service, op *awsapi.Operation, v reflect.Value, p *plan, requestID string) []byte {
	b = append(b, xmlHead+"<"+op.Name+`Response xmlns="`+svc.XMLNamespace+`/"><requestId>`+requestID+"</requestId>"...)
	if p != nil {
		b = appendMembers(b, v, p)
	} else {
		b = append(b, "<return>true</return>"...)
	}
	return append(append(b, "</"+op.Name+"Response>"...), '\n')
}

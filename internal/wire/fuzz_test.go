package wire

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// FuzzJSON decodes any text as the input of any operation: what is taken is
// JSON, and stays the same when it is written and read again.
func FuzzJSON(f *testing.F) {
	var all []*awsapi.Service
	for _, svc := range every {
		if svc.Protocol == "json" {
			all = append(all, svc)
		}
	}
	f.Add(uint8(3), uint16(5), []byte(`{"cluster":"c","services":["a"]}`))
	f.Add(uint8(2), uint16(60), []byte(`{"family":"f","containerDefinitions":[{"name":"\ud83d\udea2","cpu":1e2,"environment":[{"name":"A"},null],"dockerLabels":{"a":"b","c":null}}]}`))
	f.Add(uint8(0), uint16(16), []byte(`{"FilterStatement":{"Not":{"And":[{}]}},"SortBy":null}`))
	f.Fuzz(func(t *testing.T, service uint8, operation uint16, text []byte) {
		svc := all[int(service)%len(all)]
		op := &svc.Operations[int(operation)%len(svc.Operations)]
		p := planOf(svc, op).in
		if p == nil {
			return
		}
		v := reflect.New(op.In).Elem()
		if err := decodeJSON(text, v, p); err != nil {
			if e, ok := err.(*awsapi.Error); !ok || e.Code != "SerializationException" {
				t.Fatalf("refused with %#v", err)
			}
			return
		}
		if len(strings.Trim(string(text), " \t\r\n")) > 0 && !json.Valid(text) {
			t.Fatal("took what is not JSON")
		}
		validate(v, p, false)
		again := reflect.New(op.In).Elem()
		if err := decodeJSON(appendJSON(nil, v, p), again, p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v.Interface(), again.Interface(), cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("(-read +read again):\n%s", diff)
		}
	})
}

// FuzzJSONSyntax skips any text: it has to be taken exactly when encoding/json
// takes it and it is UTF-8, an object and not nested too deeply.
func FuzzJSONSyntax(f *testing.F) {
	for _, text := range []string{`{"a":[1,-2.5e+3,0,true,false,null,"\u00e9\n"]}`, `{"a":01}`, `{,}`, `{"a":"\ud800"}`, `{} `, `{"a":{"b":[[]]}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		trimmed := strings.TrimLeft(string(text), " \t\r\n")
		if trimmed == "" {
			return
		}
		err := decodeJSON(text, reflect.Value{}, nil)
		want := json.Valid(text) && trimmed[0] == '{'
		if want && err != nil {
			if e := err.(*awsapi.Error); strings.Contains(e.Message, "not UTF-8") || strings.Contains(e.Message, "nested too deeply") {
				return
			}
		}
		if want != (err == nil) {
			t.Fatalf("error %v, encoding/json takes it: %v", err, json.Valid(text))
		}
	})
}

// FuzzForm decodes any form as the input of any query or EC2 operation: what is
// taken stays the same when it is written and read again.
func FuzzForm(f *testing.F) {
	var all []*awsapi.Service
	for _, svc := range every {
		if svc.Protocol != "json" {
			all = append(all, svc)
		}
	}
	f.Add(uint8(2), uint16(4), "Name=a&Tags.member.2.Key=b&Tags.member.10.Key=c&Tags.member.1.Key=a&Tags-=")
	f.Add(uint8(1), uint16(70), "ImageId=ami-1&MinCount=1&MaxCount=1&TagSpecification.1.Tag.1.Key=a&SecurityGroupId.1=sg")
	f.Add(uint8(3), uint16(90), "A=%zz&A.entry.1.key=a&A.entry.1.value=")
	f.Fuzz(func(t *testing.T, service uint8, operation uint16, text string) {
		svc := all[int(service)%len(all)]
		op := &svc.Operations[int(operation)%len(svc.Operations)]
		p, isEC2 := planOf(svc, op).in, svc.Protocol == "ec2"
		form, err := parseForm(nil, text)
		if p == nil || err != nil {
			return
		}
		v := reflect.New(op.In).Elem()
		if err := decodeForm(form, isEC2, v, p); err != nil {
			if _, ok := err.(*awsapi.Error); !ok {
				t.Fatalf("refused with %#v", err)
			}
			return
		}
		validate(v, p, isEC2)
		written := url.Values{}
		formWriter{isEC2, written}.members(v, p, "")
		if form, err = parseForm(nil, written.Encode()); err != nil {
			t.Fatal(err)
		}
		again := reflect.New(op.In).Elem()
		if err := decodeForm(form, isEC2, again, p); err != nil {
			t.Fatalf("%v: %s", err, written.Encode())
		}
		if diff := cmp.Diff(v.Interface(), again.Interface(), cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("(-read +read again):\n%s\n%s", diff, written.Encode())
		}
	})
}

// FuzzText writes any string as JSON and as XML; both have to read it back, but
// for what they cannot carry.
func FuzzText(f *testing.F) {
	f.Add("a<b>&\"'\\\r\n\t\x00\x1f\x7f\u2028\ufffe\U0001F6A2\xff")
	f.Fuzz(func(t *testing.T, s string) {
		runes := func(s string, carry func(rune) bool) string {
			var out strings.Builder
			for _, r := range s {
				if !carry(r) {
					r = '\ufffd'
				}
				out.WriteRune(r)
			}
			return out.String()
		}
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil || got != runes(s, func(rune) bool { return true }) {
			t.Errorf("JSON: %q came back as %q, error %v", s, got, err)
		}
		d := xml.NewDecoder(strings.NewReader("<a>" + string(appendText(nil, s)) + "</a>"))
		got = ""
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("XML of %q: %v", s, err)
			}
			if text, ok := token.(xml.CharData); ok {
				got += string(text)
			}
		}
		inXML := func(r rune) bool {
			return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r != 0xFFFE && r != 0xFFFF
		}
		if want := runes(s, inXML); got != want {
			t.Errorf("XML: %q came back as %q, want %q", s, got, want)
		}
	})
}

// FuzzRoute sends requests of any kind: each finds a service or an error that
// can be written.
func FuzzRoute(f *testing.F) {
	services := NewServices(every...)
	f.Add("POST", "", "AmazonEC2ContainerServiceV20141113.ListClusters", "application/x-amz-json-1.1", "ecs", []byte("{}"))
	f.Add("GET", "Action=GetCallerIdentity&Version=2011-06-15", "", "", "sts", []byte(nil))
	f.Add("POST", "", "", "application/x-www-form-urlencoded", "", []byte("Action=AssumeRoleWithWebIdentity&Version=2011-06-15"))
	f.Add("POST", "Action=x", ".", "text/plain", "ec2", []byte("Action=DescribeVpcs&Version=1"))
	f.Fuzz(func(t *testing.T, method, query, target, kind, signing string, body []byte) {
		r := &http.Request{Method: method, URL: &url.URL{RawQuery: query}, Header: http.Header{"X-Amz-Target": {target}, "Content-Type": {kind}}}
		req, err := services.Route(r, body, signing)
		var svc *awsapi.Service
		if req != nil {
			svc = req.Service
		}
		switch {
		case err == nil && req.Operation == nil:
			err = NotServed(svc, req.Name)
		case err == nil:
			_, err = req.Decode()
		}
		if e, ok := err.(*awsapi.Error); ok {
			a := EncodeError(svc, e, "id")
			if svc == nil || svc.Protocol == "json" {
				if !json.Valid(a.Body) {
					t.Fatalf("not JSON: %s", a.Body)
				}
			} else if err := xml.Unmarshal(a.Body, new(struct{})); err != nil {
				t.Fatalf("%v: %s", err, a.Body)
			}
		} else if err != nil {
			t.Fatalf("refused with %#v", err)
		}
	})
}

package wire

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/awsapi/events"
	"github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/awsapi/sts"
)

var every = []*awsapi.Service{acm.API, applicationautoscaling.API, autoscaling.API, cloudwatch.API, ec2.API, ecr.API, ecs.API, elbv2.API, events.API, iam.API, logs.API, secretsmanager.API, ssm.API, sts.API}

// peer is a botocore in a process of its own.
type peer struct {
	t   *testing.T
	ask *json.Encoder
	out *bufio.Reader
}

func botocore(t *testing.T) *peer {
	t.Helper()
	if out, err := exec.Command("python3", "-c", "import botocore").CombinedOutput(); err != nil {
		t.Skipf("python3 with botocore is not on this machine (apt-get install python3-botocore): %v %s", err, out)
	}
	c := exec.Command("python3", "testdata/botocore_peer.py", "../../models")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var failure strings.Builder
	c.Stderr = &failure
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("botocore ended with %v: %s", err, failure.String())
		}
	})
	return &peer{t, json.NewEncoder(stdin), bufio.NewReader(stdout)}
}

func (p *peer) do(ask map[string]any, answer any) {
	p.t.Helper()
	if err := p.ask.Encode(ask); err != nil {
		p.t.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("botocore said nothing to %v: %v", ask, err)
	}
	d := json.NewDecoder(strings.NewReader(string(line)))
	d.UseNumber()
	if err := d.Decode(answer); err != nil {
		p.t.Fatalf("%v: %s", err, line)
	}
}

// TestBotocoreRequests holds our decoders against botocore's serializers: random
// inputs of every operation have to arrive as they were.
func TestBotocoreRequests(t *testing.T) {
	p := botocore(t)
	services := NewServices(every...)
	for _, svc := range every {
		t.Run(svc.Name, func(t *testing.T) {
			for i := range svc.Operations {
				op := &svc.Operations[i]
				var sent []struct {
					Method, Query, Body string
					Headers             map[string]string
					Input               map[string]any
				}
				p.do(map[string]any{"do": "requests", "service": svc.Name, "operation": op.Name, "seed": i, "count": 4}, &sent)
				for _, s := range sent {
					r := httptest.NewRequest(s.Method, "/?"+s.Query, nil)
					for k, v := range s.Headers {
						r.Header.Set(k, v)
					}
					req, err := services.Route(r, []byte(s.Body), svc.SigningName)
					if err != nil || req.Operation != op {
						t.Fatalf("%s was routed to %+v, error %v", op.Name, req, err)
					}
					in, plan := reflect.New(op.In).Elem(), planOf(svc, op).in
					if svc.Protocol == "json" {
						err = decodeJSON(req.body, in, plan)
					} else if plan != nil {
						err = decodeForm(req.form, svc.Protocol == "ec2", in, plan)
					}
					if err != nil {
						t.Fatalf("%s: %v\n%s%s", op.Name, err, s.Query, s.Body)
					}
					if diff := cmp.Diff(any(s.Input), spell(in, plan)); diff != "" {
						t.Fatalf("%s (-botocore's input +ours):\n%s\n%s%s", op.Name, diff, s.Query, s.Body)
					}
				}
			}
		})
	}
}

// TestBotocoreAnswers holds our encoders against botocore's parsers: random
// outputs of every operation have to arrive as they were.
func TestBotocoreAnswers(t *testing.T) {
	p := botocore(t)
	for _, svc := range every {
		t.Run(svc.Name, func(t *testing.T) {
			for i := range svc.Operations {
				op := &svc.Operations[i]
				plan := planOf(svc, op).out
				if op.Name == "StartLiveTail" {
					continue // an event stream is no answer of Encode
				}
				for seed := range uint64(3) {
					out := reflect.New(op.Out)
					if plan != nil {
						random{rand.New(rand.NewPCG(uint64(i), seed)), svc.Protocol}.fill(out.Elem(), plan, 0)
					}
					a := Encode(svc, op, out.Interface(), "the-id")
					var got struct {
						Output  map[string]any
						Request string
					}
					p.do(map[string]any{"do": "parse", "service": svc.Name, "operation": op.Name, "status": a.Status, "headers": a.Header, "body": string(a.Body)}, &got)
					if diff := cmp.Diff(spell(out.Elem(), plan), any(got.Output)); diff != "" {
						t.Fatalf("%s (-ours +botocore's):\n%s\n%s", op.Name, diff, a.Body)
					}
					if got.Request != "the-id" {
						t.Fatalf("%s: the request's id arrived as %q", op.Name, got.Request)
					}
				}
			}
		})
	}
}

func TestBotocoreErrors(t *testing.T) {
	p := botocore(t)
	for _, svc := range every {
		op := svc.Operations[0].Name
		for _, e := range []*awsapi.Error{
			awsapi.Errorf("SomethingNotFound", 404, "no <such> & \"thing\"\n"),
			awsapi.Errorf("InternalFailure", 500, "ouch"),
			NotServed(svc, svc.Names[0]),
			awsapi.Errorf("Conflict", 409, "both").With("resourceIds", []string{"a", "b"}).With("Text", "a<b"),
		} {
			a := EncodeError(svc, e, "the-id")
			var got struct {
				Error struct{ Code, Message, Request string }
			}
			p.do(map[string]any{"do": "parse", "service": svc.Name, "operation": op, "status": a.Status, "headers": a.Header, "body": string(a.Body)}, &got)
			if got.Error.Code != e.Code || got.Error.Message != e.Message || got.Error.Request != "the-id" {
				t.Errorf("%s: %v arrived as %+v: %s", svc.Name, e, got, a.Body)
			}
		}
	}
}

// spell writes a value as botocore_peer.py does.
func spell(v reflect.Value, p *plan) any {
	if p == nil {
		return map[string]any{}
	}
	switch p.shape.Kind {
	case awsapi.Structure:
		out := map[string]any{}
		for i := range p.fields {
			f := &p.fields[i]
			fv := v.Field(f.at)
			if fv.IsZero() {
				continue
			}
			if f.pointer {
				fv = fv.Elem()
			}
			out[f.member.Name] = spell(fv, f.plan)
		}
		return out
	case awsapi.List:
		out := []any{}
		for i := range v.Len() {
			out = append(out, spell(v.Index(i), p.elem))
		}
		return out
	case awsapi.Map:
		out := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			out[it.Key().String()] = spell(it.Value(), p.value)
		}
		return out
	case awsapi.String:
		return v.String()
	case awsapi.Blob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case awsapi.Boolean:
		return v.Bool()
	case awsapi.Timestamp:
		return json.Number(fmt.Sprint(v.Interface().(time.Time).UnixMilli()))
	case awsapi.Float:
		return json.Number(pythonFloat(v.Float()))
	case awsapi.Document:
		text, err := json.Marshal(v.Interface())
		if err != nil {
			panic(err)
		}
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.UseNumber()
		var doc any
		if err := d.Decode(&doc); err != nil {
			panic(err)
		}
		return doc
	}
	return json.Number(fmt.Sprint(v.Int()))
}

func pythonFloat(f float64) string { return string(appendFloat(nil, f)) }

// random fills values of a shape.
type random struct {
	*rand.Rand
	protocol string
}

func (r random) fill(v reflect.Value, p *plan, depth int) {
	switch p.shape.Kind {
	case awsapi.Structure:
		for i := range p.fields {
			f := &p.fields[i]
			chance := 0.6
			if k := f.plan.shape.Kind; k == awsapi.Structure || k == awsapi.List || k == awsapi.Map {
				chance -= 0.1 * float64(depth)
			}
			if r.Float64() > chance {
				continue
			}
			fv := v.Field(f.at)
			if f.pointer {
				fv.Set(reflect.New(f.plan.typ))
				fv = fv.Elem()
			}
			r.fill(fv, f.plan, depth+1)
		}
	case awsapi.List:
		n := r.IntN(3)
		v.Set(reflect.MakeSlice(p.typ, n, n))
		for i := range n {
			r.fill(v.Index(i), p.elem, depth+1)
		}
	case awsapi.Map:
		v.Set(reflect.MakeMap(p.typ))
		for range r.IntN(3) {
			k, e := reflect.New(p.key.typ).Elem(), reflect.New(p.value.typ).Elem()
			r.fill(k, p.key, depth+1)
			r.fill(e, p.value, depth+1)
			v.SetMapIndex(k, e)
		}
	case awsapi.String:
		v.SetString(r.text(p.shape))
	case awsapi.Blob:
		b := make([]byte, r.IntN(20))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		v.SetBytes(b)
	case awsapi.Boolean:
		v.SetBool(r.IntN(2) == 0)
	case awsapi.Timestamp:
		v.Set(reflect.ValueOf(time.UnixMilli(1546300800000 + 1000*r.Int64N(1e9) + []int64{0, 0, 123, 120, 5}[r.IntN(5)]*int64(r.fraction())).UTC()))
	case awsapi.Float:
		v.SetFloat([]float64{0, 1.5, -2.25, 1e21, 1e-9, 100}[r.IntN(6)])
	case awsapi.Integer:
		v.SetInt([]int64{0, 1, -1, 80, 1<<31 - 1, -1 << 31}[r.IntN(6)])
	case awsapi.Long:
		v.SetInt([]int64{0, 1, -1, 1 << 53, -1 << 63, 1<<63 - 1}[r.IntN(6)])
	case awsapi.Document:
		v.Set(reflect.ValueOf(map[string]any{"any": []any{1.0, "two", nil, map[string]any{"three": true}}}))
	}
}

// fraction is 0 for the services that do not write milliseconds.
func (r random) fraction() int {
	if r.protocol == "query" {
		return 0
	}
	return 1
}

var letters = []rune("abcXYZ019 .:/-_+=&%<>'\"\\;,äß€語🚢\t\n\r\u2028\u007f")

func (r random) text(s *awsapi.Shape) string {
	if len(s.Enum) > 0 {
		return s.Enum[r.IntN(len(s.Enum))]
	}
	out := make([]rune, r.IntN(12))
	for i := range out {
		out[i] = letters[r.IntN(len(letters))]
	}
	return string(out)
}

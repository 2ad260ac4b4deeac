package wire

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkacm "github.com/aws/aws-sdk-go-v2/service/acm"
	sdkautoscaling "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	sdklogs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	sdkecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	sdkelb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/awsapi/sts"
)

// notSDK are operations whose SDK types are no plain structs: unions, an event
// stream, a free document.
var notSDK = map[string]bool{"SearchCertificates": true, "StartLiveTail": true, "ContinueServiceDeployment": true}

// TestGoSDK holds both directions against the Go SDK's clients, which Terraform
// uses: every operation is called with a random input and answered with a random
// output. The SDK does not tell zero from absent, so neither does the comparison.
func TestGoSDK(t *testing.T) {
	var respond func(w http.ResponseWriter, r *http.Request)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { respond(w, r) }))
	t.Cleanup(server.Close)
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1, Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "x"}, nil
		})}
	services := NewServices(every...)
	for svc, client := range map[*awsapi.Service]any{
		acm.API: sdkacm.NewFromConfig(cfg), autoscaling.API: sdkautoscaling.NewFromConfig(cfg), ec2.API: sdkec2.NewFromConfig(cfg), ecr.API: sdkecr.NewFromConfig(cfg), ecs.API: sdkecs.NewFromConfig(cfg),
		elbv2.API: sdkelb.NewFromConfig(cfg), iam.API: sdkiam.NewFromConfig(cfg), logs.API: sdklogs.NewFromConfig(cfg), ssm.API: sdkssm.NewFromConfig(cfg), sts.API: sdksts.NewFromConfig(cfg),
	} {
		t.Run(svc.Name, func(t *testing.T) {
			called := 0
			for i := range svc.Operations {
				op := &svc.Operations[i]
				method := reflect.ValueOf(client).MethodByName(op.Name)
				if !method.IsValid() || notSDK[op.Name] {
					continue
				}
				called++
				r := sdkCall{t, svc, op, random{rand.New(rand.NewPCG(uint64(i), 7)), svc.Protocol}}
				input := reflect.New(method.Type().In(1).Elem())
				r.fill(input.Elem(), planOf(svc, op).in, 0)
				output := reflect.New(op.Out)
				if p := planOf(svc, op).out; p != nil {
					r.random.fill(output.Elem(), p, 0)
				}
				respond = func(w http.ResponseWriter, req *http.Request) {
					r.request(services, req, input.Elem())
					a := Encode(svc, op, output.Interface(), "the-id")
					for k, v := range a.Header {
						w.Header().Set(k, v)
					}
					w.Write(a.Body)
				}
				results := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), input})
				if err, _ := results[1].Interface().(error); err != nil {
					t.Errorf("%s: %v", op.Name, err)
					continue
				}
				r.same("output", output.Elem(), results[0].Elem(), planOf(svc, op).out)
			}
			if called < len(svc.Operations)*9/10 {
				t.Errorf("the SDK has %d of %d operations", called, len(svc.Operations))
			}
		})
	}
}

func TestGoSDKErrors(t *testing.T) {
	var answer Answer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range answer.Header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(answer.Status)
		w.Write(answer.Body)
	}))
	t.Cleanup(server.Close)
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}}
	ctx := context.Background()
	for svc, call := range map[*awsapi.Service]func() error{
		ecs.API: func() error { _, err := sdkecs.NewFromConfig(cfg).ListClusters(ctx, nil); return err },
		iam.API: func() error { _, err := sdkiam.NewFromConfig(cfg).ListUsers(ctx, nil); return err },
		ec2.API: func() error { _, err := sdkec2.NewFromConfig(cfg).DescribeVpcs(ctx, nil); return err },
	} {
		for _, want := range []*awsapi.Error{awsapi.Errorf("Some.Thing", 404, "no <thing>"), NotServed(svc, svc.Names[0]), NotServed(svc, "Dance")} {
			answer = EncodeError(svc, want, "the-id")
			var got smithy.APIError
			if err := call(); !errors.As(err, &got) || got.ErrorCode() != want.Code || got.ErrorMessage() != want.Message {
				t.Errorf("%s: %v arrived as %v", svc.Name, want, err)
			}
		}
	}
}

type sdkCall struct {
	t   *testing.T
	svc *awsapi.Service
	op  *awsapi.Operation
	random
}

// request decodes what the SDK sent and compares it with what it was given.
func (c sdkCall) request(services *Services, r *http.Request, input reflect.Value) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	req, err := services.Route(r, body, c.svc.SigningName)
	if err != nil || req.Operation != c.op {
		c.t.Errorf("%s was routed to %+v, error %v", c.op.Name, req, err)
		return
	}
	in, p := reflect.New(c.op.In).Elem(), planOf(c.svc, c.op).in
	if c.svc.Protocol == "json" {
		err = decodeJSON(req.body, in, p)
	} else if p != nil {
		err = decodeForm(req.form, c.svc.Protocol == "ec2", in, p)
	}
	if err != nil {
		c.t.Errorf("%s: %v: %s", c.op.Name, err, body)
	}
	c.same("input", in, input, p)
}

func (c sdkCall) same(what string, ours, theirs reflect.Value, p *plan) {
	if p == nil {
		return
	}
	if diff := cmp.Diff(spellSet(theirs, p), spellSet(ours, p)); diff != "" {
		c.t.Errorf("%s's %s (-SDK's +ours):\n%s", c.op.Name, what, diff)
	}
}

// fill fills a struct of the SDK. Whatever stands deep in an input may be
// required by the SDK, so everything is filled.
func (c sdkCall) fill(v reflect.Value, p *plan, depth int) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch {
	case p == nil || v.Kind() == reflect.Interface:
	case p.shape.Kind == awsapi.Structure:
		for i := range p.fields {
			f := &p.fields[i]
			if fv := v.FieldByName(upperFirst(f.member.Name)); fv.IsValid() {
				c.fill(fv, f.plan, depth+1)
			}
		}
	case p.shape.Kind == awsapi.List:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		c.fill(v.Index(0), p.elem, depth+1)
	case p.shape.Kind == awsapi.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		c.fill(key, p.key, depth+1)
		c.fill(value, p.value, depth+1)
		v.SetMapIndex(key, value)
	case p.shape.Kind == awsapi.Integer || p.shape.Kind == awsapi.Long:
		v.SetInt(int64(1 + c.IntN(100)))
	case p.shape.Kind == awsapi.String:
		v.SetString("s" + strings.TrimSpace(c.text(p.shape)))
	default:
		c.random.fill(v, p, depth)
	}
}

// spellSet spells a struct of ours or of the SDK by the model's names, without
// zero and empty members.
func spellSet(v reflect.Value, p *plan) any {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch p.shape.Kind {
	case awsapi.Structure:
		return spellMembers(v, p)
	case awsapi.List:
		var out []any
		for i := range v.Len() {
			out = append(out, spellSet(v.Index(i), p.elem))
		}
		return out
	case awsapi.Map:
		out := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			out[it.Key().String()] = spellSet(it.Value(), p.value)
		}
		return out
	case awsapi.String:
		return v.String()
	case awsapi.Boolean:
		return v.Bool()
	case awsapi.Float:
		return v.Float()
	case awsapi.Integer, awsapi.Long:
		return v.Int()
	case awsapi.Blob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case awsapi.Timestamp:
		return v.Interface().(time.Time).UnixMilli()
	}
	return nil // a document
}

func spellMembers(v reflect.Value, p *plan) any {
	out := map[string]any{}
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.FieldByName(upperFirst(f.member.Name))
		if !fv.IsValid() || fv.Kind() == reflect.Interface {
			continue
		}
		spelled := spellSet(fv, f.plan)
		switch s := reflect.ValueOf(spelled); {
		case !s.IsValid() || s.IsZero():
		case (s.Kind() == reflect.Map || s.Kind() == reflect.Slice) && s.Len() == 0:
		default:
			out[f.member.Name] = spelled
		}
	}
	return out
}

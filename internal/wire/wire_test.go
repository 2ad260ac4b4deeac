package wire_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/internal/awsapi"
	"github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/wire"
)

var services = wire.NewServices(acm.API, autoscaling.API, ec2.API, ecr.API, ecs.API, elbv2.API, iam.API, logs.API, secretsmanager.API, ssm.API, sts.API)

// send routes a request as a client of the service writes it: a JSON body with
// its target, or a posted form.
func send(t *testing.T, svc *awsapi.Service, operation, body string) *wire.Request {
	t.Helper()
	r := httptest.NewRequest("POST", "/", nil)
	if svc.Protocol == "json" {
		r.Header.Set("X-Amz-Target", svc.TargetPrefix+"."+operation)
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		body = "Action=" + operation + "&Version=" + svc.APIVersion + "&" + body
	}
	req, err := services.Route(r, []byte(body), svc.SigningName)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func decode[In any](t *testing.T, svc *awsapi.Service, operation, body string) *In {
	t.Helper()
	in, err := send(t, svc, operation, body).Decode()
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return in.(*In)
}

// refused is the error of a request that must not be decoded.
func refused(t *testing.T, svc *awsapi.Service, operation, body string) *awsapi.Error {
	t.Helper()
	in, err := send(t, svc, operation, body).Decode()
	e, ok := errors.AsType[*awsapi.Error](err)
	if !ok {
		t.Fatalf("%s %s was decoded to %+v, error %v", operation, body, in, err)
	}
	return e
}

func TestRoute(t *testing.T) {
	get := func(query string) *http.Request { return httptest.NewRequest("GET", "/?"+query, nil) }
	post := func(header, value string) *http.Request {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set(header, value)
		return r
	}
	form := func() *http.Request { return post("Content-Type", "application/x-www-form-urlencoded") }
	for name, c := range map[string]struct {
		r             *http.Request
		body, signing string
		want          string // service.operation, or the error's code
	}{
		"target":                       {post("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.ListClusters"), "{}", "ecs", "ecs.ListClusters"},
		"target of an unserved API":    {post("X-Amz-Target", "DynamoDB_20120810.ListTables"), "{}", "dynamodb", "UnknownOperationException"},
		"target without an operation":  {post("X-Amz-Target", "Logs_20140328"), "{}", "logs", "logs."},
		"no target":                    {post("Content-Type", "application/x-amz-json-1.1"), "{}", "ecs", "UnknownOperationException"},
		"posted form":                  {form(), "Action=ListUsers&Version=2010-05-08", "iam", "iam.ListUsers"},
		"query of a GET":               {get("Action=GetCallerIdentity&Version=2011-06-15"), "", "sts", "sts.GetCallerIdentity"},
		"action in the URL of a POST":  {httptest.NewRequest("POST", "/?Action=DescribeVpcs&Version=2016-11-15", nil), "", "ec2", "ec2.DescribeVpcs"},
		"the form goes before the URL": {httptest.NewRequest("POST", "/?Action=DescribeVpcs", nil), "Action=DescribeSubnets", "ec2", "ec2.DescribeSubnets"},
		"unsigned, by its version":     {form(), "Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "", "sts.AssumeRoleWithWebIdentity"},
		"unsigned and unknown":         {get(""), "", "", "MissingAuthenticationToken"},
		"no action":                    {form(), "Version=2010-05-08", "iam", "MissingAction"},
		"no version":                   {form(), "Action=ListUsers", "iam", "iam.ListUsers"},
		"the classic load balancer":    {form(), "Action=DescribeLoadBalancers&Version=2012-06-01", "elasticloadbalancing", "InvalidAction"},
		"EC2 of another version":       {form(), "Action=DescribeVpcs&Version=2008-01-01", "ec2", "NoSuchVersion"},
		"a service that is not served": {form(), "Action=ListTopics&Version=2010-03-31", "sns", "UnknownService"},
		"a form with a broken escape":  {form(), "Action=%zz", "iam", "MalformedQueryString"},
		"too many parameters":          {form(), strings.Repeat("a&", 30_000), "iam", "MalformedQueryString"},
		"an operation nobody has":      {form(), "Action=Dance&Version=2010-05-08", "iam", "iam.Dance"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := services.Route(c.r, []byte(c.body), c.signing)
			got := ""
			if e, ok := errors.AsType[*awsapi.Error](err); ok {
				got = e.Code
			} else {
				got = req.Service.Name + "." + req.Name
				if op, _ := req.Service.Operation(req.Name); op != req.Operation {
					t.Errorf("the operation is %v, want %v", req.Operation, op)
				}
			}
			if got != c.want {
				t.Errorf("routed to %s, want %s", got, c.want)
			}
		})
	}
}

// The error of a request that no service takes has to be readable by its client
// all the same: XML for one that sent an action, JSON for the others.
func TestErrorsBeforeAService(t *testing.T) {
	for name, c := range map[string]struct{ query, signing, want string }{
		"an action":                    {"Action=ListTopics&Version=2010-03-31", "sns", "<ErrorResponse"},
		"an action of another version": {"Action=DescribeVpcs&Version=2008-01-01", "ec2", "<Response><Errors>"},
		"none, of S3":                  {"", "s3", "<ErrorResponse"},
		"none":                         {"", "lambda", `{"__type":"UnknownService"`},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := services.Route(httptest.NewRequest("GET", "/?"+c.query, nil), nil, c.signing)
			e, ok := errors.AsType[*awsapi.Error](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			var svc *awsapi.Service
			if req != nil {
				svc = req.Service
			}
			if body := string(wire.EncodeError(svc, e, "id").Body); !strings.Contains(body, c.want) {
				t.Errorf("%s has no %s", body, c.want)
			}
		})
	}
}

func TestNotServed(t *testing.T) {
	for name, c := range map[string]struct {
		svc        *awsapi.Service
		op         string
		wantCode   string
		wantStatus int
		wantText   string
	}{
		"of the model, with types":    {ecs.API, "CreateTaskSet", "NotImplemented", 501, "CreateTaskSet of ecs is not served"},
		"of the model, without types": {ssm.API, "SendCommand", "NotImplemented", 501, "SendCommand of ssm"},
		"unknown, JSON":               {ecs.API, "Dance", "UnknownOperationException", 400, "Dance"},
		"unknown, query":              {iam.API, "Dance", "InvalidAction", 400, "Could not find operation Dance for version 2010-05-08"},
		"unknown, EC2":                {ec2.API, "Dance", "InvalidAction", 400, "The action Dance is not valid for this web service."},
	} {
		t.Run(name, func(t *testing.T) {
			e := wire.NotServed(c.svc, c.op)
			if e.Code != c.wantCode || e.Status != c.wantStatus || !strings.Contains(e.Message, c.wantText) {
				t.Errorf("got %d %v, want %d %s with %q", e.Status, e, c.wantStatus, c.wantCode, c.wantText)
			}
		})
	}
}

func TestErrorEncoding(t *testing.T) {
	for name, c := range map[string]struct {
		svc    *awsapi.Service
		err    *awsapi.Error
		status int
		header string
		want   string
	}{
		"json": {ecs.API, ecs.ClusterNotFoundException("Cluster not found."), 400, "application/x-amz-json-1.1",
			`{"__type":"ClusterNotFoundException","message":"Cluster not found."}`},
		"json, whose model writes Message": {secretsmanager.API, secretsmanager.ResourceNotFoundException("Secrets Manager can't find the specified secret."), 400, "application/x-amz-json-1.1",
			`{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`},
		"json with a member": {ecs.API, ecs.ConflictException("busy").With("resourceIds", []string{"a"}), 400, "application/x-amz-json-1.1",
			`{"__type":"ConflictException","message":"busy","resourceIds":["a"]}`},
		"query": {iam.API, iam.NoSuchEntityException("The user with name <x> cannot be found."), 404, "text/xml",
			`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name &lt;x&gt; cannot be found.</Message></Error><RequestId>the-id</RequestId></ErrorResponse>` + "\n"},
		"query, ours": {iam.API, awsapi.Errorf("ServiceFailure", 500, "ouch"), 500, "text/xml",
			`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Receiver</Type><Code>ServiceFailure</Code><Message>ouch</Message></Error><RequestId>the-id</RequestId></ErrorResponse>` + "\n"},
		"ec2": {ec2.API, awsapi.Errorf("InvalidVpcID.NotFound", 400, "The vpc ID 'vpc-1' does not exist"), 400, "text/xml;charset=UTF-8",
			`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID 'vpc-1' does not exist</Message></Error></Errors><RequestID>the-id</RequestID></Response>` + "\n"},
		"no service": {nil, &awsapi.Error{Code: "UnknownService"}, 400, "application/x-amz-json-1.1", `{"__type":"UnknownService","message":""}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := wire.EncodeError(c.svc, c.err, "the-id")
			want := wire.Answer{Status: c.status, Header: map[string]string{"Content-Type": c.header, "X-Amzn-Requestid": "the-id"}, Body: []byte(c.want)}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(wire.Answer{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

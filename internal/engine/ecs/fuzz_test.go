package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/wire"
	"pgregory.net/rapid"
)

// Whatever the wire lets through, an operation answers or refuses with an error
// of AWS's form: it does not panic.
func FuzzOperations(f *testing.F) {
	for _, seed := range []struct{ op, body string }{
		{"RegisterTaskDefinition", `{"family":"f","networkMode":"awsvpc","cpu":".5 vcpu","memory":"1gb","requiresCompatibilities":["FARGATE"],"volumes":[{"name":"v","host":{}}],
			"containerDefinitions":[{"name":"a","image":"x","links":["a:b"],"dependsOn":[{"containerName":"a","condition":"START"}],"mountPoints":[{}],"volumesFrom":[{}],
			"portMappings":[{},{"containerPort":80,"hostPort":80}],"healthCheck":{"command":["CMD","x"]},"environment":[{}],"secrets":[{"name":"a","valueFrom":"b"}],
			"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g"},"secretOptions":[{"name":"a","valueFrom":"b"}]},"linuxParameters":{"swappiness":1},
			"ulimits":[{"name":"core","softLimit":1,"hardLimit":1}],"resourceRequirements":[{"type":"GPU","value":"x"}],"restartPolicy":{"enabled":true}}]}`},
		{"CreateService", `{"cluster":"web","serviceName":"x","taskDefinition":"app","desiredCount":1,"loadBalancers":[{}],"placementStrategy":[{"type":"spread","field":"attribute:"}],
			"placementConstraints":[{"type":"memberOf"}],"deploymentConfiguration":{"maximumPercent":1},"networkConfiguration":{},"capacityProviderStrategy":[{"capacityProvider":""}]}`},
		{"UpdateService", `{"cluster":"web","service":"app","taskDefinition":":","loadBalancers":[],"capacityProviderStrategy":[{"capacityProvider":"x"}]}`},
		{"RunTask", `{"cluster":"web","taskDefinition":"app:1","overrides":{"containerOverrides":[{"name":"web","environment":[{"name":"a"}]},{}],"cpu":"x"},"count":2,"clientToken":"x"}`},
		{"StartTask", `{"cluster":"web","taskDefinition":"arn:aws:ecs:::task-definition/app","containerInstances":["","x"]}`},
		{"ListContainerInstances", `{"cluster":"web","filter":"not(attribute:a exists)","nextToken":"YWZ0ZXI6d2Vi"}`},
		{"RegisterContainerInstance", `{"cluster":"web","instanceIdentityDocument":"{}","totalResources":[{"name":"PORTS","stringSetValue":["x"]}],"attributes":[{"name":"a"}]}`},
		{"PutAttributes", `{"cluster":"web","attributes":[{"name":"a","targetId":""}]}`},
		{"CreateCapacityProvider", `{"name":"p","autoScalingGroupProvider":{"autoScalingGroupArn":"group","managedScaling":{"minimumScalingStepSize":2,"maximumScalingStepSize":1}}}`},
		{"TagResource", `{"resourceArn":"arn:aws:ecs:eu-west-1:000000000000:cluster/web","tags":[{},{"key":"a"}]}`},
		{"DescribeServiceRevisions", `{"serviceRevisionArns":["arn:aws:ecs:eu-west-1:000000000000:service-revision/","a/b/c"]}`},
		{"PutAccountSetting", `{"name":"containerInsights","value":"on","principalArn":"arn:aws:iam::000000000000:root"}`},
	} {
		f.Add(seed.op, seed.body)
	}
	services := wire.NewServices(API)
	f.Fuzz(func(t *testing.T, name, body string) { try(t, stage(t, 1), services, name, body) })
}

// fatal is a *testing.T or a *rapid.T.
type fatal interface{ Fatalf(string, ...any) }

// try sends a request through the wire to the operation.
func try(t fatal, r *rig, services *wire.Services, name, body string) {
	op, err := operation.Named(r.Operations(), name)
	if err != nil {
		return
	}
	h := httptest.NewRequest("POST", "/", strings.NewReader(body))
	h.Header.Set("Content-Type", "application/x-amz-json-1.1")
	h.Header.Set("X-Amz-Target", API.TargetPrefix+"."+name)
	req, err := services.Route(h, []byte(body), "ecs")
	if err != nil {
		return
	}
	in, err := req.Decode()
	if err != nil {
		return
	}
	op.Needs(r.view(), r.caller, in)
	_, err = op.Do(context.Background(), r.caller, in)
	if _, is := errors.AsType[*awsapi.Error](err); err != nil && !is {
		t.Fatalf("%s: %v is no error of AWS's", name, err)
	}
	// What was written must be readable by the others.
	for scope, svc := range Services.Everywhere(r.view()) {
		describeService(r.view(), scope, svc, true)
		r.update(func(tx *state.Tx) {
			if p := svc.Primary(); p != nil {
				r.Make(tx, scope, svc, p, 1)
				r.Daemons(tx, scope, svc)
			}
		})
	}
	for scope, task := range Tasks.Everywhere(r.view()) {
		describeTask(scope, task, true)
	}
}

// Random inputs of the operations' own types, with names that mean something.
func TestNoInputBreaksAnOperation(t *testing.T) {
	services := wire.NewServices(API)
	r := newRig(t)
	var names []string
	for _, op := range r.Operations() {
		names = append(names, op.Name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := stage(t, 1)
		r.provider("spot")
		ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
		for range rapid.IntRange(1, 6).Draw(rt, "calls") {
			name := rapid.SampledFrom(names).Draw(rt, "operation")
			model, _ := API.Operation(name)
			in := reflect.New(model.In).Elem()
			draw(rt, in, 0)
			body, err := json.Marshal(in.Interface())
			if err != nil {
				rt.Fatal(err)
			}
			try(rt, r, services, name, string(body))
			if err := r.env.Store.Update(func(tx *state.Tx) error { r.placeWaiting(tx, home, "web", r.now); return nil }); err != nil {
				rt.Fatal(err)
			}
			r.forgetAll()
		}
	})
}

// words are what strings are drawn from.
var words = []string{
	"", "web", "app", "app:1", "app:x", "nginx", "spot", "FARGATE", "group", "a", "host", "cpu", "attribute:stack", "instanceId", "256", "512", "1 GB", "-1",
	"arn:aws:ecs:eu-west-1:000000000000:cluster/web", "arn:aws:ecs:eu-west-1:000000000000:service/web/app", "arn:aws:ecs:eu-west-1:000000000000:task-definition/app:1",
	"arn:aws:ecs:eu-west-1:000000000000:service-deployment/web/app/x", "arn:", "attribute:ecs.availability-zone == eu-west-1a", "task:group exists", "CMD", "enabled",
	"arn:aws:iam::000000000000:root", "PORTS", "YWZ0ZXI6d2ViLw",
}

// draw fills a value at random; members are left out often enough to go deep.
func draw(t *rapid.T, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(noon))
			return
		}
		for i := range v.NumField() {
			if depth < 6 && rapid.IntRange(0, 2).Draw(t, "given") > 0 {
				draw(t, v.Field(i), depth+1)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		draw(t, v.Elem(), depth)
	case reflect.Slice:
		n := rapid.IntRange(0, 2).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			draw(t, v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("awslogs-group"), reflect.ValueOf("g"))
	case reflect.String:
		v.SetString(drawString(t, v.Type()))
	case reflect.Int:
		v.SetInt(int64(rapid.SampledFrom([]int{-1, 0, 1, 2, 10, 80, 100, 200, 70000}).Draw(t, "number")))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Float64:
		v.SetFloat(1)
	}
}

// drawString is a value of an enum, or one of the words.
func drawString(t *rapid.T, of reflect.Type) string {
	for _, s := range API.Shapes {
		if s.Name == of.Name() && len(s.Enum) > 0 {
			return rapid.SampledFrom(s.Enum).Draw(t, "enum")
		}
	}
	return rapid.SampledFrom(words).Draw(t, "text")
}

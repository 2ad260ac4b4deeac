package awsapi_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

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

// What looks things up relies on the tables' order.
func TestTablesAreSorted(t *testing.T) {
	for _, svc := range every {
		if !slices.IsSorted(svc.Names) {
			t.Errorf("%s: the names are not sorted", svc.Name)
		}
		if !slices.IsSortedFunc(svc.Exceptions, func(a, b awsapi.Exception) int { return strings.Compare(a.Code, b.Code) }) {
			t.Errorf("%s: the exceptions are not sorted", svc.Name)
		}
		for i := range svc.Operations {
			op := &svc.Operations[i]
			if found, ok := svc.Operation(op.Name); !ok || found != op || !svc.Known(op.Name) {
				t.Errorf("%s: %s is not found", svc.Name, op.Name)
			}
		}
	}
}

// wire finds a member's field by its index.
func TestFieldsStandInTheOrderOfMembers(t *testing.T) {
	for _, svc := range every {
		for i := range svc.Operations {
			for index, typ := range map[int32]reflect.Type{svc.Operations[i].Input: svc.Operations[i].In, svc.Operations[i].Output: svc.Operations[i].Out} {
				if index == awsapi.None {
					if typ != reflect.TypeFor[awsapi.Empty]() {
						t.Errorf("%s: a type %s without a shape", svc.Name, typ)
					}
					continue
				}
				s := &svc.Shapes[index]
				for j := range max(len(s.Members), typ.NumField()) {
					if got, want := typ.Field(j).Name, s.Members[j].Name; !strings.EqualFold(got, want) {
						t.Errorf("%s: field %d of %s is %s, want %s", svc.Name, j, s.Name, got, want)
					}
				}
			}
		}
	}
}

func TestLookups(t *testing.T) {
	if _, ok := ecs.API.Operation("Dance"); ok || ecs.API.Known("Dance") {
		t.Error("ecs knows how to dance")
	}
	if !ssm.API.Known("SendCommand") {
		t.Error("ssm does not know SendCommand, which has no types")
	}
	if x, ok := secretsmanager.API.Exception("ResourceNotFoundException"); !ok || x.Message != "Message" {
		t.Errorf("got %+v, %v", x, ok)
	}
	if _, ok := iam.API.Exception("NoSuchEntityException"); ok {
		t.Error("an exception is found by its shape's name, want its code alone")
	}
}

func TestError(t *testing.T) {
	e := ecs.ClusterNotFoundException("100% of %s").With("a", 1)
	if e.Error() != "ClusterNotFoundException: 100% of %s" || e.Status != 400 || e.Fields["a"] != 1 {
		t.Errorf("got %d %v %v; a message without arguments is no format", e.Status, e, e.Fields)
	}
	if e := iam.NoSuchEntityException("user %s", "u"); e.Code != "NoSuchEntity" || e.Message != "user u" || e.Status != 404 {
		t.Errorf("got %d %v", e.Status, e)
	}
}

func TestV(t *testing.T) {
	if awsapi.V[int](nil) != 0 || awsapi.V(new(3)) != 3 {
		t.Error("V is not the value")
	}
}

package ec2

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// rig is a service on a store in memory, with a clock that stands still until
// it is moved.
type rig struct {
	*testing.T
	s   *Service
	c   *operation.Caller
	now time.Time
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), c: &operation.Caller{
		Account: "000000000000", Region: "eu-west-1", ARN: "arn:aws:iam::000000000000:root", Kind: operation.Root,
	}}
	r.s = New(&operation.Env{
		Store: state.InMemory(append(append([]state.AnyTable{}, Tables...), iam.Tables...)...),
		Now:   func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler),
	})
	return r
}

// do calls an operation as the engine's chain does, wrapper included.
func (r *rig) do(name string, in any) (any, error) {
	r.Helper()
	op, err := operation.Named(r.s.Operations(), name)
	if err != nil {
		r.Fatal(err)
	}
	return op.Do(context.Background(), r.c, in)
}

// must calls an operation that has to succeed.
func must[Out any](r *rig, name string, in any) *Out {
	r.Helper()
	out, err := r.do(name, in)
	if err != nil {
		r.Fatalf("%s: %v", name, err)
	}
	return out.(*Out)
}

// refused calls an operation that has to fail with the code, and with a message
// that contains the text.
func (r *rig) refused(code, text, name string, in any) {
	r.Helper()
	_, err := r.do(name, in)
	e, ok := err.(*awsapi.Error)
	if !ok || e.Code != code || !strings.Contains(e.Message, text) {
		r.Errorf("%s: got %v, want %s with %q", name, err, code, text)
	}
}

// later moves the clock and lets the controller work.
func (r *rig) later(d time.Duration) {
	r.now = r.now.Add(d)
	r.s.pass()
}

func (r *rig) vpc(cidr string) string {
	r.Helper()
	return *must[api.CreateVpcResult](r, "CreateVpc", &api.CreateVpcRequest{CidrBlock: &cidr}).Vpc.VpcId
}

func (r *rig) subnet(vpc, cidr, zone string) string {
	r.Helper()
	return *must[api.CreateSubnetResult](r, "CreateSubnet", &api.CreateSubnetRequest{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: &zone}).Subnet.SubnetId
}

func (r *rig) group(vpc, name string) string {
	r.Helper()
	return *must[api.CreateSecurityGroupResult](r, "CreateSecurityGroup", &api.CreateSecurityGroupRequest{VpcId: &vpc, GroupName: &name, Description: new("for a test")}).GroupId
}

func (r *rig) gateway(vpc string) string {
	r.Helper()
	id := *must[api.CreateInternetGatewayResult](r, "CreateInternetGateway", &api.CreateInternetGatewayRequest{}).InternetGateway.InternetGatewayId
	must[awsapi.Empty](r, "AttachInternetGateway", &api.AttachInternetGatewayRequest{InternetGatewayId: &id, VpcId: &vpc})
	return id
}

func image(r *rig) *string {
	i, ok := catalog.ECSImage("eu-west-1", "amazon-linux-2023")
	if !ok {
		r.Fatal("no ECS-optimized image")
	}
	return &i.ID
}

// run launches instances of t3.small in a subnet.
func (r *rig) run(subnet string, n int) []api.Instance {
	r.Helper()
	return must[api.Reservation](r, "RunInstances", &api.RunInstancesRequest{
		ImageId: image(r), InstanceType: "t3.small", SubnetId: &subnet, MinCount: &n, MaxCount: &n,
	}).Instances
}

func (r *rig) instance(id string) api.Instance {
	r.Helper()
	out := must[api.DescribeInstancesResult](r, "DescribeInstances", &api.DescribeInstancesRequest{InstanceIds: []string{id}})
	return out.Reservations[0].Instances[0]
}

func filter(name string, values ...string) []api.Filter {
	return []api.Filter{{Name: &name, Values: values}}
}

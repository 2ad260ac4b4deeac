package ec2

import (
	"reflect"
	"strings"
	"testing"

	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// has tells whether a type has a member, down a dotted path.
func has(t reflect.Type, path string) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if path == "" {
		return true
	}
	name, rest, _ := strings.Cut(path, ".")
	if t.Kind() != reflect.Struct {
		return false
	}
	f, ok := t.FieldByName(name)
	return ok && has(f.Type, rest)
}

func TestEveryRefusalNamesAMember(t *testing.T) {
	table := New(&operation.Env{}).Operations()
	for name, members := range refusals {
		op, err := operation.Named(table, name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range members {
			if !has(op.In, m) && !(name == "RunInstances" && has(reflect.TypeFor[api.RequestLaunchTemplateData](), m)) {
				t.Errorf("%s has no member %s", name, m)
			}
		}
	}
}

func TestWhatCannotBeHonouredIsRefusedByName(t *testing.T) {
	r := newRig(t)
	r.refused("UnsupportedOperation", "CreateVpc with AmazonProvidedIpv6CidrBlock is not served by the slipway engine", "CreateVpc", &api.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: new(true)})
	must[api.CreateVpcResult](r, "CreateVpc", &api.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: new(false)})
	r.refused("UnsupportedOperation", "NetworkInterfaces.Ipv6AddressCount", "RunInstances", &api.RunInstancesRequest{
		MinCount: new(1), MaxCount: new(1), NetworkInterfaces: []api.InstanceNetworkInterfaceSpecification{{}, {Ipv6AddressCount: new(1)}},
	})
}

func TestADryRunEndsBeforeAnythingHappens(t *testing.T) {
	r := newRig(t)
	r.refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", "CreateVpc", &api.CreateVpcRequest{CidrBlock: new("10.0.0.0/16"), DryRun: new(true)})
	if n := VPCs.Len(r.s.env.Store.View(), r.c.Scope()); n != 0 {
		t.Errorf("%d VPCs after a dry run", n)
	}
}

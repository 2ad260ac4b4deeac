package ecs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"pgregory.net/rapid"
)

func (r *rig) provider(name string) *api.CapacityProvider {
	r.t.Helper()
	return ok[api.CreateCapacityProviderResponse](r, "CreateCapacityProvider", &api.CreateCapacityProviderRequest{
		Name: &name, AutoScalingGroupProvider: &api.AutoScalingGroupProvider{AutoScalingGroupArn: new("group")},
	}).CapacityProvider
}

func TestACapacityProvidersDefaults(t *testing.T) {
	r := newRig(t)
	got := r.provider("spot")
	want := &api.CapacityProvider{
		CapacityProviderArn: new("arn:aws:ecs:eu-west-1:000000000000:capacity-provider/spot"), Name: new("spot"), Status: api.CapacityProviderStatusActive,
		Type: api.CapacityProviderTypeEc2Autoscaling, UpdateStatus: api.CapacityProviderUpdateStatusCreateComplete, Tags: []api.Tag{},
		AutoScalingGroupProvider: &api.AutoScalingGroupProvider{
			AutoScalingGroupArn: new(groupARN), ManagedDraining: api.ManagedDrainingEnabled, ManagedTerminationProtection: api.ManagedTerminationProtectionDisabled,
			ManagedScaling: &api.ManagedScaling{
				Status: api.ManagedScalingStatusDisabled, TargetCapacity: new(100), MinimumScalingStepSize: new(1), MaximumScalingStepSize: new(10000), InstanceWarmupPeriod: new(300),
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"spot"}, r.managed); diff != "" {
		t.Error("the group was not told:", diff)
	}
}

func TestCapacityProvidersThatCannotBe(t *testing.T) {
	r := newRig(t)
	r.provider("spot")
	group := `"autoScalingGroupProvider":{"autoScalingGroupArn":"group"}`
	tests := []struct{ in, code, message string }{
		{`{"name":"spot",` + group + `}`, "ClientException", "The specified capacity provider already exists. To change the configuration of an existing capacity provider, update the capacity provider."},
		{`{"name":"other",` + group + `}`, "ClientException", "The specified Auto Scaling group is already in use by the capacity provider spot. Specify a different Auto Scaling group and try again."},
		{`{"name":"Fargate2",` + group + `}`, "ClientException", "The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters (upper and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with \"aws\", \"ecs\", or \"fargate\". Specify a valid name and try again."},
		{`{"name":"x","autoScalingGroupProvider":{"autoScalingGroupArn":"nobody"}}`, "ClientException", "The specified Auto Scaling group ARN is invalid. Specify a valid ARN and try again."},
		{`{"name":"x","managedInstancesProvider":{}}`, "UnsupportedFeatureException", "This engine does not serve ECS Managed Instances."},
	}
	for _, tt := range tests {
		r.refused("CreateCapacityProvider", request[api.CreateCapacityProviderRequest](t, tt.in), tt.code, tt.message)
	}
}

func TestTerminationProtectionNeedsScalingAndAProtectedGroup(t *testing.T) {
	r := newRig(t)
	r.provider("spot")
	in := request[api.UpdateCapacityProviderRequest](t, `{"name":"spot","autoScalingGroupProvider":{"managedTerminationProtection":"ENABLED"}}`)
	r.refused("UpdateCapacityProvider", in, "ClientException", "The managed termination protection setting for the capacity provider is invalid. To enable managed termination protection for a capacity provider, managed scaling must be enabled.")
	in.AutoScalingGroupProvider.ManagedScaling = &api.ManagedScaling{Status: api.ManagedScalingStatusEnabled, TargetCapacity: new(80)}
	r.refused("UpdateCapacityProvider", in, "ClientException", "The managed termination protection setting for the capacity provider is invalid. To enable managed termination protection for a capacity provider, the Auto Scaling group must have instance protection from scale in enabled.")
	r.protected = true
	got := ok[api.UpdateCapacityProviderResponse](r, "UpdateCapacityProvider", in).CapacityProvider
	if m := got.AutoScalingGroupProvider.ManagedScaling; *m.TargetCapacity != 80 || *m.MaximumScalingStepSize != 10000 || got.UpdateStatus != api.CapacityProviderUpdateStatusUpdateComplete {
		t.Errorf("%+v", got)
	}
}

func TestEveryAccountHasFargate(t *testing.T) {
	r := newRig(t)
	r.provider("spot")
	var names []string
	for _, p := range ok[api.DescribeCapacityProvidersResponse](r, "DescribeCapacityProviders", &api.DescribeCapacityProvidersRequest{}).CapacityProviders {
		names = append(names, *p.Name)
	}
	if diff := cmp.Diff([]string{"FARGATE", "FARGATE_SPOT", "spot"}, names); diff != "" {
		t.Error(diff)
	}
	out := ok[api.DescribeCapacityProvidersResponse](r, "DescribeCapacityProviders", &api.DescribeCapacityProvidersRequest{CapacityProviders: []string{"nobody", "FARGATE"}})
	if len(out.CapacityProviders) != 1 || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("%+v", out)
	}
	r.refused("DeleteCapacityProvider", &api.DeleteCapacityProviderRequest{CapacityProvider: new("FARGATE")}, "ClientException", "The specified capacity provider is reserved and cannot be changed or deleted.")
}

func TestPutClusterCapacityProvidersReplacesAll(t *testing.T) {
	r := newRig(t)
	r.provider("spot")
	r.cluster("web", 0)
	put := func(text string) *api.PutClusterCapacityProvidersRequest {
		return request[api.PutClusterCapacityProvidersRequest](t, text)
	}
	got := ok[api.PutClusterCapacityProvidersResponse](r, "PutClusterCapacityProviders", put(`{"cluster":"web","capacityProviders":["spot","FARGATE"],
		"defaultCapacityProviderStrategy":[{"capacityProvider":"spot","weight":1}]}`)).Cluster
	want := []api.CapacityProviderStrategyItem{{CapacityProvider: new("spot"), Weight: new(1), Base: new(0)}}
	if diff := cmp.Diff(want, got.DefaultCapacityProviderStrategy); diff != "" {
		t.Error(diff)
	}
	r.refused("DeleteCapacityProvider", &api.DeleteCapacityProviderRequest{CapacityProvider: new("spot")}, "ClientException",
		"The capacity provider cannot be deleted because it is associated with cluster: web. Remove the capacity provider from the cluster and try again.")

	r.web("app")
	svc := ok[api.CreateServiceResponse](r, "CreateService", request[api.CreateServiceRequest](t, `{"cluster":"web","serviceName":"app","taskDefinition":"app","desiredCount":0}`)).Service
	if diff := cmp.Diff(want, svc.CapacityProviderStrategy); diff != "" || svc.LaunchType != "" {
		t.Error("the default strategy is not used:", diff)
	}
	none := put(`{"cluster":"web","capacityProviders":[],"defaultCapacityProviderStrategy":[]}`)
	r.refused("PutClusterCapacityProviders", none, "ResourceInUseException", "The specified capacity provider is in use and cannot be removed.")
	ok[api.UpdateServiceResponse](r, "UpdateService", request[api.UpdateServiceRequest](t, `{"cluster":"web","service":"app","capacityProviderStrategy":[]}`))
	if got := ok[api.PutClusterCapacityProvidersResponse](r, "PutClusterCapacityProviders", none).Cluster; len(got.CapacityProviders) != 0 {
		t.Errorf("%+v", got)
	}
	if p := ok[api.DeleteCapacityProviderResponse](r, "DeleteCapacityProvider", &api.DeleteCapacityProviderRequest{CapacityProvider: new("spot")}).CapacityProvider; p.Status != api.CapacityProviderStatusInactive {
		t.Errorf("%+v", p)
	}
}

func TestStrategiesThatCannotBe(t *testing.T) {
	r := newRig(t)
	r.provider("spot")
	r.cluster("web", 0)
	tests := []struct{ providers, strategy, message string }{
		{`"nobody"`, ``, "The specified capacity provider 'nobody' was not found. Specify a valid name or ARN and try again."},
		{`"spot"`, `{"capacityProvider":"FARGATE"}`, "The specified default capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again."},
		{`"spot","FARGATE"`, `{"capacityProvider":"FARGATE","weight":1},{"capacityProvider":"spot","weight":1}`, "A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and Fargate providers. Specify one or the other and try again."},
		{`"FARGATE_SPOT","FARGATE"`, `{"capacityProvider":"FARGATE","base":1},{"capacityProvider":"FARGATE_SPOT","base":1}`, "The capacity provider strategy cannot contain more than one item with a base value. Specify a base value for one item and try again."},
	}
	for _, tt := range tests {
		in := request[api.PutClusterCapacityProvidersRequest](t, `{"cluster":"web","capacityProviders":[`+tt.providers+`],"defaultCapacityProviderStrategy":[`+tt.strategy+`]}`)
		r.refused("PutClusterCapacityProviders", in, "InvalidParameterException", tt.message)
	}
}

// The base comes first; what is above it keeps to the weights within one task.
func TestSharesFollowBaseAndWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, x, y := rapid.IntRange(0, 5).Draw(t, "base"), rapid.IntRange(1, 4).Draw(t, "x"), rapid.IntRange(0, 4).Draw(t, "y")
		strategy := []api.CapacityProviderStrategyItem{
			{CapacityProvider: new("a"), Base: &base, Weight: &x}, {CapacityProvider: new("b"), Base: new(0), Weight: &y},
		}
		have := map[string]int{}
		for range rapid.IntRange(1, 5).Draw(t, "rounds") {
			n := rapid.IntRange(0, 10).Draw(t, "count")
			total := 0
			for _, s := range Shares(strategy, have, n) {
				have[s.Provider] += s.Count
				total += s.Count
			}
			if total != n {
				t.Fatalf("%d of %d", total, n)
			}
		}
		above := have["a"] - base
		switch {
		case above < 0 && have["b"] > 0:
			t.Fatalf("b has %d, a only %d of its base %d", have["b"], have["a"], base)
		case above >= 0 && (above*y > (have["b"]+1)*x || have["b"]*x > (above+1)*y):
			t.Fatalf("above the base a has %d, b %d: not %d to %d", above, have["b"], x, y)
		}
	})
}

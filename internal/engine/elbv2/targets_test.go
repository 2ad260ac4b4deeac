package elbv2

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
)

func TestTargetsDrainAndComeBack(t *testing.T) {
	r := newRig(t)
	g := r.group("g")
	l := r.listener(r.loadBalancer("web"), 80)
	rule, err := r.rule(l, 1, g)
	must(t, rule, err)
	targets := []api.TargetDescription{{Id: new("i-1"), Port: new(32768)}}
	state := func() string {
		out, err := r.DescribeTargetHealth(t.Context(), caller, &api.DescribeTargetHealthInput{TargetGroupArn: &g})
		d := must(t, out, err).TargetHealthDescriptions
		if len(d) == 0 {
			return "none"
		}
		return string(d[0].TargetHealth.State) + " " + string(d[0].TargetHealth.Reason)
	}
	register := func() {
		_, err := r.RegisterTargets(t.Context(), caller, &api.RegisterTargetsInput{TargetGroupArn: &g, Targets: targets})
		must(t, 0, err)
	}
	register()
	if got := state(); got != "initial Elb.RegistrationInProgress" {
		t.Error(got)
	}
	_, err = r.DeregisterTargets(t.Context(), caller, &api.DeregisterTargetsInput{TargetGroupArn: &g, Targets: []api.TargetDescription{{Id: new("i-1")}}})
	must(t, 0, err)
	if got := state(); got != "draining Target.DeregistrationInProgress" {
		t.Error(got)
	}
	row := TargetsOf(r.env.Store.View(), caller.Scope(), g)[0]
	if want := noon.Add(300 * time.Second); !row.Until.Equal(want) {
		t.Errorf("drains until %v, want %v", row.Until, want)
	}
	register()
	if got := state(); got != "initial Elb.RegistrationInProgress" {
		t.Errorf("registered again: %s", got)
	}
	_, err = r.RegisterTargets(t.Context(), caller, &api.RegisterTargetsInput{TargetGroupArn: &g, Targets: []api.TargetDescription{{Id: new("j-1")}}})
	if code(err) != "InvalidTarget" {
		t.Error(err)
	}
}

// An address has its subnet's zone; one outside the VPC is private and in all zones.
func TestAddressesThatELBRefuses(t *testing.T) {
	r := newRig(t)
	out, err := r.CreateTargetGroup(t.Context(), caller, &api.CreateTargetGroupInput{Name: new("g"), Protocol: "HTTP", Port: new(80), VpcId: new("vpc-1"), TargetType: "ip"})
	g := *must(t, out, err).TargetGroups[0].TargetGroupArn
	for _, tt := range []struct{ address, zone, want, is string }{
		{"10.0.0.9", "", "", "eu-west-1a"},
		{"10.0.0.9", "eu-west-1a", "", "eu-west-1a"},
		{"10.0.0.9", "all", "The IP address '10.0.0.9' is within the VPC, and cannot have its Availability Zone overridden to 'all' from 'eu-west-1a'", ""},
		{"10.0.1.9", "", "The Availability Zone is required for IP address '10.0.1.9' because it is not in the VPC", ""},
		{"10.0.1.9", "eu-west-1a", "You must specify 'all' for all enabled Availability Zones, since the IP address '10.0.1.9' is outside the VPC", ""},
		{"10.0.1.9", "all", "", "all"},
		{"100.64.0.1", "all", "", "all"},
		{"127.0.0.1", "all", "", "all"},
		{"93.184.216.34", "all", "The IP address '93.184.216.34' is not in the VPC, and publicly routable IP addresses cannot be registered", ""},
		{"web", "", "The IP address 'web' is not a valid IPv4 address", ""},
	} {
		target := api.TargetDescription{Id: &tt.address}
		if tt.zone != "" {
			target.AvailabilityZone = &tt.zone
		}
		_, err := r.RegisterTargets(t.Context(), caller, &api.RegisterTargetsInput{TargetGroupArn: &g, Targets: []api.TargetDescription{target}})
		if tt.want != "" {
			if code(err) != "ValidationError" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s in %q: %v, want %q", tt.address, tt.zone, err, tt.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s in %q: %v", tt.address, tt.zone, err)
			continue
		}
		health, err := r.DescribeTargetHealth(t.Context(), caller, &api.DescribeTargetHealthInput{TargetGroupArn: &g, Targets: []api.TargetDescription{{Id: &tt.address}}})
		if got := awsapi.V(must(t, health, err).TargetHealthDescriptions[0].Target.AvailabilityZone); got != tt.is {
			t.Errorf("%s in %q is in %q, want %q", tt.address, tt.zone, got, tt.is)
		}
	}
}

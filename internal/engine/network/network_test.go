package network_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/network"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

var scope = state.Scope{Account: "000000000000", Region: "eu-west-1"}

// world is a load balancer with sg-lb at 10.0.1.5, an instance with sg-in at
// 10.0.2.5 and a task's interface with sg-in at 10.0.2.6, with these rules.
func world(t *testing.T, rules ...ec2.Rule) (*state.Tx, *elbv2.LoadBalancer) {
	t.Helper()
	store := state.InMemory(ec2.Tables...)
	t.Cleanup(func() { store.Close() })
	lb := &elbv2.LoadBalancer{ARN: "arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/a/1", VPC: "vpc-1", SecurityGroups: []string{"sg-lb"}}
	err := store.Update(func(tx *state.Tx) error {
		ec2.Subnets.Put(tx, scope, &ec2.Subnet{ID: "subnet-1", VPC: "vpc-1"})
		ec2.Interfaces.Put(tx, scope, &ec2.Interface{ID: "eni-lb", VPC: "vpc-1", Subnet: "subnet-1", Description: "ELB app/a/1", PrivateIP: netip.MustParseAddr("10.0.1.5"), Groups: []string{"sg-lb"}})
		ec2.Interfaces.Put(tx, scope, &ec2.Interface{ID: "eni-in", VPC: "vpc-1", Subnet: "subnet-1", PrivateIP: netip.MustParseAddr("10.0.2.5"), Groups: []string{"sg-in"}, Attachment: &ec2.Attachment{Instance: "i-1"}})
		ec2.Interfaces.Put(tx, scope, &ec2.Interface{ID: "eni-task", VPC: "vpc-1", Subnet: "subnet-1", PrivateIP: netip.MustParseAddr("10.0.2.6"), Groups: []string{"sg-in"}})
		for i := range rules {
			rules[i].ID = string(rune('a' + i))
			ec2.Rules.Put(tx, scope, &rules[i])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return store.View(), lb
}

func in(group string, port int, from ec2.Peer) ec2.Rule {
	return ec2.Rule{Group: group, Spec: ec2.Spec{Protocol: "tcp", From: port, To: port, Peer: from}}
}

var out = ec2.Rule{Group: "sg-lb", Egress: true, Spec: ec2.Spec{Protocol: "-1", From: -1, To: -1, Peer: ec2.Peer{IPv4: "0.0.0.0/0"}}}

func TestTheWayToTargets(t *testing.T) {
	const shut = "the security groups sg-in of i-1 let in nothing from the load balancer's sg-lb on TCP port 8000"
	tests := []struct {
		name  string
		rules []ec2.Rule
		port  int
		want  string
	}{
		{"nothing is open", []ec2.Rule{out}, 8000, shut},
		{"open to the load balancer's group", []ec2.Rule{out, in("sg-in", 8000, ec2.Peer{Group: "sg-lb"})}, 8000, ""},
		{"open to the load balancer's address", []ec2.Rule{out, in("sg-in", 8000, ec2.Peer{IPv4: "10.0.1.0/24"})}, 8000, ""},
		{"open to everybody", []ec2.Rule{out, in("sg-in", 8000, ec2.Peer{IPv4: "0.0.0.0/0"})}, 8000, ""},
		{"open to another group", []ec2.Rule{out, in("sg-in", 8000, ec2.Peer{Group: "sg-other"})}, 8000, shut},
		{"open to other addresses", []ec2.Rule{out, in("sg-in", 8000, ec2.Peer{IPv4: "10.9.0.0/16"})}, 8000, shut},
		{"another port is open", []ec2.Rule{out, in("sg-in", 9000, ec2.Peer{Group: "sg-lb"})}, 8000, shut},
		{"the load balancer may not send", []ec2.Rule{in("sg-in", 8000, ec2.Peer{Group: "sg-lb"})}, 8000, "the load balancer's security groups sg-lb let nothing out to i-1 on TCP port 8000"},
		{"the load balancer may send to the group", []ec2.Rule{
			{Group: "sg-lb", Egress: true, Spec: ec2.Spec{Protocol: "tcp", From: 8000, To: 8000, Peer: ec2.Peer{Group: "sg-in"}}}, in("sg-in", 8000, ec2.Peer{Group: "sg-lb"}),
		}, 8000, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tx, lb := world(t, tt.rules...)
			path := network.Network{}.Towards(tx, scope, lb)
			if got := path(&elbv2.Target{ID: "i-1", Port: tt.port}, elbapi.TargetTypeEnumInstance, tt.port); got != tt.want {
				t.Errorf("the instance: %q, not %q", got, tt.want)
			}
			if got := path(&elbv2.Target{ID: "10.0.2.6", Port: tt.port}, elbapi.TargetTypeEnumIp, tt.port); (got == "") != (tt.want == "") {
				t.Errorf("the address: %q", got)
			}
		})
	}
}

func TestAnAddressOfNoInterfaceIsReached(t *testing.T) {
	tx, lb := world(t, out)
	path := network.Network{}.Towards(tx, scope, lb)
	if got := path(&elbv2.Target{ID: "192.168.3.4", Port: 80}, elbapi.TargetTypeEnumIp, 80); got != "" {
		t.Error(got)
	}
}

func TestWhomAListenerAdmits(t *testing.T) {
	block := func(s ...string) (all []netip.Prefix) {
		for _, p := range s {
			all = append(all, netip.MustParsePrefix(p))
		}
		return all
	}
	tests := []struct {
		name  string
		rules []ec2.Rule
		want  []netip.Prefix
	}{
		{"nobody without a rule", nil, []netip.Prefix{}},
		{"nobody by a rule for another port", []ec2.Rule{in("sg-lb", 443, ec2.Peer{IPv4: "0.0.0.0/0"})}, []netip.Prefix{}},
		{"everybody", []ec2.Rule{in("sg-lb", 80, ec2.Peer{IPv4: "0.0.0.0/0"})}, nil},
		{"a block", []ec2.Rule{in("sg-lb", 80, ec2.Peer{IPv4: "127.0.0.0/8"})}, block("127.0.0.0/8")},
		{"a group's interfaces", []ec2.Rule{in("sg-lb", 80, ec2.Peer{Group: "sg-in"})}, block("10.0.2.5/32", "10.0.2.6/32")},
	}
	less := cmpopts.SortSlices(func(a, b netip.Prefix) bool { return a.String() < b.String() })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tx, lb := world(t, tt.rules...)
			got := network.Network{}.Clients(tx, scope, lb.SecurityGroups, 80)
			if diff := cmp.Diff(tt.want, got, less, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" || (tt.want == nil) != (got == nil) {
				t.Error(diff)
			}
		})
	}
}

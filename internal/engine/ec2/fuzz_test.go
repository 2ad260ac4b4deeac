package ec2

import (
	"errors"
	"testing"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

// FuzzPermission adds a rule of any protocol, ports and peer to a group. It is
// refused by an error of EC2's or is there as one rule; asking for it again is a
// duplicate, and revoking it leaves what was.
func FuzzPermission(f *testing.F) {
	f.Add("tcp", 80, 80, "10.0.0.0/8", "", "web")
	f.Add("-1", -1, -1, "0.0.0.0/0", "", "")
	f.Add("icmp", 8, -1, "100.68.0.18/18", "", "")
	f.Add("58", 0, 0, "", "2001:db8::1/64", "")
	f.Add("udp", 65535, 1, "::/0", "0.0.0.0/0", "é")
	f.Fuzz(func(t *testing.T, protocol string, from, to int, v4, v6, description string) {
		r := newRig(t)
		defer r.s.env.Store.Close()
		group := must[api.CreateSecurityGroupResult](r, "CreateSecurityGroup", &api.CreateSecurityGroupRequest{GroupName: new("web"), Description: new("web")}).GroupId
		p := api.IpPermission{IpProtocol: &protocol, FromPort: &from, ToPort: &to}
		if v4 != "" {
			p.IpRanges = []api.IpRange{{CidrIp: &v4, Description: &description}}
		}
		if v6 != "" {
			p.Ipv6Ranges = []api.Ipv6Range{{CidrIpv6: &v6, Description: &description}}
		}
		add := &api.AuthorizeSecurityGroupIngressRequest{GroupId: group, IpPermissions: []api.IpPermission{p}}
		_, err := r.do("AuthorizeSecurityGroupIngress", add)
		if err != nil {
			if _, ok := errors.AsType[*awsapi.Error](err); !ok {
				t.Fatalf("refused by an error that is not EC2's: %v", err)
			}
			return
		}
		if _, err := r.do("AuthorizeSecurityGroupIngress", add); err == nil {
			t.Fatal("the same rule was added twice")
		}
		shown := func() []api.IpPermission {
			return must[api.DescribeSecurityGroupsResult](r, "DescribeSecurityGroups", &api.DescribeSecurityGroupsRequest{GroupIds: []string{*group}}).SecurityGroups[0].IpPermissions
		}
		as := shown()
		if len(as) != 1 || len(as[0].IpRanges)+len(as[0].Ipv6Ranges) != len(p.IpRanges)+len(p.Ipv6Ranges) {
			t.Fatalf("shown as %+v", as)
		}
		// What is shown is what a client would send back.
		must[api.RevokeSecurityGroupIngressResult](r, "RevokeSecurityGroupIngress", &api.RevokeSecurityGroupIngressRequest{GroupId: group, IpPermissions: as})
		if as := shown(); len(as) != 0 {
			t.Fatalf("revoked and still shown: %+v", as)
		}
	})
}

// FuzzBlock reads any text as a VPC's block.
func FuzzBlock(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/16", "10.0.0.7/28", "10.0.0.0/15", "127.0.0.0/16", "::/16", "10.0.0.0/016", "10.0.0.0/-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := block("cidrBlock", text, "InvalidVpc.Range")
		if err != nil {
			return
		}
		again, err := block("cidrBlock", p.String(), "InvalidVpc.Range")
		if err != nil || again != p {
			t.Fatalf("%q is %s, which is %s, %v", text, p, again, err)
		}
		if p.Bits() < largestBlock || p.Bits() > smallestBlock || usable(p) < 11 || !within(p, p) {
			t.Fatalf("%q is %s", text, p)
		}
	})
}

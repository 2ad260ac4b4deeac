package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const adoptFile = `app: ship
image: docker.io/library/ship:1
service:
  port: 8000
  memory: 64
environments:
  playground:
    on: engine
    host: ship.slipway.test
    branch: main
    cluster: { name: shared, own: false, load-balancer: byhand }
`

// What others made is used as it is: what is not as Slipway would have it is
// said, a load balancer that is full is said before anything changes, and one in
// another VPC is refused.
func TestWhatOthersMadeIsSaidAndLeftAlone(t *testing.T) {
	t.Parallel()
	// Nobody can tell what others made a moment ago while reads lag.
	s := &site{engine: start(t, append(faultsByDefault(t, "stale=0s"), "--simulate")...), cluster: "shared"}
	a := &application{engine: s.engine, dir: t.TempDir()}
	run := func(code int, args []string, says ...string) string {
		t.Helper()
		out, got := a.slipway(a.dir, nil, args...)
		if got != code {
			t.Fatalf("slipway %s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, out)
		}
		for _, s := range says {
			if !strings.Contains(out, s) {
				t.Errorf("slipway %s does not say %q:\n%s", strings.Join(args, " "), s, out)
			}
		}
		return out
	}
	a.write("slipway.yaml", adoptFile)
	s.network()
	s.must("ec2", "authorize-security-group-ingress", "--group-id", s.instanceGroup, "--protocol", "tcp", "--port", "22", "--cidr", "0.0.0.0/0")
	s.capacity()
	s.eventually("1", "ecs", "describe-clusters", "--clusters", "shared", "--query", "clusters[0].registeredContainerInstancesCount")
	lb := s.must(append([]string{"elbv2", "create-load-balancer", "--name", "byhand", "--security-groups", s.lbGroup, "--query", "LoadBalancers[0].LoadBalancerArn", "--subnets"}, strings.Fields(s.subnets)[:2]...)...)
	group := s.must("elbv2", "create-target-group", "--name", "old-tg", "--protocol", "HTTP", "--port", "80", "--vpc-id", s.vpc, "--query", "TargetGroups[0].TargetGroupArn")
	certificate := s.must("acm", "request-certificate", "--domain-name", "old.slipway.test", "--validation-method", "DNS", "--query", "CertificateArn")
	a.issue(certificate)
	s.must("elbv2", "create-listener", "--load-balancer-arn", lb, "--port", "80", "--protocol", "HTTP", "--default-actions", "Type=forward,TargetGroupArn="+group)
	https := s.must("elbv2", "create-listener", "--load-balancer-arn", lb, "--port", "443", "--protocol", "HTTPS", "--certificates", "CertificateArn="+certificate,
		"--ssl-policy", "ELBSecurityPolicy-2016-08", "--default-actions", "Type=forward,TargetGroupArn="+group, "--query", "Listeners[0].ListenerArn")
	before := s.must("elbv2", "describe-listeners", "--load-balancer-arn", lb)
	deviations := []string{
		"load balancer byhand: the listener on port 80 does not redirect to https (its default is forward)",
		"load balancer byhand: the HTTPS listener's default is forward, not 404",
		"its policy ELBSecurityPolicy-2016-08 still takes TLS 1.0 or 1.1",
		"security group instances is open to the world (tcp 22)",
	}
	run(0, []string{"env", "show", "playground"}, deviations...)
	run(2, []string{"plan", "playground"}, deviations...)
	run(0, []string{"env", "up", "playground"}, deviations...)
	if after := s.must("elbv2", "describe-listeners", "--load-balancer-arn", lb); after != before {
		t.Errorf("what others made was changed:\n%s\n%s", before, after)
	}

	client := elb.New(elb.Options{Region: s.lookup("AWS_DEFAULT_REGION"), BaseEndpoint: aws.String(s.lookup("AWS_ENDPOINT_URL")),
		Credentials: credentials.NewStaticCredentialsProvider(s.lookup("AWS_ACCESS_KEY_ID"), s.lookup("AWS_SECRET_ACCESS_KEY"), "")})
	fill := func(from, to int) {
		for i := from; i <= to; i++ {
			_, err := client.CreateRule(context.Background(), &elb.CreateRuleInput{ListenerArn: &https, Priority: aws.Int32(int32(i)),
				Conditions: []types.RuleCondition{{Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{Values: []string{fmt.Sprintf("h%d.slipway.test", i)}}}},
				Actions:    []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: &group}}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(1, 95)
	run(2, []string{"plan", "playground"}, "load balancer byhand will have 96 of 100 rules")
	fill(96, 100)
	const full = "load balancer byhand has 100 of 100 rules and this needs 1 more"
	run(1, []string{"plan", "playground"}, full)
	run(1, []string{"deploy", "playground", "--tag", "v1"}, full, "nothing was changed")
	if groups := s.must("elbv2", "describe-target-groups", "--query", "TargetGroups[].TargetGroupName"); groups != "old-tg" {
		t.Errorf("a refused deploy made target groups: %s", groups)
	}

	vpc := s.must("ec2", "create-vpc", "--cidr-block", "10.9.0.0/16", "--query", "Vpc.VpcId")
	var subnets []string
	for i, zone := range []string{"a", "b"} {
		subnets = append(subnets, s.must("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", fmt.Sprintf("10.9.%d.0/24", i), "--availability-zone", s.lookup("AWS_DEFAULT_REGION")+zone, "--query", "Subnet.SubnetId"))
	}
	gateway := s.must("ec2", "create-internet-gateway", "--query", "InternetGateway.InternetGatewayId")
	s.must("ec2", "attach-internet-gateway", "--internet-gateway-id", gateway, "--vpc-id", vpc)
	s.must(append([]string{"elbv2", "create-load-balancer", "--name", "elsewhere", "--query", "LoadBalancers[0].LoadBalancerArn", "--subnets"}, subnets...)...)
	a.write("slipway.yaml", strings.Replace(adoptFile, "byhand", "elsewhere", 1))
	run(1, []string{"env", "up", "playground"}, "load balancer elsewhere has no HTTPS listener")
	a.write("slipway.yaml", strings.Replace(adoptFile, "load-balancer: byhand", "load-balancer: byhand, vpc: "+vpc, 1))
	run(1, []string{"deploy", "playground", "--tag", "v1"}, "load balancer byhand stands in "+s.vpc+", cluster shared in "+vpc, "nothing was changed")
}

// issue proves a certificate's domain, as people do by hand.
func (a *application) issue(certificate string) {
	a.t.Helper()
	var record []string
	until(a.t, "the validation record", func() bool {
		record = strings.Fields(a.must("acm", "describe-certificate", "--certificate-arn", certificate, "--query", "Certificate.DomainValidationOptions[0].ResourceRecord.[Name,Value]"))
		return len(record) == 2
	})
	zone := a.cloudflare("POST", "/zones", `{"name":"slipway.test","type":"full"}`)
	a.cloudflare("POST", "/zones/"+zone+"/dns_records", fmt.Sprintf(`{"type":"CNAME","name":%q,"content":%q}`, record[0], record[1]))
	a.eventually("ISSUED", "acm", "describe-certificate", "--certificate-arn", certificate, "--query", "Certificate.Status")
}

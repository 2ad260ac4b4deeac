package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-dev/slipway/internal/config"
	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/release"
)

// The first load balancer takes no more rules: another application on the cluster
// is refused before anything changes, and goes to a second load balancer where its
// file lets it. Who is on the first stays there, and nothing is left of either.
func TestAFullLoadBalancerGetsASecond(t *testing.T) {
	t.Parallel()
	const secret = "  secrets: { KEY: \"ssm:/{env}/key\" }\n"
	f := newFaulty(t, "off")
	load := func(edit ...string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "slipway.yaml")
		if err := os.WriteFile(file, []byte(strings.NewReplacer(append(edit, secret, "")...).Replace(faultyFile)), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if f.stack, err = config.Load(file); err != nil {
			t.Fatal(err)
		}
		f.env, _ = f.stack.Environment("playground")
	}
	ctx, c := t.Context(), f.p.Client()
	client := elb.New(elb.Options{Region: c.Region, BaseEndpoint: &c.Endpoint, Credentials: credentials.NewStaticCredentialsProvider(c.KeyID, c.Secret, "")})
	balancers := func() map[string]string {
		t.Helper()
		out, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, lb := range out.LoadBalancers {
			all[*lb.LoadBalancerName] = *lb.DNSName
		}
		return all
	}

	load()
	if _, err := f.up(ctx, "v1"); err != nil {
		t.Fatalf("up: %v\n%s", err, strings.Join(f.events, "\n"))
	}
	first, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := client.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: first.LoadBalancers[0].LoadBalancerArn})
	if err != nil {
		t.Fatal(err)
	}
	https := listeners.Listeners[slices.IndexFunc(listeners.Listeners, func(l types.Listener) bool { return *l.Port == 443 })].ListenerArn
	for i := 2; i <= 100; i++ {
		_, err := client.CreateRule(ctx, &elb.CreateRuleInput{ListenerArn: https, Priority: aws.Int32(int32(100 + i)),
			Conditions: []types.RuleCondition{{Field: aws.String("host-header"), Values: []string{fmt.Sprintf("h%d.example.com", i)}}},
			Actions:    []types.Action{{Type: types.ActionTypeEnumFixedResponse, FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: aws.String("200")}}}})
		if err != nil {
			t.Fatal(err)
		}
	}

	boat := []string{"app: ship", "app: boat", "host: example.com", "host: boat.example.com"}
	load(boat...)
	if _, err := f.up(ctx, "v1"); err == nil || !strings.Contains(err.Error(), "load balancer yard has 100 of 100 rules and this needs 1 more") || !strings.Contains(err.Error(), "cluster: {spread: true}; nothing was changed") {
		t.Errorf("up beside a full load balancer: %v", err)
	}

	spread := []string{"  size: {", "  spread: true\n  size: {"}
	load(append(boat, spread...)...)
	if _, err := f.up(ctx, "v1"); err != nil {
		t.Fatalf("up: %v\n%s", err, strings.Join(f.events, "\n"))
	}
	all := balancers()
	if len(all) != 2 || all["yard-2"] == "" {
		t.Errorf("the load balancers: %v", all)
	}
	records, err := dns.NewCloudflare(c.Endpoint+"/client/v4", c.CloudflareToken, true).Find(ctx, "boat.example.com", "CNAME")
	if err != nil || len(records) != 1 || records[0].Content != all["yard-2"] {
		t.Errorf("boat.example.com leads to %v (%v)", records, err)
	}
	f.same(ctx)
	if _, err := f.up(ctx, "v2"); err != nil || f.env.Cluster.Nth != 2 {
		t.Errorf("the next version goes to load balancer %d: %v", f.env.Cluster.Nth, err)
	}
	a, err := f.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := release.Destroy(ctx, a, f.env, false, release.Options{Sink: f.sink}); err != nil {
		t.Fatal(err)
	}

	load(spread...)
	f.same(ctx)
	if f.env.Cluster.Nth != 1 {
		t.Errorf("the first application is on load balancer %d", f.env.Cluster.Nth)
	}
	if err := f.destroy(ctx); err != nil {
		t.Fatalf("destroy: %v\n%s", err, strings.Join(f.events, "\n"))
	}
	if left := f.left(); len(left) > 0 || len(balancers()) > 0 {
		t.Errorf("left: %v %v", left, balancers())
	}
}

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// inventory collects what an account has of every kind of thing that Slipway
// makes, as "kind name". What is there twice is in it twice.
type inventory struct {
	t    *testing.T
	ctx  context.Context
	list []string
}

func (v *inventory) add(kind, name string) { v.list = append(v.list, kind+" "+name) }

// had ends the test where a list cannot be had: an empty one proves nothing.
func had[T any](v *inventory, out T, err error) T {
	v.t.Helper()
	if err != nil {
		v.t.Fatalf("reading what there is: %v", err)
	}
	return out
}

// everything is the account's inventory, sorted. The engine must not inject
// faults into these calls.
func everything(t *testing.T, c *enginetest.Client) []string {
	t.Helper()
	v := &inventory{t: t, ctx: t.Context()}
	cfg := aws.Config{Region: c.Region, BaseEndpoint: &c.Endpoint, Credentials: credentials.NewStaticCredentialsProvider(c.KeyID, c.Secret, "")}
	v.network(ec2.NewFromConfig(cfg))
	v.balancing(elb.NewFromConfig(cfg))
	v.containers(ecs.NewFromConfig(cfg))
	v.identity(iam.NewFromConfig(cfg))
	v.rest(cfg)
	v.records(c)
	slices.Sort(v.list)
	return v.list
}

// since is what is in an inventory and was not in an earlier one.
func since(before, after []string) (all []string) {
	count := map[string]int{}
	for _, s := range before {
		count[s]++
	}
	for _, s := range after {
		if count[s]--; count[s] < 0 {
			all = append(all, s)
		}
	}
	return all
}

// kept tells what a destroy leaves on purpose: images, logs, secrets, and the
// record that proves a domain, which other certificates of it need.
func kept(thing string) bool {
	return slices.ContainsFunc([]string{"repository ", "log group ", "parameter /playground/", "record CNAME _"}, func(k string) bool { return strings.HasPrefix(thing, k) })
}

func (v *inventory) network(c *ec2.Client) {
	named := func(kind string, id *string, tags []ec2types.Tag) {
		name := aws.ToString(id)
		for _, t := range tags {
			if aws.ToString(t.Key) == "Name" {
				name = aws.ToString(t.Value)
			}
		}
		v.add(kind, name)
	}
	vpcs, err := c.DescribeVpcs(v.ctx, &ec2.DescribeVpcsInput{})
	for _, x := range had(v, vpcs, err).Vpcs {
		named("vpc", x.VpcId, x.Tags)
	}
	subnets, err := c.DescribeSubnets(v.ctx, &ec2.DescribeSubnetsInput{})
	for _, x := range had(v, subnets, err).Subnets {
		named("subnet", x.SubnetId, x.Tags)
	}
	gateways, err := c.DescribeInternetGateways(v.ctx, &ec2.DescribeInternetGatewaysInput{})
	for _, x := range had(v, gateways, err).InternetGateways {
		named("internet gateway", x.InternetGatewayId, x.Tags)
	}
	groups, err := c.DescribeSecurityGroups(v.ctx, &ec2.DescribeSecurityGroupsInput{})
	for _, x := range had(v, groups, err).SecurityGroups {
		if name := aws.ToString(x.GroupName); name != "default" { // it is its VPC's
			v.add("security group", name)
		}
	}
	templates, err := c.DescribeLaunchTemplates(v.ctx, &ec2.DescribeLaunchTemplatesInput{})
	for _, x := range had(v, templates, err).LaunchTemplates {
		v.add("launch template", aws.ToString(x.LaunchTemplateName))
	}
	instances, err := c.DescribeInstances(v.ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}}}})
	for _, r := range had(v, instances, err).Reservations {
		for _, x := range r.Instances {
			named("instance", x.InstanceId, x.Tags)
		}
	}
}

func (v *inventory) balancing(c *elb.Client) {
	balancers, err := c.DescribeLoadBalancers(v.ctx, &elb.DescribeLoadBalancersInput{})
	for _, lb := range had(v, balancers, err).LoadBalancers {
		v.add("load balancer", aws.ToString(lb.LoadBalancerName))
		listeners, err := c.DescribeListeners(v.ctx, &elb.DescribeListenersInput{LoadBalancerArn: lb.LoadBalancerArn})
		for _, l := range had(v, listeners, err).Listeners {
			v.add("listener", fmt.Sprint(aws.ToInt32(l.Port)))
			rules, err := c.DescribeRules(v.ctx, &elb.DescribeRulesInput{ListenerArn: l.ListenerArn})
			for _, r := range had(v, rules, err).Rules {
				for _, c := range r.Conditions {
					v.add("rule", fmt.Sprint(aws.ToInt32(l.Port), " ", aws.ToString(c.Field), c.Values))
				}
			}
		}
	}
	groups, err := c.DescribeTargetGroups(v.ctx, &elb.DescribeTargetGroupsInput{})
	for _, x := range had(v, groups, err).TargetGroups {
		v.add("target group", aws.ToString(x.TargetGroupName))
	}
}

func (v *inventory) containers(c *ecs.Client) {
	clusters, err := c.ListClusters(v.ctx, &ecs.ListClustersInput{})
	for _, cluster := range had(v, clusters, err).ClusterArns {
		v.add("cluster", after(cluster, "/"))
		services, err := c.ListServices(v.ctx, &ecs.ListServicesInput{Cluster: &cluster})
		for _, x := range had(v, services, err).ServiceArns {
			v.add("service", after(x, "/"))
		}
	}
	providers, err := c.DescribeCapacityProviders(v.ctx, &ecs.DescribeCapacityProvidersInput{})
	for _, x := range had(v, providers, err).CapacityProviders {
		if x.AutoScalingGroupProvider != nil && x.Status == "ACTIVE" {
			v.add("capacity provider", aws.ToString(x.Name))
		}
	}
}

// after is what follows the last of a mark.
func after(s, mark string) string { return s[strings.LastIndex(s, mark)+1:] }

func (v *inventory) identity(c *iam.Client) {
	roles, err := c.ListRoles(v.ctx, &iam.ListRolesInput{})
	for _, x := range had(v, roles, err).Roles {
		if !strings.HasPrefix(aws.ToString(x.Path), "/aws-service-role/") { // AWS's own, and kept
			v.add("role", aws.ToString(x.RoleName))
		}
	}
	profiles, err := c.ListInstanceProfiles(v.ctx, &iam.ListInstanceProfilesInput{})
	for _, x := range had(v, profiles, err).InstanceProfiles {
		v.add("instance profile", aws.ToString(x.InstanceProfileName))
	}
	policies, err := c.ListPolicies(v.ctx, &iam.ListPoliciesInput{Scope: iamtypes.PolicyScopeTypeLocal})
	for _, x := range had(v, policies, err).Policies {
		v.add("policy", aws.ToString(x.PolicyName))
	}
}

func (v *inventory) rest(cfg aws.Config) {
	groups, err := autoscaling.NewFromConfig(cfg).DescribeAutoScalingGroups(v.ctx, &autoscaling.DescribeAutoScalingGroupsInput{})
	for _, x := range had(v, groups, err).AutoScalingGroups {
		v.add("auto scaling group", aws.ToString(x.AutoScalingGroupName))
	}
	scaling := applicationautoscaling.NewFromConfig(cfg)
	targets, err := scaling.DescribeScalableTargets(v.ctx, &applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
	for _, x := range had(v, targets, err).ScalableTargets {
		v.add("scalable target", aws.ToString(x.ResourceId))
	}
	scalingPolicies, err := scaling.DescribeScalingPolicies(v.ctx, &applicationautoscaling.DescribeScalingPoliciesInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
	for _, x := range had(v, scalingPolicies, err).ScalingPolicies {
		v.add("scaling policy", aws.ToString(x.PolicyName))
	}
	certificates, err := acm.NewFromConfig(cfg).ListCertificates(v.ctx, &acm.ListCertificatesInput{Includes: &acmtypes.Filters{KeyTypes: acmtypes.KeyAlgorithm("").Values()}})
	for _, x := range had(v, certificates, err).CertificateSummaryList {
		v.add("certificate", aws.ToString(x.DomainName))
	}
	repositories, err := ecr.NewFromConfig(cfg).DescribeRepositories(v.ctx, &ecr.DescribeRepositoriesInput{})
	for _, x := range had(v, repositories, err).Repositories {
		v.add("repository", aws.ToString(x.RepositoryName))
	}
	parameters, err := ssm.NewFromConfig(cfg).DescribeParameters(v.ctx, &ssm.DescribeParametersInput{})
	for _, x := range had(v, parameters, err).Parameters {
		v.add("parameter", aws.ToString(x.Name))
	}
	logs, err := cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(v.ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	for _, x := range had(v, logs, err).LogGroups {
		v.add("log group", aws.ToString(x.LogGroupName))
	}
	rules, err := eventbridge.NewFromConfig(cfg).ListRules(v.ctx, &eventbridge.ListRulesInput{})
	for _, x := range had(v, rules, err).Rules {
		v.add("schedule", aws.ToString(x.Name))
	}
}

// records are the names at Cloudflare.
func (v *inventory) records(c *enginetest.Client) {
	type named struct{ ID, Name, Type string }
	get := func(path string) (list []named) {
		req, err := http.NewRequestWithContext(v.ctx, "GET", c.Endpoint+"/client/v4"+path, nil)
		if err != nil {
			v.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.CloudflareToken)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			v.t.Fatal(err)
		}
		defer res.Body.Close()
		var out struct {
			Success bool
			Result  []named
		}
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil || !out.Success {
			v.t.Fatalf("%s: %s %v", path, res.Status, err)
		}
		return out.Result
	}
	for _, zone := range get("/zones") {
		for _, r := range get("/zones/" + zone.ID + "/dns_records") {
			v.add("record", r.Type+" "+r.Name)
		}
	}
}

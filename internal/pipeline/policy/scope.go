package policy

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Scope is where a policy holds: an environment in an account and a region.
type Scope struct {
	Account, Region string
	Env             *slipway.Environment
}

func (s Scope) partition() string {
	switch {
	case strings.HasPrefix(s.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(s.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// arn is an ARN in the scope; IAM's have no region.
func (s Scope) arn(service, resource string) string {
	region := s.Region
	if service == "iam" {
		region = ""
	}
	return "arn:" + s.partition() + ":" + service + ":" + region + ":" + s.Account + ":" + resource
}

func (s Scope) ecs(resource string) string { return s.arn("ecs", resource) }
func (s Scope) elb(resource string) string { return s.arn("elasticloadbalancing", resource) }
func (s Scope) ec2(resource string) string { return s.arn("ec2", resource) }

func (s Scope) cluster() string { return s.Env.Cluster.Name }

// role is a role's ARN: the file names it by name or by ARN.
func (s Scope) role(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return s.arn("iam", "role/"+name)
}

// balancer is the load balancer in ARNs, "app/NAME". A listener's and a rule's
// ARN begin with it. In an environment of others that does not name one it is the
// only one that there is, whatever its name.
func (s Scope) balancer() string {
	c := s.Env.Cluster
	if _, path, ok := strings.Cut(c.LoadBalancer, ":loadbalancer/"); ok {
		return path[:strings.LastIndexByte(path, '/')]
	}
	if c.LoadBalancer == "" && !c.Owned {
		return "app/*"
	}
	name := "app/" + plan.Of(s.Env).Balancer().Name
	if c.Spread { // which one isn't known before
		name += "*"
	}
	return name
}

// services are the environment's services as ECS names them.
func (s Scope) services() []string {
	var arns []string
	for _, svc := range s.Env.Services {
		arns = append(arns, s.ecs("service/"+s.cluster()+"/"+svc.Name))
	}
	return arns
}

// repositories are those of the account's own registry that the environment's
// images are built into.
func (s Scope) repositories() []string {
	var arns []string
	for _, i := range s.Env.Built() {
		if i.Host() == "" {
			arns = append(arns, s.arn("ecr", "repository/"+i.Repository))
		}
	}
	return arns
}

// named are the ARNs of a kind's resources, made of their names.
func (s Scope) named(wanted []slipway.Resource, kind slipway.Kind, arn func(name string) string) []string {
	var arns []string
	for _, r := range wanted {
		if r.Kind == kind {
			arns = append(arns, arn(r.Name))
		}
	}
	return arns
}

func has(wanted []slipway.Resource, kinds ...slipway.Kind) bool {
	return slices.ContainsFunc(wanted, func(r slipway.Resource) bool { return slices.Contains(kinds, r.Kind) })
}

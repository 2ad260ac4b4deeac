package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Short makes a name of at most max characters: a longer one is cut and gets a
// hash of the whole, so that two long names stay two. Elastic Load Balancing
// takes 32.
func Short(name string, max int) string {
	if len(name) <= max {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:max-7], "-") + "-" + hex.EncodeToString(sum[:])[:6]
}

// Names are what an environment's own resources are called, by the cluster's name.
type Names struct{ c *slipway.Cluster }

// Of is the names in an environment.
func Of(env *slipway.Environment) Names { return Names{&env.Cluster} }

// Cluster is the ECS cluster.
func (n Names) Cluster() slipway.ID { return slipway.ID{Kind: slipway.KindCluster, Name: n.c.Name} }

// Balancer is the load balancer: the file's, or one called as the cluster, or
// the nth of those.
func (n Names) Balancer() slipway.ID {
	if n.c.LoadBalancer != "" {
		return slipway.ID{Kind: slipway.KindLoadBalancer, Name: n.c.LoadBalancer}
	}
	return n.NthBalancer(n.c.Nth)
}

// NthBalancer is one of the load balancers that services are spread over.
func (n Names) NthBalancer(nth int) slipway.ID {
	name := Short(n.c.Name, 32)
	if nth > 1 {
		suffix := fmt.Sprintf("-%d", nth)
		name = Short(n.c.Name, 32-len(suffix)) + suffix
	}
	return slipway.ID{Kind: slipway.KindLoadBalancer, Name: name}
}

// HTTP and HTTPS are the load balancer's listeners.
func (n Names) HTTP() slipway.ID  { return slipway.ID{Kind: slipway.KindListener, Name: "http"} }
func (n Names) HTTPS() slipway.ID { return slipway.ID{Kind: slipway.KindListener, Name: "https"} }

// BalancerGroup admits the world to the load balancer, InstanceGroup the load
// balancer to the instances.
func (n Names) BalancerGroup() slipway.ID {
	return slipway.ID{Kind: slipway.KindSecurityGroup, Name: n.c.Name + "-balancer"}
}

// InstanceGroup is the security group of the cluster's instances.
func (n Names) InstanceGroup() slipway.ID {
	return slipway.ID{Kind: slipway.KindSecurityGroup, Name: n.c.Name + "-instances"}
}

// VPC, Gateway and Routes are the network.
func (n Names) VPC() slipway.ID     { return slipway.ID{Kind: slipway.KindVPC, Name: n.c.Name} }
func (n Names) Gateway() slipway.ID { return slipway.ID{Kind: slipway.KindGateway, Name: n.c.Name} }
func (n Names) Routes() slipway.ID  { return slipway.ID{Kind: slipway.KindRoutes, Name: n.c.Name} }

// Subnets are two, each in a zone of its own: a load balancer wants no less.
func (n Names) Subnets() []slipway.ID {
	return []slipway.ID{{Kind: slipway.KindSubnet, Name: n.c.Name + "-a"}, {Kind: slipway.KindSubnet, Name: n.c.Name + "-b"}}
}

// Profile is the instances' profile, and their role's name.
func (n Names) Profile() slipway.ID {
	return slipway.ID{Kind: slipway.KindInstanceProfile, Name: n.c.Name + "-instance"}
}

// Template, Group, Provider and Capacity are where instances come from.
func (n Names) Template() slipway.ID {
	return slipway.ID{Kind: slipway.KindLaunchTemplate, Name: n.c.Name + "-instances"}
}

// Group is the Auto Scaling group.
func (n Names) Group() slipway.ID {
	return slipway.ID{Kind: slipway.KindAutoScalingGroup, Name: n.c.Name}
}

// Provider is the capacity provider; ECS keeps names that begin with aws, ecs
// and fargate for itself.
func (n Names) Provider() slipway.ID {
	name := n.c.Name
	for _, kept := range []string{"aws", "ecs", "fargate"} {
		if strings.HasPrefix(strings.ToLower(name), kept) {
			name = "on-" + name
			break
		}
	}
	return slipway.ID{Kind: slipway.KindCapacityProvider, Name: name}
}

// Capacity is the cluster's providers and its group's size.
func (n Names) Capacity() slipway.ID {
	return slipway.ID{Kind: slipway.KindCapacity, Name: n.c.Name}
}

// ServiceNames are what one service's resources are called.
type ServiceNames struct{ s *slipway.Service }

// For is the names of a service.
func For(s *slipway.Service) ServiceNames { return ServiceNames{s} }

// Service is the ECS service.
func (n ServiceNames) Service() slipway.ID {
	return slipway.ID{Kind: slipway.KindService, Name: n.s.Name}
}

// TargetGroup is the service's.
func (n ServiceNames) TargetGroup() slipway.ID {
	return slipway.ID{Kind: slipway.KindTargetGroup, Name: n.s.TargetGroup}
}

// Rule is the listener's i-th rule that leads to the target group.
func (n ServiceNames) Rule(i int) slipway.ID {
	name := n.s.Name
	if i > 0 {
		name = fmt.Sprintf("%s/%d", name, i+1)
	}
	return slipway.ID{Kind: slipway.KindRule, Name: name}
}

// ExecRole is the task role of a service that may be entered and has no other.
func (n ServiceNames) ExecRole() slipway.ID {
	return slipway.ID{Kind: slipway.KindRole, Name: Short(n.s.Name+"-exec", 64)}
}

// ExecutionRole is the role that ECS reads the service's secrets with.
func (n ServiceNames) ExecutionRole() slipway.ID {
	return slipway.ID{Kind: slipway.KindRole, Name: Short(n.s.Name+"-execution", 64)}
}

// Scaling is the service's target tracking.
func (n ServiceNames) Scaling() slipway.ID {
	return slipway.ID{Kind: slipway.KindScaling, Name: n.s.Name}
}

// Proof is the record that proves a host's domain to ACM.
func Proof(host string) slipway.ID { return slipway.ID{Kind: slipway.KindProof, Name: host} }

// Certificate, Attachment and Record are a host's.
func Certificate(host string) slipway.ID {
	return slipway.ID{Kind: slipway.KindCertificate, Name: host}
}

// Attachment is the host's certificate on the listener.
func Attachment(host string) slipway.ID { return slipway.ID{Kind: slipway.KindAttachment, Name: host} }

// Record is the host's DNS record.
func Record(host string) slipway.ID { return slipway.ID{Kind: slipway.KindRecord, Name: host} }

// Repository is the application's image repository.
func Repository(name string) slipway.ID {
	return slipway.ID{Kind: slipway.KindRepository, Name: name}
}

package config

import "github.com/slipway-dev/slipway/internal/slipway"

// cluster is the environment's: the one at the top of the file when it has the
// same name or no other is named.
func (b *builder) cluster(env *node, at slipway.Position, on string) slipway.Cluster {
	top, own := b.file.get("cluster"), env.get("cluster")
	name := b.clusterName(top, own, at, on)
	n := own
	shared := top != nil && (own.get("name") == nil || b.text(top.get("name"), "") == name)
	if shared {
		n = over(top, own)
	}
	c := slipway.Cluster{
		Name:                   name,
		Owned:                  flagAt(n.get("own"), shared || on == "engine"),
		Implied:                n.get("own") == nil && !shared && on == "engine",
		Instance:               b.text(n.get("instance"), "t3.small"),
		Insights:               flagAt(n.get("insights"), false),
		VPC:                    b.text(n.get("vpc"), ""),
		LoadBalancer:           b.text(n.get("load-balancer"), ""),
		Listener:               b.text(n.get("listener"), "443"),
		Subnets:                b.texts(n.get("subnets"), "subnet", awsName),
		SecurityGroups:         b.texts(n.find("security-groups", "instances"), "security group", awsName),
		BalancerSecurityGroups: b.texts(n.find("security-groups", "balancer"), "security group", awsName),
		CIDR:                   b.text(n.get("cidr"), "10.0.0.0/16"),
		Spread:                 flagAt(n.get("spread"), false),
		At:                     n.positions(),
	}
	b.size(&c, n.get("size"))
	return c
}

func (b *builder) clusterName(top, own *node, at slipway.Position, on string) string {
	for _, n := range []*node{own.get("name"), top.get("name")} {
		if n != nil {
			return b.ruled(n, "cluster", ecsName, "")
		}
	}
	if on != "engine" && own == nil && top == nil {
		b.found.add(at, "cluster: shared-docker-cluster-t3", "%s runs on aws and has no cluster", b.env)
	}
	return "slipway"
}

func (b *builder) size(c *slipway.Cluster, n *node) {
	c.Min = numberAt(n.get("min"), 1)
	c.Max = numberAt(n.get("max"), max(4, c.Min))
	if c.Min > c.Max {
		b.found.add(n.at, "size: { min: 1, max: 4 }", "size.min %d is more than size.max %d", c.Min, c.Max)
	}
}

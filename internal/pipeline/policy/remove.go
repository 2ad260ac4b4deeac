package policy

import (
	"github.com/slipway-dev/slipway/internal/slipway"
)

// remove is removing the wanted resources, as cloud.DestroyServices and, with
// all, cloud.DestroyEnvironment do.
func remove(s Scope, wanted []slipway.Resource, all bool) []Statement {
	var list []Statement
	for _, r := range wanted {
		if r.Service != "" || r.Kind == slipway.KindAttachment || r.Kind == slipway.KindCertificate {
			list = append(list, removeOne(s, r)...)
		} else if all && !r.Adopted {
			list = append(list, removeOne(s, r)...)
		}
	}
	if all {
		list = append(list, Statement{Sid: "Look", Action: []string{"ecs:ListServices"}, Resource: []string{"*"}, Why: anyOnly})
	}
	return list
}

func removeOne(s Scope, r slipway.Resource) []Statement {
	allow := func(sid, resource string, actions ...string) []Statement {
		return []Statement{{Sid: sid, Action: actions, Resource: []string{resource}}}
	}
	network := func(actions []string, resources ...string) []Statement {
		st := Statement{Sid: "UseNetwork", Action: actions, Condition: s.tagged()}
		for _, of := range resources {
			st.Resource = append(st.Resource, s.ec2(of+"/*"))
		}
		return []Statement{st}
	}
	role := []string{"iam:ListAttachedRolePolicies", "iam:DetachRolePolicy", "iam:ListRolePolicies", "iam:DeleteRolePolicy", "iam:DeleteRole"}
	switch r.Kind {
	case slipway.KindService:
		return allow("Services", s.ecs("service/"+s.cluster()+"/"+r.Name), "ecs:DeleteService")
	case slipway.KindTargetGroup:
		return allow("TargetGroups", s.elb("targetgroup/"+r.Name+"/*"), "elasticloadbalancing:DeleteTargetGroup")
	case slipway.KindRule:
		return allow("Routing", s.elb("listener-rule/"+s.balancer()+"/*"), "elasticloadbalancing:DeleteRule")
	case slipway.KindAttachment:
		return allow("Routing", s.elb("listener/"+s.balancer()+"/*"), "elasticloadbalancing:RemoveListenerCertificates")
	case slipway.KindRecord:
		if inRoute53(s) {
			return allow("Names", zones, "route53:ChangeResourceRecordSets")
		}
	case slipway.KindCertificate:
		return allow("Certificates", s.arn("acm", "certificate/*"), "acm:ListTagsForCertificate", "acm:DeleteCertificate")
	case slipway.KindRole:
		return allow("ExecutionRoles", s.role(r.Name), role...)
	case slipway.KindScheduleRole:
		return allow("ScheduleRoles", s.role(r.Name), role...)
	case slipway.KindSchedule:
		return []Statement{schedulesOf(s, "events:RemoveTargets", "events:DeleteRule")}
	case slipway.KindScaling:
		return allow("Scaling", s.arn("application-autoscaling", "scalable-target/*"), "application-autoscaling:DeregisterScalableTarget")
	case slipway.KindCapacity:
		return append(allow("Cluster", s.ecs("cluster/"+r.Name), "ecs:PutClusterCapacityProviders"),
			allow("AutoScalingGroup", s.group(), "autoscaling:UpdateAutoScalingGroup", "autoscaling:SetInstanceProtection", "autoscaling:CompleteLifecycleAction")...)
	case slipway.KindCapacityProvider:
		return allow("Cluster", s.ecs("capacity-provider/"+r.Name), "ecs:DeleteCapacityProvider")
	case slipway.KindAutoScalingGroup:
		return allow("AutoScalingGroup", s.group(), "autoscaling:DeleteAutoScalingGroup")
	case slipway.KindCluster:
		return append(allow("Cluster", s.ecs("cluster/"+r.Name), "ecs:DeleteCluster", "ecs:DeregisterContainerInstance"),
			allow("Cluster", s.ecs("container-instance/"+r.Name+"/*"), "ecs:DeregisterContainerInstance")...)
	case slipway.KindInstanceProfile:
		return append(allow("InstanceProfile", s.arn("iam", "instance-profile/"+r.Name), "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile"),
			allow("InstanceRole", s.role(r.Name), role...)...)
	case slipway.KindLoadBalancer:
		return allow("LoadBalancer", s.elb("loadbalancer/"+s.balancer()+"/*"), "elasticloadbalancing:DeleteLoadBalancer")
	case slipway.KindLaunchTemplate:
		return network([]string{"ec2:DeleteLaunchTemplate"}, "launch-template")
	case slipway.KindSecurityGroup:
		return network([]string{"ec2:DeleteSecurityGroup"}, "security-group")
	case slipway.KindSubnet:
		return network([]string{"ec2:DeleteSubnet"}, "subnet")
	case slipway.KindGateway:
		return network([]string{"ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"}, "internet-gateway", "vpc")
	case slipway.KindVPC:
		return network([]string{"ec2:DeleteVpc"}, "vpc")
	}
	return nil // kept on purpose
}

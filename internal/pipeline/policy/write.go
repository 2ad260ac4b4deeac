package policy

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func names(s Scope) plan.Names { return plan.Of(s.Env) }

func routed(s Scope) bool {
	return slices.ContainsFunc(s.Env.Services, func(svc slipway.Service) bool { return plan.Routed(&svc) })
}

// The tag that says whose a resource is bounds what has no name in its ARN: what
// is made has to carry it, and what is changed or removed to have it.
func (s Scope) tagging() Condition {
	return Condition{"StringEquals": {"aws:RequestTag/slipway:cluster": {s.cluster()}}}
}

func (s Scope) tagged() Condition {
	return Condition{"StringEquals": {"aws:ResourceTag/slipway:cluster": {s.cluster()}}}
}

// apply is making and changing the wanted resources, as cloud.Apply does. What
// others made is left as it is.
func apply(s Scope, wanted []slipway.Resource) []Statement {
	var list []Statement
	for _, r := range wanted {
		if !r.Adopted {
			list = append(list, write(s, r)...)
		}
	}
	return list
}

func write(s Scope, r slipway.Resource) []Statement {
	balancer := s.balancer()
	allow := func(sid string, resources []string, actions ...string) Statement {
		return Statement{Sid: sid, Action: actions, Resource: resources}
	}
	one := func(arn string) []string { return []string{arn} }
	switch r.Kind {
	case slipway.KindVPC, slipway.KindGateway, slipway.KindSubnet, slipway.KindRoutes, slipway.KindSecurityGroup, slipway.KindLaunchTemplate:
		return writeNetwork(s, r)
	case slipway.KindLoadBalancer:
		return []Statement{allow("LoadBalancer", one(s.elb("loadbalancer/"+balancer+"/*")), "elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:AddTags")}
	case slipway.KindListener:
		return []Statement{
			allow("LoadBalancer", one(s.elb("loadbalancer/"+balancer+"/*")), "elasticloadbalancing:CreateListener"),
			allow("Listeners", one(s.elb("listener/"+balancer+"/*")), "elasticloadbalancing:ModifyListener", "elasticloadbalancing:AddTags"),
		}
	case slipway.KindCluster:
		return []Statement{allow("Cluster", one(s.ecs("cluster/"+r.Name)), "ecs:CreateCluster", "ecs:UpdateClusterSettings", "ecs:TagResource")}
	case slipway.KindCapacity:
		return []Statement{
			allow("Cluster", one(s.ecs("cluster/"+r.Name)), "ecs:PutClusterCapacityProviders"),
			allow("AutoScalingGroup", one(s.group()), "autoscaling:UpdateAutoScalingGroup"),
		}
	case slipway.KindCapacityProvider:
		return []Statement{allow("Cluster", one(s.ecs("capacity-provider/"+r.Name)), "ecs:CreateCapacityProvider", "ecs:UpdateCapacityProvider", "ecs:TagResource")}
	case slipway.KindAutoScalingGroup:
		return []Statement{allow("AutoScalingGroup", one(s.group()), "autoscaling:CreateAutoScalingGroup", "autoscaling:CreateOrUpdateTags")}
	case slipway.KindInstanceProfile:
		return append(writeRole(s, r.Name, "InstanceRole", "service-role/AmazonEC2ContainerServiceforEC2Role"),
			allow("InstanceProfile", one(s.arn("iam", "instance-profile/"+r.Name)), "iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile", "iam:TagInstanceProfile"),
			Statement{Sid: "PassInstanceRole", Action: []string{"iam:PassRole"}, Resource: one(s.role(r.Name)), Condition: Condition{"StringEquals": {"iam:PassedToService": {"ec2.amazonaws.com"}}}})
	case slipway.KindRole:
		return append(writeRole(s, r.Name, "ExecutionRoles", "service-role/AmazonECSTaskExecutionRolePolicy"), allow("ExecutionRoles", one(s.role(r.Name)), "iam:PutRolePolicy"))
	case slipway.KindLogGroup:
		return []Statement{allow("NewLogGroups", []string{s.arn("logs", "log-group:"+r.Name), s.arn("logs", "log-group:"+r.Name+":*")}, "logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource")}
	case slipway.KindRepository:
		return []Statement{allow("Repositories", one(s.arn("ecr", "repository/"+r.Name)), "ecr:CreateRepository", "ecr:TagResource")}
	case slipway.KindCertificate: // its ARN is an id, which nobody knows before
		return []Statement{allow("Certificates", one(s.arn("acm", "certificate/*")), "acm:RequestCertificate", "acm:DescribeCertificate", "acm:AddTagsToCertificate")}
	case slipway.KindAttachment:
		return []Statement{allow("Routing", one(s.elb("listener/"+balancer+"/*")), "elasticloadbalancing:AddListenerCertificates")}
	case slipway.KindTargetGroup:
		return []Statement{allow("TargetGroups", one(s.elb("targetgroup/"+r.Name+"/*")), "elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:ModifyTargetGroup",
			"elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:AddTags")}
	case slipway.KindRule:
		st := allow("Routing", []string{s.elb("listener/" + balancer + "/*"), s.elb("listener-rule/" + balancer + "/*")}, "elasticloadbalancing:CreateRule", "elasticloadbalancing:ModifyRule", "elasticloadbalancing:AddTags")
		if r.Settings["priority"] != "" {
			st.Action = append(st.Action, "elasticloadbalancing:SetRulePriorities")
		}
		return []Statement{st}
	case slipway.KindService:
		return writeService(s, r)
	case slipway.KindScheduleRole:
		return []Statement{allow("ScheduleRoles", one(s.role(r.Name)), "iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy")}
	case slipway.KindSchedule:
		return append(passSchedules(s), schedulesOf(s, "events:PutRule", "events:TagResource", "events:PutTargets", "events:RemoveTargets", "events:DeleteRule"))
	case slipway.KindScaling:
		return []Statement{allow("Scaling", one(s.arn("application-autoscaling", "scalable-target/*")), "application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy")}
	}
	if r.Kind == slipway.KindRecord && inRoute53(s) {
		return []Statement{allow("Names", one(zones), "route53:ChangeResourceRecordSets"), allow("NamesSpread", one("arn:aws:route53:::change/*"), "route53:GetChange")}
	}
	return nil // a name is the DNS provider's, not IAM's
}

// group is the Auto Scaling group; its ARN has an id before the name.
func (s Scope) group() string {
	return s.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/"+names(s).Group().Name)
}

// writeRole is making a role with one of AWS's policies and no other.
func writeRole(s Scope, name, sid, policy string) []Statement {
	return []Statement{
		{Sid: sid, Action: []string{"iam:CreateRole", "iam:TagRole"}, Resource: []string{s.role(name)}},
		{Sid: "Attach" + sid, Action: []string{"iam:AttachRolePolicy"}, Resource: []string{s.role(name)},
			Condition: Condition{"ArnEquals": {"iam:PolicyARN": {"arn:" + s.partition() + ":iam::aws:policy/" + policy}}}},
	}
}

// writeService is registering its family's revisions and starting them.
func writeService(s Scope, r slipway.Resource) []Statement {
	i := slices.IndexFunc(s.Env.Services, func(svc slipway.Service) bool { return svc.Name == r.Name })
	svc := &s.Env.Services[i]
	return []Statement{
		{Sid: "Services", Action: []string{"ecs:CreateService", "ecs:UpdateService", "ecs:TagResource"}, Resource: []string{s.ecs("service/" + s.cluster() + "/" + svc.Name)}},
		{Sid: "Revisions", Action: []string{"ecs:RegisterTaskDefinition", "ecs:TagResource"}, Resource: []string{s.ecs("task-definition/" + svc.Family + ":*")}},
		passRoles(s, svc),
	}
}

// passRoles is handing a service's tasks their roles.
func passRoles(s Scope, svc *slipway.Service) Statement {
	var roles []string
	for _, name := range []string{svc.TaskRole, svc.ExecutionRole} {
		if name != "" {
			roles = append(roles, s.role(name))
		}
	}
	if plan.NeedsExecutionRole(svc) {
		roles = append(roles, s.role(plan.For(svc).ExecutionRole().Name))
	}
	return Statement{Sid: "PassRoles", Action: []string{"iam:PassRole"}, Resource: roles, Condition: passedToTasks(roles)}
}

func passedToTasks(roles []string) Condition {
	if len(roles) == 0 {
		return nil
	}
	return Condition{"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}}
}

// writeNetwork is what has ids for names.
func writeNetwork(s Scope, r slipway.Resource) []Statement {
	vpc := s.ec2("vpc/*")
	create := func(of string, actions ...string) Statement {
		return Statement{Sid: "MakeNetwork", Action: append(actions, "ec2:CreateTags"), Resource: []string{s.ec2(of + "/*")}, Condition: s.tagging()}
	}
	use := func(resources []string, actions ...string) Statement {
		st := Statement{Sid: "UseNetwork", Action: actions, Resource: resources, Condition: s.tagged()}
		if slices.Contains(resources, vpc) && s.Env.Cluster.VPC != "" {
			st.Sid, st.Condition = "UseVPC", nil // made by others, so without the tag
		}
		return st
	}
	switch r.Kind {
	case slipway.KindVPC:
		return []Statement{create("vpc", "ec2:CreateVpc"), use([]string{vpc}, "ec2:ModifyVpcAttribute")}
	case slipway.KindGateway:
		return []Statement{create("internet-gateway", "ec2:CreateInternetGateway"), use([]string{s.ec2("internet-gateway/*"), vpc}, "ec2:AttachInternetGateway")}
	case slipway.KindSubnet:
		return []Statement{look("ec2:DescribeAvailabilityZones"), create("subnet", "ec2:CreateSubnet"), use([]string{vpc}, "ec2:CreateSubnet"), use([]string{s.ec2("subnet/*")}, "ec2:ModifySubnetAttribute")}
	case slipway.KindRoutes: // the VPC's main table, which AWS makes without a tag
		return []Statement{{Sid: "Routes", Action: []string{"ec2:CreateRoute"}, Resource: []string{s.ec2("route-table/*")}}}
	case slipway.KindSecurityGroup:
		return []Statement{create("security-group", "ec2:CreateSecurityGroup"), use([]string{vpc}, "ec2:CreateSecurityGroup"), use([]string{s.ec2("security-group/*")}, "ec2:AuthorizeSecurityGroupIngress")}
	}
	// Auto Scaling asks whether its caller could start the template's instances.
	image := "arn:" + s.partition() + ":ssm:" + s.Region + "::parameter/aws/service/ecs/optimized-ami/*"
	var parts []string
	for _, of := range []string{"instance", "volume", "network-interface", "subnet", "security-group", "launch-template"} {
		parts = append(parts, s.ec2(of+"/*"))
	}
	return []Statement{
		create("launch-template", "ec2:CreateLaunchTemplate"), use([]string{s.ec2("launch-template/*")}, "ec2:CreateLaunchTemplateVersion"),
		{Sid: "MachineImage", Action: []string{"ssm:GetParameter"}, Resource: []string{image}},
		{Sid: "StartInstances", Action: []string{"ec2:RunInstances"}, Resource: append(parts, "arn:"+s.partition()+":ec2:"+s.Region+"::image/*")},
		{Sid: "TagInstances", Action: []string{"ec2:CreateTags"}, Resource: []string{s.ec2("instance/*")}, Condition: Condition{"StringEquals": {"ec2:CreateAction": {"RunInstances"}}}},
	}
}

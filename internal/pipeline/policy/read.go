package policy

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Why resources are "*".
const (
	anyOnly = "AWS binds none of these to a resource"
)

// look is reading what only "*" allows.
func look(actions ...string) Statement {
	return Statement{Sid: "Look", Action: actions, Resource: []string{"*"}, Why: anyOnly}
}

// observe is reading what the account has of the wanted resources, as
// cloud.Observe does.
func observe(s Scope, wanted []slipway.Resource) []Statement {
	list := []Statement{
		look("ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeInternetGateways", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
			"elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeListenerCertificates", "elasticloadbalancing:DescribeRules",
			"elasticloadbalancing:DescribeAccountLimits"),
		inCluster(s, "ecs:DescribeClusters", "ecs:ListContainerInstances", "ecs:DescribeContainerInstances"),
	}
	if s.Env.Cluster.Owned {
		list = append(list, look("ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions", "autoscaling:DescribeAutoScalingGroups"))
		cluster := inCluster(s, "ecs:DescribeCapacityProviders")
		cluster.Resource = append(cluster.Resource, s.ecs("capacity-provider/"+names(s).Provider().Name))
		list = append(list, cluster, Statement{Sid: "InstanceProfile", Action: []string{"iam:GetInstanceProfile"},
			Resource: []string{s.arn("iam", "instance-profile/"+names(s).Profile().Name)}})
	}
	if has(wanted, slipway.KindService) {
		list = append(list, look("ecs:DescribeTaskDefinition"), onServices(s, "ecs:DescribeServices"))
	}
	if has(wanted, slipway.KindTargetGroup) {
		list = append(list, look("elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTags"))
	}
	if has(wanted, slipway.KindCertificate) {
		list = append(list, look("acm:ListCertificates"),
			Statement{Sid: "Certificates", Action: []string{"acm:DescribeCertificate"}, Resource: []string{s.arn("acm", "certificate/*")}, Why: "a certificate's ARN isn't known before"})
	}
	if inRoute53(s) && has(wanted, slipway.KindRecord) {
		list = append(list, look("route53:ListHostedZones"),
			Statement{Sid: "Names", Action: []string{"route53:ListResourceRecordSets"}, Resource: []string{zones}, Why: "a zone's id isn't known before"})
	}
	if has(wanted, slipway.KindScaling) {
		list = append(list, look("application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies"))
	}
	if has(wanted, slipway.KindLogGroup) {
		list = append(list, Statement{Sid: "LogGroups", Action: []string{"logs:DescribeLogGroups"}, Resource: []string{s.arn("logs", "log-group:*")}})
	}
	if has(wanted, slipway.KindService) && len(s.Env.Jobs) > 0 {
		list = append(list, look("events:ListRules"), schedulesOf(s, "events:ListTargetsByRule"))
	}
	return append(list,
		Statement{Sid: "ScheduleRoles", Action: []string{"iam:GetRolePolicy"}, Resource: s.named(wanted, slipway.KindScheduleRole, s.role)},
		Statement{Sid: "Images", Action: []string{"ecr:DescribeRepositories"}, Resource: s.named(wanted, slipway.KindRepository, func(n string) string { return s.arn("ecr", "repository/"+n) })},
		Statement{Sid: "ExecutionRoles", Action: []string{"iam:GetRole", "iam:GetRolePolicy"}, Resource: s.named(wanted, slipway.KindRole, s.role)},
	)
}

// zones are Route 53's, which belong to no region and to whoever is asked.
const zones = "arn:aws:route53:::hostedzone/*"

// inRoute53 tells whether the account itself keeps the hosts' names.
func inRoute53(s Scope) bool { return s.Env.On != "engine" && s.Env.DNS.Provider == "route53" }

// inCluster is reading what belongs to the cluster.
func inCluster(s Scope, actions ...string) Statement {
	return Statement{Sid: "Cluster", Action: actions, Resource: []string{s.ecs("cluster/" + s.cluster()), s.ecs("container-instance/" + s.cluster() + "/*")}}
}

func onServices(s Scope, actions ...string) Statement {
	return Statement{Sid: "Services", Action: actions, Resource: s.services()}
}

// follow is following rollouts to their end, as release.Await does: the tasks,
// their targets, and the last lines of those that stopped.
func follow(s Scope) []Statement {
	tasks := inCluster(s, "ecs:ListTasks", "ecs:DescribeTasks")
	tasks.Resource = append(tasks.Resource, s.ecs("task/"+s.cluster()+"/*"))
	list := []Statement{tasks, onServices(s, "ecs:DescribeServices")}
	if routed(s) {
		list = append(list, look("elasticloadbalancing:DescribeTargetHealth"))
	}
	return append(list, lastLines(s)...)
}

// lastLines is what tasks wrote.
func lastLines(s Scope) []Statement {
	var list []Statement
	for _, svc := range s.Env.Services {
		if svc.LogGroup != "" {
			list = append(list, Statement{Sid: "LastLines", Action: []string{"logs:GetLogEvents"},
				Resource: []string{s.arn("logs", "log-group:"+svc.LogGroup+":log-stream:"+svc.LogPrefix+"/*")}})
		}
	}
	return list
}

// lock is the right to deploy, kept as a parameter.
func lock(s Scope) Statement {
	st := Statement{Sid: "Lock", Action: []string{"ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"}}
	for _, svc := range s.Env.Services {
		st.Resource = append(st.Resource, s.arn("ssm", "parameter/slipway/locks/"+s.cluster()+"/"+svc.Name))
	}
	return st
}

// known is looking whether the services' parameters are there, as release does.
func known(s Scope) []Statement {
	for i := range s.Env.Services {
		if slices.ContainsFunc(plan.SecretNames(&s.Env.Services[i]), slipway.IsParameter) {
			return []Statement{look("ssm:DescribeParameters")}
		}
	}
	return nil
}

// past is reading a family's revisions.
func past(s Scope) []Statement {
	return []Statement{look("ecs:ListTaskDefinitions", "ecs:DescribeTaskDefinition"), onServices(s, "ecs:DescribeServices")}
}

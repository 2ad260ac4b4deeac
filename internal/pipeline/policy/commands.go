package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Push and Deploy are the steps of a pipeline: a tag builds and pushes its
// images, a release branch starts them.
const (
	Push   = "push"
	Deploy = "deploy"
)

// commands are what each command of Slipway needs in an environment.
var commands = []struct {
	name  string
	needs func(Scope) []Statement
}{
	{Push, push},
	{"build", func(s Scope) []Statement { return append(push(s), apply(s, only(s, slipway.KindRepository))...) }},
	{Deploy, deploy},
	{"up", up},
	{"env up", envUp},
	{"env show", func(s Scope) []Statement { return observe(s, plan.Wanted(s.Env)) }},
	{"plan", func(s Scope) []Statement { return observe(s, plan.Wanted(s.Env)) }},
	{"status", status},
	{"logs", logs},
	{"history", past},
	{"rollback", func(s Scope) []Statement { return append(change(s), past(s)...) }},
	{"scale", change},
	{"run", once},
	{"run --tag", onceAt},
	{"doctor", func(s Scope) []Statement {
		list := observe(s, plan.Wanted(s.Env))
		if len(s.Env.Built()) > 0 {
			list = append(list, login)
		}
		return list
	}},
	{"secret set", func(s Scope) []Statement { return []Statement{secrets(s, "ssm:PutParameter")} }},
	{"secret set --running", func(s Scope) []Statement {
		return []Statement{secrets(s, "ssm:PutParameter"), onServices(s, "ecs:DescribeServices"), look("ecs:DescribeTaskDefinition")}
	}},
	{"secret list", func(Scope) []Statement { return []Statement{look("ssm:DescribeParameters")} }},
	{"secret rm", func(s Scope) []Statement { return []Statement{secrets(s, "ssm:DeleteParameter")} }},
	{"destroy", func(s Scope) []Statement { return destroy(s, false) }},
	{"env destroy", func(s Scope) []Statement { return destroy(s, true) }},
}

// Commands are the names that For knows.
func Commands() []string {
	var list []string
	for _, c := range commands {
		list = append(list, c.name)
	}
	return list
}

// For is the least policy for commands in all the scopes.
func For(names []string, scopes ...Scope) (Document, error) {
	var list []Statement
	for _, name := range names {
		i := slices.IndexFunc(commands, func(c struct {
			name  string
			needs func(Scope) []Statement
		}) bool {
			return c.name == name
		})
		if i < 0 {
			return Document{}, fmt.Errorf("no policy is known for %q; for %s there is one", name, strings.Join(Commands(), ", "))
		}
		for _, s := range scopes {
			if s.Env.Cluster.Implied && name != Push && name != "build" { // whose cluster is it?
				list = append(list, Statement{Sid: "Cluster", Action: []string{"ecs:DescribeClusters"}, Resource: []string{s.ecs("cluster/" + s.cluster())}})
			}
			list = append(list, commands[i].needs(s)...)
		}
	}
	return Of(list...), nil
}

// login is asking for the registry's password.
var login = Statement{Sid: "Login", Action: []string{"ecr:GetAuthorizationToken"}, Resource: []string{"*"}, Why: "the password is the whole registry's"}

func only(s Scope, kinds ...slipway.Kind) []slipway.Resource {
	return slices.DeleteFunc(plan.Wanted(s.Env), func(r slipway.Resource) bool { return !slices.Contains(kinds, r.Kind) })
}

// push is the seed's five actions on exactly the repositories, what finds an
// image that is there and reads the commit it was built from, and the registry's
// password.
func push(s Scope) []Statement {
	if len(s.repositories()) == 0 { // images elsewhere: a login of theirs, and only the account's name of AWS
		return []Statement{{Sid: "Account", Action: []string{"sts:GetCallerIdentity"}, Resource: []string{"*"}, Why: anyOnly}}
	}
	return []Statement{
		login,
		{Sid: "Push", Resource: s.repositories(), Action: []string{"ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart",
			"ecr:CompleteLayerUpload", "ecr:PutImage"}},
		{Sid: "Images", Resource: s.repositories(), Action: []string{"ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}},
	}
}

// deploy is a release of services whose environment, repository and execution
// roles are there. It makes no role and writes none: who may do that and pass
// them may become whoever he likes.
func deploy(s Scope) []Statement {
	wanted := plan.Wanted(s.Env)
	own := slices.DeleteFunc(slices.Clone(wanted), func(r slipway.Resource) bool {
		return r.Phase == plan.PhaseEnvironment && r.Kind != slipway.KindLogGroup || r.Kind == slipway.KindRepository || r.Kind == slipway.KindRole || r.Kind == slipway.KindScheduleRole
	})
	return slices.Concat([]Statement{lock(s)}, observe(s, wanted), known(s), []Statement{images(s)}, apply(s, own), follow(s))
}

// images is finding a tag's image.
func images(s Scope) Statement {
	return Statement{Sid: "Images", Action: []string{"ecr:DescribeImages"}, Resource: s.repositories()}
}

func up(s Scope) []Statement {
	return slices.Concat([]Statement{lock(s)}, observe(s, plan.Wanted(s.Env)), known(s), push(s), apply(s, plan.Wanted(s.Env)), linked(s), follow(s), spare(s))
}

// spare is an instance for as long as a deploy takes, which --add-instance adds.
func spare(s Scope) []Statement {
	if !s.Env.Cluster.Owned {
		return nil
	}
	return []Statement{{Sid: "AutoScalingGroup", Action: []string{"autoscaling:UpdateAutoScalingGroup", "autoscaling:TerminateInstanceInAutoScalingGroup"}, Resource: []string{s.group()}}}
}

func envUp(s Scope) []Statement {
	wanted := plan.EnvironmentOnly(s.Env)
	return slices.Concat(observe(s, wanted), apply(s, wanted), linked(s))
}

// linked are the roles that AWS's services make for themselves at an account's
// first use of them, with the caller's permission.
func linked(s Scope) []Statement {
	if !s.Env.Cluster.Owned {
		return nil
	}
	st := Statement{Sid: "ServiceLinkedRoles", Action: []string{"iam:CreateServiceLinkedRole"}}
	for _, service := range []string{"ecs", "elasticloadbalancing", "autoscaling"} {
		st.Resource = append(st.Resource, s.arn("iam", "role/aws-service-role/"+service+".amazonaws.com/*"))
	}
	return []Statement{st}
}

func status(s Scope) []Statement {
	list := observe(s, only(s, slipway.KindService, slipway.KindTargetGroup))
	if routed(s) {
		list = append(list, look("elasticloadbalancing:DescribeTargetHealth"), look("cloudwatch:GetMetricData"))
	}
	return list
}

func logs(s Scope) []Statement {
	st := Statement{Sid: "Logs", Action: []string{"logs:FilterLogEvents"}}
	for _, svc := range s.Env.Services {
		if svc.LogGroup != "" {
			st.Resource = append(st.Resource, s.arn("logs", "log-group:"+svc.LogGroup+":*"))
		}
	}
	return []Statement{st}
}

// change is rolling a service back or scaling it.
func change(s Scope) []Statement {
	return slices.Concat([]Statement{lock(s)}, observe(s, plan.Wanted(s.Env)), []Statement{onServices(s, "ecs:UpdateService")}, repoint(s), follow(s))
}

// once is a task of its own, of the revision that runs.
func once(s Scope) []Statement {
	tasks := []string{s.ecs("task/" + s.cluster() + "/*")}
	list := []Statement{
		onServices(s, "ecs:DescribeServices"),
		{Sid: "Tasks", Action: []string{"ecs:DescribeTasks", "ecs:StopTask", "ecs:TagResource"}, Resource: tasks},
	}
	for _, svc := range s.Env.Services {
		list = append(list, Statement{Sid: "RunTasks", Action: []string{"ecs:RunTask"}, Resource: []string{s.ecs("task-definition/" + svc.Family + ":*")}}, passRoles(s, &svc))
	}
	return append(list, lastLines(s)...)
}

// onceAt is a task of another release, whose revision is registered in a family
// beside the service's.
func onceAt(s Scope) []Statement {
	list := append(once(s), observe(s, plan.Wanted(s.Env))...)
	for _, svc := range s.Env.Services {
		beside := []string{s.ecs("task-definition/" + svc.Family + "-run:*")}
		list = append(list, Statement{Sid: "RunTasks", Action: []string{"ecs:RunTask"}, Resource: beside},
			Statement{Sid: "Revisions", Action: []string{"ecs:RegisterTaskDefinition", "ecs:TagResource"}, Resource: beside})
	}
	return append(list, images(s))
}

func secrets(s Scope, action string) Statement {
	return Statement{Sid: "Secrets", Action: []string{action}, Resource: []string{s.arn("ssm", "parameter/"+s.Env.Name+"/*")}}
}

func destroy(s Scope, all bool) []Statement {
	wanted := plan.Wanted(s.Env)
	return slices.Concat([]Statement{lock(s)}, observe(s, wanted), remove(s, wanted, all), []Statement{onServices(s, "ecs:DescribeServices")})
}

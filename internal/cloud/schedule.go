package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const (
	policySchedules = "slipway-schedules"
	// scheduleTarget is the id of a rule's one target.
	scheduleTarget = "job"
	// A rule's description says whose it is: "slipway: a job of SERVICE".
	describedAs = "slipway: a job of "
)

// override is what a scheduled task gets beside its definition.
type override struct {
	Containers []struct {
		Name    string   `json:"name"`
		Command []string `json:"command"`
	} `json:"containerOverrides"`
}

// observeSchedules reads the rules of the environment's services, also those
// whose jobs the file has no longer.
func (a *Account) observeSchedules(ctx context.Context, env *slipway.Environment, wanted []slipway.Resource) error {
	if len(ofKind(wanted, slipway.KindService)) == 0 || len(env.Jobs) == 0 {
		return nil // a file without jobs needs no permission to look for them
	}
	mine := map[string]bool{}
	for _, s := range env.Services {
		mine[describedAs+s.Name] = true
	}
	in := &eventbridge.ListRulesInput{}
	for {
		page, err := a.events.ListRules(ctx, in)
		if err != nil {
			return fmt.Errorf("reading rules: %w", plain(err))
		}
		for _, r := range page.Rules {
			id := slipway.ID{Kind: slipway.KindSchedule, Name: aws.ToString(r.Name)}
			if !mine[aws.ToString(r.Description)] && !slices.ContainsFunc(wanted, func(w slipway.Resource) bool { return w.ID == id }) {
				continue
			}
			if err := a.seeSchedule(ctx, id, r); err != nil {
				return err
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	return a.observeScheduleRoles(ctx, wanted)
}

func (a *Account) seeSchedule(ctx context.Context, id slipway.ID, r types.Rule) error {
	out, err := a.events.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: r.Name})
	if err != nil {
		return fmt.Errorf("reading rule %s: %w", id.Name, plain(err))
	}
	s := slipway.Settings{"schedule": aws.ToString(r.ScheduleExpression), "state": string(r.State)}
	for _, t := range out.Targets {
		var o override
		if t.EcsParameters == nil || aws.ToString(t.Id) != scheduleTarget {
			continue
		}
		s["revision"], s["role"] = path.Base(aws.ToString(t.EcsParameters.TaskDefinitionArn)), path.Base(aws.ToString(t.RoleArn))
		if err := json.Unmarshal([]byte(aws.ToString(t.Input)), &o); err == nil && len(o.Containers) == 1 {
			s["container"], s["command"] = o.Containers[0].Name, slipway.Words(o.Containers[0].Command)
		}
	}
	a.found(id, slipway.Seen{Ref: aws.ToString(r.Arn), Settings: s, Status: aws.ToString(r.Description)})
	return nil
}

// settleSchedules says of a rule's revision that it is its service's, where it is,
// and notes rules whose jobs are gone. The account is locked.
func (a *Account) settleSchedules(env *slipway.Environment) {
	for i := range env.Services {
		svc := &env.Services[i]
		for id, seen := range a.seen.Resources {
			if id.Kind != slipway.KindSchedule || seen.Status != describedAs+svc.Name {
				continue
			}
			if running, ok := a.seen.Running[svc.Name]; ok && seen.Settings["revision"] == path.Base(running.Revision) {
				seen.Settings["revision"] = plan.TheServices
			}
			if !a.scheduled(env, svc, id) {
				a.seen.Notes = append(a.seen.Notes, fmt.Sprintf("%s is not in the file any more; a deploy removes it", id))
			}
		}
	}
	slices.Sort(a.seen.Notes)
}

func (a *Account) scheduled(env *slipway.Environment, svc *slipway.Service, id slipway.ID) bool {
	return slices.ContainsFunc(plan.Scheduled(env, svc), func(j slipway.Job) bool { return plan.For(svc).Schedule(j.Name) == id })
}

// schedulesOf are the rules that were seen of a service, in order.
func (a *Account) schedulesOf(svc *slipway.Service) []slipway.ID {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []slipway.ID
	for id, seen := range a.seen.Resources {
		if id.Kind == slipway.KindSchedule && seen.Status == describedAs+svc.Name {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, func(x, y slipway.ID) int { return strings.Compare(x.Name, y.Name) })
	return list
}

// DropSchedules removes the rules of jobs that the file has no longer.
func (a *Account) DropSchedules(ctx context.Context, w *Work) error {
	var list []undo
	for i := range w.Env.Services {
		svc := &w.Env.Services[i]
		for _, id := range a.schedulesOf(svc) {
			if !a.scheduled(w.Env, svc, id) {
				list = append(list, undo{id, func(ctx context.Context) error { return a.removeSchedule(ctx, id.Name) }})
			}
		}
		if len(list) > 0 && len(plan.Scheduled(w.Env, svc)) == 0 {
			list = append(list, a.undoScheduleRole(svc))
		}
	}
	return a.undo(ctx, w, list)
}

// Repoint points the rules that there are at the revisions that their services
// run, and leaves them else as they are.
func (a *Account) Repoint(ctx context.Context, w *Work) error {
	for i := range w.Env.Services {
		svc := &w.Env.Services[i]
		for _, id := range a.schedulesOf(svc) {
			if err := a.repoint(ctx, w.Env, svc, id.Name); err != nil {
				return fmt.Errorf("%s: %w", id, plain(err))
			}
		}
	}
	return nil
}

func (a *Account) repoint(ctx context.Context, env *slipway.Environment, svc *slipway.Service, rule string) error {
	out, err := a.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &env.Cluster.Name, Services: []string{svc.Name}})
	if err != nil || len(out.Services) == 0 {
		return err
	}
	targets, err := a.events.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: &rule})
	if err != nil {
		return err
	}
	for _, t := range targets.Targets {
		if t.EcsParameters == nil || aws.ToString(t.Id) != scheduleTarget {
			continue
		}
		t.EcsParameters.TaskDefinitionArn = out.Services[0].TaskDefinition
		if _, err := a.events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &rule, Targets: []types.Target{t}}); err != nil {
			return err
		}
	}
	return nil
}

// undoScheduleRole removes the role, also where the file has no schedule any more.
func (a *Account) undoScheduleRole(svc *slipway.Service) undo {
	id := plan.For(svc).ScheduleRole()
	if len(a.schedulesOf(svc)) > 0 {
		a.found(id, slipway.Seen{Ref: a.roleARN(id.Name)})
	}
	return undo{id, func(ctx context.Context) error {
		err := a.removeRole(ctx, id.Name)
		if denied := (*Denied)(nil); is(err, "NoSuchEntity") || errors.As(err, &denied) {
			return nil // who may make no role may leave one that starts nothing any more
		}
		return err
	}}
}

// applySchedule puts the rule of a job and points it at the revision that its
// service runs, on what the service's own tasks run on.
func (a *Account) applySchedule(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	svc := serviceOf(env, s)
	i := slices.IndexFunc(env.Jobs, func(j slipway.Job) bool { return j.Service == svc.Key && plan.For(svc).Schedule(j.Name) == s.ID })
	job := env.Jobs[i]
	t, err := a.scheduledTask(ctx, env, svc, job)
	if err != nil {
		return err
	}
	rule := &eventbridge.PutRuleInput{Name: &s.Name, ScheduleExpression: &job.Schedule, State: types.RuleStateEnabled, Description: aws.String(describedAs + svc.Name)}
	have, there := a.look(s.ID)
	if !there {
		rule.Tags = []types.Tag{{Key: aws.String(tagCluster), Value: &env.Cluster.Name}}
	}
	if !there || have.Settings["schedule"] != job.Schedule || have.Settings["state"] != "ENABLED" || have.Status != *rule.Description {
		out, err := a.events.PutRule(ctx, rule)
		if err != nil {
			return err
		}
		have.Ref = aws.ToString(out.RuleArn)
	}
	err = a.insist(ctx, "the schedule's role being known to EventBridge", 2*time.Minute, func(err error) bool {
		return strings.Contains(says(err), "cannot be assumed by principal")
	}, func(ctx context.Context) error {
		out, err := a.events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &s.Name, Targets: []types.Target{*t}})
		if err == nil && out.FailedEntryCount > 0 {
			err = errors.New(aws.ToString(out.FailedEntries[0].ErrorMessage))
		}
		return err
	})
	if err != nil {
		return err
	}
	a.found(s.ID, slipway.Seen{Ref: have.Ref, Settings: s.Settings, Status: *rule.Description})
	return nil
}

// scheduledTask is a job's task as a rule's target.
func (a *Account) scheduledTask(ctx context.Context, env *slipway.Environment, svc *slipway.Service, job slipway.Job) (*types.Target, error) {
	out, err := a.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &env.Cluster.Name, Services: []string{svc.Name}})
	if err != nil {
		return nil, err
	}
	if len(out.Services) == 0 {
		return nil, fmt.Errorf("service %s is not there", svc.Name)
	}
	s := out.Services[0]
	p := &types.EcsParameters{TaskDefinitionArn: s.TaskDefinition, TaskCount: aws.Int32(1), PlatformVersion: s.PlatformVersion, EnableECSManagedTags: true}
	for _, i := range s.CapacityProviderStrategy {
		p.CapacityProviderStrategy = append(p.CapacityProviderStrategy, types.CapacityProviderStrategyItem{CapacityProvider: i.CapacityProvider, Base: i.Base, Weight: i.Weight})
	}
	if len(p.CapacityProviderStrategy) == 0 {
		p.LaunchType = types.LaunchType(s.LaunchType)
	}
	if n := s.NetworkConfiguration; n != nil && n.AwsvpcConfiguration != nil {
		p.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: n.AwsvpcConfiguration.Subnets, SecurityGroups: n.AwsvpcConfiguration.SecurityGroups, AssignPublicIp: types.AssignPublicIp(n.AwsvpcConfiguration.AssignPublicIp)}}
	}
	input, err := json.Marshal(map[string]any{"containerOverrides": []map[string]any{{"name": plan.JobContainer(svc, job), "command": job.Command}}})
	if err != nil {
		return nil, err
	}
	return &types.Target{Id: aws.String(scheduleTarget), Arn: s.ClusterArn, RoleArn: aws.String(a.roleARN(plan.For(svc).ScheduleRole().Name)), Input: aws.String(string(input)), EcsParameters: p}, nil
}

func (a *Account) removeSchedule(ctx context.Context, name string) error {
	_, err := a.events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &name, Ids: []string{scheduleTarget}})
	if err == nil {
		_, err = a.events.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &name})
	}
	if is(err, "ResourceNotFoundException") {
		return nil
	}
	return err
}

func (a *Account) roleARN(role string) string {
	if strings.HasPrefix(role, "arn:") {
		return role
	}
	return a.partition() + ":iam::" + a.ID + ":role/" + role
}

// schedulesPolicy lets a role start tasks of one family in one cluster, with the
// roles of these tasks, and nothing more.
func (a *Account) schedulesPolicy(s slipway.Settings) string {
	type statement struct {
		Effect    string
		Action    string
		Resource  []string
		Condition map[string]map[string]string
	}
	in := a.partition() + ":ecs:" + a.Region + ":" + a.ID + ":"
	list := []statement{{"Allow", "ecs:RunTask", []string{in + "task-definition/" + s["starts"] + ":*"}, map[string]map[string]string{"ArnEquals": {"ecs:cluster": in + "cluster/" + s["in"]}}}}
	if roles := strings.Fields(s["passes"]); len(roles) > 0 {
		for i := range roles {
			roles[i] = a.roleARN(roles[i])
		}
		list = append(list, statement{"Allow", "iam:PassRole", roles, map[string]map[string]string{"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}})
	}
	b, _ := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", list})
	return string(b)
}

func (a *Account) observeScheduleRoles(ctx context.Context, wanted []slipway.Resource) error {
	for _, w := range ofKind(wanted, slipway.KindScheduleRole) {
		out, err := a.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &w.Name, PolicyName: aws.String(policySchedules)})
		if is(err, "NoSuchEntity") {
			continue // a role without its policy is half-made
		}
		if err != nil {
			return fmt.Errorf("reading role %s: %w", w.Name, plain(err))
		}
		seen := slipway.Seen{Ref: a.roleARN(w.Name), Settings: slipway.Settings{}}
		if document, err := url.QueryUnescape(aws.ToString(out.PolicyDocument)); err == nil && document == a.schedulesPolicy(w.Settings) {
			seen.Settings = w.Settings
		}
		a.found(w.ID, seen)
	}
	return nil
}

func (a *Account) applyScheduleRole(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	if err := a.trusted(ctx, env, s.Name, "events.amazonaws.com"); err != nil {
		return err
	}
	_, err := a.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &s.Name, PolicyName: aws.String(policySchedules), PolicyDocument: aws.String(a.schedulesPolicy(s.Settings))})
	if err != nil {
		return err
	}
	a.found(s.ID, slipway.Seen{Ref: a.roleARN(s.Name), Settings: s.Settings})
	return nil
}

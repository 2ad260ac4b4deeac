package cloud

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Progress looks at one rollout of a service: the rollout, its tasks, what the
// load balancer thinks of these.
func (a *Account) Progress(ctx context.Context, env *slipway.Environment, svc *slipway.Service, id string) (*slipway.Progress, error) {
	p, err := a.progress(ctx, env, svc, id)
	if err == nil && plan.Routed(svc) {
		p.Targets, err = a.targets(ctx, a.Ref(plan.For(svc).TargetGroup()))
		if err != nil && unknown(err) { // made a moment ago
			err = fmt.Errorf("%w: %w", errLate, err)
		}
	}
	return p, err
}

// progress is Progress without the load balancer.
func (a *Account) progress(ctx context.Context, env *slipway.Environment, svc *slipway.Service, id string) (*slipway.Progress, error) {
	out, err := a.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &env.Cluster.Name, Services: []string{svc.Name}})
	if err != nil {
		return nil, fmt.Errorf("reading service %s: %w", svc.Name, plain(err))
	}
	if len(out.Services) == 0 {
		return nil, fmt.Errorf("service %s: %w", svc.Name, errLate)
	}
	s := out.Services[0]
	if a.before(s, id) {
		return nil, fmt.Errorf("the rollout of service %s: %w", svc.Name, errLate)
	}
	p := &slipway.Progress{Gone: true, Desired: int(s.DesiredCount)}
	var began time.Time
	for _, d := range s.Deployments {
		switch {
		case aws.ToString(d.Id) == id:
			p.Deployment, p.Gone, began = deployment(d), aws.ToString(d.Status) != "PRIMARY", aws.ToTime(d.CreatedAt)
		default:
			p.Old += int(d.RunningCount)
			p.Leaving += max(int(d.RunningCount)-int(d.DesiredCount), 0)
		}
		if aws.ToString(d.Status) == "PRIMARY" {
			p.Primary = deployment(d)
		}
	}
	for _, e := range slices.Backward(s.Events) {
		if at := aws.ToTime(e.CreatedAt); !at.Before(began) {
			p.Events = append(p.Events, slipway.ServiceEvent{At: at, Text: aws.ToString(e.Message)})
		}
	}
	p.Tasks, err = a.tasksOf(ctx, env, svc, id)
	return p, err
}

// tasksOf are a rollout's tasks, running and stopped, the newest first.
func (a *Account) tasksOf(ctx context.Context, env *slipway.Environment, svc *slipway.Service, id string) ([]slipway.Task, error) {
	var arns []string
	for _, in := range []*ecs.ListTasksInput{
		{Cluster: &env.Cluster.Name, StartedBy: &id}, // the only filter that ECS takes beside it is the desired status
		{Cluster: &env.Cluster.Name, ServiceName: &svc.Name, DesiredStatus: types.DesiredStatusStopped},
	} {
		for pages := ecs.NewListTasksPaginator(a.ecs, in); pages.HasMorePages(); {
			out, err := pages.NextPage(ctx)
			if is(err, "ServiceNotFoundException") { // made a moment ago
				return nil, fmt.Errorf("reading tasks: %w", errLate)
			}
			if err != nil {
				return nil, fmt.Errorf("reading tasks: %w", plain(err))
			}
			arns = append(arns, out.TaskArns...)
		}
	}
	slices.Sort(arns)
	arns = slices.Compact(arns) // a task that stopped between the two lists is in both
	return a.describeTasks(ctx, env, arns, func(t types.Task) bool { return aws.ToString(t.StartedBy) == id })
}

func (a *Account) describeTasks(ctx context.Context, env *slipway.Environment, arns []string, keep func(types.Task) bool) ([]slipway.Task, error) {
	var list []types.Task
	for chunk := range slices.Chunk(arns, 100) {
		out, err := a.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &env.Cluster.Name, Tasks: chunk})
		if err != nil {
			return nil, fmt.Errorf("reading tasks: %w", plain(err))
		}
		for _, t := range out.Tasks {
			if keep(t) {
				list = append(list, t)
			}
		}
	}
	slices.SortFunc(list, func(x, y types.Task) int { return aws.ToTime(y.CreatedAt).Compare(aws.ToTime(x.CreatedAt)) })
	tasks := make([]slipway.Task, len(list))
	for i, t := range list {
		tasks[i] = task(env, t)
	}
	return tasks, nil
}

func task(env *slipway.Environment, t types.Task) slipway.Task {
	n := slipway.Task{ID: path.Base(aws.ToString(t.TaskArn)), ARN: aws.ToString(t.TaskArn), Revision: aws.ToString(t.TaskDefinitionArn),
		Status: aws.ToString(t.LastStatus), Desired: aws.ToString(t.DesiredStatus), StopCode: string(t.StopCode), StoppedReason: aws.ToString(t.StoppedReason),
		Health: string(t.HealthStatus), Instance: path.Base(aws.ToString(t.ContainerInstanceArn)), Started: aws.ToTime(t.StartedAt), Stopped: aws.ToTime(t.StoppedAt)}
	for _, c := range t.Containers {
		seen := slipway.ContainerSeen{Name: aws.ToString(c.Name), Status: aws.ToString(c.LastStatus), Reason: aws.ToString(c.Reason), Digest: aws.ToString(c.ImageDigest), ExitCode: -1}
		if c.ExitCode != nil {
			seen.ExitCode = int(*c.ExitCode)
		}
		for _, b := range c.NetworkBindings {
			seen.Targets = append(seen.Targets, ":"+strconv.Itoa(int(aws.ToInt32(b.HostPort))))
		}
		for _, i := range c.NetworkInterfaces {
			seen.Targets = append(seen.Targets, aws.ToString(i.PrivateIpv4Address))
		}
		for _, s := range env.Services {
			if s.LogGroup != "" && s.Family == family(n.Revision) {
				seen.Group, seen.Stream = s.LogGroup, s.LogPrefix+"/"+seen.Name+"/"+n.ID
			}
		}
		n.Containers = append(n.Containers, seen)
	}
	return n
}

func family(revision string) string {
	name := path.Base(revision)
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == ':' {
			return name[:i]
		}
	}
	return name
}

func (a *Account) targets(ctx context.Context, group string) ([]slipway.Target, error) {
	out, err := a.elb.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &group})
	if err != nil {
		return nil, fmt.Errorf("reading target health: %w", plain(err))
	}
	var list []slipway.Target
	for _, d := range out.TargetHealthDescriptions {
		t := slipway.Target{ID: aws.ToString(d.Target.Id) + ":" + strconv.Itoa(int(aws.ToInt32(d.Target.Port)))}
		if d.TargetHealth != nil {
			t.State, t.Reason, t.Description = string(d.TargetHealth.State), string(d.TargetHealth.Reason), aws.ToString(d.TargetHealth.Description)
		}
		list = append(list, t)
	}
	return list, nil
}

// Healthy is how many targets of a group are.
func (a *Account) Healthy(ctx context.Context, id slipway.ID) (int, error) {
	if a.Ref(id) == "" {
		return 0, nil
	}
	list, err := a.targets(ctx, a.Ref(id))
	n := 0
	for _, t := range list {
		if t.State == "healthy" {
			n++
		}
	}
	return n, err
}

// LastLines are the last lines that a container wrote.
func (a *Account) LastLines(ctx context.Context, c slipway.ContainerSeen, most int) ([]string, error) {
	if c.Stream == "" {
		return nil, nil
	}
	out, err := a.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: &c.Group, LogStreamName: &c.Stream, Limit: aws.Int32(int32(most)), StartFromHead: aws.Bool(false)})
	if is(err, "ResourceNotFoundException") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", plain(err))
	}
	var lines []string
	for _, e := range out.Events {
		lines = append(lines, aws.ToString(e.Message))
	}
	return lines, nil
}

package cloud

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Oneoff is a task that runs once, beside a service.
type Oneoff struct {
	Container string
	Command   []string
	Variables map[string]string
	// Revision is the task definition; "" is the one that the service runs.
	Revision string
}

// Run starts a lone task as the service's tasks are started: with its network
// and capacity. It gets no requests.
func (a *Account) Run(ctx context.Context, env *slipway.Environment, svc *slipway.Service, o Oneoff) (slipway.Task, error) {
	out, err := a.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &env.Cluster.Name, Services: []string{svc.Name}})
	if err != nil && !absent(err) {
		return slipway.Task{}, fmt.Errorf("reading service %s: %w", svc.Name, plain(err))
	}
	if err != nil || len(out.Services) == 0 || aws.ToString(out.Services[0].Status) != "ACTIVE" {
		return slipway.Task{}, NotDeployed(env, svc)
	}
	s := out.Services[0]
	in := &ecs.RunTaskInput{
		Cluster: &env.Cluster.Name, TaskDefinition: s.TaskDefinition, Count: aws.Int32(1), NetworkConfiguration: s.NetworkConfiguration, PlatformVersion: s.PlatformVersion,
		CapacityProviderStrategy: s.CapacityProviderStrategy, StartedBy: aws.String("slipway-run"), EnableECSManagedTags: true, Tags: ecsTags(env.Cluster.Name),
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: &o.Container, Command: o.Command}}},
	}
	if o.Revision != "" {
		in.TaskDefinition = &o.Revision
	}
	if len(s.CapacityProviderStrategy) == 0 {
		in.LaunchType = s.LaunchType
	}
	for _, k := range slices.Sorted(maps.Keys(o.Variables)) {
		override := &in.Overrides.ContainerOverrides[0]
		override.Environment = append(override.Environment, types.KeyValuePair{Name: &k, Value: aws.String(o.Variables[k])})
	}
	ran, err := a.ecs.RunTask(ctx, in)
	if err != nil {
		return slipway.Task{}, fmt.Errorf("starting the task: %w", plain(err))
	}
	if len(ran.Tasks) == 0 {
		var why []string
		for _, f := range ran.Failures {
			why = append(why, strings.TrimSpace(path.Base(aws.ToString(f.Arn))+" "+aws.ToString(f.Reason)+" "+aws.ToString(f.Detail)))
		}
		return slipway.Task{}, fmt.Errorf("no container instance takes the task: %s", strings.Join(why, "; "))
	}
	return task(env, ran.Tasks[0]), nil
}

// RegisterFor registers a release's revision for tasks that run once, in a family
// beside the service's, so that whoever starts the service by its family still
// gets the service's own.
func (a *Account) RegisterFor(ctx context.Context, env *slipway.Environment, svc *slipway.Service, r slipway.Release) (string, error) {
	beside := *svc
	beside.Family += "-run"
	in := registration(&beside, plan.DefinitionOf(env, svc), r, nil)
	in.Tags = ecsTags(env.Cluster.Name)
	out, err := a.ecs.RegisterTaskDefinition(ctx, in)
	if err != nil {
		return "", fmt.Errorf("registering task definition %s: %w", beside.Family, plain(err))
	}
	return aws.ToString(out.TaskDefinition.TaskDefinitionArn), nil
}

// Look is a task as it is now. One that was begun a moment ago may not be seen yet,
// which a poll waits out.
func (a *Account) Look(ctx context.Context, env *slipway.Environment, arn string, begun time.Time) (slipway.Task, error) {
	list, err := a.describeTasks(ctx, env, []string{arn}, func(types.Task) bool { return true })
	switch {
	case err == nil && len(list) == 0 && time.Since(begun) < a.lag():
		err = fmt.Errorf("task %s: %w", path.Base(arn), errLate)
	case err == nil && len(list) == 0:
		err = fmt.Errorf("task %s is not known any more", path.Base(arn))
	}
	if err != nil {
		return slipway.Task{}, err
	}
	return list[0], nil
}

// Stop stops a task.
func (a *Account) Stop(ctx context.Context, env *slipway.Environment, arn, why string) error {
	_, err := a.ecs.StopTask(ctx, &ecs.StopTaskInput{Cluster: &env.Cluster.Name, Task: &arn, Reason: &why})
	if err != nil {
		return fmt.Errorf("stopping task %s: %w", path.Base(arn), plain(err))
	}
	return nil
}

// Stream gives what comes into a log stream to each, until done is closed and
// nothing more has come for a while.
func (a *Account) Stream(ctx context.Context, group, stream string, done <-chan struct{}, each func(slipway.Line) error) error {
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: &stream, StartFromHead: aws.Bool(true)}
	quiet := 0
	for wait := a.patience; ; {
		out, err := a.logs.GetLogEvents(ctx, in)
		switch {
		case is(err, "ResourceNotFoundException"): // nothing was written yet
			out = &cloudwatchlogs.GetLogEventsOutput{NextForwardToken: in.NextToken}
		case err != nil:
			return fmt.Errorf("reading the log: %w", plain(err))
		}
		for _, e := range out.Events {
			if err := each(slipway.Line{At: time.UnixMilli(aws.ToInt64(e.Timestamp)), Text: strings.TrimRight(aws.ToString(e.Message), "\n")}); err != nil {
				return err
			}
		}
		in.NextToken = out.NextForwardToken
		if len(out.Events) > 0 {
			quiet, wait = 0, a.patience
			continue
		}
		select {
		case <-done:
			if quiet++; quiet > 3 { // what the task wrote last comes a moment after its end
				return nil
			}
		default:
			wait = min(wait*3/2, time.Second)
		}
		if err := a.pause(ctx, wait); err != nil {
			return err
		}
	}
}

package cloud

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Exec runs a command in a container of a running task of the service, with the
// screen as its terminal. task is the beginning of a task's id, or "" for the
// newest; container "" is the first. The code is the command's, or -1 where the
// other side does not tell it: AWS does not.
func (a *Account) Exec(ctx context.Context, env *slipway.Environment, svc *slipway.Service, task, container string, command []string, screen Screen) (code int, err error) {
	if container == "" {
		container = svc.Containers[0].Name
	}
	t, err := a.enterable(ctx, env, svc, task, container)
	if err != nil {
		return -1, err
	}
	out, err := a.ecs.ExecuteCommand(ctx, &ecs.ExecuteCommandInput{Cluster: &env.Cluster.Name, Task: t.TaskArn, Container: &container, Command: aws.String(quoted(command)), Interactive: true})
	if err != nil {
		return -1, fmt.Errorf("entering %s of task %.8s: %w", container, path.Base(aws.ToString(t.TaskArn)), plain(err))
	}
	return converse(ctx, aws.ToString(out.Session.StreamUrl), aws.ToString(out.Session.TokenValue), screen)
}

// enterable is a task that can be entered, or why none can.
func (a *Account) enterable(ctx context.Context, env *slipway.Environment, svc *slipway.Service, prefix, container string) (*types.Task, error) {
	list, err := a.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &env.Cluster.Name, ServiceName: &svc.Name, DesiredStatus: types.DesiredStatusRunning})
	if absent(err) {
		return nil, NotDeployed(env, svc)
	}
	if err != nil {
		return nil, fmt.Errorf("reading tasks of %s: %w", svc.Name, plain(err))
	}
	arns := slices.DeleteFunc(list.TaskArns, func(arn string) bool { return !strings.HasPrefix(path.Base(arn), prefix) })
	if len(arns) == 0 {
		return nil, fmt.Errorf("%s runs no task whose id begins with %q; slipway status %s", svc.Name, prefix, env.Name)
	}
	out, err := a.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &env.Cluster.Name, Tasks: arns})
	if err != nil {
		return nil, fmt.Errorf("reading tasks of %s: %w", svc.Name, plain(err))
	}
	slices.SortFunc(out.Tasks, func(x, y types.Task) int { return aws.ToTime(y.CreatedAt).Compare(aws.ToTime(x.CreatedAt)) })
	off, waiting := 0, 0
	for i := range out.Tasks {
		t := &out.Tasks[i]
		switch {
		case aws.ToString(t.LastStatus) != "RUNNING":
		case !t.EnableExecuteCommand:
			off++
		case !agentRuns(t, container):
			waiting++
		default:
			return t, nil
		}
	}
	switch {
	case off > 0:
		return nil, fmt.Errorf("ECS Exec was off when the tasks of %s started; write exec: true under the service in slipway.yaml and deploy: slipway deploy %s", svc.Name, env.Name)
	case waiting > 0:
		return nil, fmt.Errorf("the agent of ECS Exec does not run yet in the tasks of %s; on AWS it takes half a minute, and its task role has to allow ssmmessages:CreateControlChannel, CreateDataChannel, OpenControlChannel and OpenDataChannel", svc.Name)
	}
	return nil, fmt.Errorf("no task of %s runs; slipway status %s", svc.Name, env.Name)
}

// agentRuns tells whether the container's agent does. A container that is not in
// the task has none, and ECS says so.
func agentRuns(t *types.Task, container string) bool {
	if !slices.ContainsFunc(t.Containers, func(c types.Container) bool { return aws.ToString(c.Name) == container }) {
		return true
	}
	return slices.ContainsFunc(t.Containers, func(c types.Container) bool {
		return aws.ToString(c.Name) == container && slices.ContainsFunc(c.ManagedAgents, func(m types.ManagedAgent) bool {
			return m.Name == types.ManagedAgentNameExecuteCommandAgent && aws.ToString(m.LastStatus) == "RUNNING"
		})
	})
}

// quoted is a command as ECS takes it: one text, split as a shell would.
func quoted(words []string) string {
	var out []string
	for _, w := range words {
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%") != "" {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

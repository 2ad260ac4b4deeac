package cloud

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Poll polls as Apply does while it waits: quickly at first, then slower.
func (a *Account) Poll(ctx context.Context, what string, limit time.Duration, condition func(context.Context) (bool, error)) error {
	return a.until(ctx, what, limit, condition)
}

// Return puts a service back on a revision that ran before. ECS refuses a revision
// without a task role for a service that can be entered, so that one cannot be
// entered any more.
func (a *Account) Return(ctx context.Context, env *slipway.Environment, svc *slipway.Service, revision string) (slipway.Deployment, error) {
	in := &ecs.UpdateServiceInput{Cluster: &env.Cluster.Name, Service: &svc.Name, TaskDefinition: &revision, EnableExecuteCommand: svc.Exec}
	old, err := a.definitionOf(ctx, revision)
	if err != nil {
		return slipway.Deployment{}, fmt.Errorf("going back: %w", err)
	}
	if aws.ToString(old.TaskRoleArn) == "" {
		in.EnableExecuteCommand = aws.Bool(false)
	}
	out, err := a.ecs.UpdateService(ctx, in)
	if err != nil {
		return slipway.Deployment{}, fmt.Errorf("going back to %s: %w", revision, plain(err))
	}
	for _, d := range out.Service.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return a.started(d), nil
		}
	}
	return slipway.Deployment{}, fmt.Errorf("going back to %s: ECS shows no rollout", revision)
}

// tagFailed is on a revision that was deployed and did not come up: when.
const tagFailed = "slipway:failed"

// Failed keeps of a revision that it did not come up, so that nobody goes back to
// it. Whoever may not tag it leaves it as it is.
func (a *Account) Failed(ctx context.Context, revision string) {
	at := time.Now().UTC().Format(time.RFC3339)
	a.ecs.TagResource(ctx, &ecs.TagResourceInput{ResourceArn: &revision, Tags: []types.Tag{{Key: aws.String(tagFailed), Value: &at}}})
}

// SetCount sets how many tasks a service runs and gives its rollout.
func (a *Account) SetCount(ctx context.Context, env *slipway.Environment, svc *slipway.Service, count int) (slipway.Deployment, error) {
	out, err := a.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &env.Cluster.Name, Service: &svc.Name, DesiredCount: aws.Int32(int32(count))})
	if err != nil {
		return slipway.Deployment{}, fmt.Errorf("scaling %s: %w", svc.Name, plain(err))
	}
	for _, d := range out.Service.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return a.started(d), nil
		}
	}
	return slipway.Deployment{}, fmt.Errorf("scaling %s: ECS shows no rollout", svc.Name)
}

// Configure gives a service the file's deployment configuration, which starts
// no rollout.
func (a *Account) Configure(ctx context.Context, env *slipway.Environment, svc *slipway.Service) error {
	_, err := a.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &env.Cluster.Name, Service: &svc.Name, DeploymentConfiguration: rolling(svc), AvailabilityZoneRebalancing: rebalancing(svc)})
	if err != nil {
		return fmt.Errorf("configuring %s: %w", svc.Name, plain(err))
	}
	return nil
}

// Halt stops a service that never came up from starting task after task.
func (a *Account) Halt(ctx context.Context, env *slipway.Environment, svc *slipway.Service) error {
	_, err := a.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &env.Cluster.Name, Service: &svc.Name, DesiredCount: aws.Int32(0)})
	if err != nil {
		return fmt.Errorf("stopping %s: %w", svc.Name, plain(err))
	}
	return nil
}

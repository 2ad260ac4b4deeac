package cloud

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Rollouts is the latest rollout of each service in the account's region, whoever
// made it.
func (a *Account) Rollouts(ctx context.Context) ([]slipway.Rollout, error) {
	var all []slipway.Rollout
	clusters := ecs.NewListClustersPaginator(a.ecs, nil)
	for clusters.HasMorePages() {
		page, err := clusters.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading clusters: %w", plain(err))
		}
		for _, c := range page.ClusterArns {
			some, err := a.rolloutsOf(ctx, c)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	return all, nil
}

func (a *Account) rolloutsOf(ctx context.Context, cluster string) ([]slipway.Rollout, error) {
	var all []slipway.Rollout
	services := ecs.NewListServicesPaginator(a.ecs, &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(10)}) // as many as describe takes
	for services.HasMorePages() {
		page, err := services.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading services: %w", plain(err))
		}
		if len(page.ServiceArns) == 0 {
			continue
		}
		out, err := a.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: page.ServiceArns})
		if err != nil {
			return nil, fmt.Errorf("reading services: %w", plain(err))
		}
		for _, s := range out.Services {
			all = append(all, rollout(cluster, s))
		}
	}
	return all, nil
}

func rollout(cluster string, s types.Service) slipway.Rollout {
	r := slipway.Rollout{Cluster: cluster, Service: aws.ToString(s.ServiceName)}
	for _, d := range s.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			r.Deployment = deployment(d)
		}
	}
	for _, l := range s.LoadBalancers {
		r.TargetGroups = append(r.TargetGroups, aws.ToString(l.TargetGroupArn))
	}
	return r
}

// Containers completes a rollout by what its task definition says of its
// containers: their images, whether they have health checks, where they log.
func (a *Account) Containers(ctx context.Context, r *slipway.Rollout) error {
	out, err := a.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &r.Deployment.Revision})
	if err != nil {
		return fmt.Errorf("reading the task definition: %w", plain(err))
	}
	for _, c := range out.TaskDefinition.ContainerDefinitions {
		r.Images = append(r.Images, aws.ToString(c.Image))
		r.Checked = r.Checked || c.HealthCheck != nil
		if l := c.LogConfiguration; l != nil && l.LogDriver == types.LogDriverAwslogs {
			r.LogGroup, r.LogPrefix = l.Options["awslogs-group"], l.Options["awslogs-stream-prefix"]
		}
	}
	return nil
}

// Watch looks at a rollout, as Progress does at one of a file's services.
func (a *Account) Watch(ctx context.Context, r slipway.Rollout) (*slipway.Progress, error) {
	svc := slipway.Service{Name: r.Service, Family: family(r.Deployment.Revision), LogGroup: r.LogGroup, LogPrefix: r.LogPrefix}
	env := slipway.Environment{Services: []slipway.Service{svc}}
	env.Cluster.Name = r.Cluster
	p, err := a.progress(ctx, &env, &svc, r.Deployment.ID)
	if err != nil {
		return nil, err
	}
	for _, group := range slices.Compact(r.TargetGroups) {
		targets, err := a.targets(ctx, group)
		if err != nil {
			return nil, err
		}
		p.Targets = append(p.Targets, targets...)
	}
	return p, nil
}

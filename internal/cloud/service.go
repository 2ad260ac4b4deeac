package cloud

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// few is how many services are looked at closely. Of more, those that carry
// Slipway's own mark for what runs are taken at its word: a task definition can
// only be read one at a time.
const few = 20

// NotDeployed is the error of a command that needs a service which isn't there.
func NotDeployed(env *slipway.Environment, svc *slipway.Service) error {
	return fmt.Errorf("service %s is not deployed in %s: slipway up %s", svc.Name, env.Name, env.Name)
}

// absent tells that a service or its cluster isn't there.
func absent(err error) bool {
	return is(err, "ClusterNotFoundException", "ServiceNotFoundException", "ServiceNotActiveException")
}

// observeServices reads the wanted services, ten a call.
func (a *Account) observeServices(ctx context.Context, env *slipway.Environment, wanted []slipway.Resource) error {
	list := ofKind(wanted, slipway.KindService)
	for chunk := range slices.Chunk(list, 10) {
		in := &ecs.DescribeServicesInput{Cluster: &env.Cluster.Name, Include: []types.ServiceField{types.ServiceFieldTags}}
		for _, w := range chunk {
			in.Services = append(in.Services, w.Name)
		}
		out, err := a.ecs.DescribeServices(ctx, in)
		if is(err, "ClusterNotFoundException") {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading services: %w", plain(err))
		}
		for _, s := range out.Services {
			i := slices.IndexFunc(chunk, func(w slipway.Resource) bool { return w.Name == aws.ToString(s.ServiceName) })
			if i < 0 || aws.ToString(s.Status) != "ACTIVE" {
				continue
			}
			if err := a.seeService(ctx, s, chunk[i], len(list) <= few); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Account) seeService(ctx context.Context, s types.Service, w slipway.Resource, closely bool) error {
	if s.DeploymentController != nil && s.DeploymentController.Type != types.DeploymentControllerTypeEcs {
		return fmt.Errorf("service %s is deployed by %s; slipway changes only services with the ECS deployment controller", w.Name, s.DeploymentController.Type)
	}
	tags := map[string]string{}
	for _, t := range s.Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	revision := aws.ToString(s.TaskDefinition)
	running := slipway.Running{Revision: revision, Desired: int(s.DesiredCount), Tasks: int(s.RunningCount)}
	for _, d := range s.Deployments {
		running.Deployments = append(running.Deployments, deployment(d))
	}
	settings := serviceSettings(s)
	marked, hash, _ := strings.Cut(tags[tagMark], " ")
	seen := slipway.Seen{Ref: aws.ToString(s.ServiceArn), Settings: settings, Status: aws.ToString(s.Status), Mark: hash, Foreign: marked != path.Base(revision)}
	if slipway.Earlier(revision, marked) {
		seen.Mark = "" // gone back to: what is another there is nobody's work by hand
	}
	if hash == mark(w.Settings) && !seen.Foreign && !closely {
		for k, v := range w.Settings {
			if _, ok := settings[k]; !ok {
				settings[k] = v
			}
		}
	} else {
		td, err := a.definitionOf(ctx, revision)
		if err != nil {
			return err
		}
		settings.Set(definition(td).Settings())
		running.Tag, running.Commit, running.Image = released(td)
	}
	a.found(w.ID, seen)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen.Running == nil {
		a.seen.Running = map[string]slipway.Running{}
	}
	a.seen.Running[w.Name] = running
	return nil
}

func (a *Account) definitionOf(ctx context.Context, revision string) (*types.TaskDefinition, error) {
	out, err := a.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision})
	if is(err, "ClientException") && strings.Contains(says(err), "Unable to describe") { // the service knows it, another read not yet
		err = errors.Join(errLate, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading task definition %s: %w", path.Base(revision), plain(err))
	}
	return out.TaskDefinition, nil
}

func deployment(d types.Deployment) slipway.Deployment {
	return slipway.Deployment{ID: aws.ToString(d.Id), Status: aws.ToString(d.Status), Revision: aws.ToString(d.TaskDefinition), RolloutState: string(d.RolloutState),
		Reason: aws.ToString(d.RolloutStateReason), Desired: int(d.DesiredCount), Running: int(d.RunningCount), Pending: int(d.PendingCount), FailedTasks: int(d.FailedTasks), Since: aws.ToTime(d.CreatedAt)}
}

// started notes when a rollout that this run started began.
func (a *Account) started(d types.Deployment) slipway.Deployment {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.began == nil {
		a.began = map[string]time.Time{}
	}
	a.began[aws.ToString(d.Id)] = aws.ToTime(d.CreatedAt)
	return deployment(d)
}

// before tells that a look shows a service as it was before a rollout that this
// run started.
func (a *Account) before(s types.Service, id string) bool {
	a.mu.Lock()
	began, ours := a.began[id]
	a.mu.Unlock()
	for _, d := range s.Deployments {
		if aws.ToString(d.Id) == id || aws.ToTime(d.CreatedAt).After(began) {
			return false
		}
	}
	for _, e := range s.Events { // ECS went back by itself to a rollout that was there before
		if aws.ToTime(e.CreatedAt).After(began) {
			return false
		}
	}
	return ours
}

func serviceSettings(s types.Service) slipway.Settings {
	r := slipway.Settings{"count": strconv.Itoa(int(s.DesiredCount)), "grace": (time.Duration(aws.ToInt32(s.HealthCheckGracePeriodSeconds)) * time.Second).String(), "roll back": "off", "exec": "off"}
	if s.EnableExecuteCommand {
		r["exec"] = "on"
	}
	if c := s.DeploymentConfiguration; c != nil {
		r["minimum healthy"] = fmt.Sprintf("%d%%", aws.ToInt32(c.MinimumHealthyPercent))
		r["maximum"] = fmt.Sprintf("%d%%", aws.ToInt32(c.MaximumPercent))
		if b := c.DeploymentCircuitBreaker; b != nil && b.Enable && b.Rollback {
			r["roll back"] = "on"
		}
	}
	family, _, _ := strings.Cut(path.Base(aws.ToString(s.TaskDefinition)), ":")
	r["family"] = family
	for _, l := range s.LoadBalancers {
		if parts := strings.Split(aws.ToString(l.TargetGroupArn), "/"); len(parts) == 3 {
			r["target group"] = parts[1]
		}
	}
	return r
}

// applyService registers the release's task definition and creates or updates
// the service: from here on its rollout runs by itself.
func (a *Account) applyService(ctx context.Context, w *Work, s slipway.Step) error {
	svc := serviceOf(w.Env, s)
	revision, err := a.register(ctx, w, svc)
	if err != nil {
		return err
	}
	var out *types.Service
	if _, there := a.look(s.ID); there {
		// Tasks that run stay as they are: who may enter them is decided at their start.
		entering := slices.ContainsFunc(s.Differences, func(d slipway.Difference) bool { return d.Field == "exec" })
		out, err = a.updateService(ctx, w, svc, revision, w.Force || entering)
	} else {
		out, err = a.createService(ctx, w, svc, revision)
	}
	if err != nil {
		return err
	}
	arn := aws.ToString(out.ServiceArn)
	a.found(s.ID, slipway.Seen{Ref: arn, Settings: s.Settings})
	for _, d := range out.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			w.started(svc.Name, a.started(d))
		}
	}
	_, err = a.ecs.TagResource(ctx, &ecs.TagResourceInput{ResourceArn: &arn, Tags: append(ecsTags(w.Env.Cluster.Name),
		types.Tag{Key: aws.String(tagMark), Value: aws.String(path.Base(revision) + " " + mark(s.Settings))})})
	return err
}

// register registers the release's revision, unless the one that runs is the
// same already.
func (a *Account) register(ctx context.Context, w *Work, svc *slipway.Service) (string, error) {
	var base *types.TaskDefinition
	a.mu.Lock()
	running, there := a.seen.Running[svc.Name]
	a.mu.Unlock()
	if there {
		var err error
		if base, err = a.definitionOf(ctx, running.Revision); err != nil {
			return "", err
		}
	}
	d := plan.DefinitionOf(w.Env, svc)
	in := registration(svc, d, w.Release, base)
	if base != nil && !w.Force && sameImages(base, in) && mark(definition(base).Settings()) == mark(d.Settings()) {
		return aws.ToString(base.TaskDefinitionArn), nil
	}
	in.Tags = ecsTags(w.Env.Cluster.Name)
	start := time.Now().Add(-time.Minute) // the clock here is not AWS's
	revision := ""
	err := a.single(ctx, "registering task definition "+svc.Family, func(ctx context.Context) (bool, error) {
		latest, err := a.latest(ctx, svc.Family)
		if latest != nil && latest.RegisteredAt != nil && !latest.RegisteredAt.Before(start) && sameImages(latest, in) && mark(definition(latest).Settings()) == mark(d.Settings()) {
			revision = aws.ToString(latest.TaskDefinitionArn)
		}
		return revision != "", err
	}, func(ctx context.Context) error {
		out, err := a.ecs.RegisterTaskDefinition(ctx, in, func(o *ecs.Options) { o.Retryer = a.once() })
		if err == nil {
			revision = aws.ToString(out.TaskDefinition.TaskDefinitionArn)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("registering task definition %s: %w", svc.Family, plain(err))
	}
	return revision, nil
}

// latest is a family's newest revision; nil is none.
func (a *Account) latest(ctx context.Context, family string) (*types.TaskDefinition, error) {
	out, err := a.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &family})
	if err != nil {
		if transient(err) {
			return nil, err
		}
		return nil, nil // ECS says ClientException for a family that is not there
	}
	return out.TaskDefinition, nil
}

func sameImages(base *types.TaskDefinition, in *ecs.RegisterTaskDefinitionInput) bool {
	return slices.EqualFunc(base.ContainerDefinitions, in.ContainerDefinitions, func(x, y types.ContainerDefinition) bool {
		return aws.ToString(x.Name) == aws.ToString(y.Name) && aws.ToString(x.Image) == aws.ToString(y.Image) && x.DockerLabels[labelTag] == y.DockerLabels[labelTag]
	})
}

func (a *Account) createService(ctx context.Context, w *Work, svc *slipway.Service, revision string) (*types.Service, error) {
	in := &ecs.CreateServiceInput{
		Cluster: &w.Env.Cluster.Name, ServiceName: &svc.Name, TaskDefinition: &revision, DesiredCount: aws.Int32(int32(count(svc))),
		DeploymentConfiguration: rolling(svc), LoadBalancers: a.loadBalancers(svc), Tags: ecsTags(w.Env.Cluster.Name),
		NetworkConfiguration: a.awsvpc(w.Env, svc), EnableECSManagedTags: true, PropagateTags: types.PropagateTagsService,
		AvailabilityZoneRebalancing: rebalancing(svc), ClientToken: aws.String(token()), EnableExecuteCommand: aws.ToBool(svc.Exec),
	}
	switch {
	case svc.Capacity == "fargate":
		in.LaunchType = types.LaunchTypeFargate
	case a.defaultProvider(plan.Of(w.Env)) == "" && !w.Env.Cluster.Owned:
		in.LaunchType = types.LaunchTypeEc2
	}
	if len(in.LoadBalancers) > 0 {
		in.HealthCheckGracePeriodSeconds = secs(svc.Health.Grace)
	}
	var made *types.Service
	err := a.insist(ctx, "the load balancer's rule being known to ECS", 2*time.Minute, early, func(ctx context.Context) error {
		out, err := a.ecs.CreateService(ctx, in)
		if err == nil {
			made = out.Service
		}
		return err
	})
	return made, err
}

// early tells errors of ECS that pass: it has not heard yet of a rule or role
// made just now.
func early(err error) bool {
	text := says(err)
	return strings.Contains(text, "does not have an associated load balancer") || strings.Contains(text, "Unable to assume") ||
		strings.Contains(text, "is not authorized to perform: sts:AssumeRole") || strings.Contains(text, "The service cannot be created while draining") ||
		strings.Contains(text, "Draining")
}

func (a *Account) updateService(ctx context.Context, w *Work, svc *slipway.Service, revision string, force bool) (*types.Service, error) {
	in := &ecs.UpdateServiceInput{Cluster: &w.Env.Cluster.Name, Service: &svc.Name, TaskDefinition: &revision, DeploymentConfiguration: rolling(svc),
		NetworkConfiguration: a.awsvpc(w.Env, svc), ForceNewDeployment: force, AvailabilityZoneRebalancing: rebalancing(svc)}
	in.EnableExecuteCommand = svc.Exec
	if svc.Scale == nil {
		in.DesiredCount = aws.Int32(int32(svc.Count))
	}
	if balancers := a.loadBalancers(svc); len(balancers) > 0 {
		in.LoadBalancers, in.HealthCheckGracePeriodSeconds = balancers, secs(svc.Health.Grace)
	}
	var updated *types.Service
	err := a.insist(ctx, "the load balancer's rule being known to ECS", 2*time.Minute, early, func(ctx context.Context) error {
		out, err := a.ecs.UpdateService(ctx, in)
		if err == nil {
			updated = out.Service
		}
		return err
	})
	return updated, err
}

func count(svc *slipway.Service) int {
	if svc.Scale != nil {
		return svc.Scale.Min
	}
	return svc.Count
}

// rebalancing starts a task in another zone before it stops one, so that it
// needs room above the count.
func rebalancing(svc *slipway.Service) types.AvailabilityZoneRebalancing {
	if svc.Most <= 100 {
		return types.AvailabilityZoneRebalancingDisabled
	}
	return types.AvailabilityZoneRebalancingEnabled
}

func rolling(svc *slipway.Service) *types.DeploymentConfiguration {
	return &types.DeploymentConfiguration{MinimumHealthyPercent: aws.Int32(int32(svc.MinHealthy)), MaximumPercent: aws.Int32(int32(svc.Most)),
		DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: svc.Rollback, Rollback: svc.Rollback}}
}

func (a *Account) loadBalancers(svc *slipway.Service) []types.LoadBalancer {
	if !plan.Routed(svc) {
		return nil
	}
	group := a.Ref(plan.For(svc).TargetGroup())
	return []types.LoadBalancer{{TargetGroupArn: &group, ContainerName: &svc.Containers[0].Name, ContainerPort: aws.Int32(int32(svc.Port))}}
}

// awsvpc is where a Fargate task's own interface stands: without a NAT it needs
// a public address to pull its image.
func (a *Account) awsvpc(env *slipway.Environment, svc *slipway.Service) *types.NetworkConfiguration {
	if svc.Capacity != "fargate" {
		return nil
	}
	n := plan.Of(env)
	c := &types.AwsVpcConfiguration{AssignPublicIp: types.AssignPublicIpEnabled, SecurityGroups: env.Cluster.SecurityGroups}
	for _, id := range n.Subnets() {
		c.Subnets = append(c.Subnets, a.Ref(id))
	}
	if len(c.SecurityGroups) == 0 {
		c.SecurityGroups = []string{a.Ref(n.InstanceGroup())}
	}
	return &types.NetworkConfiguration{AwsvpcConfiguration: c}
}

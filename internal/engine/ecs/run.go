package ecs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/ecs/placement"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// seed makes the random choices of placement.
func seed() uint64 { return rand.Uint64() }

// Limits of RunTask and StartTask.
const (
	mostTasks     = 10
	mostOverrides = 8192
)

var starter = lazyregexp.New(`^[A-Za-z0-9_/-]{0,128}$`)

// taskParts are what RunTask and StartTask have in common.
type taskParts struct {
	overrides   *api.TaskOverride
	network     *api.NetworkConfiguration
	volumes     []api.TaskVolumeConfiguration
	group       *string
	startedBy   *string
	exec        *bool
	managedTags *bool
	propagate   api.PropagateTags
	tags        []api.Tag
}

// spec is the task of a request, checked but for what it runs on.
func (s *Service) spec(scope state.Scope, cl *Cluster, d *Definition, p *taskParts) (*TaskSpec, error) {
	tags, err := newTags(p.tags)
	if err != nil {
		return nil, err
	}
	group := awsapi.V(p.group)
	switch {
	case len(p.volumes) > 0:
		return nil, unserved("EBS volumes (volumeConfigurations)")
	case p.propagate == api.PropagateTagsService:
		return nil, api.InvalidParameterException("The value SERVICE of propagateTags is only valid for services.")
	case strings.HasPrefix(group, "service:"):
		return nil, api.InvalidParameterException("The group name cannot begin with 'service:'.")
	case !starter.MatchString(awsapi.V(p.startedBy)):
		return nil, api.InvalidParameterException("startedBy contains invalid characters or is longer than 128.")
	}
	if err := checkOverrides(p.overrides, d.Body); err != nil {
		return nil, err
	}
	if p.propagate == api.PropagateTagsTaskDefinition {
		tags = d.Tags.With(tags)
	}
	if yes(p.managedTags) {
		tags = tags.With(tagging.Set{"aws:ecs:clusterName": cl.Name})
	}
	spec := &TaskSpec{
		Cluster: cl.Name, Definition: d, Group: group, StartedBy: awsapi.V(p.startedBy), Overrides: overridesOf(scope, p.overrides),
		Network: networkOf(p.network), Exec: yes(p.exec), Tags: tags,
	}
	if spec.Exec && d.Body.TaskRoleArn == nil && spec.Overrides.TaskRoleArn == nil {
		return nil, api.InvalidParameterException("The task couldn't be started because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again.")
	}
	return spec, nil
}

// overridesOf is the overrides as a task shows them.
func overridesOf(scope state.Scope, in *api.TaskOverride) *api.TaskOverride {
	out := api.TaskOverride{}
	if in != nil {
		out = *in
	}
	out.ContainerOverrides = append([]api.ContainerOverride{}, out.ContainerOverrides...)
	out.InferenceAcceleratorOverrides = append([]api.InferenceAcceleratorOverride{}, out.InferenceAcceleratorOverrides...)
	out.TaskRoleArn, out.ExecutionRoleArn = roleARN(scope, out.TaskRoleArn), roleARN(scope, out.ExecutionRoleArn)
	return &out
}

func checkOverrides(o *api.TaskOverride, d *api.TaskDefinition) error {
	if o == nil {
		return nil
	}
	if b, err := json.Marshal(o); err != nil || len(b) > mostOverrides {
		return api.InvalidParameterException("Container Overrides length must be at most %d", mostOverrides)
	}
	if len(o.InferenceAcceleratorOverrides) > 0 {
		return unserved("Elastic Inference (inferenceAcceleratorOverrides)")
	}
	for _, size := range []*string{o.Cpu, o.Memory} {
		if size != nil && whole(size) <= 0 {
			return api.InvalidParameterException("Invalid task size in overrides: %q.", *size)
		}
	}
	for _, c := range o.ContainerOverrides {
		if containerOf(d, awsapi.V(c.Name)) == nil {
			return api.InvalidParameterException("Override for container named %s is not a container in the TaskDefinition.", awsapi.V(c.Name))
		}
		if err := checkEnvironmentFiles(c.EnvironmentFiles); err != nil {
			return err
		}
		for _, v := range c.Environment {
			if awsapi.V(v.Name) == "" {
				return api.InvalidParameterException("An environment variable in the overrides has no name.")
			}
		}
	}
	return nil
}

// RunTask starts tasks: on instances that are chosen here, on Fargate, or, with
// a capacity provider that scales, whenever there is an instance.
func (s *Service) RunTask(_ context.Context, c *operation.Caller, in *api.RunTaskRequest) (*api.RunTaskResponse, error) {
	scope := c.Scope()
	count := number(in.Count, 1)
	switch {
	case count < 1 || count > mostTasks:
		return nil, api.InvalidParameterException("count should be between 1 and %d.", mostTasks)
	case in.LaunchType != "" && len(in.CapacityProviderStrategy) > 0:
		return nil, api.InvalidParameterException("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	case len(awsapi.V(in.ClientToken)) > 64:
		return nil, api.InvalidParameterException("clientToken longer than 64.")
	}
	var out *api.RunTaskResponse
	err := s.env.Store.Update(func(tx *state.Tx) error {
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		made, again, err := repeatedRun(tx, scope, cl, in)
		if err != nil || again {
			out = &api.RunTaskResponse{Tasks: made, Failures: []api.Failure{}}
			return err
		}
		out, err = s.runTasks(tx, scope, cl, in, count)
		if err == nil && in.ClientToken != nil {
			rememberRun(tx, scope, cl, in, out, s.env.Now().Add(TokenLingers))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) runTasks(tx *state.Tx, scope state.Scope, cl *Cluster, in *api.RunTaskRequest, count int) (*api.RunTaskResponse, error) {
	d, err := usable(tx, scope, in.TaskDefinition, api.InvalidParameterException)
	if err != nil {
		return nil, err
	}
	spec, err := s.spec(scope, cl, d, &taskParts{
		in.Overrides, in.NetworkConfiguration, in.VolumeConfigurations, in.Group, in.StartedBy, in.EnableExecuteCommand, in.EnableECSManagedTags, in.PropagateTags, in.Tags,
	})
	if err != nil {
		return nil, err
	}
	// What tasks run on is decided as a service decides it.
	row := &ServiceRow{}
	row.launch(cl, in.LaunchType, in.CapacityProviderStrategy, in.PlatformVersion)
	if err := checkLaunch(cl, row.LaunchType, row.Strategy, row.Platform, d.Body); err != nil {
		return nil, err
	}
	if err := s.checkNetworking(tx, scope, spec.Network, d.Body, row.fargate()); err != nil {
		return nil, err
	}
	if err := checkPlacement(in.PlacementConstraints, in.PlacementStrategy, d.Body, row.fargate()); err != nil {
		return nil, err
	}
	spec.Constraints, spec.Placement, spec.Platform = in.PlacementConstraints, placementOf(in.PlacementStrategy), row.Platform
	out := &api.RunTaskResponse{Tasks: []api.Task{}, Failures: []api.Failure{}}
	for _, share := range Shares(row.Strategy, nil, count) {
		spec.Provider = share.Provider
		if spec.Launch = row.LaunchType; spec.Launch == "" {
			spec.Launch = strategyLaunch(row.Strategy)
		}
		if err := s.runShare(tx, scope, spec, share.Count, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// runShare starts so many tasks on one capacity provider, or on any instance.
func (s *Service) runShare(tx *state.Tx, scope state.Scope, spec *TaskSpec, count int, out *api.RunTaskResponse) error {
	now := s.env.Now()
	start := func(on *Instance) {
		t := NewTask(scope, spec, on, now)
		PutTask(tx, scope, t)
		put, _ := Tasks.Get(tx, scope, t.Key())
		out.Tasks = append(out.Tasks, describeTask(scope, put, true))
	}
	if spec.Launch == api.LaunchTypeFargate {
		for range count {
			start(nil)
		}
		return nil
	}
	p, provided := CapacityProviders.Get(tx, scope, spec.Provider)
	waits := provided && p.ManagedScaling()
	if !waits && !hasInstances(tx, scope, spec.Cluster) {
		return api.InvalidParameterException("No Container Instances were found in your cluster.")
	}
	got := s.Placer.Place(tx, scope, spec.Cluster, PlacementRequest(spec, count))
	for _, id := range got.Instances {
		on, _ := Instances.Get(tx, scope, key(spec.Cluster, id))
		start(on)
	}
	if waits {
		for range got.Missing {
			start(nil)
		}
		return nil
	}
	if got.Missing > 0 {
		out.Failures = append(out.Failures, failures(scope, spec, got)...)
	}
	return nil
}

// failures is why no instance takes a further task: one for each that could be
// asked, or one for all when none could.
func failures(scope state.Scope, spec *TaskSpec, got placement.Result) []api.Failure {
	var all []api.Failure
	elsewhere := 0
	for _, f := range got.Refusals {
		switch f.Why {
		case placement.WrongProvider:
			elsewhere++
		case placement.Closed:
		default:
			all = append(all, refusal(scope, spec.Cluster, f.Instance, f.Why))
		}
	}
	switch {
	case len(all) > 0:
		return all
	case spec.Provider != "" && elsewhere == len(got.Refusals):
		return []api.Failure{{Arn: new(providerARN(scope, spec.Provider)), Reason: new("EMPTY CAPACITY PROVIDER")}}
	}
	return []api.Failure{{Arn: new(ClusterARN(scope, spec.Cluster)), Reason: new("NO ACTIVE INSTANCES")}}
}

func refusal(scope state.Scope, cluster, instance string, why placement.Why) api.Failure {
	return api.Failure{Arn: new(InstanceARN(scope, cluster, instance)), Reason: new(why.Reason())}
}

func hasInstances(tx *state.Tx, scope state.Scope, cluster string) bool {
	for i := range Instances.Prefix(tx, scope, cluster+"/") {
		if i.Status != Inactive {
			return true
		}
	}
	return false
}

// runToken is the key of a request's client token.
func runToken(cl *Cluster, in *api.RunTaskRequest) string {
	return "RunTask " + key(cl.Name, *in.ClientToken)
}

// digest tells requests apart, but for their tokens.
func digest(in api.RunTaskRequest) string {
	in.ClientToken = nil
	b, _ := json.Marshal(in)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// repeatedRun is the tasks of the same request before, if its token was seen.
func repeatedRun(tx *state.Tx, scope state.Scope, cl *Cluster, in *api.RunTaskRequest) (made []api.Task, again bool, err error) {
	if in.ClientToken == nil {
		return nil, false, nil
	}
	t, ok := Tokens.Get(tx, scope, runToken(cl, in))
	switch {
	case !ok:
		return nil, false, nil
	case t.Request != digest(*in):
		return nil, false, api.ConflictException("The request with the client token %s differs from the one that used it before.", *in.ClientToken).With("resourceIds", t.Made)
	}
	made = []api.Task{}
	for _, k := range t.Made {
		if row, ok := Tasks.Get(tx, scope, k); ok {
			made = append(made, describeTask(scope, row, true))
		}
	}
	return made, true, nil
}

func rememberRun(tx *state.Tx, scope state.Scope, cl *Cluster, in *api.RunTaskRequest, out *api.RunTaskResponse, until time.Time) {
	t := &Token{Key: runToken(cl, in), Request: digest(*in)}
	for _, task := range out.Tasks {
		id, _ := inCluster(*task.TaskArn, "task", cl.Name)
		t.Made = append(t.Made, key(cl.Name, id))
	}
	Tokens.Put(tx, scope, t)
	depart(tx, scope, until, Tokens, t.Key)
}

// StartTask starts a task on each of the instances named.
func (s *Service) StartTask(_ context.Context, c *operation.Caller, in *api.StartTaskRequest) (*api.StartTaskResponse, error) {
	scope := c.Scope()
	if err := batch(in.ContainerInstances, 10, "Container instances"); err != nil {
		return nil, err
	}
	out := &api.StartTaskResponse{}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		out.Tasks, out.Failures = []api.Task{}, []api.Failure{}
		cl, err := cluster(tx, scope, in.Cluster)
		if err != nil {
			return err
		}
		d, err := usable(tx, scope, in.TaskDefinition, api.InvalidParameterException)
		if err != nil {
			return err
		}
		spec, err := s.spec(scope, cl, d, &taskParts{
			in.Overrides, in.NetworkConfiguration, in.VolumeConfigurations, in.Group, in.StartedBy, in.EnableExecuteCommand, in.EnableECSManagedTags, in.PropagateTags, in.Tags,
		})
		if err != nil {
			return err
		}
		spec.Launch = api.LaunchTypeEc2
		if err := s.checkNetworking(tx, scope, spec.Network, d.Body, false); err != nil {
			return err
		}
		for _, ref := range in.ContainerInstances {
			s.startOn(tx, scope, spec, ref, out)
		}
		return nil
	})
	return out, err
}

func (s *Service) startOn(tx *state.Tx, scope state.Scope, spec *TaskSpec, ref string, out *api.StartTaskResponse) {
	i, ok := instance(tx, scope, spec.Cluster, ref)
	switch {
	case !ok:
		out.Failures = append(out.Failures, missing(scope, "container-instance", spec.Cluster, ref))
		return
	case i.Status == Inactive:
		out.Failures = append(out.Failures, api.Failure{Arn: new(i.ARN), Reason: new("INACTIVE")})
		return
	}
	if why := s.Placer.Check(tx, scope, spec.Cluster, []string{i.ID}, PlacementRequest(spec, 1))[0]; why != placement.Fits {
		out.Failures = append(out.Failures, refusal(scope, spec.Cluster, i.ID, why))
		return
	}
	t := NewTask(scope, spec, i, s.env.Now())
	PutTask(tx, scope, t)
	put, _ := Tasks.Get(tx, scope, t.Key())
	out.Tasks = append(out.Tasks, describeTask(scope, put, true))
}

package engine

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	acmapi "github.com/slipway-dev/slipway/internal/awsapi/acm"
	appscalingapi "github.com/slipway-dev/slipway/internal/awsapi/applicationautoscaling"
	autoscalingapi "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	cloudwatchapi "github.com/slipway-dev/slipway/internal/awsapi/cloudwatch"
	ec2api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	elbapi "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	eventsapi "github.com/slipway-dev/slipway/internal/awsapi/events"
	iamapi "github.com/slipway-dev/slipway/internal/awsapi/iam"
	logsapi "github.com/slipway-dev/slipway/internal/awsapi/logs"
	secretsapi "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	ssmapi "github.com/slipway-dev/slipway/internal/awsapi/ssm"
	stsapi "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/acm"
	"github.com/slipway-dev/slipway/internal/engine/agents"
	"github.com/slipway-dev/slipway/internal/engine/applicationautoscaling"
	"github.com/slipway-dev/slipway/internal/engine/authority"
	"github.com/slipway-dev/slipway/internal/engine/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/balancer"
	"github.com/slipway-dev/slipway/internal/engine/capacity"
	"github.com/slipway-dev/slipway/internal/engine/cloudflare"
	"github.com/slipway-dev/slipway/internal/engine/cloudwatch"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ecr"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/events"
	"github.com/slipway-dev/slipway/internal/engine/git"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/logs"
	"github.com/slipway-dev/slipway/internal/engine/logs/archive"
	"github.com/slipway-dev/slipway/internal/engine/machines"
	"github.com/slipway-dev/slipway/internal/engine/network"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/reach"
	"github.com/slipway-dev/slipway/internal/engine/registry"
	"github.com/slipway-dev/slipway/internal/engine/scheduler"
	"github.com/slipway-dev/slipway/internal/engine/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/ssm"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/sts"
	"github.com/slipway-dev/slipway/internal/engine/taskmetadata"
)

// services are everything that the engine serves, and the controllers that make
// it true.
type services struct {
	e          *Engine
	iam        *iam.Service
	cloudflare *cloudflare.Service
	names      *names
	issuer     issuer
	ecr        *ecr.Service
	registry   *registry.Registry
	groups     *autoscaling.Service
	daemon     *daemon              // nil in a simulation
	door       *taskmetadata.Server // nil in a simulation
	balancer   *balancer.Balancer
	parameters *ssm.Service
	secrets    *secretsmanager.Service
	logs       *logs.Service
	git        *git.Remote // nil where the engine does not know its own program
	// aws are the services behind the AWS endpoint.
	aws []served
	// handlers are other patterns of the API's port.
	handlers map[string]http.Handler
	// runs are the controllers' loops.
	runs []func(context.Context) error
	// closers are closed at the end, the last first.
	closers []func() error
}

// served is one service: the model's facts and the operations bound to them.
type served struct {
	api        *awsapi.Service
	operations []operation.Operation
}

// tables are every service's.
func tables() []state.AnyTable {
	return slices.Concat(
		[]state.AnyTable{identities}, iam.Tables, ec2.Tables, autoscaling.Tables, applicationautoscaling.Tables, acm.Tables, elbv2.Tables, ssm.Tables, secretsmanager.Tables, logs.Tables, cloudflare.Tables, ecr.Tables, ecs.Tables, events.Tables, scheduler.Tables, reach.Tables, taskmetadata.Tables, git.Tables,
	)
}

// newServices makes every service, with what it needs of the others.
func newServices(ctx context.Context, e *Engine) (*services, error) {
	s := &services{e: e, handlers: map[string]http.Handler{}}
	for _, part := range []func(context.Context) error{s.identity, s.network, s.images, s.containers} {
		if err := part(ctx); err != nil {
			return s, err
		}
	}
	s.remote()
	return s, nil
}

// identity is who may do what: IAM and STS.
func (s *services) identity(context.Context) error {
	var roots []iam.Root
	for _, k := range s.e.cfg.RootKeys {
		roots = append(roots, iam.Root(k))
	}
	s.iam = iam.New(s.e.env, roots...)
	s.add(iamapi.API, s.iam.Operations())
	s.add(stsapi.API, sts.New(s.e.env, s.iam, nil).Operations())
	s.run(s.iam.Run)
	return nil
}

// network is EC2, load balancers, certificates and names.
func (s *services) network(context.Context) error {
	instances := ec2.New(s.e.env)
	s.add(ec2api.API, instances.Operations())
	s.parameters = ssm.New(s.e.env, machineImages)
	s.add(ssmapi.API, s.parameters.Operations())
	s.groups = autoscaling.New(s.e.env, machines.Machines{})
	s.add(autoscalingapi.API, s.groups.Operations())
	s.secrets = secretsmanager.New(s.e.env, permissions{s})
	s.add(secretsapi.API, s.secrets.Operations())
	events, err := archive.Open(filepath.Join(s.e.cfg.Data, "logs.db"))
	if err != nil {
		return err
	}
	s.closers = append(s.closers, events.Close)
	s.logs = logs.New(s.e.env, events)
	s.add(logsapi.API, s.logs.Operations())
	s.run(instances.Run, s.groups.Run, s.secrets.Run, s.logs.Run)
	if s.cloudflare, err = cloudflare.New(s.e.env); err != nil {
		return err
	}
	s.handlers["/client/v4/"] = s.cloudflare
	if s.names, err = newNames(s.e); err != nil {
		return err
	}
	if s.issuer, err = s.authority(); err != nil {
		return err
	}
	s.handlers["GET "+crlPath+"/{list}"] = revocations{s.issuer.Authority}
	certificates := acm.New(s.e.env, s.issuer, s.names)
	s.add(acmapi.API, certificates.Operations())
	s.add(elbapi.API, elbv2.New(s.e.env, network.Network{}).Operations())
	s.run(s.names.Run, certificates.Run)
	if err := s.balancing(network.Network{}, certificates); err != nil {
		return err
	}
	metrics := cloudwatch.New(s.e.env, counting{s})
	s.add(cloudwatchapi.API, metrics.Operations())
	s.run(metrics.Run)
	return nil
}

// containers is ECS and what runs its tasks.
func (s *services) containers(ctx context.Context) error {
	control := ecs.New(s.e.env, ecs.Neighbours{
		LinkedRole: func(tx *state.Tx, scope state.Scope) {
			s.iam.EnsureLinkedRole(tx, scope.Global(), "ecs.amazonaws.com")
		},
		Subnets: network.Network{}.Subnets, Session: s.sessions(),
	})
	s.add(ecsapi.API, control.Operations())
	scaling := applicationautoscaling.New(s.e.env, control)
	s.add(appscalingapi.API, scaling.Operations())
	starts, err := newScheduled(s, control)
	if err != nil {
		return err
	}
	rules := events.New(s.e.env, starts)
	s.add(eventsapi.API, rules.Operations())
	runtime, why := s.runtime(ctx)
	specs := &scheduler.Specs{Secrets: s.fetcher()}
	parts := scheduler.Parts{Runtime: runtime, Why: why, Tasks: control, Spec: specs.Of}
	if s.daemon != nil {
		s.door = taskmetadata.New(s.e.env, s.iam, s.daemon, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.e.chain.ServeHTTP(w, r) }))
		specs.Env, parts.Own = s.door.Variables, s.daemon.own.Load
		s.run(s.door.Run)
	}
	loops := scheduler.New(s.e.env, parts)
	joins := agents.New(s.e.env, providerOf)
	measures := newMeters(s.e, s.daemon, s.balancer)
	follow := func(ctx context.Context) error { return scaling.Follow(ctx, measures) }
	managed := capacity.New(s.e.env, control, s.groups)
	s.run(control.Run, control.RunWaiting, loops.Run, joins.Run, managed.Run, scaling.Run, follow, rules.Run)
	return nil
}

func (s *services) add(api *awsapi.Service, operations []operation.Operation) {
	s.aws = append(s.aws, served{api, operations})
}

func (s *services) run(loops ...func(context.Context) error) { s.runs = append(s.runs, loops...) }

// machineImages are the images that SSM's public parameters name.
func machineImages(region, flavour string) (ssm.Image, bool) {
	id, name, os, agent, ok := ec2.ECSImage(region, flavour)
	return ssm.Image{ID: id, Name: name, OS: os, AgentVersion: agent}, ok
}

// providerOf is the capacity provider of an instance's Auto Scaling group.
func providerOf(tx *state.Tx, scope state.Scope, instance string) string {
	i, ok := autoscaling.Instances.Get(tx, scope, instance)
	if !ok {
		return ""
	}
	g, ok := autoscaling.Groups.Get(tx, scope, i.Group)
	if !ok {
		return ""
	}
	if p, ok := ecs.ProviderByGroup.One(tx, scope, g.ARN); ok {
		return p.Name
	}
	return ""
}

// issuer has ACM's certificates made by the engine's own authority.
type issuer struct{ *authority.Authority }

// Issue implements acm.Issuer.
func (i issuer) Issue(names []string, key acmapi.KeyAlgorithm) (certificate, chain, privateKey []byte, err error) {
	c, err := i.Authority.Issue(authority.Request{Names: names, Key: authority.KeyAlgorithm(key)})
	if err != nil {
		return nil, nil, nil, err
	}
	return c.Certificate, c.Chain, c.PrivateKey, nil
}

func (s *services) authority() (issuer, error) {
	v := s.e.vault
	a, err := authority.Open(authority.Options{
		Dir:  filepath.Join(s.e.cfg.Data, "authority"),
		Seal: func(b []byte) ([]byte, error) { return v.Seal(b), nil },
		Open: func(b []byte) ([]byte, error) { return v.Open(b) },
		CRL:  "http://" + s.e.env.Addresses.API + crlPath,
		Now:  s.e.cfg.Now,
	})
	if err != nil {
		return issuer{}, err
	}
	s.e.ca = a.RootFile()
	return issuer{a}, nil
}

// credentials are the root key that the engine made and Cloudflare's token.
func (s *services) credentials() (iam.Root, string, error) {
	root, err := s.iam.RootKey()
	return root, s.cloudflare.Token(), err
}

// prepare brings back, after a reset, what an engine always has.
func (s *services) prepare() error {
	_, err := s.iam.RootKey()
	return errors.Join(err, s.cloudflare.Prepare())
}

// teardown takes away, at a reset, what runs: containers, networks, the address
// that containers ask.
func (s *services) teardown(ctx context.Context) error {
	if s.daemon == nil {
		return nil
	}
	s.door.Forget()
	return errors.Join(s.daemon.teardown(ctx), s.keepIdentity())
}

func (s *services) close() error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

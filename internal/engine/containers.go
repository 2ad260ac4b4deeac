package engine

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/awslogs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/executionrole"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/logs"
	"github.com/slipway-dev/slipway/internal/engine/scheduler"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Identity is the engine's own id, which labels its containers.
type Identity struct{ ID string }

var identities = state.NewTable("engine.identity", func(*Identity) string { return "engine" })

// identity is the engine's id, made at its first start. It outlives a reset.
func (e *Engine) identity() (id string, err error) {
	err = e.store.Update(func(tx *state.Tx) error {
		if i, ok := identities.Get(tx, state.Scope{}, "engine"); ok {
			id = i.ID
			return nil
		}
		id = ids.Hex(16)
		identities.Put(tx, state.Scope{}, &Identity{id})
		return nil
	})
	return id, err
}

// keepIdentity puts the id by which containers are labelled back after a reset:
// the next run of the engine must know those that come after it.
func (s *services) keepIdentity() error {
	return s.e.store.Update(func(tx *state.Tx) error {
		identities.Put(tx, state.Scope{}, &Identity{s.daemon.opt.Engine})
		return nil
	})
}

// runtime is what runs tasks: the daemon, or the simulation.
func (s *services) runtime(ctx context.Context) (scheduler.Runtime, error) {
	if s.e.cfg.Simulate {
		return scheduler.NewSimulation(s.e.cfg.Now), nil
	}
	id, err := s.e.identity()
	if err != nil {
		return nil, err
	}
	s.daemon = newDaemon(docker.Options{Engine: id, Log: s.e.cfg.Log, Now: s.e.cfg.Now, Registry: s.source})
	s.daemon.open(ctx)
	s.closers = append(s.closers, s.daemon.close)
	s.run(s.daemon.run)
	return awslogs.New(s.daemon, s.logs, s, s.containerDefinition, s.e.cfg.Log), nil
}

// containerDefinition is a container of a task definition's revision.
func (s *services) containerDefinition(scope state.Scope, family, revision, container string) *ecsapi.ContainerDefinition {
	def, ok := ecs.DefinitionOf(s.e.store.View(), scope, family+":"+revision)
	if !ok {
		return nil
	}
	for i, c := range def.Body.ContainerDefinitions {
		if awsapi.V(c.Name) == container {
			return &def.Body.ContainerDefinitions[i]
		}
	}
	return nil
}

// MayLog implements awslogs.Roles.
func (s *services) MayLog(id docker.Identity, where state.Scope, action, group, stream string) error {
	tx, home := s.e.store.View(), state.Scope{Account: id.Account, Region: id.Region}
	task, ok := ecs.Tasks.Get(tx, home, id.Cluster+"/"+id.ID)
	if !ok {
		return nil // it was let begin, and is over: its last lines
	}
	need := logs.NeedOfWriting(tx, where, action, group, stream)
	who := executionrole.Task{Scope: where, Role: scheduler.ExecutionRole(tx, home, task), ID: id.ID}
	var on executionrole.Instance
	if who.Role == "" {
		host, ok := ecs.Instances.Get(tx, home, id.Cluster+"/"+task.Instance)
		if !ok {
			return nil // the instance was lost: what it wrote before
		}
		on.ID = host.EC2
		if i, ok := ec2.Instances.Get(tx, home, host.EC2); ok {
			on.Role = i.Role(tx, home)
		}
	}
	return s.fetcher().Logging(tx, who, on, need)
}

// Own implements executionrole.Registry.
func (s *services) Own(image string) bool { return s.own(s.localReference(image)) }

// Token implements executionrole.Registry.
func (s *services) Token(roleARN, session string) string { return s.ecr.RoleToken(roleARN, session) }

// fetcher fetches what tasks' execution roles may read.
func (s *services) fetcher() *executionrole.Fetcher {
	return &executionrole.Fetcher{Roles: roles{s.iam, permissions{s}}, Parameters: s.parameters, Secrets: s.secrets, Images: s, Objects: filepath.Join(s.e.cfg.Data, "s3")}
}

// roles is IAM as a task's execution role is asked of it.
type roles struct {
	*iam.Service
	permissions
}

// localReference turns <account>.dkr.ecr.<region>.amazonaws.com/<name> into the
// reference by which the daemon reaches the engine's registry.
func (s *services) localReference(image string) string {
	host, rest, ok := strings.Cut(image, "/")
	if !ok {
		return image
	}
	parts := strings.Split(host, ".")
	if len(parts) != 6 || parts[1] != "dkr" || parts[2] != "ecr" || parts[0] != s.e.cfg.Account {
		return image
	}
	if parts[3] == s.e.cfg.Region {
		return s.e.env.Addresses.Registry + "/" + rest
	}
	return s.e.env.Addresses.Registry + "/" + parts[0] + "/" + parts[3] + "/" + rest
}

// own tells whether a reference is to the engine's registry.
func (s *services) own(ref string) bool {
	return strings.HasPrefix(ref, s.e.env.Addresses.Registry+"/")
}

package engine

import (
	"context"

	ecsapi "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/docker"
	"github.com/slipway-dev/slipway/internal/engine/ecs"
	"github.com/slipway-dev/slipway/internal/engine/session"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

const sessionPath = "/_slipway/session/"

// sessions opens ECS Exec's sessions with containers; nil in a simulation, which
// has none.
func (s *services) sessions() func(*state.Tx, state.Scope, *ecs.Task, *ecs.Container, string) (*ecsapi.Session, error) {
	if s.e.cfg.Simulate {
		return nil
	}
	all := session.New(func(ctx context.Context, container string, cmd docker.Command) (int, error) {
		return s.daemon.Exec(ctx, container, cmd)
	}, s.e.cfg.Log, s.e.cfg.Now)
	s.handlers["GET "+sessionPath+"{id}"] = all
	return func(_ *state.Tx, _ state.Scope, _ *ecs.Task, c *ecs.Container, command string) (*ecsapi.Session, error) {
		id, token := all.Open(c.Runtime, command)
		return &ecsapi.Session{SessionId: &id, TokenValue: &token, StreamUrl: new("ws://" + s.e.env.Addresses.API + sessionPath + id)}, nil
	}
}

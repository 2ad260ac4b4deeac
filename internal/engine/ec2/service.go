// Package ec2 is Amazon EC2 as far as ECS setups need it: VPCs with all that
// belongs to them, addresses, network interfaces, key pairs, launch templates,
// images, instance types, instances and their volumes, tags.
//
// It is the bookkeeping of a network and of machines, not a network and not a
// hypervisor: everything runs on the one machine, and an instance is a named
// share of it. Routes, NAT gateways and network ACLs are kept, checked and told,
// and route or filter nothing. Security groups do count: the load balancer and
// the scheduler ask them through Admits.
//
// Every region of an account gets a default VPC when it is first touched
// (settle.go). Called by the engine's chain; other services use the functions
// that take a *state.Tx: Settle, LookupSubnet, NewInterface, LaunchInstances,
// Terminate, LaunchTemplateData, Admits, ECSImage.
package ec2

import (
	"context"
	"reflect"

	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Service serves the operations.
type Service struct{ env *operation.Env }

// New is the service.
func New(env *operation.Env) *Service { return &Service{env: env} }

// bind puts an operation together with what all of EC2's have in common: what
// the engine cannot honour is refused, a dry run ends before anything happens,
// and the region has its default VPC.
func bind[In, Out any](s *Service, name string, needs resources[In], do func(context.Context, *operation.Caller, *In) (*Out, error)) operation.Operation {
	return operation.Bind(name, needs.of(name), func(ctx context.Context, c *operation.Caller, in *In) (*Out, error) {
		if err := refuse(name, in); err != nil {
			return nil, err
		}
		if dry(in) {
			return nil, dryRun
		}
		if err := s.settle(c.Scope()); err != nil {
			return nil, err
		}
		return do(ctx, c, in)
	})
}

// dry tells whether an input asks for a dry run.
func dry(in any) bool {
	f := reflect.ValueOf(in).Elem().FieldByName("DryRun")
	if !f.IsValid() {
		return false
	}
	p, ok := f.Interface().(*bool)
	return ok && p != nil && *p
}

// settle makes what a region has from the start, if a request is the first there.
func (s *Service) settle(scope state.Scope) error {
	if settled(s.env.Store.View(), scope) {
		return nil
	}
	return s.env.Store.Update(func(tx *state.Tx) error {
		Settle(tx, scope)
		return nil
	})
}

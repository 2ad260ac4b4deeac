package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func newProfileAssociationID() string { return "iip-assoc-0" + ids.Hex(16) }

func (i *Instance) association(s api.IamInstanceProfileAssociationState) *api.IamInstanceProfileAssociation {
	p := i.Profile
	return &api.IamInstanceProfileAssociation{AssociationId: &p.ID, InstanceId: &i.ID, State: s, Timestamp: &p.At, IamInstanceProfile: &api.IamInstanceProfile{Arn: &p.ARN, Id: &p.ProfileID}}
}

// AssociateIamInstanceProfile gives an instance a profile that has none.
func (s *Service) AssociateIamInstanceProfile(_ context.Context, c *operation.Caller, in *api.AssociateIamInstanceProfileRequest) (*api.AssociateIamInstanceProfileResult, error) {
	out := &api.AssociateIamInstanceProfileResult{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		i, err := find(tx, c.Scope(), Instances, instanceKind, in.InstanceId)
		if err != nil {
			return err
		}
		if i.Profile != nil {
			return awsapi.Errorf("IncorrectState", 400, "There is an existing association for instance %s", i.ID)
		}
		if i.State != api.InstanceStateNameRunning && i.State != api.InstanceStateNameStopped {
			return awsapi.Errorf("IncorrectInstanceState", 400, "The instance '%s' is not in the 'running' or 'stopped' states.", i.ID)
		}
		out.IamInstanceProfileAssociation, err = s.give(tx, c.Scope(), i, in.IamInstanceProfile)
		return err
	})
}

func (s *Service) give(tx *state.Tx, scope state.Scope, i *Instance, spec *api.IamInstanceProfileSpecification) (*api.IamInstanceProfileAssociation, error) {
	p, err := profile(tx, scope, spec.Name, spec.Arn)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, missingParameter("iamInstanceProfile.name")
	}
	p.ID, p.At = newProfileAssociationID(), s.env.Now()
	changed := *i
	changed.Profile = p
	Instances.Put(tx, scope, &changed)
	return changed.association(api.IamInstanceProfileAssociationStateAssociating), nil
}

// ReplaceIamInstanceProfileAssociation gives an instance another profile.
func (s *Service) ReplaceIamInstanceProfileAssociation(_ context.Context, c *operation.Caller, in *api.ReplaceIamInstanceProfileAssociationRequest) (*api.ReplaceIamInstanceProfileAssociationResult, error) {
	out := &api.ReplaceIamInstanceProfileAssociationResult{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		i, ok := profileOnInst.One(tx, c.Scope(), *in.AssociationId)
		if !ok {
			return noProfileAssociation(*in.AssociationId)
		}
		var err error
		out.IamInstanceProfileAssociation, err = s.give(tx, c.Scope(), i, in.IamInstanceProfile)
		return err
	})
}

func noProfileAssociation(id string) error {
	return awsapi.Errorf("InvalidAssociationID.NotFound", 400, "An invalid association-id of '%s' was given", id)
}

// DisassociateIamInstanceProfile takes an instance's profile.
func (s *Service) DisassociateIamInstanceProfile(_ context.Context, c *operation.Caller, in *api.DisassociateIamInstanceProfileRequest) (*api.DisassociateIamInstanceProfileResult, error) {
	out := &api.DisassociateIamInstanceProfileResult{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		i, ok := profileOnInst.One(tx, c.Scope(), *in.AssociationId)
		if !ok {
			return noProfileAssociation(*in.AssociationId)
		}
		out.IamInstanceProfileAssociation = i.association(api.IamInstanceProfileAssociationStateDisassociating)
		Instances.Change(tx, c.Scope(), i.ID, func(i *Instance) { i.Profile = nil })
		return nil
	})
}

// DescribeIamInstanceProfileAssociations tells which instances have which profiles.
func (s *Service) DescribeIamInstanceProfileAssociations(_ context.Context, c *operation.Caller, in *api.DescribeIamInstanceProfileAssociationsRequest) (*api.DescribeIamInstanceProfileAssociationsResult, error) {
	tx := s.env.View(c)
	all := []api.IamInstanceProfileAssociation{}
	for i := range Instances.All(tx, c.Scope()) {
		if i.Profile != nil && (len(in.AssociationIds) == 0 || contains(in.AssociationIds, i.Profile.ID)) {
			all = append(all, *i.association(api.IamInstanceProfileAssociationStateAssociated))
		}
	}
	for _, id := range in.AssociationIds {
		if _, ok := profileOnInst.One(tx, c.Scope(), id); !ok {
			return nil, noProfileAssociation(id)
		}
	}
	slices.SortFunc(all, func(a, b api.IamInstanceProfileAssociation) int {
		return strings.Compare(*a.AssociationId, *b.AssociationId)
	})
	f := fields[api.IamInstanceProfileAssociation]{
		"instance-id": str(func(a *api.IamInstanceProfileAssociation) *string { return a.InstanceId }),
		"state":       enum(func(a *api.IamInstanceProfileAssociation) api.IamInstanceProfileAssociationState { return a.State }),
	}
	page, next, err := pick(all, f, in.Filters, in.MaxResults, in.NextToken, func(a *api.IamInstanceProfileAssociation) string { return *a.AssociationId })
	return &api.DescribeIamInstanceProfileAssociationsResult{IamInstanceProfileAssociations: page, NextToken: next}, err
}

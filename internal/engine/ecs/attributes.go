package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// What an attribute's name and value may have (Attribute).
var (
	attributeName  = lazyregexp.New(`^[A-Za-z0-9_./\\-]{1,128}$`)
	attributeValue = lazyregexp.New(`^[A-Za-z0-9_.@/\\:-]([A-Za-z0-9_.@/\\: -]{0,126}[A-Za-z0-9_.@/\\:-])?$`)
)

// mostAttributes is how many custom attributes a container instance may have.
const mostAttributes = 10

// checkAttribute checks an attribute; the agent's own may have empty values, and
// names that begin with "ecs.".
func checkAttribute(a api.Attribute, custom bool) error {
	n, v := awsapi.V(a.Name), awsapi.V(a.Value)
	switch {
	case !attributeName.MatchString(n):
		return api.InvalidParameterException("The attribute name %q is not valid.", n)
	case custom && (strings.HasPrefix(n, "ecs.") || strings.HasPrefix(n, "com.amazonaws.ecs.")):
		return api.InvalidParameterException("The attribute %s is built in and cannot be changed.", n)
	case v != "" && !attributeValue.MatchString(v):
		return api.InvalidParameterException("The value of the attribute %s is not valid.", n)
	}
	return nil
}

// target is the container instance that an attribute is about. A short id needs
// the target's type.
func target(tx *state.Tx, scope state.Scope, cluster string, a api.Attribute) (*Instance, error) {
	ref := awsapi.V(a.TargetId)
	if _, long := arn.Parse(ref); !long && a.TargetType == "" {
		return nil, api.InvalidParameterException("targetType must be specified for the short form of a targetId.")
	}
	i, ok := instance(tx, scope, cluster, ref)
	if !ok || i.Status == Inactive {
		return nil, api.TargetNotFoundException("The specified target was not found. You can view your available container instances with ListContainerInstances. Amazon ECS container instances are cluster-specific and Region-specific.")
	}
	return i, nil
}

// changeAttributes works on the attributes of the container instances that they
// name, and answers with what change says of each.
func (s *Service) changeAttributes(scope state.Scope, ref *string, attributes []api.Attribute, change func(i *Instance, a api.Attribute) error) ([]api.Attribute, error) {
	if len(attributes) > mostAttributes {
		return nil, api.InvalidParameterException("You can specify up to %d custom attributes for each resource.", mostAttributes)
	}
	var out []api.Attribute
	err := s.env.Store.Update(func(tx *state.Tx) error {
		out = []api.Attribute{}
		cl, err := cluster(tx, scope, ref)
		if err != nil {
			return err
		}
		for _, a := range attributes {
			if err := checkAttribute(a, true); err != nil {
				return err
			}
			old, err := target(tx, scope, cl.Name, a)
			if err != nil {
				return err
			}
			row := *old
			row.Attributes = slices.Clone(old.Attributes)
			if err := change(&row, a); err != nil {
				return err
			}
			PutInstance(tx, scope, &row)
			out = append(out, api.Attribute{Name: a.Name, Value: a.Value, TargetType: api.TargetTypeContainerInstance, TargetId: new(row.ARN)})
		}
		return nil
	})
	return out, err
}

func (i *Instance) attributeAt(name string) (int, bool) {
	return slices.BinarySearchFunc(i.Attributes, name, func(a api.Attribute, n string) int { return strings.Compare(*a.Name, n) })
}

// PutAttributes sets custom attributes of container instances.
func (s *Service) PutAttributes(_ context.Context, c *operation.Caller, in *api.PutAttributesRequest) (*api.PutAttributesResponse, error) {
	out, err := s.changeAttributes(c.Scope(), in.Cluster, in.Attributes, func(i *Instance, a api.Attribute) error {
		at, ok := i.attributeAt(*a.Name)
		n := api.Attribute{Name: a.Name, Value: a.Value}
		if ok {
			i.Attributes[at] = n
			return nil
		}
		i.Attributes = slices.Insert(i.Attributes, at, n)
		custom := 0
		for _, a := range i.Attributes {
			if checkAttribute(a, true) == nil {
				custom++
			}
		}
		if custom > mostAttributes {
			return api.AttributeLimitExceededException("You can apply up to %d custom attributes for each resource. You can view the attributes of a resource with ListAttributes. You can remove existing attributes on a resource with DeleteAttributes.", mostAttributes)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutAttributesResponse{Attributes: out}, nil
}

// DeleteAttributes takes custom attributes away. With a value, only that one is
// taken.
func (s *Service) DeleteAttributes(_ context.Context, c *operation.Caller, in *api.DeleteAttributesRequest) (*api.DeleteAttributesResponse, error) {
	out, err := s.changeAttributes(c.Scope(), in.Cluster, in.Attributes, func(i *Instance, a api.Attribute) error {
		at, ok := i.attributeAt(*a.Name)
		if !ok || a.Value != nil && awsapi.V(i.Attributes[at].Value) != *a.Value {
			return api.TargetNotFoundException("The attribute %s was not found on the target.", *a.Name)
		}
		i.Attributes = slices.Delete(i.Attributes, at, at+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteAttributesResponse{Attributes: out}, nil
}

// ListAttributes is the attributes of a cluster's container instances, of a name
// and a value where these are given.
func (s *Service) ListAttributes(_ context.Context, c *operation.Caller, in *api.ListAttributesRequest) (*api.ListAttributesResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	cl, err := cluster(tx, scope, in.Cluster)
	if err != nil {
		return nil, err
	}
	if in.AttributeValue != nil && in.AttributeName == nil {
		return nil, api.InvalidParameterException("attributeName must be specified when attributeValue is specified.")
	}
	all := func(yield func(api.Attribute) bool) {
		for i := range Instances.Prefix(tx, scope, cl.Name+"/") {
			if i.Status == Inactive {
				continue
			}
			for _, a := range i.Attributes {
				if in.AttributeName != nil && *a.Name != *in.AttributeName || in.AttributeValue != nil && awsapi.V(a.Value) != *in.AttributeValue {
					continue
				}
				if !yield(api.Attribute{Name: a.Name, Value: a.Value, TargetType: api.TargetTypeContainerInstance, TargetId: new(i.ARN)}) {
					return
				}
			}
		}
	}
	got, next, err := page(all, in.NextToken, in.MaxResults, MostPerPage, MostPerPage, func(a api.Attribute) string { return *a.TargetId + " " + *a.Name })
	if err != nil {
		return nil, err
	}
	return &api.ListAttributesResponse{Attributes: got, NextToken: next}, nil
}

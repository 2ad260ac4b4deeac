package elbv2

import (
	"context"
	"strings"

	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

func checkTags(tags tagging.Set) error {
	if len(tags) > tagging.Most {
		return api.TooManyTagsException("A resource has at most %d tags", tagging.Most)
	}
	if err := tags.Check(); err != nil {
		return invalid("%s", err)
	}
	return nil
}

// tagsOf is the tags of any of the service's resources.
func tagsOf(tx *state.Tx, scope state.Scope, resource string) (tags tagging.Set, ok bool) {
	ok = changeTags(tx, scope, resource, func(old tagging.Set) tagging.Set { tags = old; return nil })
	return tags, ok
}

// changeTags gives the tags of any resource to change, and puts what that
// returns, unless it is nil.
func changeTags(tx *state.Tx, scope state.Scope, resource string, change func(tagging.Set) tagging.Set) bool {
	a, _ := arn.Parse(resource)
	kind, _, _ := strings.Cut(a.Resource, "/")
	switch kind {
	case "loadbalancer":
		return retag(tx, scope, LoadBalancers, resource, change, func(l *LoadBalancer) *tagging.Set { return &l.Tags })
	case "targetgroup":
		return retag(tx, scope, TargetGroups, resource, change, func(t *TargetGroup) *tagging.Set { return &t.Tags })
	case "listener":
		return retag(tx, scope, Listeners, resource, change, func(l *Listener) *tagging.Set { return &l.Tags })
	case "listener-rule":
		if l, is := listenerOfDefaultRule(tx, scope, resource); is {
			change(tagging.Set{}) // a default rule shows no tags of its own
			return l != nil
		}
		return retag(tx, scope, Rules, resource, change, func(r *Rule) *tagging.Set { return &r.Tags })
	}
	return false
}

func retag[T any](tx *state.Tx, scope state.Scope, table *state.Table[T], key string, change func(tagging.Set) tagging.Set, of func(*T) *tagging.Set) bool {
	row, ok := table.Get(tx, scope, key)
	if !ok {
		return false
	}
	if next := change(*of(row)); next != nil {
		table.Change(tx, scope, key, func(row *T) { *of(row) = next })
	}
	return true
}

// notFound is the error for a resource that is not there, by its kind.
func notFound(resource string) error {
	switch {
	case strings.Contains(resource, ":loadbalancer/"):
		return api.LoadBalancerNotFoundException("Load balancer '%s' not found", resource)
	case strings.Contains(resource, ":targetgroup/"):
		return api.TargetGroupNotFoundException("Target group '%s' not found", resource)
	case strings.Contains(resource, ":listener-rule/"):
		return api.RuleNotFoundException("Rule '%s' not found", resource)
	case strings.Contains(resource, ":listener/"):
		return api.ListenerNotFoundException("Listener '%s' not found", resource)
	}
	return invalid("'%s' is not a valid resource ARN", resource)
}

func (s *Service) retagAll(c *operation.Caller, resources []string, change func(tagging.Set) (tagging.Set, error)) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		for _, r := range resources {
			var err error
			found := changeTags(tx, c.Scope(), r, func(old tagging.Set) tagging.Set {
				var next tagging.Set
				next, err = change(old)
				return next
			})
			if err != nil {
				return err
			}
			if !found {
				return notFound(r)
			}
		}
		return nil
	})
}

// AddTags puts tags on resources.
func (s *Service) AddTags(_ context.Context, c *operation.Caller, in *api.AddTagsInput) (*api.AddTagsOutput, error) {
	return &api.AddTagsOutput{}, s.retagAll(c, in.ResourceArns, func(old tagging.Set) (tagging.Set, error) {
		next := old.With(setOf(in.Tags))
		return next, checkTags(next)
	})
}

// RemoveTags removes tags from resources.
func (s *Service) RemoveTags(_ context.Context, c *operation.Caller, in *api.RemoveTagsInput) (*api.RemoveTagsOutput, error) {
	return &api.RemoveTagsOutput{}, s.retagAll(c, in.ResourceArns, func(old tagging.Set) (tagging.Set, error) { return old.With(nil).Without(in.TagKeys...), nil })
}

// DescribeTags is the tags of resources.
func (s *Service) DescribeTags(_ context.Context, c *operation.Caller, in *api.DescribeTagsInput) (*api.DescribeTagsOutput, error) {
	tx := s.env.View(c)
	out := &api.DescribeTagsOutput{TagDescriptions: []api.TagDescription{}}
	for _, r := range in.ResourceArns {
		tags, ok := tagsOf(tx, c.Scope(), r)
		if !ok {
			return nil, notFound(r)
		}
		out.TagDescriptions = append(out.TagDescriptions, api.TagDescription{ResourceArn: new(r), Tags: tagging.List(tags, func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} })})
	}
	return out, nil
}

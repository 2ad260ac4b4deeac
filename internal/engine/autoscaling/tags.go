package autoscaling

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/autoscaling"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

const resourceType = "auto-scaling-group"

func (t Tag) describe(group string) api.TagDescription {
	return api.TagDescription{ResourceId: &group, ResourceType: new(resourceType), Key: &t.Key, Value: &t.Value, PropagateAtLaunch: &t.Propagate}
}

// newTags are the tags of a group that is created.
func newTags(g *Group, in []api.Tag) ([]Tag, error) {
	if err := setOf(in).Check(); err != nil {
		return nil, invalid("%s", err)
	}
	n := *g
	for _, t := range in {
		if t.ResourceId != nil && *t.ResourceId != g.Name {
			return nil, invalid("The resourceId of the tag %s must be the name of the AutoScalingGroup", awsapi.V(t.Key))
		}
		n.Tags = n.withTag(Tag{awsapi.V(t.Key), awsapi.V(t.Value), awsapi.V(t.PropagateAtLaunch)})
	}
	return n.Tags, nil
}

// CreateOrUpdateTags puts tags on groups; instances that run keep theirs.
func (s *Service) CreateOrUpdateTags(_ context.Context, c *operation.Caller, in *api.CreateOrUpdateTagsType) (*empty, error) {
	if err := setOf(in.Tags).Check(); err != nil {
		return nil, invalid("%s", err)
	}
	return &empty{}, s.retag(c, in.Tags, func(g *Group, t api.Tag) []Tag {
		return g.withTag(Tag{awsapi.V(t.Key), awsapi.V(t.Value), awsapi.V(t.PropagateAtLaunch)})
	})
}

// DeleteTags removes tags; one that is given with a value only if it has it.
func (s *Service) DeleteTags(_ context.Context, c *operation.Caller, in *api.DeleteTagsType) (*empty, error) {
	return &empty{}, s.retag(c, in.Tags, func(g *Group, t api.Tag) []Tag {
		if old, ok := g.tag(awsapi.V(t.Key)); ok && t.Value != nil && *t.Value != "" && *t.Value != old.Value {
			return g.Tags
		}
		return g.withoutTag(awsapi.V(t.Key))
	})
}

func (s *Service) retag(c *operation.Caller, tags []api.Tag, change func(*Group, api.Tag) []Tag) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		for _, t := range tags {
			if kind := awsapi.V(t.ResourceType); kind != "" && kind != resourceType {
				return invalid("Invalid resource type '%s'. The only valid resource type is %s", kind, resourceType)
			}
			g, err := find(tx, c.Scope(), t.ResourceId)
			if err != nil {
				return err
			}
			changed := change(g, t)
			if len(changed) > tagging.Most {
				return api.LimitExceededFault("An AutoScalingGroup has at most %d tags", tagging.Most)
			}
			Groups.Change(tx, c.Scope(), g.Name, func(g *Group) { g.Tags = changed })
		}
		return nil
	})
}

// tagged is a tag with the group that has it.
type tagged struct {
	Tag
	group string
}

// DescribeTags lists the tags of all groups, narrowed by filters.
func (s *Service) DescribeTags(_ context.Context, c *operation.Caller, in *api.DescribeTagsType) (*api.TagsType, error) {
	for _, f := range in.Filters {
		if n := awsapi.V(f.Name); !slices.Contains([]string{"auto-scaling-group", "key", "value", "propagate-at-launch"}, n) {
			return nil, invalid("Filter type %s is not correct. Allowed Filter types are: auto-scaling-group key value propagate-at-launch", n)
		}
	}
	tx := s.env.View(c)
	seq := func(yield func(tagged) bool) {
		for g := range Groups.All(tx, c.Scope()) {
			for _, t := range g.Tags {
				if (tagged{t, g.Name}).matches(in.Filters) && !yield(tagged{t, g.Name}) {
					return
				}
			}
		}
	}
	rows, next, err := page(seq, in.NextToken, in.MaxRecords, 50, 100, func(t tagged) string { return t.group + sep + t.Key })
	if err != nil {
		return nil, err
	}
	out := &api.TagsType{Tags: []api.TagDescription{}, NextToken: next}
	for _, t := range rows {
		out.Tags = append(out.Tags, t.describe(t.group))
	}
	return out, nil
}

func (t tagged) matches(filters []api.Filter) bool {
	for _, f := range filters {
		value := map[string]string{"auto-scaling-group": t.group, "key": t.Key, "value": t.Value, "propagate-at-launch": boolText(t.Propagate)}[awsapi.V(f.Name)]
		if !slices.Contains(f.Values, value) {
			return false
		}
	}
	return true
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// tagMatches tells whether a tag is what a filter of groups looks for.
func tagMatches(f api.Filter, t Tag) bool {
	switch name := awsapi.V(f.Name); name {
	case "tag-key":
		return slices.Contains(f.Values, t.Key)
	case "tag-value":
		return slices.Contains(f.Values, t.Value)
	default:
		return strings.TrimPrefix(name, "tag:") == t.Key && slices.Contains(f.Values, t.Value)
	}
}

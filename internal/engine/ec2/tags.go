package ec2

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Tagged is the tags of one resource. They stand apart from the resource, as
// EC2 tags anything that has an id, in one operation.
type Tagged struct {
	ID   string
	Kind api.ResourceType
	Tags tagging.Set
}

// Tags is the table.
var Tags = state.NewTable("ec2.tags", func(t *Tagged) string { return t.ID })

// TagsOf is a resource's tags, which must not be modified; nil when it has none.
func TagsOf(tx *state.Tx, scope state.Scope, id string) tagging.Set {
	if t, ok := Tags.Get(tx, scope, id); ok {
		return t.Tags
	}
	return nil
}

// SetTags adds tags to a resource for another service, which may use keys that
// begin with aws:.
func SetTags(tx *state.Tx, scope state.Scope, id string, tags tagging.Set) {
	k, ok := kindOf(id)
	if !ok || len(tags) == 0 {
		return
	}
	Tags.Put(tx, scope, &Tagged{id, k.typ, TagsOf(tx, scope, id).With(tags)})
}

// shownTags are a resource's tags as answers have them, nil when there are none.
func shownTags(tx *state.Tx, scope state.Scope, id string) []api.Tag {
	set := TagsOf(tx, scope, id)
	if len(set) == 0 {
		return nil
	}
	return tagging.List(set, func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} })
}

// specified are the tags that a creation gives to what it makes of a kind.
// others are kinds that the operation makes besides.
func specified(specs []api.TagSpecification, typ api.ResourceType, others ...api.ResourceType) (tagging.Set, error) {
	var all []api.Tag
	for _, s := range specs {
		switch {
		case s.ResourceType == "":
			return nil, missingParameter("TagSpecification.ResourceType")
		case s.ResourceType == typ:
			all = append(all, s.Tags...)
		case !contains(others, s.ResourceType):
			return nil, invalidValue("'%s' is not a valid taggable resource type for this operation.", s.ResourceType)
		}
	}
	return checkedTags(all)
}

func contains[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// checkedTags are tags that a user may give ("Tag restrictions" of the EC2 guide).
func checkedTags(list []api.Tag) (tagging.Set, error) {
	set := tagging.Set{}
	for _, t := range list {
		k, v := awsapi.V(t.Key), awsapi.V(t.Value)
		_, twice := set[k]
		switch {
		case k == "":
			return nil, invalidValue("Tag key cannot be null or empty.")
		case utf8.RuneCountInString(k) > 128:
			return nil, invalidValue("Tag key exceeds the maximum length of 128 characters")
		case utf8.RuneCountInString(v) > 256:
			return nil, invalidValue("Tag value exceeds the maximum length of 256 characters")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return nil, invalidValue("Tag keys starting with 'aws:' are reserved for internal use")
		case twice:
			return nil, invalidValue("Duplicate tag key '%s' specified.", k)
		}
		set[k] = v
	}
	if len(set) > tagging.Most {
		return nil, tooManyTags()
	}
	return set, nil
}

func tooManyTags() error {
	return awsapi.Errorf("TagLimitExceeded", 400, "You have reached the maximum number of tags allowed for this resource (%d)", tagging.Most)
}

// CreateTags adds tags to resources of any kind: to all of them, or to none.
func (s *Service) CreateTags(_ context.Context, c *operation.Caller, in *api.CreateTagsRequest) (*awsapi.Empty, error) {
	tags, err := checkedTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return nil, missingParameter("tagSet")
	}
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		for _, id := range in.Resources {
			if err := taggable(tx, c.Scope(), id); err != nil {
				return err
			}
			if countOwn(TagsOf(tx, c.Scope(), id).With(tags)) > tagging.Most {
				return tooManyTags()
			}
			SetTags(tx, c.Scope(), id, tags)
		}
		return nil
	})
}

// countOwn counts the tags that are not AWS's.
func countOwn(tags tagging.Set) (n int) {
	for k := range tags {
		if !strings.HasPrefix(k, "aws:") {
			n++
		}
	}
	return n
}

func taggable(tx *state.Tx, scope state.Scope, id string) error {
	k, ok := kindOf(id)
	if !ok || k.exists == nil {
		return awsapi.Errorf("InvalidID", 400, "The ID '%s' is not valid", id)
	}
	if !k.exists(tx, scope, id) {
		return k.notFound(id)
	}
	return nil
}

// DeleteTags removes tags by their keys, where a value is given only when the
// tag has that value; with no tags named it removes all.
func (s *Service) DeleteTags(_ context.Context, c *operation.Caller, in *api.DeleteTagsRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		for _, id := range in.Resources {
			if err := taggable(tx, c.Scope(), id); err != nil {
				return err
			}
			t, ok := Tags.Get(tx, c.Scope(), id)
			if !ok {
				continue
			}
			left, err := without(t.Tags, in.Tags)
			if err != nil {
				return err
			}
			if len(left) == 0 {
				Tags.Delete(tx, c.Scope(), id)
				continue
			}
			Tags.Put(tx, c.Scope(), &Tagged{id, t.Kind, left})
		}
		return nil
	})
}

func without(set tagging.Set, remove []api.Tag) (tagging.Set, error) {
	left := set.With(nil)
	for k := range set {
		if len(remove) == 0 && !strings.HasPrefix(k, "aws:") {
			delete(left, k)
		}
	}
	for _, t := range remove {
		k := awsapi.V(t.Key)
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, invalidValue("Tag keys starting with 'aws:' are reserved for internal use")
		}
		if t.Value == nil || left[k] == *t.Value {
			delete(left, k)
		}
	}
	return left, nil
}

var tagFields = fields[api.TagDescription]{
	"key":           str(func(t *api.TagDescription) *string { return t.Key }),
	"resource-id":   str(func(t *api.TagDescription) *string { return t.ResourceId }),
	"resource-type": enum(func(t *api.TagDescription) api.ResourceType { return t.ResourceType }),
	"value":         func(t *api.TagDescription) []string { return []string{*t.Value} },
}

// DescribeTags lists tags, one by one.
func (s *Service) DescribeTags(_ context.Context, c *operation.Caller, in *api.DescribeTagsRequest) (*api.DescribeTagsResult, error) {
	read := func(t *api.TagDescription) []api.Tag { return []api.Tag{{Key: t.Key, Value: t.Value}} }
	match, err := tagFields.matcher(in.Filters, read) // tag:KEY belongs to this operation too
	if err != nil {
		return nil, err
	}
	tx := s.env.View(c)
	list := func(yield func(api.TagDescription) bool) {
		for t := range Tags.All(tx, c.Scope()) {
			for _, k := range t.Tags.Keys() {
				d := api.TagDescription{Key: &k, Value: new(t.Tags[k]), ResourceId: &t.ID, ResourceType: t.Kind}
				if match(&d) && !yield(d) {
					return
				}
			}
		}
	}
	page, next, err := paging.Page(list, in.NextToken, awsapi.V(in.MaxResults), func(d api.TagDescription) string { return *d.ResourceId + "\x00" + *d.Key })
	if err != nil {
		return nil, badToken()
	}
	return &api.DescribeTagsResult{Tags: page, NextToken: next}, nil
}

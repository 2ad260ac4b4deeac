package ecs

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// RegisterTaskDefinition adds a revision to a family.
func (s *Service) RegisterTaskDefinition(_ context.Context, c *operation.Caller, in *api.RegisterTaskDefinitionRequest) (*api.RegisterTaskDefinitionResponse, error) {
	scope := c.Scope()
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	body, err := define(scope, in)
	if err != nil {
		return nil, err
	}
	body.Status, body.RegisteredAt, body.RegisteredBy = api.TaskDefinitionStatusActive, new(s.env.Now()), new(c.ARN)
	row := &Definition{Family: *in.Family, Body: body, Tags: tags}
	err = s.env.Store.Update(func(tx *state.Tx) error {
		family := Family{Name: row.Family}
		if old, ok := Families.Get(tx, scope, row.Family); ok {
			family = *old
		}
		family.Last++
		family.Latest = family.Last
		row.Revision = family.Last
		body.Revision, body.TaskDefinitionArn = new(row.Revision), new(DefinitionARN(scope, row.Family, row.Revision))
		Families.Put(tx, scope, &family)
		Definitions.Put(tx, scope, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.RegisterTaskDefinitionResponse{TaskDefinition: body, Tags: tagList(tags)}, nil
}

// definition is the revision that a reference names, or the latest active one of
// a family.
func definition(tx *state.Tx, scope state.Scope, ref string) (*Definition, bool) {
	family, revision, ok := splitDefinition(ref)
	if !ok || foreign(scope, &ref) {
		return nil, false
	}
	if revision == 0 {
		f, ok := Families.Get(tx, scope, family)
		if !ok || f.Latest == 0 {
			return nil, false
		}
		revision = f.Latest
	}
	return Definitions.Get(tx, scope, definitionKey(family, revision))
}

// DescribeTaskDefinition is a revision, whatever its status.
func (s *Service) DescribeTaskDefinition(_ context.Context, c *operation.Caller, in *api.DescribeTaskDefinitionRequest) (*api.DescribeTaskDefinitionResponse, error) {
	d, ok := definition(s.env.View(c), c.Scope(), *in.TaskDefinition)
	if !ok {
		return nil, api.ClientException("Unable to describe task definition.")
	}
	out := &api.DescribeTaskDefinitionResponse{TaskDefinition: d.Body, Tags: []api.Tag{}}
	if includes(in.Include, api.TaskDefinitionFieldTags) {
		out.Tags = tagList(d.Tags)
	}
	return out, nil
}

// DeregisterTaskDefinition makes a revision INACTIVE.
func (s *Service) DeregisterTaskDefinition(_ context.Context, c *operation.Caller, in *api.DeregisterTaskDefinitionRequest) (*api.DeregisterTaskDefinitionResponse, error) {
	scope := c.Scope()
	if err := namesRevision(*in.TaskDefinition); err != nil {
		return nil, err
	}
	var out *api.TaskDefinition
	err := s.env.Store.Update(func(tx *state.Tx) error {
		d, ok := definition(tx, scope, *in.TaskDefinition)
		if !ok {
			return api.ClientException("The specified task definition does not exist. Specify a valid account, family, revision and try again.")
		}
		if d.Body.Status == api.TaskDefinitionStatusActive {
			d = setStatus(tx, scope, d, func(b *api.TaskDefinition) {
				b.Status, b.DeregisteredAt = api.TaskDefinitionStatusInactive, new(s.env.Now())
			})
		}
		out = d.Body
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeregisterTaskDefinitionResponse{TaskDefinition: out}, nil
}

// namesRevision refuses a reference without a revision, or with one that is no
// number.
func namesRevision(ref string) error {
	if a, ok := arn.Parse(ref); ok {
		ref, _ = a.After("task-definition/")
	}
	_, number, has := strings.Cut(ref, ":")
	if !has || number == "" {
		return api.ClientException("Revision is missing.")
	}
	if _, err := strconv.Atoi(number); err != nil {
		return api.InvalidParameterException("Invalid revision number. Number: %s", number)
	}
	return nil
}

// setStatus changes a revision's body and keeps the family's latest active
// revision right.
func setStatus(tx *state.Tx, scope state.Scope, d *Definition, change func(b *api.TaskDefinition)) *Definition {
	row, body := *d, *d.Body
	change(&body)
	row.Body = &body
	Definitions.Put(tx, scope, &row)
	if f, ok := Families.Get(tx, scope, d.Family); ok && f.Latest == d.Revision && body.Status != api.TaskDefinitionStatusActive {
		changed := *f
		changed.Latest = 0
		for r := range revisions(tx, scope, d.Family) {
			if r.Body.Status == api.TaskDefinitionStatusActive {
				changed.Latest = r.Revision
			}
		}
		Families.Put(tx, scope, &changed)
	}
	return &row
}

// revisions are a family's, in their order.
func revisions(tx *state.Tx, scope state.Scope, family string) iter.Seq[*Definition] {
	return Definitions.Prefix(tx, scope, family+" ")
}

// DeleteTaskDefinitions marks revisions for deletion. They go when nothing uses
// them.
func (s *Service) DeleteTaskDefinitions(_ context.Context, c *operation.Caller, in *api.DeleteTaskDefinitionsRequest) (*api.DeleteTaskDefinitionsResponse, error) {
	scope := c.Scope()
	switch {
	case len(in.TaskDefinitions) == 0:
		return nil, api.InvalidParameterException("size of TaskDefinition references list must be greater than 0")
	case len(in.TaskDefinitions) > 10:
		return nil, api.InvalidParameterException("Size of TaskDefinition references list cannot exceed 10")
	}
	out := &api.DeleteTaskDefinitionsResponse{}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		out.TaskDefinitions, out.Failures = []api.TaskDefinition{}, []api.Failure{}
		for _, ref := range in.TaskDefinitions {
			d, reason := deletable(tx, scope, ref)
			if reason != "" {
				out.Failures = append(out.Failures, api.Failure{Arn: new(definitionRef(scope, ref)), Reason: &reason})
				continue
			}
			if d.Body.Status == api.TaskDefinitionStatusInactive {
				now := s.env.Now()
				d = setStatus(tx, scope, d, func(b *api.TaskDefinition) {
					b.Status, b.DeleteRequestedAt = api.TaskDefinitionStatusDeleteInProgress, new(now)
				})
				depart(tx, scope, now.Add(TaskLingers), Definitions, Definitions.Key(d))
			}
			out.TaskDefinitions = append(out.TaskDefinitions, *d.Body)
		}
		return nil
	})
	return out, err
}

func deletable(tx *state.Tx, scope state.Scope, ref string) (d *Definition, reason string) {
	if namesRevision(ref) != nil {
		return nil, "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
	}
	d, ok := definition(tx, scope, ref)
	switch {
	case !ok:
		return nil, "The specified task definition does not exist. Specify a valid account, family, revision and try again."
	case d.Body.Status == api.TaskDefinitionStatusActive:
		return nil, "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
	}
	return d, ""
}

// definitionRef is the ARN that a reference stands for.
func definitionRef(scope state.Scope, ref string) string {
	if strings.HasPrefix(ref, "arn:") {
		return ref
	}
	return arn.New("ecs", scope, "task-definition/"+ref)
}

// ListTaskDefinitions is the revisions of a status by family and revision, or in
// the reverse order. The prefix is a whole family's name.
func (s *Service) ListTaskDefinitions(_ context.Context, c *operation.Caller, in *api.ListTaskDefinitionsRequest) (*api.ListTaskDefinitionsResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	status := cmp.Or(in.Status, api.TaskDefinitionStatusActive)
	prefix, token := "", in.NextToken
	if f := awsapi.V(in.FamilyPrefix); f != "" {
		prefix = f + " "
	}
	if in.Sort == api.SortOrderDesc {
		token = nil
	}
	rows := filter(after(Definitions, tx, scope, prefix, token), func(d *Definition) bool { return d.Body.Status == status })
	rank := Definitions.Key
	if in.Sort == api.SortOrderDesc {
		all := slices.Collect(rows)
		slices.Reverse(all)
		rows, rank = slices.Values(all), func(d *Definition) string { return complement(Definitions.Key(d)) }
	}
	got, next, err := page(rows, in.NextToken, in.MaxResults, MostPerPage, MostPerPage, rank)
	if err != nil {
		return nil, err
	}
	return &api.ListTaskDefinitionsResponse{TaskDefinitionArns: arns(got, func(d *Definition) string { return *d.Body.TaskDefinitionArn }), NextToken: next}, nil
}

// complement turns the order of keys around: of two keys that go up, the
// complements go down.
func complement(key string) string {
	b := append([]byte(key), 0)
	for i := range b {
		b[i] = 0xff - b[i]
	}
	return string(b)
}

// ListTaskDefinitionFamilies is the families whose names begin with the prefix:
// with an active revision, with none, or all.
func (s *Service) ListTaskDefinitionFamilies(_ context.Context, c *operation.Caller, in *api.ListTaskDefinitionFamiliesRequest) (*api.ListTaskDefinitionFamiliesResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	rows := filter(after(Families, tx, scope, awsapi.V(in.FamilyPrefix), in.NextToken), func(f *Family) bool {
		switch in.Status {
		case api.TaskDefinitionFamilyStatusActive:
			return f.Latest > 0
		case api.TaskDefinitionFamilyStatusInactive:
			return f.Latest == 0 && hasRevisions(tx, scope, f)
		}
		return hasRevisions(tx, scope, f)
	})
	got, next, err := page(rows, in.NextToken, in.MaxResults, MostPerPage, MostPerPage, Families.Key)
	if err != nil {
		return nil, err
	}
	return &api.ListTaskDefinitionFamiliesResponse{Families: arns(got, Families.Key), NextToken: next}, nil
}

// hasRevisions tells whether anything is left of the family but its number.
func hasRevisions(tx *state.Tx, scope state.Scope, f *Family) bool {
	for range revisions(tx, scope, f.Name) {
		return true
	}
	return false
}

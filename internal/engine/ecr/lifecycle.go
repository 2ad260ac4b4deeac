package ecr

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecr"
	"github.com/slipway-dev/slipway/internal/engine/ecr/lifecycle"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/registry"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Preview is what a lifecycle policy would have done when it was asked.
type Preview struct {
	Repository string
	Text       string
	At         time.Time
	Results    []api.LifecyclePolicyPreviewResult
}

// Evaluation is when a repository's policy was last applied.
type Evaluation struct {
	Repository string
	At         time.Time
}

// Previews and Evaluations are the tables.
var (
	Previews    = state.NewTable("ecr.preview", func(p *Preview) string { return p.Repository })
	Evaluations = state.NewTable("ecr.evaluation", func(e *Evaluation) string { return e.Repository })
)

// previewLife is how long a preview is shown.
const previewLife = 24 * time.Hour

func parseLifecycle(text string) (*lifecycle.Policy, error) {
	p, err := lifecycle.Parse(text)
	if err != nil {
		return nil, api.InvalidParameterException("Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: %s'", err)
	}
	return p, nil
}

// seen are images as a lifecycle policy sees them.
func seen(images []registry.Image) []lifecycle.Image {
	all := make([]lifecycle.Image, 0, len(images))
	for _, i := range images {
		all = append(all, lifecycle.Image{Digest: i.Digest, Tags: i.Tags, PushedAt: i.PushedAt, Manifests: i.Manifests, Subject: i.Subject})
	}
	return all
}

// PutLifecyclePolicy gives a repository a lifecycle policy, which the controller
// applies.
func (s *Service) PutLifecyclePolicy(_ context.Context, c *operation.Caller, in *api.PutLifecyclePolicyRequest) (*api.PutLifecyclePolicyResponse, error) {
	if _, err := parseLifecycle(*in.LifecyclePolicyText); err != nil {
		return nil, err
	}
	out := &api.PutLifecyclePolicyResponse{RegistryId: &c.Account, RepositoryName: in.RepositoryName, LifecyclePolicyText: in.LifecyclePolicyText}
	return out, s.change(c, in.RegistryId, in.RepositoryName, func(r *Repository) error {
		r.Lifecycle = *in.LifecyclePolicyText
		return nil
	})
}

func noLifecycle(c *operation.Caller, name *string) error {
	return api.LifecyclePolicyNotFoundException("Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", awsapi.V(name), c.Account)
}

// GetLifecyclePolicy is a repository's lifecycle policy.
func (s *Service) GetLifecyclePolicy(_ context.Context, c *operation.Caller, in *api.GetLifecyclePolicyRequest) (*api.GetLifecyclePolicyResponse, error) {
	tx := s.env.Store.View()
	r, err := find(tx, c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if r.Lifecycle == "" {
		return nil, noLifecycle(c, in.RepositoryName)
	}
	out := &api.GetLifecyclePolicyResponse{RegistryId: &c.Account, RepositoryName: &r.Name, LifecyclePolicyText: &r.Lifecycle}
	if e, ok := Evaluations.Get(tx, c.Scope(), r.Name); ok {
		out.LastEvaluatedAt = &e.At
	}
	return out, nil
}

// DeleteLifecyclePolicy takes a repository's lifecycle policy away.
func (s *Service) DeleteLifecyclePolicy(_ context.Context, c *operation.Caller, in *api.DeleteLifecyclePolicyRequest) (*api.DeleteLifecyclePolicyResponse, error) {
	out := &api.DeleteLifecyclePolicyResponse{RegistryId: &c.Account, RepositoryName: in.RepositoryName}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		r, err := find(tx, c, in.RegistryId, in.RepositoryName)
		if err != nil {
			return err
		}
		if r.Lifecycle == "" {
			return noLifecycle(c, in.RepositoryName)
		}
		out.LifecyclePolicyText = &r.Lifecycle
		if e, ok := Evaluations.Get(tx, c.Scope(), r.Name); ok {
			out.LastEvaluatedAt = &e.At
		}
		Evaluations.Delete(tx, c.Scope(), r.Name)
		Repositories.Change(tx, c.Scope(), r.Name, func(r *Repository) { r.Lifecycle = "" })
		return nil
	})
}

// StartLifecyclePolicyPreview decides what a policy would do, the repository's
// own unless one is given, and keeps the answer.
func (s *Service) StartLifecyclePolicyPreview(_ context.Context, c *operation.Caller, in *api.StartLifecyclePolicyPreviewRequest) (*api.StartLifecyclePolicyPreviewResponse, error) {
	r, err := find(s.env.Store.View(), c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	text := r.Lifecycle
	if in.LifecyclePolicyText != nil {
		text = *in.LifecyclePolicyText
	} else if text == "" {
		return nil, noLifecycle(c, in.RepositoryName)
	}
	p, err := parseLifecycle(text)
	if err != nil {
		return nil, err
	}
	images, err := s.images.Images(at(c.Scope(), r.Name))
	if err != nil {
		return nil, err
	}
	row := &Preview{Repository: r.Name, Text: text, At: s.env.Now(), Results: []api.LifecyclePolicyPreviewResult{}}
	expired, _ := p.Decide(seen(images), row.At)
	for _, e := range expired {
		row.Results = append(row.Results, shown(e))
	}
	out := &api.StartLifecyclePolicyPreviewResponse{RegistryId: &c.Account, RepositoryName: &r.Name, LifecyclePolicyText: &text, Status: api.LifecyclePolicyPreviewStatusInProgress}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		if _, err := find(tx, c, in.RegistryId, in.RepositoryName); err != nil {
			return err
		}
		Previews.Put(tx, c.Scope(), row)
		return nil
	})
}

func shown(e lifecycle.Expiry) api.LifecyclePolicyPreviewResult {
	out := api.LifecyclePolicyPreviewResult{
		Action: &api.LifecyclePolicyRuleAction{Type: api.ImageActionTypeExpire}, ImageDigest: &e.Image.Digest, ImagePushedAt: &e.Image.PushedAt,
		ImageTags: e.Image.Tags, StorageClass: api.LifecyclePolicyStorageClassStandard,
	}
	if e.Priority > 0 {
		out.AppliedRulePriority = &e.Priority
	}
	return out
}

// GetLifecyclePolicyPreview is the answer of the last preview.
func (s *Service) GetLifecyclePolicyPreview(_ context.Context, c *operation.Caller, in *api.GetLifecyclePolicyPreviewRequest) (*api.GetLifecyclePolicyPreviewResponse, error) {
	tx := s.env.Store.View()
	r, err := find(tx, c, in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	p, ok := Previews.Get(tx, c.Scope(), r.Name)
	if !ok {
		return nil, api.LifecyclePolicyPreviewNotFoundException("Lifecycle policy preview does not exist for the repository with name '%s' in the registry with id '%s'", r.Name, c.Account)
	}
	out := &api.GetLifecyclePolicyPreviewResponse{
		RegistryId: &c.Account, RepositoryName: &r.Name, LifecyclePolicyText: &p.Text, Status: api.LifecyclePolicyPreviewStatusComplete,
		PreviewResults: []api.LifecyclePolicyPreviewResult{}, Summary: &api.LifecyclePolicyPreviewSummary{ExpiringImageTotalCount: new(len(p.Results))},
	}
	if s.env.Now().Sub(p.At) > previewLife {
		out.Status, out.Summary = api.LifecyclePolicyPreviewStatusExpired, nil
		return out, nil
	}
	rows := slices.DeleteFunc(slices.Clone(p.Results), func(r api.LifecyclePolicyPreviewResult) bool { return !asked(in, r) })
	slices.SortFunc(rows, func(a, b api.LifecyclePolicyPreviewResult) int { return strings.Compare(orderOf(a), orderOf(b)) })
	out.PreviewResults, out.NextToken, err = paging.Page(slices.Values(rows), in.NextToken, limit(in.MaxResults), orderOf)
	if err != nil {
		return nil, badToken()
	}
	return out, nil
}

// asked tells whether a result is one that a request filters for.
func asked(in *api.GetLifecyclePolicyPreviewRequest, r api.LifecyclePolicyPreviewResult) bool {
	if in.Filter != nil && !passes(in.Filter.TagStatus, r.ImageTags) {
		return false
	}
	return len(in.ImageIds) == 0 || slices.ContainsFunc(in.ImageIds, func(id api.ImageIdentifier) bool {
		return is(registry.Image{Digest: *r.ImageDigest, Tags: r.ImageTags}, id)
	})
}

// orderOf is a key by which results stand oldest first.
func orderOf(r api.LifecyclePolicyPreviewResult) string {
	return r.ImagePushedAt.UTC().Format("20060102150405.000000000") + " " + *r.ImageDigest
}

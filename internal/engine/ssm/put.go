package ssm

import (
	"context"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Limits of the Parameter Store ("AWS Systems Manager endpoints and quotas").
const (
	standardValue = 4096
	advancedValue = 8192
	maxVersions   = 100
	maxLabels     = 10
	maxLevels     = 15
)

func validation(format string, args ...any) error {
	return awsapi.Errorf("ValidationException", 400, format, args...)
}

var nameForm = lazyregexp.New(`^[a-zA-Z0-9_.\-/]+$`)

func checkName(name string) error {
	lower := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case !nameForm.MatchString(name):
		return validation("Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_")
	case strings.HasPrefix(lower, "aws") && strings.Count(name, "/") > 1: // AWS's own parameters are below /aws
		return awsapi.Errorf("AccessDeniedException", 400, "No access to reserved parameter name: %s.", name)
	case strings.HasPrefix(lower, "aws"), strings.HasPrefix(lower, "ssm"):
		return validation("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return validation("Parameter name must be a fully qualified name.")
	case strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		return validation("Parameter name must not end with a slash or have an empty level.")
	case strings.Count(name, "/") > maxLevels:
		return api.HierarchyLevelLimitExceededException("A hierarchy can have a maximum of %d levels.", maxLevels)
	}
	return nil
}

// PutParameter makes a parameter, or with Overwrite a new version of it.
func (s *Service) PutParameter(_ context.Context, c *operation.Caller, in *api.PutParameterRequest) (*api.PutParameterResult, error) {
	if err := checkName(*in.Name); err != nil {
		return nil, err
	}
	tags := setOf(in.Tags)
	if err := tags.Check(); err != nil {
		return nil, validation("%s", err)
	}
	if awsapi.V(in.Overwrite) && len(tags) > 0 {
		return nil, validation("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	}
	if awsapi.V(in.Policies) != "" && awsapi.V(in.Policies) != "[]" {
		return nil, api.InvalidPolicyTypeException("Parameter policies are not served by the slipway engine.")
	}
	out := &api.PutParameterResult{}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		old, exists := Parameters.Get(tx, c.Scope(), *in.Name)
		if exists && !awsapi.V(in.Overwrite) {
			return api.ParameterAlreadyExists("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
		}
		p := &Parameter{Name: *in.Name, Tags: tags}
		var before *Version
		if exists {
			p.Tags, p.Versions, before = old.Tags, slices.Clone(old.Versions), old.latest()
		}
		v, err := s.version(c, in, before)
		if err != nil {
			return err
		}
		if p.Versions = append(p.Versions, *v); len(p.Versions) > maxVersions {
			if len(p.Versions[0].Labels) > 0 {
				return api.ParameterMaxVersionLimitExceeded("You attempted to create a new version of %s by calling the PutParameter API with the overwrite flag. Version %d, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.", p.Name, p.Versions[0].Version)
			}
			p.Versions = p.Versions[1:]
		}
		Parameters.Put(tx, c.Scope(), p)
		out.Version, out.Tier = &v.Version, v.Tier
		return nil
	})
}

// version is the version that a request makes; what it leaves out is as before.
func (s *Service) version(c *operation.Caller, in *api.PutParameterRequest, before *Version) (*Version, error) {
	v := &Version{
		Version: 1, Type: in.Type, Labels: []string{}, Modified: s.env.Now(), By: c.ARN, Description: awsapi.V(in.Description), KeyID: awsapi.V(in.KeyId),
		AllowedPattern: awsapi.V(in.AllowedPattern), DataType: awsapi.V(in.DataType), Tier: in.Tier,
	}
	if before != nil {
		v.Version = before.Version + 1
		if v.Type == "" {
			v.Type = before.Type
		}
		if in.Description == nil {
			v.Description = before.Description
		}
		if v.KeyID == "" && v.Type == before.Type {
			v.KeyID = before.KeyID
		}
	}
	if v.DataType == "" {
		v.DataType = "text"
	}
	if err := v.tier(in, before); err != nil {
		return nil, err
	}
	if err := v.fits(*in.Value); err != nil {
		return nil, err
	}
	switch v.Type {
	case api.ParameterTypeSecureString:
		if v.KeyID == "" {
			v.KeyID = "alias/aws/ssm"
		}
		v.Sealed = s.env.Vault.Seal([]byte(*in.Value))
	case api.ParameterTypeString, api.ParameterTypeStringList:
		if in.KeyId != nil {
			return nil, validation("KeyId is required for SecureString type parameter only.")
		}
		v.KeyID, v.Value = "", *in.Value
	default:
		return nil, validation("A parameter type is required when you create a parameter.")
	}
	return v, nil
}

func (v *Version) tier(in *api.PutParameterRequest, before *Version) error {
	large := len(*in.Value) > standardValue
	switch {
	case v.Tier == api.ParameterTierIntelligentTiering && large:
		v.Tier = api.ParameterTierAdvanced
	case v.Tier == api.ParameterTierIntelligentTiering, v.Tier == "":
		v.Tier = api.ParameterTierStandard
		if before != nil {
			v.Tier = before.Tier
		}
	}
	if before != nil && before.Tier == api.ParameterTierAdvanced && v.Tier == api.ParameterTierStandard {
		return validation("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
	}
	if large && v.Tier == api.ParameterTierStandard {
		return validation("Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
	}
	if len(*in.Value) > advancedValue {
		return validation("Advanced tier parameters support a maximum parameter value of 8192 characters.")
	}
	return nil
}

func (v *Version) fits(value string) error {
	if value == "" {
		return validation("Parameter value, cannot be empty.")
	}
	if v.AllowedPattern == "" {
		return nil
	}
	re, err := regexp.Compile(`^(?:` + v.AllowedPattern + `)$`)
	if err != nil {
		return api.InvalidAllowedPatternException("The request does not meet the regular expression requirement: %s", v.AllowedPattern)
	}
	if !re.MatchString(value) {
		return api.ParameterPatternMismatchException("Parameter value, cannot be validated against allowedPattern: %s", v.AllowedPattern)
	}
	return nil
}

// DeleteParameter removes a parameter with its history.
func (s *Service) DeleteParameter(_ context.Context, c *operation.Caller, in *api.DeleteParameterRequest) (*api.DeleteParameterResult, error) {
	name, _ := selector(*in.Name)
	return &api.DeleteParameterResult{}, s.env.Store.Update(func(tx *state.Tx) error {
		if !Parameters.Delete(tx, c.Scope(), name) {
			return api.ParameterNotFound("Parameter %s not found.", name)
		}
		return nil
	})
}

// DeleteParameters removes those that exist and names the others.
func (s *Service) DeleteParameters(_ context.Context, c *operation.Caller, in *api.DeleteParametersRequest) (*api.DeleteParametersResult, error) {
	out := &api.DeleteParametersResult{DeletedParameters: []string{}, InvalidParameters: []string{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		for _, n := range in.Names {
			if base, _ := selector(n); Parameters.Delete(tx, c.Scope(), base) {
				out.DeletedParameters = append(out.DeletedParameters, n)
			} else {
				out.InvalidParameters = append(out.InvalidParameters, n)
			}
		}
		return nil
	})
}

// change puts a changed copy of a parameter that exists.
func (s *Service) change(c *operation.Caller, name string, change func(p *Parameter) error) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		base, _ := selector(name)
		old, ok := Parameters.Get(tx, c.Scope(), base)
		if !ok {
			return api.ParameterNotFound("Parameter %s not found.", base)
		}
		p := *old
		p.Versions = slices.Clone(old.Versions)
		if err := change(&p); err != nil {
			return err
		}
		Parameters.Put(tx, c.Scope(), &p)
		return nil
	})
}

var labelForm = lazyregexp.New(`^[a-zA-Z_][a-zA-Z0-9_.\-]*$`)

// LabelParameterVersion puts labels on a version, taking them from others.
func (s *Service) LabelParameterVersion(_ context.Context, c *operation.Caller, in *api.LabelParameterVersionRequest) (*api.LabelParameterVersionResult, error) {
	out := &api.LabelParameterVersionResult{InvalidLabels: []string{}}
	return out, s.change(c, *in.Name, func(p *Parameter) error {
		at, err := p.at(in.ParameterVersion)
		if err != nil {
			return err
		}
		out.ParameterVersion = &p.Versions[at].Version
		var good []string
		for _, l := range in.Labels {
			lower := strings.ToLower(l)
			if !labelForm.MatchString(l) || strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm") {
				out.InvalidLabels = append(out.InvalidLabels, l)
			} else if !slices.Contains(good, l) {
				good = append(good, l)
			}
		}
		for i := range p.Versions {
			p.Versions[i].Labels = slices.DeleteFunc(slices.Clone(p.Versions[i].Labels), func(l string) bool { return slices.Contains(good, l) })
		}
		p.Versions[at].Labels = append(p.Versions[at].Labels, good...)
		if len(p.Versions[at].Labels) > maxLabels {
			return api.ParameterVersionLabelLimitExceeded("A parameter version can have a maximum of %d labels.", maxLabels)
		}
		return nil
	})
}

// UnlabelParameterVersion takes labels off a version.
func (s *Service) UnlabelParameterVersion(_ context.Context, c *operation.Caller, in *api.UnlabelParameterVersionRequest) (*api.UnlabelParameterVersionResult, error) {
	out := &api.UnlabelParameterVersionResult{RemovedLabels: []string{}, InvalidLabels: []string{}}
	return out, s.change(c, *in.Name, func(p *Parameter) error {
		at, err := p.at(in.ParameterVersion)
		if err != nil {
			return err
		}
		for _, l := range in.Labels {
			if slices.Contains(p.Versions[at].Labels, l) {
				out.RemovedLabels = append(out.RemovedLabels, l)
			} else {
				out.InvalidLabels = append(out.InvalidLabels, l)
			}
		}
		p.Versions[at].Labels = slices.DeleteFunc(slices.Clone(p.Versions[at].Labels), func(l string) bool { return slices.Contains(in.Labels, l) })
		return nil
	})
}

// at is the place of a version, of the newest when none is given.
func (p *Parameter) at(version *int) (int, error) {
	if version == nil {
		return len(p.Versions) - 1, nil
	}
	i := slices.IndexFunc(p.Versions, func(v Version) bool { return v.Version == *version })
	if i < 0 {
		return 0, api.ParameterVersionNotFound("Systems Manager could not find version %d of %s. Verify the version and try again.", *version, p.Name)
	}
	return i, nil
}

func checkTaggable(kind api.ResourceTypeForTagging) error {
	if kind != api.ResourceTypeForTaggingParameter {
		return api.InvalidResourceType("Resources of the type %s are not served by the slipway engine.", kind)
	}
	return nil
}

// AddTagsToResource puts tags on a parameter.
func (s *Service) AddTagsToResource(_ context.Context, c *operation.Caller, in *api.AddTagsToResourceRequest) (*api.AddTagsToResourceResult, error) {
	return &api.AddTagsToResourceResult{}, s.retag(c, in.ResourceType, *in.ResourceId, func(old tagging.Set) tagging.Set { return old.With(setOf(in.Tags)) })
}

// RemoveTagsFromResource takes tags off a parameter.
func (s *Service) RemoveTagsFromResource(_ context.Context, c *operation.Caller, in *api.RemoveTagsFromResourceRequest) (*api.RemoveTagsFromResourceResult, error) {
	return &api.RemoveTagsFromResourceResult{}, s.retag(c, in.ResourceType, *in.ResourceId, func(old tagging.Set) tagging.Set { return old.With(nil).Without(in.TagKeys...) })
}

func (s *Service) retag(c *operation.Caller, kind api.ResourceTypeForTagging, id string, change func(tagging.Set) tagging.Set) error {
	if err := checkTaggable(kind); err != nil {
		return err
	}
	name, _ := selector(id)
	return s.env.Store.Update(func(tx *state.Tx) error {
		p, ok := Parameters.Get(tx, c.Scope(), name)
		if !ok {
			return api.InvalidResourceId("The resource ID is not valid. Verify that you entered the correct ID and try again.")
		}
		tags := change(p.Tags)
		if len(tags) > tagging.Most {
			return api.TooManyTagsError("A parameter can have a maximum of %d tags.", tagging.Most)
		}
		if err := tags.Check(); err != nil {
			return validation("%s", err)
		}
		Parameters.Change(tx, c.Scope(), name, func(p *Parameter) { p.Tags = tags })
		return nil
	})
}

// ListTagsForResource is a parameter's tags.
func (s *Service) ListTagsForResource(_ context.Context, c *operation.Caller, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResult, error) {
	if err := checkTaggable(in.ResourceType); err != nil {
		return nil, err
	}
	name, _ := selector(*in.ResourceId)
	p, ok := Parameters.Get(s.env.Store.View(), c.Scope(), name)
	if !ok {
		return nil, api.InvalidResourceId("The resource ID is not valid. Verify that you entered the correct ID and try again.")
	}
	return &api.ListTagsForResourceResult{TagList: tagging.List(p.Tags, func(k, v string) api.Tag { return api.Tag{Key: &k, Value: &v} })}, nil
}

// hidden is a SecureString's value without decryption: what is sealed.
func hidden(v *Version) string { return base64.StdEncoding.EncodeToString(v.Sealed) }

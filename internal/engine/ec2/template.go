package ec2

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Template is a launch template; its versions are rows of their own.
type Template struct {
	ID, Name string
	Created  time.Time
	By       string
	// Default is the number of the default version, Last that of the newest one
	// ever made.
	Default, Last int
}

// Version is one version of a launch template, which never changes.
type Version struct {
	Template    string
	Number      int
	Description string `json:",omitzero"`
	Created     time.Time
	By          string
	Data        api.RequestLaunchTemplateData
}

// Templates is the table, Versions that of the versions.
var (
	Templates = state.NewTable("ec2.template", func(t *Template) string { return t.ID })
	Versions  = state.NewTable("ec2.templateversion", func(v *Version) string { return versionKey(v.Template, v.Number) })

	templateByName = state.NewIndex(Templates, func(t *Template) []string { return []string{t.Name} })
)

func init() { templateKind.exists = Templates.Has }

func versionKey(template string, number int) string { return template + " " + pad(number) }

// templateOf is the template that an input names by id or name.
func templateOf(tx *state.Tx, scope state.Scope, id, name *string) (*Template, error) {
	switch {
	case id != nil && name != nil:
		return nil, invalidCombination("You must specify either a launch template ID or a launch template name, not both.")
	case id != nil:
		return find(tx, scope, Templates, templateKind, id)
	case name == nil:
		return nil, missingParameter("LaunchTemplateId or LaunchTemplateName")
	}
	if t, ok := templateByName.One(tx, scope, *name); ok {
		return t, nil
	}
	return nil, awsapi.Errorf("InvalidLaunchTemplateName.NotFoundException", 400, "The specified launch template, with template name %s, does not exist.", *name)
}

// latest is the highest number of the versions that are there.
func (t *Template) latest(tx *state.Tx, scope state.Scope) int {
	n := 0
	for v := range Versions.Prefix(tx, scope, t.ID+" ") {
		n = v.Number
	}
	return n
}

// version is the one of a number, $Default or $Latest; "" is the default one.
func (t *Template) version(tx *state.Tx, scope state.Scope, text string) (*Version, error) {
	n := 0
	switch text {
	case "", "$Default":
		n = t.Default
	case "$Latest":
		n = t.latest(tx, scope)
	default:
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			return nil, awsapi.Errorf("InvalidLaunchTemplateId.VersionMalformed", 400, "The specified launch template version %s is malformed.", text)
		}
	}
	if v, ok := Versions.Get(tx, scope, versionKey(t.ID, n)); ok {
		return v, nil
	}
	return nil, awsapi.Errorf("InvalidLaunchTemplateId.VersionNotFound", 400, "Could not find the specified version %d for the launch template with ID %s.", n, t.ID)
}

// LaunchTemplateData is what a version of a launch template says, for who
// launches from it; text is a number, $Default, $Latest or "" for the default.
// number is the version's.
func LaunchTemplateData(tx *state.Tx, scope state.Scope, id, name *string, text string) (t *Template, number int, data api.RequestLaunchTemplateData, err error) {
	if t, err = templateOf(tx, scope, id, name); err != nil {
		return nil, 0, data, err
	}
	v, err := t.version(tx, scope, text)
	if err != nil {
		return nil, 0, data, err
	}
	return t, v.Number, v.Data, nil
}

// reshape carries what has the same names from one of the model's shapes to
// another: requests and answers differ in their types only.
func reshape[To any](from any) (to To, err error) {
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, &to)
	}
	if err != nil {
		err = fmt.Errorf("reshaping %T: %w", from, err)
	}
	return to, err
}

// over puts the members that upper has over lower's.
func over(lower, upper api.RequestLaunchTemplateData) (out api.RequestLaunchTemplateData, err error) {
	l, err := reshape[map[string]json.RawMessage](lower)
	if err != nil {
		return out, err
	}
	u, err := reshape[map[string]json.RawMessage](upper)
	if err != nil {
		return out, err
	}
	for k, v := range u {
		l[k] = v
	}
	return reshape[api.RequestLaunchTemplateData](l)
}

// checkData refuses what could never be launched.
func checkData(d *api.RequestLaunchTemplateData) error {
	if _, err := base64.StdEncoding.DecodeString(awsapi.V(d.UserData)); err != nil {
		return awsapi.Errorf("InvalidUserData.Malformed", 400, "Invalid BASE64 encoding of user data.")
	}
	if d.InstanceType != "" && d.InstanceRequirements != nil {
		return invalidCombination("InstanceType and InstanceRequirements cannot be specified together")
	}
	for _, s := range d.TagSpecifications {
		if _, err := checkedTags(s.Tags); err != nil {
			return err
		}
	}
	return nil
}

// CreateLaunchTemplate makes a launch template with its first version.
func (s *Service) CreateLaunchTemplate(_ context.Context, c *operation.Caller, in *api.CreateLaunchTemplateRequest) (*api.CreateLaunchTemplateResult, error) {
	tags, err := specified(in.TagSpecifications, templateKind.typ)
	if err != nil {
		return nil, err
	}
	if err := checkData(in.LaunchTemplateData); err != nil {
		return nil, err
	}
	var out api.LaunchTemplate
	err = s.env.Store.Update(func(tx *state.Tx) error {
		id, err := s.once(tx, c.Scope(), "CreateLaunchTemplate", in.ClientToken, in, func() (string, error) {
			return s.newTemplate(tx, c, in, tags)
		})
		if err != nil {
			return err
		}
		t, err := find(tx, c.Scope(), Templates, templateKind, &id)
		if err == nil {
			out = showTemplate(tx, c.Scope(), t)
		}
		return err
	})
	return &api.CreateLaunchTemplateResult{LaunchTemplate: &out}, err
}

func (s *Service) newTemplate(tx *state.Tx, c *operation.Caller, in *api.CreateLaunchTemplateRequest, tags tagging.Set) (string, error) {
	if _, ok := templateByName.One(tx, c.Scope(), *in.LaunchTemplateName); ok {
		return "", awsapi.Errorf("InvalidLaunchTemplateName.AlreadyExistsException", 400, "Launch template name already in use.")
	}
	t := &Template{ID: templateKind.id(), Name: *in.LaunchTemplateName, Created: s.env.Now(), By: c.ARN, Default: 1, Last: 1}
	Templates.Put(tx, c.Scope(), t)
	Versions.Put(tx, c.Scope(), &Version{Template: t.ID, Number: 1, Description: awsapi.V(in.VersionDescription), Created: t.Created, By: c.ARN, Data: *in.LaunchTemplateData})
	SetTags(tx, c.Scope(), t.ID, tags)
	return t.ID, nil
}

// CreateLaunchTemplateVersion adds a version, on top of an older one if it names it.
func (s *Service) CreateLaunchTemplateVersion(_ context.Context, c *operation.Caller, in *api.CreateLaunchTemplateVersionRequest) (*api.CreateLaunchTemplateVersionResult, error) {
	if err := checkData(in.LaunchTemplateData); err != nil {
		return nil, err
	}
	var out api.LaunchTemplateVersion
	err := s.env.Store.Update(func(tx *state.Tx) error {
		t, err := templateOf(tx, c.Scope(), in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		key, err := s.once(tx, c.Scope(), "CreateLaunchTemplateVersion", in.ClientToken, in, func() (string, error) {
			v := &Version{Template: t.ID, Number: t.Last + 1, Description: awsapi.V(in.VersionDescription), Created: s.env.Now(), By: c.ARN, Data: *in.LaunchTemplateData}
			if in.SourceVersion != nil {
				source, err := t.version(tx, c.Scope(), *in.SourceVersion)
				if err != nil {
					return "", err
				}
				if v.Data, err = over(source.Data, v.Data); err != nil {
					return "", err
				}
			}
			Versions.Put(tx, c.Scope(), v)
			Templates.Change(tx, c.Scope(), t.ID, func(t *Template) { t.Last = v.Number })
			return versionKey(t.ID, v.Number), nil
		})
		if err != nil {
			return err
		}
		v, ok := Versions.Get(tx, c.Scope(), key)
		if !ok {
			return awsapi.Errorf("InvalidLaunchTemplateId.VersionNotFound", 400, "Could not find launch template version")
		}
		out, err = showVersion(t, v)
		return err
	})
	return &api.CreateLaunchTemplateVersionResult{LaunchTemplateVersion: &out}, err
}

func showTemplate(tx *state.Tx, scope state.Scope, t *Template) api.LaunchTemplate {
	return api.LaunchTemplate{
		LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name, CreateTime: &t.Created, CreatedBy: &t.By, DefaultVersionNumber: &t.Default,
		LatestVersionNumber: new(t.latest(tx, scope)), Tags: shownTags(tx, scope, t.ID), Operator: &api.OperatorResponse{Managed: new(false)},
	}
}

func showVersion(t *Template, v *Version) (api.LaunchTemplateVersion, error) {
	data, err := reshape[api.ResponseLaunchTemplateData](v.Data)
	if data.MetadataOptions != nil {
		data.MetadataOptions.State = api.LaunchTemplateInstanceMetadataOptionsStateApplied
	}
	return api.LaunchTemplateVersion{
		LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name, VersionNumber: &v.Number, CreateTime: &v.Created, CreatedBy: &v.By,
		DefaultVersion: new(v.Number == t.Default), VersionDescription: first(v.Description), LaunchTemplateData: &data,
		Operator: &api.OperatorResponse{Managed: new(false)},
	}, err
}

var templateListing = &listing[Template, api.LaunchTemplate]{
	table: Templates, kind: templateKind, show: showTemplate,
	tags: func(t *api.LaunchTemplate) []api.Tag { return t.Tags },
	fields: fields[api.LaunchTemplate]{
		"create-time":          func(t *api.LaunchTemplate) []string { return timeText(t.CreateTime) },
		"launch-template-name": str(func(t *api.LaunchTemplate) *string { return t.LaunchTemplateName }),
	},
}

// DescribeLaunchTemplates tells launch templates.
func (s *Service) DescribeLaunchTemplates(_ context.Context, c *operation.Caller, in *api.DescribeLaunchTemplatesRequest) (*api.DescribeLaunchTemplatesResult, error) {
	tx, ids := s.env.View(c), slices.Clone(in.LaunchTemplateIds)
	for _, name := range in.LaunchTemplateNames {
		t, ok := templateByName.One(tx, c.Scope(), name)
		if !ok {
			return nil, awsapi.Errorf("InvalidLaunchTemplateName.NotFoundException", 400, "At least one of the launch templates specified in the request does not exist.")
		}
		ids = append(ids, t.ID)
	}
	page, next, err := templateListing.describe(tx, c.Scope(), query{ids, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeLaunchTemplatesResult{LaunchTemplates: page, NextToken: next}, err
}

// ModifyLaunchTemplate makes another version the default one.
func (s *Service) ModifyLaunchTemplate(_ context.Context, c *operation.Caller, in *api.ModifyLaunchTemplateRequest) (*api.ModifyLaunchTemplateResult, error) {
	var out api.LaunchTemplate
	err := s.env.Store.Update(func(tx *state.Tx) error {
		t, err := templateOf(tx, c.Scope(), in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		changed := *t
		if in.DefaultVersion != nil {
			v, err := t.version(tx, c.Scope(), *in.DefaultVersion)
			if err != nil {
				return err
			}
			changed.Default = v.Number
		}
		Templates.Put(tx, c.Scope(), &changed)
		out = showTemplate(tx, c.Scope(), &changed)
		return nil
	})
	return &api.ModifyLaunchTemplateResult{LaunchTemplate: &out}, err
}

// DeleteLaunchTemplate deletes a template with all its versions.
func (s *Service) DeleteLaunchTemplate(_ context.Context, c *operation.Caller, in *api.DeleteLaunchTemplateRequest) (*api.DeleteLaunchTemplateResult, error) {
	var out api.LaunchTemplate
	err := s.env.Store.Update(func(tx *state.Tx) error {
		t, err := templateOf(tx, c.Scope(), in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		out = showTemplate(tx, c.Scope(), t)
		for v := range Versions.Prefix(tx, c.Scope(), t.ID+" ") {
			Versions.Delete(tx, c.Scope(), versionKey(v.Template, v.Number))
		}
		drop(tx, c.Scope(), Templates, t.ID)
		return nil
	})
	return &api.DeleteLaunchTemplateResult{LaunchTemplate: &out}, err
}

// DeleteLaunchTemplateVersions deletes versions, but never the default one.
func (s *Service) DeleteLaunchTemplateVersions(_ context.Context, c *operation.Caller, in *api.DeleteLaunchTemplateVersionsRequest) (*api.DeleteLaunchTemplateVersionsResult, error) {
	out := &api.DeleteLaunchTemplateVersionsResult{
		SuccessfullyDeletedLaunchTemplateVersions:   []api.DeleteLaunchTemplateVersionsResponseSuccessItem{},
		UnsuccessfullyDeletedLaunchTemplateVersions: []api.DeleteLaunchTemplateVersionsResponseErrorItem{},
	}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		t, err := templateOf(tx, c.Scope(), in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		for _, text := range in.Versions {
			n, err := strconv.Atoi(text)
			code, message := api.LaunchTemplateErrorCode(""), ""
			switch {
			case err != nil:
				return awsapi.Errorf("InvalidLaunchTemplateId.VersionMalformed", 400, "The specified launch template version %s is malformed.", text)
			case n == t.Default:
				code, message = api.LaunchTemplateErrorCodeUnexpectedError, "Cannot delete the launch template version as it is currently the default version."
			case !Versions.Delete(tx, c.Scope(), versionKey(t.ID, n)):
				code, message = api.LaunchTemplateErrorCodeLaunchTemplateVersionDoesNotExist, "Could not find launch template version"
			}
			if code != "" {
				out.UnsuccessfullyDeletedLaunchTemplateVersions = append(out.UnsuccessfullyDeletedLaunchTemplateVersions, api.DeleteLaunchTemplateVersionsResponseErrorItem{
					LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name, VersionNumber: &n, ResponseError: &api.ResponseError{Code: code, Message: &message},
				})
				continue
			}
			out.SuccessfullyDeletedLaunchTemplateVersions = append(out.SuccessfullyDeletedLaunchTemplateVersions, api.DeleteLaunchTemplateVersionsResponseSuccessItem{
				LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name, VersionNumber: &n,
			})
		}
		return nil
	})
}

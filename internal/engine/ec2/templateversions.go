package ec2

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func versionData(v *api.LaunchTemplateVersion) *api.ResponseLaunchTemplateData {
	return v.LaunchTemplateData
}

var versionFields = fields[api.LaunchTemplateVersion]{
	"create-time":   func(v *api.LaunchTemplateVersion) []string { return timeText(v.CreateTime) },
	"ebs-optimized": flag(func(v *api.LaunchTemplateVersion) *bool { return versionData(v).EbsOptimized }),
	"http-endpoint": func(v *api.LaunchTemplateVersion) []string {
		return nonEmpty(string(orEmpty(versionData(v).MetadataOptions).HttpEndpoint))
	},
	"http-tokens": func(v *api.LaunchTemplateVersion) []string {
		return nonEmpty(string(orEmpty(versionData(v).MetadataOptions).HttpTokens))
	},
	"http-protocol-ipv4":      never[api.LaunchTemplateVersion],
	"host-resource-group-arn": never[api.LaunchTemplateVersion],
	"iam-instance-profile": func(v *api.LaunchTemplateVersion) []string {
		return some(orEmpty(versionData(v).IamInstanceProfile).Arn)
	},
	"image-id":                  str(func(v *api.LaunchTemplateVersion) *string { return versionData(v).ImageId }),
	"instance-type":             enum(func(v *api.LaunchTemplateVersion) api.InstanceType { return versionData(v).InstanceType }),
	"is-default-version":        flag(func(v *api.LaunchTemplateVersion) *bool { return v.DefaultVersion }),
	"kernel-id":                 str(func(v *api.LaunchTemplateVersion) *string { return versionData(v).KernelId }),
	"license-configuration-arn": never[api.LaunchTemplateVersion],
	"network-card-index":        never[api.LaunchTemplateVersion],
	"ram-disk-id":               str(func(v *api.LaunchTemplateVersion) *string { return versionData(v).RamDiskId }),
}

func nonEmpty(s string) []string { return some(&s) }

// DescribeLaunchTemplateVersions tells versions of one template, the newest
// first, or the latest or default versions of all.
func (s *Service) DescribeLaunchTemplateVersions(_ context.Context, c *operation.Caller, in *api.DescribeLaunchTemplateVersionsRequest) (*api.DescribeLaunchTemplateVersionsResult, error) {
	tx := s.env.View(c)
	all, err := chosenVersions(tx, c.Scope(), in)
	if err != nil {
		return nil, err
	}
	if awsapi.V(in.ResolveAlias) {
		for i := range all {
			if err := resolveImage(c.Region, all[i].LaunchTemplateData); err != nil {
				return nil, err
			}
		}
	}
	page, next, err := pick(all, versionFields, in.Filters, maxOr(in.MaxResults, 200), in.NextToken, func(v *api.LaunchTemplateVersion) string {
		return versionKey(*v.LaunchTemplateId, 99999999-*v.VersionNumber)
	})
	return &api.DescribeLaunchTemplateVersionsResult{LaunchTemplateVersions: page, NextToken: next}, err
}

func chosenVersions(tx *state.Tx, scope state.Scope, in *api.DescribeLaunchTemplateVersionsRequest) (all []api.LaunchTemplateVersion, err error) {
	all = []api.LaunchTemplateVersion{}
	var chosen []*Version
	if in.LaunchTemplateId == nil && in.LaunchTemplateName == nil {
		if len(in.Versions) == 0 {
			return nil, missingParameter("LaunchTemplateId or LaunchTemplateName")
		}
		for t := range Templates.All(tx, scope) {
			for _, text := range in.Versions {
				if text != "$Latest" && text != "$Default" {
					return nil, missingParameter("LaunchTemplateId or LaunchTemplateName")
				}
				if v, err := t.version(tx, scope, text); err == nil && !contains(chosen, v) {
					chosen = append(chosen, v)
				}
			}
		}
	} else if chosen, err = versionsOf(tx, scope, in); err != nil {
		return nil, err
	}
	for _, v := range chosen {
		t, err := find(tx, scope, Templates, templateKind, &v.Template)
		if err != nil {
			return nil, err
		}
		shown, err := showVersion(t, v)
		if err != nil {
			return nil, err
		}
		all = append(all, shown)
	}
	return all, nil
}

// versionsOf are the versions of one template that are named or in a range.
func versionsOf(tx *state.Tx, scope state.Scope, in *api.DescribeLaunchTemplateVersionsRequest) (chosen []*Version, err error) {
	t, err := templateOf(tx, scope, in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	for _, text := range in.Versions {
		v, err := t.version(tx, scope, text)
		if err != nil {
			return nil, err
		}
		if !contains(chosen, v) {
			chosen = append(chosen, v)
		}
	}
	if len(in.Versions) == 0 {
		from, to := 1, t.Last
		for p, text := range map[*int]*string{&from: in.MinVersion, &to: in.MaxVersion} {
			if text == nil {
				continue
			}
			if *p, err = strconv.Atoi(*text); err != nil {
				return nil, awsapi.Errorf("InvalidLaunchTemplateId.VersionMalformed", 400, "The specified launch template version %s is malformed.", *text)
			}
		}
		for v := range Versions.Prefix(tx, scope, t.ID+" ") {
			if from <= v.Number && v.Number <= to {
				chosen = append(chosen, v)
			}
		}
	}
	slices.SortFunc(chosen, func(a, b *Version) int { return b.Number - a.Number })
	return chosen, nil
}

// resolveImage puts the image in the place of the public parameter that names it.
func resolveImage(region string, d *api.ResponseLaunchTemplateData) error {
	name, ok := strings.CutPrefix(awsapi.V(d.ImageId), "resolve:ssm:")
	if !ok {
		return nil
	}
	id, err := imageByParameter(region, name)
	d.ImageId = &id
	return err
}

package ecs

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// settingKind is an account setting: its values, the default first
// (PutAccountSetting).
type settingKind struct {
	name   api.SettingName
	values []string
	// fixed is why only the default can be had.
	fixed string
	// managed is set by another service, never by a user.
	managed bool
}

const longARNs = "ARNs without the cluster's name"

var settingKinds = []settingKind{
	{name: api.SettingNameAwsvpcTrunking, values: []string{"disabled", "enabled"}},
	{name: api.SettingNameContainerInsights, values: []string{"disabled", "enabled", "enhanced"}},
	{name: api.SettingNameContainerInstanceLongArnFormat, values: []string{"enabled", "disabled"}, fixed: longARNs},
	{name: api.SettingNameDefaultLogDriverMode, values: []string{"non-blocking", "blocking"}},
	{name: api.SettingNameFargateEventWindows, values: []string{"disabled", "enabled"}, fixed: "EC2 event windows for Fargate"},
	{name: api.SettingNameFargateFIPSMode, values: []string{"disabled", "enabled"}, fixed: "FIPS 140 on Fargate"},
	{name: api.SettingNameFargateTaskRetirementWaitPeriod, values: []string{"7", "0", "14"}},
	{name: api.SettingNameGuardDutyActivate, values: []string{"off"}, managed: true},
	{name: api.SettingNameServiceLongArnFormat, values: []string{"enabled", "disabled"}, fixed: longARNs},
	{name: api.SettingNameTagResourceAuthorization, values: []string{"on", "off"}},
	{name: api.SettingNameTaskLongArnFormat, values: []string{"enabled", "disabled"}, fixed: longARNs},
}

func settingOf(name api.SettingName) (settingKind, error) {
	for _, k := range settingKinds {
		if k.name == name {
			return k, nil
		}
	}
	return settingKind{}, api.InvalidParameterException("The account setting %s is not known.", name)
}

// check is the value of a setting as it is kept.
func (k settingKind) check(value string) (string, error) {
	value = strings.ToLower(value)
	switch {
	case k.managed:
		return "", api.InvalidParameterException("The account setting %s is managed by AWS and cannot be changed.", k.name)
	case !slices.Contains(k.values, value):
		return "", api.InvalidParameterException("%s should be one of [%s].", k.name, strings.Join(k.values, ","))
	case k.fixed != "" && value != k.values[0]:
		return "", unserved(k.fixed)
	}
	return value, nil
}

// EffectiveSetting is the value that holds for the principal: its own, the
// account's default, or AWS's.
func EffectiveSetting(tx *state.Tx, scope state.Scope, principal string, name api.SettingName) string {
	for _, p := range []string{principal, DefaultPrincipal} {
		if s, ok := Settings.Get(tx, scope, key(p, string(name))); ok {
			return s.Value
		}
	}
	k, _ := settingOf(name)
	return k.values[0]
}

func rootARN(scope state.Scope) string {
	return arn.New("iam", scope.Global(), "root")
}

// principalOf is whose setting a request is about. Root's is everybody's
// default; of others only root may speak.
func principalOf(c *operation.Caller, named *string) (string, error) {
	mine := c.ARN
	switch c.Kind {
	case operation.AssumedRole:
		mine = c.Role // a role's sessions share its settings
	case operation.Root, operation.Federated:
		mine = rootARN(c.Scope())
	}
	asked := cmp.Or(awsapi.V(named), mine)
	if asked != mine && c.Kind != operation.Root {
		return "", api.InvalidParameterException("You must be the root user to manage the account settings of another principal.")
	}
	a, ok := arn.Parse(asked)
	if !ok || a.Service != "iam" || a.Account != c.Account {
		return "", api.InvalidParameterException("The principalArn %s is not of a user, a role or the root user of this account.", asked)
	}
	if asked == rootARN(c.Scope()) {
		return DefaultPrincipal, nil
	}
	return asked, nil
}

func (s *Service) putSetting(c *operation.Caller, principal string, name api.SettingName, value string) (*api.Setting, error) {
	k, err := settingOf(name)
	if err != nil {
		return nil, err
	}
	if value, err = k.check(value); err != nil {
		return nil, err
	}
	row := &Setting{Principal: principal, Name: string(name), Value: value}
	return shownSetting(c.Scope(), principal, name, value), s.env.Store.Update(func(tx *state.Tx) error {
		Settings.Put(tx, c.Scope(), row)
		return nil
	})
}

func shownSetting(scope state.Scope, principal string, name api.SettingName, value string) *api.Setting {
	if principal == DefaultPrincipal {
		principal = rootARN(scope)
	}
	out := &api.Setting{Name: name, Value: &value, PrincipalArn: &principal, Type: api.SettingTypeUser}
	if k, err := settingOf(name); err == nil && k.managed {
		out.Type = api.SettingTypeAwsManaged
	}
	return out
}

// PutAccountSetting sets a setting of a principal.
func (s *Service) PutAccountSetting(_ context.Context, c *operation.Caller, in *api.PutAccountSettingRequest) (*api.PutAccountSettingResponse, error) {
	p, err := principalOf(c, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	out, err := s.putSetting(c, p, in.Name, *in.Value)
	if err != nil {
		return nil, err
	}
	return &api.PutAccountSettingResponse{Setting: out}, nil
}

// PutAccountSettingDefault sets what holds for those without a setting of their
// own.
func (s *Service) PutAccountSettingDefault(_ context.Context, c *operation.Caller, in *api.PutAccountSettingDefaultRequest) (*api.PutAccountSettingDefaultResponse, error) {
	out, err := s.putSetting(c, DefaultPrincipal, in.Name, *in.Value)
	if err != nil {
		return nil, err
	}
	return &api.PutAccountSettingDefaultResponse{Setting: out}, nil
}

// DeleteAccountSetting takes a principal's setting away; the default holds then.
func (s *Service) DeleteAccountSetting(_ context.Context, c *operation.Caller, in *api.DeleteAccountSettingRequest) (*api.DeleteAccountSettingResponse, error) {
	scope := c.Scope()
	p, err := principalOf(c, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	if _, err := settingOf(in.Name); err != nil {
		return nil, err
	}
	var out *api.Setting
	err = s.env.Store.Update(func(tx *state.Tx) error {
		Settings.Delete(tx, scope, key(p, string(in.Name)))
		out = shownSetting(scope, p, in.Name, EffectiveSetting(tx, scope, p, in.Name))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteAccountSettingResponse{Setting: out}, nil
}

// ListAccountSettings is the settings that a principal has, or those that hold
// for it.
func (s *Service) ListAccountSettings(_ context.Context, c *operation.Caller, in *api.ListAccountSettingsRequest) (*api.ListAccountSettingsResponse, error) {
	scope, tx := c.Scope(), s.env.View(c)
	p, err := principalOf(c, in.PrincipalArn)
	if err != nil {
		return nil, err
	}
	if in.Value != nil && in.Name == "" {
		return nil, api.InvalidParameterException("A setting name must be specified when a value is specified.")
	}
	var all []api.Setting
	for _, k := range settingKinds {
		if in.Name != "" && in.Name != k.name {
			continue
		}
		row, own := Settings.Get(tx, scope, key(p, string(k.name)))
		var shown *api.Setting
		switch {
		case own:
			shown = shownSetting(scope, p, k.name, row.Value)
		case yes(in.EffectiveSettings):
			shown = shownSetting(scope, DefaultPrincipal, k.name, EffectiveSetting(tx, scope, p, k.name))
		default:
			continue
		}
		if in.Value == nil || *in.Value == *shown.Value {
			all = append(all, *shown)
		}
	}
	got, next, err := page(slices.Values(all), in.NextToken, in.MaxResults, 10, 10, func(s api.Setting) string { return string(s.Name) })
	if err != nil {
		return nil, err
	}
	return &api.ListAccountSettingsResponse{Settings: got, NextToken: next}, nil
}

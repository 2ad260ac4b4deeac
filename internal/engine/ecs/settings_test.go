package ecs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

func TestAccountSettings(t *testing.T) {
	r := newRig(t)
	list := func(in api.ListAccountSettingsRequest) []api.Setting {
		return ok[api.ListAccountSettingsResponse](r, "ListAccountSettings", &in).Settings
	}
	if got := list(api.ListAccountSettingsRequest{}); len(got) != 0 {
		t.Error("settings that nobody made:", got)
	}
	insights := api.SettingNameContainerInsights
	effective := api.ListAccountSettingsRequest{EffectiveSettings: new(true), Name: insights}
	setting := func(value, principal string) []api.Setting {
		return []api.Setting{{Name: insights, Value: &value, PrincipalArn: &principal, Type: api.SettingTypeUser}}
	}
	root, me := "arn:aws:iam::000000000000:root", "arn:aws:iam::000000000000:user/travis"
	if diff := cmp.Diff(setting("disabled", root), list(effective)); diff != "" {
		t.Error(diff)
	}
	ok[api.PutAccountSettingDefaultResponse](r, "PutAccountSettingDefault", &api.PutAccountSettingDefaultRequest{Name: insights, Value: new("enabled")})
	if diff := cmp.Diff(setting("enabled", root), list(effective)); diff != "" {
		t.Error(diff)
	}
	ok[api.PutAccountSettingResponse](r, "PutAccountSetting", &api.PutAccountSettingRequest{Name: insights, Value: new("enhanced")})
	if diff := cmp.Diff(setting("enhanced", me), list(api.ListAccountSettingsRequest{})); diff != "" {
		t.Error(diff)
	}
	if c := r.cluster("web", 0); *c.Settings[0].Value != "enhanced" {
		t.Error("a new cluster does not take the setting:", *c.Settings[0].Value)
	}
	got := ok[api.DeleteAccountSettingResponse](r, "DeleteAccountSetting", &api.DeleteAccountSettingRequest{Name: insights})
	if *got.Setting.Value != "enabled" {
		t.Error(*got.Setting.Value)
	}
	if diff := cmp.Diff(setting("enabled", root), list(effective)); diff != "" {
		t.Error(diff)
	}
	page := ok[api.ListAccountSettingsResponse](r, "ListAccountSettings", &api.ListAccountSettingsRequest{EffectiveSettings: new(true)})
	if len(page.Settings) != 10 || page.NextToken == nil {
		t.Errorf("%d settings on the first page", len(page.Settings))
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		name           api.SettingName
		value, message string
		code           string
	}{
		{api.SettingNameContainerInsights, "on", "containerInsights should be one of [disabled,enabled,enhanced].", "InvalidParameterException"},
		{api.SettingNameServiceLongArnFormat, "disabled", "This engine does not serve ARNs without the cluster's name.", "UnsupportedFeatureException"},
		{api.SettingNameGuardDutyActivate, "on", "The account setting guardDutyActivate is managed by AWS and cannot be changed.", "InvalidParameterException"},
		{api.SettingNameFargateTaskRetirementWaitPeriod, "3", "fargateTaskRetirementWaitPeriod should be one of [7,0,14].", "InvalidParameterException"},
	}
	for _, tt := range tests {
		r.refused("PutAccountSetting", &api.PutAccountSettingRequest{Name: tt.name, Value: &tt.value}, tt.code, tt.message)
	}
	other := &api.PutAccountSettingRequest{Name: api.SettingNameContainerInsights, Value: new("enabled"), PrincipalArn: new("arn:aws:iam::000000000000:user/other")}
	r.refused("PutAccountSetting", other, "InvalidParameterException", "You must be the root user to manage the account settings of another principal.")
	r.caller.Kind = operation.Root
	ok[api.PutAccountSettingResponse](r, "PutAccountSetting", other)
}

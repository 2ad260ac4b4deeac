package iam

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
)

func tag(kv ...string) (list []api.Tag) {
	list = []api.Tag{}
	for i := 0; i < len(kv); i += 2 {
		list = append(list, api.Tag{Key: &kv[i], Value: &kv[i+1]})
	}
	return list
}

func TestTagsOfUsersAreCaseless(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.user("ana")
	put := func(tags []api.Tag) error {
		_, err := r.TagUser(ctx, r.root, &api.TagUserRequest{UserName: new("ana"), Tags: tags})
		return err
	}
	check := func(want []api.Tag) {
		t.Helper()
		if diff := cmp.Diff(want, ok[api.ListUserTagsResponse](t)(r.ListUserTags(ctx, r.root, &api.ListUserTagsRequest{UserName: new("ana")})).Tags); diff != "" {
			t.Error(diff)
		}
	}
	check(tag())
	if err := put(tag("team", "web", "env", "")); err != nil {
		t.Fatal(err)
	}
	check(tag("env", "", "team", "web"))
	if err := put(tag("Team", "ops")); err != nil {
		t.Fatal(err)
	}
	check(tag("Team", "ops", "env", ""))
	refused(t, put(tag("a", "1", "A", "2")), "InvalidInput", 400, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	refused(t, put(tag("AWS:x", "1")), "InvalidInput", 400, "")
	ok[awsapi.Empty](t)(r.UntagUser(ctx, r.root, &api.UntagUserRequest{UserName: new("ana"), TagKeys: []string{"TEAM", "none"}}))
	check(tag("env", ""))
}

func TestTagsOfPoliciesAreCased(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	arn := r.policy("p")
	put := func(tags []api.Tag) error {
		_, err := r.TagPolicy(ctx, r.root, &api.TagPolicyRequest{PolicyArn: arn, Tags: tags})
		return err
	}
	if err := put(tag("a", "1", "A", "2")); err != nil {
		t.Fatal(err)
	}
	refused(t, put(tag("a", "1", "a", "2")), "InvalidInput", 400, "Duplicate tag keys found.")
	ok[awsapi.Empty](t)(r.UntagPolicy(ctx, r.root, &api.UntagPolicyRequest{PolicyArn: arn, TagKeys: []string{"a"}}))
	first := ok[api.ListPolicyTagsResponse](t)(r.ListPolicyTags(ctx, r.root, &api.ListPolicyTagsRequest{PolicyArn: arn}))
	if diff := cmp.Diff(tag("A", "2"), first.Tags); diff != "" {
		t.Error(diff)
	}
	var many []api.Tag
	for i := range 49 {
		many = append(many, tag(fmt.Sprintf("k%d", i), "")...)
	}
	if err := put(many); err != nil {
		t.Fatal(err)
	}
	refused(t, put(tag("one", "more")), "LimitExceeded", 409, "The number of tags has reached the maximum limit.")
	_, err := r.TagPolicy(ctx, r.root, &api.TagPolicyRequest{PolicyArn: new(*arn + "x"), Tags: tag("a", "1")})
	refused(t, err, "NoSuchEntity", 404, "Policy "+*arn+"x was not found.")
	_, err = r.TagPolicy(ctx, r.root, &api.TagPolicyRequest{PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess"), Tags: tag("a", "1")})
	refused(t, err, "AccessDenied", 403, "")
}

func TestEveryKindIsTagged(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.role("web", trustEC2)
	ok[api.CreateInstanceProfileResponse](t)(r.CreateInstanceProfile(ctx, r.root, &api.CreateInstanceProfileRequest{InstanceProfileName: new("ip")}))
	idp := ok[api.CreateOpenIDConnectProviderResponse](t)(r.CreateOpenIDConnectProvider(ctx, r.root, &api.CreateOpenIDConnectProviderRequest{Url: new("https://gitlab.com")})).OpenIDConnectProviderArn
	ok[awsapi.Empty](t)(r.TagRole(ctx, r.root, &api.TagRoleRequest{RoleName: new("web"), Tags: tag("a", "1", "b", "2")}))
	ok[awsapi.Empty](t)(r.TagInstanceProfile(ctx, r.root, &api.TagInstanceProfileRequest{InstanceProfileName: new("ip"), Tags: tag("a", "1", "b", "2")}))
	ok[awsapi.Empty](t)(r.TagOpenIDConnectProvider(ctx, r.root, &api.TagOpenIDConnectProviderRequest{OpenIDConnectProviderArn: idp, Tags: tag("a", "1", "b", "2")}))
	ok[awsapi.Empty](t)(r.UntagRole(ctx, r.root, &api.UntagRoleRequest{RoleName: new("web"), TagKeys: []string{"a"}}))
	ok[awsapi.Empty](t)(r.UntagInstanceProfile(ctx, r.root, &api.UntagInstanceProfileRequest{InstanceProfileName: new("ip"), TagKeys: []string{"a"}}))
	ok[awsapi.Empty](t)(r.UntagOpenIDConnectProvider(ctx, r.root, &api.UntagOpenIDConnectProviderRequest{OpenIDConnectProviderArn: idp, TagKeys: []string{"a"}}))
	for kind, got := range map[string][]api.Tag{
		"role":             ok[api.ListRoleTagsResponse](t)(r.ListRoleTags(ctx, r.root, &api.ListRoleTagsRequest{RoleName: new("web")})).Tags,
		"instance profile": ok[api.ListInstanceProfileTagsResponse](t)(r.ListInstanceProfileTags(ctx, r.root, &api.ListInstanceProfileTagsRequest{InstanceProfileName: new("ip")})).Tags,
		"provider":         ok[api.ListOpenIDConnectProviderTagsResponse](t)(r.ListOpenIDConnectProviderTags(ctx, r.root, &api.ListOpenIDConnectProviderTagsRequest{OpenIDConnectProviderArn: idp})).Tags,
	} {
		if diff := cmp.Diff(tag("b", "2"), got); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

package iam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
)

func (r *rig) policy(name string) *string {
	r.t.Helper()
	return ok[api.CreatePolicyResponse](r.t)(r.CreatePolicy(r.t.Context(), r.root, &api.CreatePolicyRequest{PolicyName: &name, PolicyDocument: new(allowAll)})).Policy.Arn
}

func TestVersionsOfAPolicy(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	arn := r.policy("p")
	add := func(asDefault bool) (*api.CreatePolicyVersionResponse, error) {
		return r.CreatePolicyVersion(ctx, r.root, &api.CreatePolicyVersionRequest{PolicyArn: arn, PolicyDocument: new(allowAll), SetAsDefault: &asDefault})
	}
	for i := range 4 {
		ok[api.CreatePolicyVersionResponse](t)(add(i == 2))
	}
	_, err := add(false)
	refused(t, err, "LimitExceeded", 409, "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	versions := func() (list []string) {
		for _, v := range ok[api.ListPolicyVersionsResponse](t)(r.ListPolicyVersions(ctx, r.root, &api.ListPolicyVersionsRequest{PolicyArn: arn})).Versions {
			name := *v.VersionId
			if *v.IsDefaultVersion {
				name += "*"
			}
			list = append(list, name)
		}
		return list
	}
	if diff := cmp.Diff([]string{"v5", "v4*", "v3", "v2", "v1"}, versions()); diff != "" {
		t.Error(diff)
	}
	_, err = r.DeletePolicyVersion(ctx, r.root, &api.DeletePolicyVersionRequest{PolicyArn: arn, VersionId: new("v4")})
	refused(t, err, "DeleteConflict", 409, "Cannot delete the default version of a policy.")
	ok[awsapi.Empty](t)(r.DeletePolicyVersion(ctx, r.root, &api.DeletePolicyVersionRequest{PolicyArn: arn, VersionId: new("v5")}))
	ok[awsapi.Empty](t)(r.SetDefaultPolicyVersion(ctx, r.root, &api.SetDefaultPolicyVersionRequest{PolicyArn: arn, VersionId: new("v1")}))
	if made := ok[api.CreatePolicyVersionResponse](t)(add(false)).PolicyVersion; *made.VersionId != "v6" || *made.IsDefaultVersion || made.Document != nil {
		t.Errorf("numbers are used again: %s", *made.VersionId)
	}
	if diff := cmp.Diff([]string{"v6", "v4", "v3", "v2", "v1*"}, versions()); diff != "" {
		t.Error(diff)
	}
	_, err = r.GetPolicyVersion(ctx, r.root, &api.GetPolicyVersionRequest{PolicyArn: arn, VersionId: new("v9")})
	refused(t, err, "NoSuchEntity", 404, "Policy "+*arn+" version v9 does not exist or is not attachable.")
	_, err = r.DeletePolicy(ctx, r.root, &api.DeletePolicyRequest{PolicyArn: arn})
	refused(t, err, "DeleteConflict", 409, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
}

func TestDocumentsAreReturnedPercentEncoded(t *testing.T) {
	r := newRig(t)
	document := "{\n \"Version\": \"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/${aws:username}+~é\"}}"
	p := ok[api.CreatePolicyResponse](t)(r.CreatePolicy(t.Context(), r.root, &api.CreatePolicyRequest{PolicyName: new("p"), PolicyDocument: &document})).Policy
	got := ok[api.GetPolicyVersionResponse](t)(r.GetPolicyVersion(t.Context(), r.root, &api.GetPolicyVersionRequest{PolicyArn: p.Arn, VersionId: new("v1")})).PolicyVersion.Document
	want := "%7B%0A%20%22Version%22%3A%20%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22arn%3Aaws%3As3%3A%3A%3Ab%2F%24%7Baws%3Ausername%7D%2B~%C3%A9%22%7D%7D"
	if *got != want {
		t.Errorf("got  %s\nwant %s", *got, want)
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	r := newRig(t)
	r.user("ana")
	arn := r.policy("p")
	put := func(user, document string) error {
		_, err := r.PutUserPolicy(t.Context(), r.root, &api.PutUserPolicyRequest{UserName: &user, PolicyName: new("x"), PolicyDocument: &document})
		return err
	}
	create := func(name, document string) error {
		_, err := r.CreatePolicy(t.Context(), r.root, &api.CreatePolicyRequest{PolicyName: &name, PolicyDocument: &document})
		return err
	}
	attach := func(arn string) error {
		_, err := r.AttachUserPolicy(t.Context(), r.root, &api.AttachUserPolicyRequest{UserName: new("ana"), PolicyArn: &arn})
		return err
	}
	sized := func(n int) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + "s3:" + strings.Repeat("x", n) + `","Resource":"*"}}`
	}
	old := strings.Replace(allowAll, "2012-10-17", "2008-10-17", 1)
	for _, tt := range []struct {
		name          string
		err           error
		code, message string
		status        int
	}{
		{"no user comes before no policy", put("bob", "{"), "NoSuchEntity", "The user with name bob cannot be found.", 404},
		{"not JSON", put("ana", "{"), "MalformedPolicyDocument", "Syntax errors in policy.", 400},
		{"an inline policy of the old version", put("ana", old), "", "", 0},
		{"a managed policy of the old version", create("q", old), "MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater.", 400},
		{"a principal", create("q", strings.Replace(allowAll, `"Effect"`, `"Principal":"*","Effect"`, 1)), "MalformedPolicyDocument", "Policy document should not specify a principal.", 400},
		{"too large inline", put("ana", sized(2048)), "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user ana", 409},
		{"too large", create("q", sized(6144)), "LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409},
		{"a name in use", create("P", allowAll), "EntityAlreadyExists", "A policy called P already exists. Duplicate names are not allowed.", 409},
		{"no ARN", attach("longpolicynamebutnoarn"), "ValidationError", "ARN longpolicynamebutnoarn is not valid.", 400},
		{"no policy", attach(*arn + "x"), "NoSuchEntity", "Policy " + *arn + "x does not exist or is not attachable.", 404},
		{"another path", attach(strings.Replace(*arn, "policy/", "policy/x/", 1)), "NoSuchEntity", "", 404},
		{"a service-linked role's", attach("arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"), "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer User.", 400},
	} {
		if tt.code == "" {
			if tt.err != nil {
				t.Errorf("%s: %v", tt.name, tt.err)
			}
			continue
		}
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.err, tt.code, tt.status, tt.message) })
	}
	// White space does not count.
	if err := put("ana", strings.Replace(allowAll, `"Statement"`, strings.Repeat(" ", 3000)+`"Statement"`, 1)); err != nil {
		t.Errorf("white space: %v", err)
	}
}

func TestAtMostTenPoliciesAreAttached(t *testing.T) {
	r := newRig(t)
	r.user("ana")
	for i := range 10 {
		ok[awsapi.Empty](t)(r.AttachUserPolicy(t.Context(), r.root, &api.AttachUserPolicyRequest{UserName: new("ana"), PolicyArn: r.policy(fmt.Sprintf("p%d", i))}))
	}
	_, err := r.AttachUserPolicy(t.Context(), r.root, &api.AttachUserPolicyRequest{UserName: new("ana"), PolicyArn: r.policy("more")})
	refused(t, err, "LimitExceeded", 409, "Cannot exceed quota for PoliciesPerUser: 10")
	ok[awsapi.Empty](t)(r.AttachUserPolicy(t.Context(), r.root, &api.AttachUserPolicyRequest{UserName: new("ana"), PolicyArn: new("arn:aws:iam::000000000000:policy/p3")}))
}

func TestTheLifeOfAPolicysNameAndCounts(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	arn := r.policy("p")
	r.user("ana")
	ok[awsapi.Empty](t)(r.AttachUserPolicy(ctx, r.root, &api.AttachUserPolicyRequest{UserName: new("ana"), PolicyArn: arn}))
	r.user("bob")
	ok[awsapi.Empty](t)(r.PutUserPermissionsBoundary(ctx, r.root, &api.PutUserPermissionsBoundaryRequest{UserName: new("bob"), PermissionsBoundary: arn}))
	got := ok[api.GetPolicyResponse](t)(r.GetPolicy(ctx, r.root, &api.GetPolicyRequest{PolicyArn: arn})).Policy
	if *got.AttachmentCount != 1 || *got.PermissionsBoundaryUsageCount != 1 {
		t.Errorf("attached %d, bounding %d", *got.AttachmentCount, *got.PermissionsBoundaryUsageCount)
	}
	who := func(usage api.PolicyUsageType) (names []string) {
		for _, u := range ok[api.ListEntitiesForPolicyResponse](t)(r.ListEntitiesForPolicy(ctx, r.root, &api.ListEntitiesForPolicyRequest{PolicyArn: arn, PolicyUsageFilter: usage})).PolicyUsers {
			names = append(names, *u.UserName)
		}
		return names
	}
	if diff := cmp.Diff([][]string{{"ana", "bob"}, {"ana"}, {"bob"}}, [][]string{who(""), who(api.PolicyUsageTypePermissionsPolicy), who(api.PolicyUsageTypePermissionsBoundary)}); diff != "" {
		t.Error(diff)
	}
	_, err := r.DeletePolicy(ctx, r.root, &api.DeletePolicyRequest{PolicyArn: arn})
	refused(t, err, "DeleteConflict", 409, "Cannot delete a policy attached to entities.")
	_, err = r.PutUserPermissionsBoundary(ctx, r.root, &api.PutUserPermissionsBoundaryRequest{UserName: new("bob"), PermissionsBoundary: new(*arn + "x")})
	refused(t, err, "NoSuchEntity", 404, "Scope ARN: "+*arn+"x does not exist or is not attachable.")
}

// However policies are attached and detached, the lists, the counts and the
// permissions agree.
func TestAttachmentsAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t)
		ctx := t.Context()
		var arns []string
		for i := range 3 {
			arns = append(arns, *r.policy(fmt.Sprintf("p%d", i)))
		}
		names := []string{"ana", "bob"}
		model := map[string][]string{}
		for _, n := range names {
			r.user(n)
		}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			who, arn := rapid.SampledFrom(names).Draw(rt, "user"), rapid.SampledFrom(arns).Draw(rt, "policy")
			had := slices.Contains(model[who], arn)
			if rapid.Bool().Draw(rt, "attach") {
				ok[awsapi.Empty](t)(r.AttachUserPolicy(ctx, r.root, &api.AttachUserPolicyRequest{UserName: &who, PolicyArn: &arn}))
				if !had {
					model[who] = append(model[who], arn)
				}
				continue
			}
			_, err := r.DetachUserPolicy(ctx, r.root, &api.DetachUserPolicyRequest{UserName: &who, PolicyArn: &arn})
			if (err == nil) != had {
				rt.Fatalf("detaching %s from %s: %v", arn, who, err)
			}
			model[who] = without(model[who], arn)
		}
		tx := r.env.Store.View()
		for _, who := range names {
			slices.Sort(model[who])
			var listed []string
			for _, p := range ok[api.ListAttachedUserPoliciesResponse](t)(r.ListAttachedUserPolicies(ctx, r.root, &api.ListAttachedUserPoliciesRequest{UserName: &who})).AttachedPolicies {
				listed = append(listed, *p.PolicyArn)
			}
			if !slices.Equal(listed, model[who]) || len(r.Policies(tx, r.caller(who)).Identity) != len(model[who]) {
				rt.Fatalf("%s has %v, want %v", who, listed, model[who])
			}
		}
		for _, arn := range arns {
			want := 0
			for _, who := range names {
				if slices.Contains(model[who], arn) {
					want++
				}
			}
			if n, _ := attachments(tx, r.root.Global(), arn); n != want {
				rt.Fatalf("%s is attached %d times, want %d", arn, n, want)
			}
		}
	})
}

func TestPagesOfAnySizeGiveEverythingOnce(t *testing.T) {
	r := newRig(t)
	var want []string
	for i := range 23 {
		name := fmt.Sprintf("User%02d", i)
		r.user(name)
		want = append(want, name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 30).Draw(rt, "size")
		var got []string
		in := &api.ListUsersRequest{MaxItems: &size}
		for {
			out := ok[api.ListUsersResponse](t)(r.ListUsers(t.Context(), r.root, in))
			if len(out.Users) > size || *out.IsTruncated != (out.Marker != nil) {
				rt.Fatalf("%d users, truncated %v, marker %v", len(out.Users), *out.IsTruncated, out.Marker)
			}
			for _, u := range out.Users {
				got = append(got, *u.UserName)
			}
			if in.Marker = out.Marker; in.Marker == nil {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
	_, err := r.ListUsers(t.Context(), r.root, &api.ListUsersRequest{Marker: new("forged")})
	refused(t, err, "ValidationError", 400, "Invalid Marker.")
}

func TestAnAccessKeysIDCarriesTheAccount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		account := rapid.StringMatching(`[0-9]{12}`).Draw(rt, "account")
		id := KeyID("AKIA", account)
		if got, ok := KeyAccount(id); !ok || got != account || len(id) != 20 {
			rt.Fatalf("%s: %s, %v", id, got, ok)
		}
	})
}

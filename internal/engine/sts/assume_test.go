package sts

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/awsapi"
	iamapi "github.com/slipway-dev/slipway/internal/awsapi/iam"
	api "github.com/slipway-dev/slipway/internal/awsapi/sts"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

func TestWhoCalls(t *testing.T) {
	r := newRig(t, nil)
	ana := r.user("ana", allowAll)
	session := r.bearer(*ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), ana, assume(r.role("web", trustsAll)))).Credentials.AccessKeyId)
	guest := r.bearer(*ok[api.GetFederationTokenResponse](t)(r.GetFederationToken(t.Context(), ana, &api.GetFederationTokenRequest{Name: new("guest")})).Credentials.AccessKeyId)
	token := r.bearer(*ok[api.GetSessionTokenResponse](t)(r.GetSessionToken(t.Context(), ana, &api.GetSessionTokenRequest{})).Credentials.AccessKeyId)
	roleID, _, _ := strings.Cut(session.UserID, ":")
	for _, tt := range []struct {
		name     string
		who      *operation.Caller
		arn, uid string
	}{
		{"root", r.root, "arn:aws:iam::000000000000:root", "000000000000"},
		{"user", ana, "arn:aws:iam::000000000000:user/ana", ana.UserID},
		{"user's session", token, "arn:aws:iam::000000000000:user/ana", ana.UserID},
		{"role", session, "arn:aws:sts::000000000000:assumed-role/web/s", roleID + ":s"},
		{"federated", guest, "arn:aws:sts::000000000000:federated-user/guest", "000000000000:guest"},
	} {
		got := ok[api.GetCallerIdentityResponse](t)(r.GetCallerIdentity(t.Context(), tt.who, &api.GetCallerIdentityRequest{}))
		want := &api.GetCallerIdentityResponse{Account: new(testAccount), Arn: &tt.arn, UserId: &tt.uid}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// Both sides have to agree: the trust policy always, the caller's own policies
// unless the trust policy names him.
func TestWhoMayAssumeARole(t *testing.T) {
	r := newRig(t, nil)
	able, unable := r.user("able", allowAll), r.user("unable", allowNone)
	trust := func(principal, more string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + more + `}]}`
	}
	account := r.role("account", trust(`{"AWS":"arn:aws:iam::000000000000:root"}`, ""))
	named := r.role("named", trust(`{"AWS":"arn:aws:iam::000000000000:user/unable"}`, ""))
	service := r.role("service", trust(`{"Service":"ec2.amazonaws.com"}`, ""))
	external := r.role("external", trust(`{"AWS":"000000000000"}`, `,"Condition":{"StringEquals":{"sts:ExternalId":"secret"}}`))
	for _, tt := range []struct {
		name string
		who  *operation.Caller
		in   *api.AssumeRoleRequest
		want bool
	}{
		{"account trusted, user allowed", able, assume(account), true},
		{"account trusted, user not allowed", unable, assume(account), false},
		{"user named, and not allowed otherwise", unable, assume(named), true},
		{"another user named", able, assume(named), false},
		{"a service trusted", able, assume(service), false},
		{"no external id", able, assume(external), false},
		{"the wrong external id", able, assume(external, func(in *api.AssumeRoleRequest) { in.ExternalId = new("guess") }), false},
		{"the external id", able, assume(external, func(in *api.AssumeRoleRequest) { in.ExternalId = new("secret") }), true},
		{"no such role", able, assume("arn:aws:iam::000000000000:role/nobody"), false},
		{"another account's role", able, assume("arn:aws:iam::111111111111:role/account"), false},
	} {
		_, err := r.AssumeRole(t.Context(), tt.who, tt.in)
		if tt.want && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if !tt.want {
			refused(t, err, "AccessDenied", 403, "")
		}
	}
	_, err := r.AssumeRole(t.Context(), r.root, assume(account))
	refused(t, err, "AccessDenied", 403, "Roles may not be assumed by root accounts.")
	_, err = r.AssumeRole(t.Context(), able, assume("nothing-valid-in-here"))
	refused(t, err, "ValidationError", 400, "nothing-valid-in-here is invalid")

	// Who is trusted is remembered by his id: another of the name is not.
	for _, step := range []func() (*awsapi.Empty, error){
		func() (*awsapi.Empty, error) {
			return r.iam.DeleteAccessKey(t.Context(), r.root, &iamapi.DeleteAccessKeyRequest{UserName: new("unable"), AccessKeyId: &unable.AccessKey})
		},
		func() (*awsapi.Empty, error) {
			return r.iam.DeleteUserPolicy(t.Context(), r.root, &iamapi.DeleteUserPolicyRequest{UserName: new("unable"), PolicyName: new("p")})
		},
		func() (*awsapi.Empty, error) {
			return r.iam.DeleteUser(t.Context(), r.root, &iamapi.DeleteUserRequest{UserName: new("unable")})
		},
	} {
		ok[awsapi.Empty](t)(step())
	}
	_, err = r.AssumeRole(t.Context(), r.user("unable", allowNone), assume(named))
	refused(t, err, "AccessDenied", 403, "")
}

func TestHowLongARoleLasts(t *testing.T) {
	r := newRig(t, nil)
	ana := r.user("ana", allowAll)
	long := r.role("long", trustsAll, func(in *iamapi.CreateRoleRequest) { in.MaxSessionDuration = new(43200) })
	short := r.role("short", trustsAll)
	lasting := func(seconds int) func(*api.AssumeRoleRequest) {
		return func(in *api.AssumeRoleRequest) { in.DurationSeconds = &seconds }
	}
	out := ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), ana, assume(long, lasting(43200))))
	if want := r.time.Add(12 * time.Hour); !out.Credentials.Expiration.Equal(want) {
		t.Errorf("expires %v, want %v", out.Credentials.Expiration, want)
	}
	_, err := r.AssumeRole(t.Context(), ana, assume(short, lasting(3601)))
	refused(t, err, "ValidationError", 400, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	chained := r.bearer(*out.Credentials.AccessKeyId)
	_, err = r.AssumeRole(t.Context(), chained, assume(long, lasting(3601)))
	refused(t, err, "ValidationError", 400, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), chained, assume(long, lasting(3600))))
}

func TestSessionPoliciesNarrow(t *testing.T) {
	r := newRig(t, nil)
	ana := r.user("ana", allowAll)
	role := r.role("web", trustsAll)
	out := ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), ana, assume(role, func(in *api.AssumeRoleRequest) {
		in.Policy = new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecs:DescribeTasks","Resource":"*"}}`)
		in.PolicyArns = []api.PolicyDescriptorType{{Arn: new("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly")}}
	})))
	c := r.bearer(*out.Credentials.AccessKeyId)
	for action, want := range map[string]bool{"ecs:DescribeTasks": true, "ecr:DescribeImages": true, "ecs:StopTask": false, "iam:ListUsers": false} {
		if got := r.may(c, action, "*"); got != want {
			t.Errorf("%s: %v, want %v", action, got, want)
		}
	}
	if out.PackedPolicySize == nil || *out.PackedPolicySize < 1 || *out.PackedPolicySize > 100 {
		t.Errorf("packed size %v", out.PackedPolicySize)
	}
	if plain := ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), ana, assume(role))); plain.PackedPolicySize != nil {
		t.Errorf("packed size %d of nothing", *plain.PackedPolicySize)
	}
	_, err := r.AssumeRole(t.Context(), ana, assume(role, func(in *api.AssumeRoleRequest) { in.Policy = new("{") }))
	refused(t, err, "MalformedPolicyDocument", 400, "")
}

func TestTagsOfASession(t *testing.T) {
	r := newRig(t, nil)
	ana := r.user("ana", allowAll)
	first := r.role("first", trustsAll, func(in *iamapi.CreateRoleRequest) {
		in.Tags = []iamapi.Tag{{Key: new("team"), Value: new("web")}, {Key: new("Env"), Value: new("test")}}
	})
	second := r.role("second", trustsAll)
	with := func(transitive []string, kv ...string) func(*api.AssumeRoleRequest) {
		return func(in *api.AssumeRoleRequest) {
			in.TransitiveTagKeys = transitive
			for i := 0; i < len(kv); i += 2 {
				in.Tags = append(in.Tags, api.Tag{Key: &kv[i], Value: &kv[i+1]})
			}
		}
	}
	out := ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), ana, assume(first, with([]string{"Project"}, "project", "x", "env", "prod"))))
	c := r.bearer(*out.Credentials.AccessKeyId)
	if diff := cmp.Diff(map[string]string{"team": "web", "env": "prod", "project": "x"}, c.Tags); diff != "" {
		t.Errorf("the session's tags over the role's: %s", diff)
	}
	out = ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), c, assume(second)))
	if diff := cmp.Diff(map[string]string{"project": "x"}, r.bearer(*out.Credentials.AccessKeyId).Tags); diff != "" {
		t.Errorf("what is handed down: %s", diff)
	}
	_, err := r.AssumeRole(t.Context(), c, assume(second, with(nil, "PROJECT", "y")))
	refused(t, err, "InvalidParameterValue", 400, "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	_, err = r.AssumeRole(t.Context(), ana, assume(first, with(nil, "a", "1", "A", "2")))
	refused(t, err, "InvalidParameterValue", 400, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	_, err = r.AssumeRole(t.Context(), ana, assume(first, with([]string{"b"}, "a", "1")))
	refused(t, err, "InvalidParameterValue", 400, "The specified transitive tag key must be included in the requested tags.")

	untagged := r.role("untagged", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}]}`)
	_, err = r.AssumeRole(t.Context(), ana, assume(untagged, with(nil, "a", "1")))
	refused(t, err, "AccessDenied", 403, "")
}

func TestASourceIdentityStays(t *testing.T) {
	r := newRig(t, nil)
	ana := r.user("ana", allowAll)
	role := r.role("web", trustsAll)
	out := ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), ana, assume(role, func(in *api.AssumeRoleRequest) { in.SourceIdentity = new("ana") })))
	out = ok[api.AssumeRoleResponse](t)(r.AssumeRole(t.Context(), r.bearer(*out.Credentials.AccessKeyId), assume(role)))
	if out.SourceIdentity == nil || *out.SourceIdentity != "ana" {
		t.Errorf("source identity %v", out.SourceIdentity)
	}
}

func TestUsersTokens(t *testing.T) {
	r := newRig(t, nil)
	ana := r.user("ana", allowAll)
	token := ok[api.GetSessionTokenResponse](t)(r.GetSessionToken(t.Context(), ana, &api.GetSessionTokenRequest{}))
	if want := r.time.Add(12 * time.Hour); !token.Credentials.Expiration.Equal(want) {
		t.Errorf("a user's token expires %v, want %v", token.Credentials.Expiration, want)
	}
	c := r.bearer(*token.Credentials.AccessKeyId)
	for action, want := range map[string]bool{"ecs:ListClusters": true, "sts:AssumeRole": true, "iam:ListUsers": false, "sts:GetFederationToken": false} {
		if got := r.may(c, action, "*"); got != want {
			t.Errorf("with a session token, %s: %v, want %v", action, got, want)
		}
	}
	_, err := r.GetSessionToken(t.Context(), c, &api.GetSessionTokenRequest{})
	refused(t, err, "AccessDenied", 403, "Cannot call GetSessionToken with session credentials")

	roots := ok[api.GetSessionTokenResponse](t)(r.GetSessionToken(t.Context(), r.root, &api.GetSessionTokenRequest{DurationSeconds: new(43200)}))
	if want := r.time.Add(time.Hour); !roots.Credentials.Expiration.Equal(want) {
		t.Errorf("root's token expires %v, want %v", roots.Credentials.Expiration, want)
	}
	if c := r.bearer(*roots.Credentials.AccessKeyId); !r.may(c, "ecs:ListClusters", "*") || r.may(c, "iam:ListUsers", "*") {
		t.Error("root's token has the wrong permissions")
	}

	guest := ok[api.GetFederationTokenResponse](t)(r.GetFederationToken(t.Context(), ana, &api.GetFederationTokenRequest{
		Name: new("guest"), Policy: new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecs:*","iam:*"],"Resource":"*"}}`),
	}))
	c = r.bearer(*guest.Credentials.AccessKeyId)
	for action, want := range map[string]bool{"ecs:ListClusters": true, "ecr:GetAuthorizationToken": false, "iam:ListUsers": false} {
		if got := r.may(c, action, "*"); got != want {
			t.Errorf("federated, %s: %v, want %v", action, got, want)
		}
	}
	byRoot := ok[api.GetFederationTokenResponse](t)(r.GetFederationToken(t.Context(), r.root, &api.GetFederationTokenRequest{
		Name: new("guest"), Policy: new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecs:*","Resource":"*"}}`),
	}))
	c = r.bearer(*byRoot.Credentials.AccessKeyId)
	if !r.may(c, "ecs:ListClusters", "*") || r.may(c, "ecr:GetAuthorizationToken", "*") {
		t.Error("whom root federates has the wrong permissions")
	}
	nobody := ok[api.GetFederationTokenResponse](t)(r.GetFederationToken(t.Context(), ana, &api.GetFederationTokenRequest{Name: new("nobody")}))
	if r.may(r.bearer(*nobody.Credentials.AccessKeyId), "ecs:ListClusters", "*") {
		t.Error("a federated user without policies may do something")
	}
}

func TestTheAccountOfAKey(t *testing.T) {
	r := newRig(t, nil)
	ana := r.user("ana", allowAll)
	for _, tt := range []struct{ key, want string }{
		{ana.AccessKey, testAccount},
		{"AKIAQAAAAAAAB3456777", testAccount},
		{"ASIAY34FZKBOKMUTVV7A", "609629065308"}, // a published example of AWS's encoding
	} {
		out := ok[api.GetAccessKeyInfoResponse](t)(r.GetAccessKeyInfo(t.Context(), ana, &api.GetAccessKeyInfoRequest{AccessKeyId: &tt.key}))
		if *out.Account != tt.want {
			t.Errorf("%s is of %s, want %s", tt.key, *out.Account, tt.want)
		}
	}
	_, err := r.GetAccessKeyInfo(t.Context(), ana, &api.GetAccessKeyInfoRequest{AccessKeyId: new("AKIAIOSFODNN7EXAMPLE")})
	refused(t, err, "ValidationError", 400, "")
}

package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// tagCI says which application's pipeline an identity is for.
const tagCI = "slipway:ci"

// Granting is what has to change until an identity has what it should.
type Granting struct {
	// Changes are the changes as people read them, in order.
	Changes []string
	// Key is the access key, once Do made one.
	Key *slipway.AccessKey

	a    *Account
	want slipway.Access
	do   []func(context.Context) error
}

// Grant compares an identity with what it should have, and changes nothing.
func (a *Account) Grant(ctx context.Context, want slipway.Access) (*Granting, error) {
	g := &Granting{a: a, want: want}
	steps := []func(context.Context) error{g.provider}
	for _, p := range want.Policies {
		steps = append(steps, func(ctx context.Context) error { return g.policy(ctx, p) })
	}
	for _, r := range want.Roles {
		steps = append(steps, func(ctx context.Context) error { return g.role(ctx, r) })
	}
	for _, step := range append(steps, g.user) {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("reading IAM: %w", plain(err))
		}
	}
	return g, nil
}

// Do makes the changes. One that failed is found again by the next Grant.
func (g *Granting) Do(ctx context.Context) error {
	for i, do := range g.do {
		if err := do(ctx); err != nil {
			return fmt.Errorf("%s: %w", g.Changes[i], plain(err))
		}
	}
	return nil
}

func (g *Granting) change(text string, do func(context.Context) error) {
	g.Changes, g.do = append(g.Changes, text), append(g.do, do)
}

func (g *Granting) tags() []types.Tag {
	return []types.Tag{{Key: aws.String(tagCI), Value: &g.want.App}}
}

// ours refuses what carries no tag of this application.
func (g *Granting) ours(what string, tags []types.Tag) error {
	for _, t := range tags {
		if aws.ToString(t.Key) == tagCI && aws.ToString(t.Value) == g.want.App {
			return nil
		}
	}
	return fmt.Errorf("%s is there and was not made by slipway for %s: it has no tag %s=%s; nothing was changed", what, g.want.App, tagCI, g.want.App)
}

func (g *Granting) arn(resource string) string {
	return g.a.partition() + ":iam::" + g.a.ID + ":" + resource
}

// provider makes the identity provider, or adds the audience to one that is there.
func (g *Granting) provider(ctx context.Context) error {
	p := g.want.Provider
	if p == nil {
		return nil
	}
	_, host, _ := strings.Cut(p.URL, "://")
	arn := g.arn("oidc-provider/" + host)
	out, err := g.a.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	switch {
	case is(err, "NoSuchEntity"):
		g.change("create identity provider "+p.URL+" for "+p.Audience, func(ctx context.Context) error {
			_, err := g.a.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: &p.URL, ClientIDList: []string{p.Audience}, Tags: g.tags()})
			return err
		})
		return nil
	case err == nil && !slices.Contains(out.ClientIDList, p.Audience):
		g.change("let identity provider "+host+" take tokens for "+p.Audience, func(ctx context.Context) error {
			_, err := g.a.iam.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn, ClientID: &p.Audience})
			return err
		})
	}
	return err
}

// policy makes a managed policy, or a new version of it where a statement differs.
func (g *Granting) policy(ctx context.Context, p slipway.AccessPolicy) error {
	arn := g.arn("policy/" + p.Name)
	out, err := g.a.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if is(err, "NoSuchEntity") {
		g.change("create policy "+p.Name, func(ctx context.Context) error {
			_, err := g.a.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &p.Name, PolicyDocument: &p.Document, Tags: g.tags(),
				Description: aws.String("made by slipway ci policy for " + g.want.App)})
			return err
		})
		return nil
	}
	if err != nil {
		return err
	}
	if err := g.ours("policy "+p.Name, out.Policy.Tags); err != nil {
		return err
	}
	version, err := g.a.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: out.Policy.DefaultVersionId})
	if err != nil {
		return err
	}
	if diff := differs(aws.ToString(version.PolicyVersion.Document), p.Document); diff != "" {
		g.change("change policy "+p.Name+": "+diff, func(ctx context.Context) error { return g.a.newVersion(ctx, arn, p.Document) })
	}
	return nil
}

// newVersion makes a document a policy's version in force. IAM keeps five; the
// oldest goes where they are all taken.
func (a *Account) newVersion(ctx context.Context, arn, document string) error {
	out, err := a.iam.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: &arn})
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(out.Versions, func(v types.PolicyVersion) bool { return v.IsDefaultVersion })
	if len(old) >= 4 {
		oldest := slices.MinFunc(old, func(x, y types.PolicyVersion) int { return aws.ToTime(x.CreateDate).Compare(aws.ToTime(y.CreateDate)) })
		if _, err := a.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: oldest.VersionId}); err != nil {
			return err
		}
	}
	_, err = a.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: &document, SetAsDefault: true})
	return err
}

// role makes a role that the provider's tokens may take, with its policies.
func (g *Granting) role(ctx context.Context, r slipway.AccessRole) error {
	var have []types.AttachedPolicy
	out, err := g.a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &r.Name})
	switch {
	case is(err, "NoSuchEntity"):
		g.change("create role "+r.Name, func(ctx context.Context) error {
			_, err := g.a.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &r.Name, AssumeRolePolicyDocument: &r.Trust, Tags: g.tags(),
				Description: aws.String("made by slipway ci policy for " + g.want.App)})
			return err
		})
	case err != nil:
		return err
	default:
		if err := g.ours("role "+r.Name, out.Role.Tags); err != nil {
			return err
		}
		if !same(aws.ToString(out.Role.AssumeRolePolicyDocument), r.Trust) {
			g.change("change whom role "+r.Name+" trusts", func(ctx context.Context) error {
				_, err := g.a.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &r.Name, PolicyDocument: &r.Trust})
				return err
			})
		}
		list, err := g.a.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &r.Name})
		if err != nil {
			return err
		}
		have = list.AttachedPolicies
	}
	for _, p := range g.want.Policies {
		if p.Role != r.Name || holds(have, p.Name) {
			continue
		}
		g.change("attach policy "+p.Name+" to role "+r.Name, func(ctx context.Context) error {
			_, err := g.a.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &r.Name, PolicyArn: aws.String(g.arn("policy/" + p.Name))})
			return err
		})
	}
	return nil
}

func holds(list []types.AttachedPolicy, name string) bool {
	return slices.ContainsFunc(list, func(p types.AttachedPolicy) bool { return aws.ToString(p.PolicyName) == name })
}

// user makes the user, attaches the policies, and makes a key where there is
// none. A user made by others is used; what else he may do is not looked at.
func (g *Granting) user(ctx context.Context) error {
	if g.want.User == "" {
		return nil
	}
	var have []types.AttachedPolicy
	keys := 0
	list, err := g.a.iam.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: &g.want.User})
	switch {
	case is(err, "NoSuchEntity"):
		g.change("create user "+g.want.User, func(ctx context.Context) error {
			_, err := g.a.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &g.want.User, Tags: g.tags()})
			return err
		})
	case err != nil:
		return err
	default:
		have = list.AttachedPolicies
		out, err := g.a.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &g.want.User})
		if err != nil {
			return err
		}
		keys = len(out.AccessKeyMetadata)
	}
	for _, p := range g.want.Policies {
		if holds(have, p.Name) {
			continue
		}
		g.change("attach policy "+p.Name+" to user "+g.want.User, func(ctx context.Context) error {
			_, err := g.a.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &g.want.User, PolicyArn: aws.String(g.arn("policy/" + p.Name))})
			return err
		})
	}
	switch {
	case g.want.NewKey && keys >= 2:
		return fmt.Errorf("user %s has two access keys, and IAM gives no third: delete the one that is no longer used (aws iam list-access-keys --user-name %s); nothing was changed", g.want.User, g.want.User)
	case keys == 0 || g.want.NewKey:
		g.change("make an access key for user "+g.want.User+", and print it once", g.key)
	}
	return nil
}

func (g *Granting) key(ctx context.Context) error {
	out, err := g.a.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &g.want.User})
	if err == nil {
		g.Key = &slipway.AccessKey{ID: aws.ToString(out.AccessKey.AccessKeyId), Secret: aws.ToString(out.AccessKey.SecretAccessKey)}
	}
	return err
}

// same compares documents by what they say. IAM gives them percent-encoded.
func same(have, want string) bool {
	have, _ = url.QueryUnescape(have)
	var h, w any
	return json.Unmarshal([]byte(have), &h) == nil && json.Unmarshal([]byte(want), &w) == nil && reflect.DeepEqual(h, w)
}

// differs says what a new version of a policy adds, changes and removes, by the
// statements' names; "" is nothing.
func differs(have, want string) string {
	if same(have, want) {
		return ""
	}
	have, _ = url.QueryUnescape(have)
	h, w := statements(have), statements(want)
	var diff []string
	for sid := range w {
		switch old, ok := h[sid]; {
		case !ok:
			diff = append(diff, "add "+sid)
		case !reflect.DeepEqual(old, w[sid]):
			diff = append(diff, "change "+sid)
		}
	}
	for sid := range h {
		if _, ok := w[sid]; !ok {
			diff = append(diff, "remove "+sid)
		}
	}
	slices.Sort(diff)
	return strings.Join(diff, ", ")
}

func statements(document string) map[string]any {
	var d struct{ Statement []map[string]any }
	list := map[string]any{}
	if json.Unmarshal([]byte(document), &d) == nil {
		for _, s := range d.Statement {
			sid, _ := s["Sid"].(string)
			list[sid] = s
		}
	}
	return list
}

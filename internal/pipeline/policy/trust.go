package policy

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Name is what a step's policy is called, and its role where there is one. The
// application's name is in it: two of them may have environments of one name in
// one account.
func Name(stack *slipway.Stack, env *slipway.Environment, step string) string {
	return plan.Short("slipway-"+env.Name+"-"+stack.App, 63-len(step)) + "-" + strings.NewReplacer(" --", "-", " ", "-").Replace(step)
}

// Issuer is who signs the tokens that a CI service's jobs show to AWS.
type Issuer struct {
	// Name is "github" or "gitlab".
	Name string
	// URL is the issuer; Audience is whom the tokens are for.
	URL, Audience string
	// Repository is owner/name, on GitLab with all groups.
	Repository string
}

// NewIssuer is a CI service's issuer. url is "" for the service's public one;
// host is the repository's, which on GitLab is the issuer's too.
func NewIssuer(service, url, host, repository string) (Issuer, error) {
	i := Issuer{Name: service, URL: strings.TrimSuffix(url, "/"), Repository: repository}
	if !strings.Contains(repository, "/") || strings.ContainsAny(repository, "*?: \t") {
		return i, fmt.Errorf("repository %q is not owner/name; give it with --repository", repository)
	}
	switch service {
	case "github":
		// https://docs.github.com/actions/reference/security/oidc
		i.Audience = "sts.amazonaws.com"
		if i.URL == "" {
			i.URL = "https://token.actions.githubusercontent.com"
		}
	case "gitlab":
		// https://docs.gitlab.com/ci/secrets/id_token_authentication/; the jobs of
		// slipway ci write ask for $CI_SERVER_URL.
		if i.URL == "" {
			i.URL = "https://gitlab.com"
			if host != "" {
				i.URL = "https://" + host
			}
		}
		i.Audience = i.URL
	default:
		return i, fmt.Errorf("--oidc takes github or gitlab, not %q; Travis CI has no OpenID Connect: --user NAME", service)
	}
	return i, nil
}

// Host is the issuer as IAM names its provider: without the scheme.
func (i Issuer) Host() string {
	_, host, _ := strings.Cut(i.URL, "://")
	return host
}

// Who is the tokens that may take a step's role, as a person reads it.
func (i Issuer) Who(env *slipway.Environment, step string) string {
	if step == Push {
		return "refs/tags/* may push"
	}
	return "refs/heads/" + env.Branch + " may deploy"
}

// subjects are the claims of the tokens that may take a step's role: those of any
// tag to push, those of the environment's branch to deploy.
func (i Issuer) subjects(env *slipway.Environment, step string) []string {
	if i.Name == "gitlab" {
		kind, ref := "branch", env.Branch
		if step == Push {
			kind, ref = "tag", "*"
		}
		return []string{"project_path:" + i.Repository + ":ref_type:" + kind + ":ref:" + ref}
	}
	ref := "ref:refs/heads/" + env.Branch
	if step == Push {
		ref = "ref:refs/tags/*"
	}
	subjects := []string{"repo:" + i.Repository + ":" + ref}
	if owner, name, _ := strings.Cut(i.Repository, "/"); !strings.Contains(i.Repository, "@") {
		// Repositories made since July 2026 say the ids, too. No name and no ref
		// has a colon or an @ that could reach over the stars.
		subjects = append(subjects, "repo:"+owner+"@*/"+name+"@*:"+ref)
	}
	return subjects
}

// Trust is the policy of a role: whose tokens may take it.
func (i Issuer) Trust(s Scope, step string) string {
	type statement struct {
		Effect    string
		Principal map[string]string
		Action    string
		Condition Condition
	}
	b, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{{"Allow", map[string]string{"Federated": i.Provider(s)}, "sts:AssumeRoleWithWebIdentity",
		Condition{"StringEquals": {i.Host() + ":aud": {i.Audience}}, "StringLike": {i.Host() + ":sub": i.subjects(s.Env, step)}}}}})
	if err != nil { // strings alone
		panic(err)
	}
	return string(b)
}

// Provider is the ARN of IAM's provider for the issuer.
func (i Issuer) Provider(s Scope) string { return s.arn("iam", "oidc-provider/"+i.Host()) }

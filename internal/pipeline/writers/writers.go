// Package writers writes the files that make a CI service build a tag's images
// and start the last tag of a release branch: .travis.yml, a GitHub workflow,
// .gitlab-ci.yml. It is pure: the command reads and writes the files.
package writers

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Service is a CI service.
type Service struct {
	Name string
	// File is where its file stands, within the repository.
	File string
	// OIDC tells that its jobs get a role by a token of their own; else by the
	// access key of a user.
	OIDC bool

	write func(p *pipeline, existing []byte) ([]byte, error)
}

// Services are those that can be written, by name.
var Services = []Service{
	{Name: "travis", File: ".travis.yml", write: writeTravis},
	{Name: "github", File: ".github/workflows/slipway.yml", OIDC: true, write: writeGitHub},
	{Name: "gitlab", File: ".gitlab-ci.yml", OIDC: true, write: writeGitLab},
}

// Options are what the file doesn't say.
type Options struct {
	// Version is the release of Slipway that jobs install ("v1.2.0"), SHA256 its
	// Linux binary's, in hex; "" leaves the check out.
	Version, SHA256 string
	// Role gives the name of the IAM role for a step ("push" or "deploy") of an
	// environment.
	Role func(env *slipway.Environment, step string) string
}

// Write gives the service's file for a stack. Of an existing one everything is
// kept but what an earlier Write wrote. The notes say what a person should know.
func (s Service) Write(stack *slipway.Stack, existing []byte, o Options) (text []byte, notes []string, err error) {
	p, notes, err := newPipeline(stack, s, o)
	if err != nil {
		return nil, nil, err
	}
	text, err = s.write(p, existing)
	return text, notes, err
}

// pipeline is what templates see.
type pipeline struct {
	App, Version, SHA256 string
	Builds, Deploys      []job
	// BuildStage and DeployStage are the stages of GitLab.
	BuildStage, DeployStage string
}

// job is one job of one environment.
type job struct {
	Environment, Branch, Region string
	// Role is the ARN of the role that it takes.
	Role string
	// Pass are the variables that it needs from the CI service's own settings.
	Pass []string
	// Logins are for the registries of its images that are not the account's.
	Logins []login
}

// login is one for a registry.
type login struct{ Host, User, Password string }

// Command asks nobody, and has no secret in it.
func (l login) Command() string {
	return fmt.Sprintf(`echo "$%s" | docker login --username "$%s" --password-stdin %s`, l.Password, l.User, l.Host)
}

// logins are those that an environment's images need. Where there are several
// registries each has its own variables.
func logins(env *slipway.Environment) []login {
	var hosts []string
	for _, i := range env.Built() {
		if h := i.Host(); h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	var all []login
	for _, h := range hosts {
		suffix := ""
		if len(hosts) > 1 {
			suffix = "_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_", ":", "_").Replace(h))
		}
		all = append(all, login{h, "DOCKER_USERNAME" + suffix, "DOCKER_PASSWORD" + suffix})
	}
	return all
}

var release = lazyregexp.New(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)[0-9.]*)?$`)

func newPipeline(stack *slipway.Stack, s Service, o Options) (*pipeline, []string, error) {
	p := &pipeline{App: stack.App, Version: o.Version, SHA256: o.SHA256}
	var notes []string
	pushed := map[string]bool{}
	for i := range stack.Environments {
		env := &stack.Environments[i]
		if env.On != "aws" {
			notes = append(notes, fmt.Sprintf("%s is on the engine, which a CI service does not reach: git push slipway deploys there", env.Name))
			continue
		}
		region := env.Region
		deploy := job{Environment: env.Name, Branch: env.Branch, Region: region, Role: arn(env, o, "deploy"), Pass: passed(env), Logins: logins(env)}
		p.Deploys = append(p.Deploys, deploy)
		where := env.Account + region // one image for all environments of a registry
		if perEnvironment(env) {
			where += env.Name
		}
		if len(env.Built()) > 0 && !pushed[where] {
			pushed[where] = true
			p.Builds = append(p.Builds, job{Environment: env.Name, Region: region, Role: arn(env, o, "push"), Logins: deploy.Logins})
		}
	}
	if len(p.Deploys) == 0 {
		return nil, nil, errors.New("no environment is on: aws, and a CI service reaches no other; git push slipway deploys to the engine")
	}
	if !release.MatchString(o.Version) {
		return nil, nil, fmt.Errorf("%q is no release of slipway that a job could install; name one: --version v1.2.0", o.Version)
	}
	if pass := p.secrets(); len(pass) > 0 {
		notes = append(notes, "set in the settings of "+s.Name+", as secrets: "+strings.Join(pass, ", "))
	}
	if !s.OIDC {
		notes = append(notes, "set in the settings of "+s.Name+", as secrets: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (slipway ci policy --user "+s.Name+" --apply makes them)")
	}
	if o.SHA256 == "" {
		notes = append(notes, "the jobs do not check what they download: give the binary's digest with --sha256")
	}
	return p, notes, nil
}

func arn(env *slipway.Environment, o Options, step string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/%s", env.Account, o.Role(env, step))
}

func perEnvironment(env *slipway.Environment) bool {
	return slices.ContainsFunc(env.Built(), func(i slipway.Image) bool { return i.PerEnvironment })
}

// passed are the variables that a deploy takes from where it runs.
func passed(env *slipway.Environment) []string {
	names := map[string]bool{}
	if env.DNS.Provider == "cloudflare" && slices.ContainsFunc(env.Services, func(s slipway.Service) bool { return len(s.Hosts) > 0 }) {
		names["CLOUDFLARE_API_TOKEN"] = true
	}
	for _, s := range env.Services {
		for _, c := range s.Containers {
			for _, from := range c.Passed {
				names[from] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (p *pipeline) secrets() []string {
	var all []string
	for _, j := range p.Deploys {
		all = append(all, j.Pass...)
		for _, l := range j.Logins {
			all = append(all, l.User, l.Password)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

//go:embed templates
var templates embed.FS

// render fills a template; lines of it are indented by indent.
func render(name, indent string, p *pipeline) ([]byte, error) {
	t, err := template.New(name).Funcs(template.FuncMap{"plain": plain}).ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return nil, err
	}
	if indent == "" {
		return out.Bytes(), nil
	}
	var lines []byte
	for l := range bytes.Lines(out.Bytes()) {
		if len(bytes.TrimSpace(l)) > 0 {
			lines = append(lines, indent...)
		}
		lines = append(lines, l...)
	}
	return lines, nil
}

var simple = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_./-]*$`)

// plain is a scalar as YAML reads it back: with quotes only where it needs them.
func plain(s string) string {
	if simple.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}

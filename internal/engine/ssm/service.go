// Package ssm is the Parameter Store of AWS Systems Manager: parameters with
// their history, paths, labels and SecureStrings, and the public parameters
// that name ECS's images. SecureString values are sealed at rest.
//
// Called by the engine's chain; tasks read their secrets through Read.
package ssm

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// Parameter is a parameter with its versions, the oldest first.
type Parameter struct {
	Name     string
	Versions []Version
	Tags     tagging.Set
}

// Version is one version of a parameter.
type Version struct {
	Version int
	Type    api.ParameterType
	// Value is the plain value, Sealed a SecureString's.
	Value          string       `json:",omitempty"`
	Sealed         vault.Sealed `json:",omitempty"`
	Labels         []string
	Modified       time.Time
	By             string
	Description    string
	KeyID          string
	AllowedPattern string
	DataType       string
	Tier           api.ParameterTier
}

// Parameters is the table.
var Parameters = state.NewTable("ssm.parameter", func(p *Parameter) string { return p.Name })

// Tables are all of the service's.
var Tables = []state.AnyTable{Parameters}

// Image is a machine image that public parameters name.
type Image struct{ ID, Name, OS, AgentVersion string }

// Service serves the operations.
type Service struct {
	env *operation.Env
	// images is a region's ECS-optimized image of a flavour such as
	// "amazon-linux-2023" or "amazon-linux-2023/arm64".
	images func(region, flavour string) (Image, bool)
}

// New is the service.
func New(env *operation.Env, images func(region, flavour string) (Image, bool)) *Service {
	return &Service{env: env, images: images}
}

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("PutParameter", needsPut, s.PutParameter),
		operation.Bind("GetParameter", needs("ssm:GetParameter", func(in *api.GetParameterRequest) []string { return []string{*in.Name} }), s.GetParameter),
		operation.Bind("GetParameters", needs("ssm:GetParameters", func(in *api.GetParametersRequest) []string { return in.Names }), s.GetParameters),
		operation.Bind("GetParametersByPath", needs("ssm:GetParametersByPath", func(in *api.GetParametersByPathRequest) []string { return []string{*in.Path} }), s.GetParametersByPath),
		operation.Bind("GetParameterHistory", needs("ssm:GetParameterHistory", func(in *api.GetParameterHistoryRequest) []string { return []string{*in.Name} }), s.GetParameterHistory),
		operation.Bind("DescribeParameters", operation.Everything[api.DescribeParametersRequest]("ssm:DescribeParameters"), s.DescribeParameters),
		operation.Bind("DeleteParameter", needs("ssm:DeleteParameter", func(in *api.DeleteParameterRequest) []string { return []string{*in.Name} }), s.DeleteParameter),
		operation.Bind("DeleteParameters", needs("ssm:DeleteParameters", func(in *api.DeleteParametersRequest) []string { return in.Names }), s.DeleteParameters),
		operation.Bind("LabelParameterVersion", needs("ssm:LabelParameterVersion", func(in *api.LabelParameterVersionRequest) []string { return []string{*in.Name} }), s.LabelParameterVersion),
		operation.Bind("UnlabelParameterVersion", needs("ssm:UnlabelParameterVersion", func(in *api.UnlabelParameterVersionRequest) []string { return []string{*in.Name} }), s.UnlabelParameterVersion),
		operation.Bind("AddTagsToResource", needs("ssm:AddTagsToResource", func(in *api.AddTagsToResourceRequest) []string { return []string{*in.ResourceId} }), s.AddTagsToResource),
		operation.Bind("RemoveTagsFromResource", needs("ssm:RemoveTagsFromResource", func(in *api.RemoveTagsFromResourceRequest) []string { return []string{*in.ResourceId} }), s.RemoveTagsFromResource),
		operation.Bind("ListTagsForResource", needs("ssm:ListTagsForResource", func(in *api.ListTagsForResourceRequest) []string { return []string{*in.ResourceId} }), s.ListTagsForResource),
	}
}

// ARN is a parameter's: its name follows "parameter", with a slash between
// that the name itself may bring.
func ARN(scope state.Scope, name string) string {
	if public(name) {
		scope.Account = ""
	}
	return arn.New("ssm", scope, "parameter/"+strings.TrimPrefix(name, "/"))
}

// needs are the parameters that an operation names.
func needs[In any](action string, names func(*In) []string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		var out []operation.Need
		for _, n := range names(in) {
			name, _ := selector(n)
			need := operation.Need{Action: action, Resource: ARN(c.Scope(), name), Keys: map[string][]string{}}
			if p, ok := Parameters.Get(tx, c.Scope(), name); ok {
				p.Tags.ResourceKeys(need.Keys)
			}
			out = append(out, need)
		}
		return out
	}
}

// NeedOfValue is what reading a parameter by its name or ARN needs.
func NeedOfValue(tx *state.Tx, c *operation.Caller, name string) operation.Need {
	return needs("ssm:GetParameters", func(n *string) []string { return []string{*n} })(tx, c, &name)[0]
}

func needsPut(tx *state.Tx, c *operation.Caller, in *api.PutParameterRequest) []operation.Need {
	out := needs("ssm:PutParameter", func(in *api.PutParameterRequest) []string { return []string{*in.Name} })(tx, c, in)
	setOf(in.Tags).RequestKeys(out[0].Keys)
	out[0].Keys["ssm:Overwrite"] = []string{map[bool]string{true: "true", false: "false"}[awsapi.V(in.Overwrite)]}
	return out
}

func setOf(tags []api.Tag) tagging.Set {
	return tagging.Of(tags, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}

// selector takes a name, an ARN, name:version or name:label apart.
func selector(name string) (base, sel string) {
	if a, ok := arn.Parse(name); ok {
		name = strings.TrimPrefix(a.Resource, "parameter")
		if strings.Count(name, "/") == 1 {
			name = name[1:] // a name without a path has its slash from the ARN
		}
	}
	base, sel, _ = strings.Cut(name, ":")
	return base, sel
}

// latest is the newest version.
func (p *Parameter) latest() *Version { return &p.Versions[len(p.Versions)-1] }

// Read is a parameter's value in the clear, for a task's secret; selector as in
// name:version. It is false when there is none.
func (s *Service) Read(tx *state.Tx, scope state.Scope, name string) (string, bool) {
	base, sel := selector(name)
	p, ok := s.find(tx, scope, base)
	if !ok {
		return "", false
	}
	v, err := p.pick(sel)
	if err != nil {
		return "", false
	}
	return s.plain(v), true
}

// plain is a version's value in the clear.
func (s *Service) plain(v *Version) string {
	if v.Sealed == nil {
		return v.Value
	}
	b, err := s.env.Vault.Open(v.Sealed)
	if err != nil {
		s.env.Log.Error("opening a SecureString", "error", err)
	}
	return string(b)
}

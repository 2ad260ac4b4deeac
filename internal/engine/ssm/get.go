package ssm

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// find is a parameter, the account's or a public one.
func (s *Service) find(tx *state.Tx, scope state.Scope, name string) (*Parameter, bool) {
	if public(name) {
		return s.published(scope.Region, name)
	}
	return Parameters.Get(tx, scope, name)
}

// pick is the version that a selector names: a number, a label, or "" for the
// newest.
func (p *Parameter) pick(sel string) (*Version, error) {
	if sel == "" {
		return p.latest(), nil
	}
	for i := range p.Versions {
		v := &p.Versions[i]
		if strconv.Itoa(v.Version) == sel || slices.Contains(v.Labels, sel) {
			return v, nil
		}
	}
	return nil, api.ParameterVersionNotFound("Systems Manager could not find version %s of %s. Verify the version and try again.", sel, p.Name)
}

func (s *Service) show(scope state.Scope, p *Parameter, v *Version, sel string, decrypt bool) api.Parameter {
	out := api.Parameter{ARN: new(ARN(scope, p.Name)), Name: &p.Name, Type: v.Type, Version: &v.Version, LastModifiedDate: &v.Modified, DataType: &v.DataType, Value: new(s.value(v, decrypt))}
	if sel != "" {
		out.Selector = new(":" + sel)
	}
	return out
}

func (s *Service) value(v *Version, decrypt bool) string {
	if v.Sealed != nil && !decrypt {
		return hidden(v)
	}
	return s.plain(v)
}

// GetParameter is one parameter, by name, ARN, name:version or name:label.
func (s *Service) GetParameter(_ context.Context, c *operation.Caller, in *api.GetParameterRequest) (*api.GetParameterResult, error) {
	base, sel := selector(*in.Name)
	p, ok := s.find(s.env.Store.View(), c.Scope(), base)
	if !ok {
		return nil, api.ParameterNotFound("Parameter %s not found.", base)
	}
	v, err := p.pick(sel)
	if err != nil {
		return nil, err
	}
	return &api.GetParameterResult{Parameter: new(s.show(c.Scope(), p, v, sel, awsapi.V(in.WithDecryption)))}, nil
}

// GetParameters is several parameters, and the names of those that are not there.
func (s *Service) GetParameters(_ context.Context, c *operation.Caller, in *api.GetParametersRequest) (*api.GetParametersResult, error) {
	tx := s.env.Store.View()
	out := &api.GetParametersResult{Parameters: []api.Parameter{}, InvalidParameters: []string{}}
	seen := map[string]bool{}
	for _, n := range in.Names {
		if seen[n] {
			return nil, validation("Duplicate names are not allowed: %s", n)
		}
		seen[n] = true
		base, sel := selector(n)
		p, ok := s.find(tx, c.Scope(), base)
		if ok {
			if v, err := p.pick(sel); err == nil {
				out.Parameters = append(out.Parameters, s.show(c.Scope(), p, v, sel, awsapi.V(in.WithDecryption)))
				continue
			}
		}
		out.InvalidParameters = append(out.InvalidParameters, n)
	}
	slices.SortFunc(out.Parameters, func(a, b api.Parameter) int { return strings.Compare(*a.Name, *b.Name) })
	return out, nil
}

// below are the parameters below a path, at once or at any depth.
func (s *Service) below(tx *state.Tx, scope state.Scope, path string, deep bool) iter.Seq[*Parameter] {
	prefix := strings.TrimSuffix(path, "/") + "/"
	from := Parameters.Prefix(tx, scope, prefix)
	if public(prefix) {
		from = s.publishedBelow(scope.Region, prefix)
	}
	return func(yield func(*Parameter) bool) {
		for p := range from {
			if !deep && strings.Contains(p.Name[len(prefix):], "/") {
				continue
			}
			if !yield(p) {
				return
			}
		}
	}
}

func name(p *Parameter) string { return p.Name }

// GetParametersByPath is the parameters of a hierarchy.
func (s *Service) GetParametersByPath(_ context.Context, c *operation.Caller, in *api.GetParametersByPathRequest) (*api.GetParametersByPathResult, error) {
	if !strings.HasPrefix(*in.Path, "/") {
		return nil, validation("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")
	}
	filtered, err := s.filtered(s.below(s.env.Store.View(), c.Scope(), *in.Path, awsapi.V(in.Recursive)), in.ParameterFilters, []string{"Type", "KeyId", "Label"})
	if err != nil {
		return nil, err
	}
	page, next, err := paging.Page(filtered, in.NextToken, limit(in.MaxResults, 10), name)
	if err != nil {
		return nil, api.InvalidNextToken("The specified token is not valid.")
	}
	out := &api.GetParametersByPathResult{Parameters: []api.Parameter{}, NextToken: next}
	for _, p := range page {
		v, sel := labelled(p, in.ParameterFilters)
		out.Parameters = append(out.Parameters, s.show(c.Scope(), p, v, sel, awsapi.V(in.WithDecryption)))
	}
	return out, nil
}

// labelled is the version that a Label filter asks for.
func labelled(p *Parameter, filters []api.ParameterStringFilter) (*Version, string) {
	for _, f := range filters {
		if awsapi.V(f.Key) == "Label" {
			for _, l := range f.Values {
				if v, err := p.pick(l); err == nil {
					return v, l
				}
			}
		}
	}
	return p.latest(), ""
}

func limit(n *int, normal int) int {
	if n == nil {
		return normal
	}
	return *n
}

// GetParameterHistory is a parameter's versions.
func (s *Service) GetParameterHistory(_ context.Context, c *operation.Caller, in *api.GetParameterHistoryRequest) (*api.GetParameterHistoryResult, error) {
	base, _ := selector(*in.Name)
	p, ok := Parameters.Get(s.env.Store.View(), c.Scope(), base)
	if !ok {
		return nil, api.ParameterNotFound("Parameter %s not found.", base)
	}
	page, next, err := paging.Page(slices.Values(p.Versions), in.NextToken, limit(in.MaxResults, 50), func(v Version) string { return strconv.Itoa(1_000_000 + v.Version) })
	if err != nil {
		return nil, api.InvalidNextToken("The specified token is not valid.")
	}
	out := &api.GetParameterHistoryResult{Parameters: []api.ParameterHistory{}, NextToken: next}
	for _, v := range page {
		h := api.ParameterHistory{
			Name: &p.Name, Type: v.Type, Version: new(v.Version), Value: new(s.value(&v, awsapi.V(in.WithDecryption))), Labels: v.Labels, LastModifiedDate: new(v.Modified),
			LastModifiedUser: new(v.By), DataType: new(v.DataType), Tier: v.Tier, Policies: []api.ParameterInlinePolicy{},
		}
		h.Description, h.KeyId, h.AllowedPattern = some(v.Description), some(v.KeyID), some(v.AllowedPattern)
		out.Parameters = append(out.Parameters, h)
	}
	return out, nil
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// DescribeParameters lists parameters without their values.
func (s *Service) DescribeParameters(_ context.Context, c *operation.Caller, in *api.DescribeParametersRequest) (*api.DescribeParametersResult, error) {
	filters := in.ParameterFilters
	for _, f := range in.Filters {
		filters = append(filters, api.ParameterStringFilter{Key: new(string(f.Key)), Option: new("Contains"), Values: f.Values})
	}
	filtered, err := s.filtered(Parameters.All(s.env.Store.View(), c.Scope()), filters, []string{"Name", "Type", "KeyId", "Path", "Tier", "DataType"})
	if err != nil {
		return nil, err
	}
	page, next, err := paging.Page(filtered, in.NextToken, limit(in.MaxResults, 50), name)
	if err != nil {
		return nil, api.InvalidNextToken("The specified token is not valid.")
	}
	out := &api.DescribeParametersResult{Parameters: []api.ParameterMetadata{}, NextToken: next}
	for _, p := range page {
		v := p.latest()
		m := api.ParameterMetadata{
			ARN: new(ARN(c.Scope(), p.Name)), Name: &p.Name, Type: v.Type, Version: &v.Version, LastModifiedDate: &v.Modified, LastModifiedUser: &v.By,
			DataType: &v.DataType, Tier: v.Tier, Policies: []api.ParameterInlinePolicy{},
		}
		m.Description, m.KeyId, m.AllowedPattern = some(v.Description), some(v.KeyID), some(v.AllowedPattern)
		out.Parameters = append(out.Parameters, m)
	}
	return out, nil
}

// filtered is the parameters that pass all filters.
func (s *Service) filtered(all iter.Seq[*Parameter], filters []api.ParameterStringFilter, keys []string) (iter.Seq[*Parameter], error) {
	for _, f := range filters {
		key := awsapi.V(f.Key)
		if !slices.Contains(keys, key) && !strings.HasPrefix(key, "tag:") {
			return nil, api.InvalidFilterKey("The following filter key is not valid: %s. Valid filter keys include: [%s].", key, strings.Join(keys, ", "))
		}
		switch o := awsapi.V(f.Option); {
		case o == "" || o == "Equals" || o == "BeginsWith" || o == "Contains":
		case key == "Path" && (o == "Recursive" || o == "OneLevel"):
		default:
			return nil, api.InvalidFilterOption("The following filter option is not valid: %s.", o)
		}
	}
	return func(yield func(*Parameter) bool) {
		for p := range all {
			if passes(p, filters) && !yield(p) {
				return
			}
		}
	}, nil
}

func passes(p *Parameter, filters []api.ParameterStringFilter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(valuesOf(p, *f.Key), func(v string) bool { return one(f, v) }) {
			return false
		}
	}
	return true
}

func valuesOf(p *Parameter, key string) []string {
	v := p.latest()
	switch key {
	case "Name", "Path":
		return []string{p.Name}
	case "Type":
		return []string{string(v.Type)}
	case "KeyId":
		return []string{v.KeyID}
	case "Tier":
		return []string{string(v.Tier)}
	case "DataType":
		return []string{v.DataType}
	case "Label":
		var labels []string
		for _, v := range p.Versions {
			labels = append(labels, v.Labels...)
		}
		return labels
	}
	if v, ok := p.Tags[strings.TrimPrefix(key, "tag:")]; ok {
		return []string{v}
	}
	return nil
}

func one(f api.ParameterStringFilter, value string) bool {
	if len(f.Values) == 0 {
		return true // tag:x without values: the tag is there
	}
	return slices.ContainsFunc(f.Values, func(want string) bool {
		if *f.Key == "Path" {
			rest, below := strings.CutPrefix(value, strings.TrimSuffix(want, "/")+"/")
			return below && (awsapi.V(f.Option) == "Recursive" || !strings.Contains(rest, "/"))
		}
		switch awsapi.V(f.Option) {
		case "BeginsWith":
			return strings.HasPrefix(value, want)
		case "Contains":
			return strings.Contains(value, want)
		}
		return value == want
	})
}

package elbv2

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Limits of one rule ("Quotas for your Application Load Balancers").
const (
	valuesPerRule    = 5
	wildcardsPerRule = 5
	groupsPerAction  = 5
	longestValue     = 128
)

// values are what a condition compares with, wherever they are given.
func values(c *api.RuleCondition) (plain, regex []string) {
	switch {
	case c.HostHeaderConfig != nil:
		return c.HostHeaderConfig.Values, c.HostHeaderConfig.RegexValues
	case c.PathPatternConfig != nil:
		return c.PathPatternConfig.Values, c.PathPatternConfig.RegexValues
	case c.HttpHeaderConfig != nil:
		return c.HttpHeaderConfig.Values, c.HttpHeaderConfig.RegexValues
	case c.HttpRequestMethodConfig != nil:
		return c.HttpRequestMethodConfig.Values, nil
	case c.SourceIpConfig != nil:
		return c.SourceIpConfig.Values, nil
	case c.QueryStringConfig != nil:
		for _, q := range c.QueryStringConfig.Values {
			plain = append(plain, awsapi.V(q.Value))
		}
		return plain, nil
	}
	return c.Values, c.RegexValues
}

// checkConditions refuses what ELB refuses, and returns the conditions with the
// values in both of the places where ELB shows them.
func checkConditions(conditions []api.RuleCondition) ([]api.RuleCondition, error) {
	if len(conditions) == 0 {
		return nil, invalid("A condition must be specified")
	}
	once := map[string]bool{}
	out := slices.Clone(conditions)
	for i := range out {
		c := &out[i]
		field := awsapi.V(c.Field)
		if field != "http-header" && field != "query-string" {
			if once[field] {
				return nil, invalid("A rule can only have one '%s' condition", field)
			}
			once[field] = true
		}
		if err := checkCondition(field, c); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func checkCondition(field string, c *api.RuleCondition) error {
	plain, regex := values(c)
	if len(plain)+len(regex) == 0 {
		return invalid("A condition value must be specified for '%s'", field)
	}
	for _, r := range regex {
		if _, err := regexp.Compile(r); err != nil {
			return invalid("The regular expression '%s' is not valid", r)
		}
	}
	for _, v := range plain {
		if err := checkLength(v); err != nil {
			return err
		}
		if err := checkValue(field, v); err != nil {
			return err
		}
	}
	return complete(field, c, plain, regex)
}

func checkLength(v string) error {
	if len(v) > longestValue {
		return invalid("Condition value '%.20s…' is longer than %d characters", v, longestValue)
	}
	return nil
}

// What the values of a condition may be ("RuleCondition" and the configurations
// of the conditions in the API reference). A header's name is a token of RFC 7230.
var (
	hostForm   = lazyregexp.New(`^[A-Za-z0-9.*?-]*\.[A-Za-z]+$`)
	pathForm   = lazyregexp.New(`^[A-Za-z0-9_.$/~"'@:+&*?-]+$`)
	methodForm = lazyregexp.New(`^[A-Z_-]{1,40}$`)
	headerForm = lazyregexp.New("^[A-Za-z0-9!#$%&'+.^_`|~-]{1,40}$")
)

func checkValue(field, v string) error {
	switch field {
	case "host-header":
		if !hostForm.MatchString(v) {
			return invalid("The host header value '%s' is not valid: it needs a '.', and only letters after the last one", v)
		}
	case "path-pattern":
		if !pathForm.MatchString(v) { // the words: https://github.com/aws/aws-cli/issues/9792
			return invalid("Condition value '%s' contains a character that is not valid", v)
		}
		if !strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "*") && !strings.HasPrefix(v, "?") {
			return invalid("The path pattern '%s' must begin with a '/' or a wildcard", v)
		}
	case "http-request-method":
		if !methodForm.MatchString(v) {
			return invalid("The request method '%s' is not valid", v)
		}
	case "source-ip":
		if _, err := netip.ParsePrefix(v); err != nil {
			return invalid("The source IP value '%s' must be in CIDR format", v)
		}
	}
	return nil
}

// complete fills in the form that was not given: Values beside the config of
// host-header and path-pattern, as DescribeRules shows them.
func complete(field string, c *api.RuleCondition, plain, regex []string) error {
	switch field {
	case "host-header":
		c.HostHeaderConfig = &api.HostHeaderConditionConfig{Values: plain, RegexValues: regex}
		c.Values, c.RegexValues = or2(plain), nil
	case "path-pattern":
		c.PathPatternConfig = &api.PathPatternConditionConfig{Values: plain, RegexValues: regex}
		c.Values, c.RegexValues = or2(plain), nil
	case "http-header":
		return checkHeader(c.HttpHeaderConfig)
	case "http-request-method":
		if c.HttpRequestMethodConfig == nil {
			return invalid("The values of an http-request-method condition stand in HttpRequestMethodConfig")
		}
	case "source-ip":
		if c.SourceIpConfig == nil {
			return invalid("The values of a source-ip condition stand in SourceIpConfig")
		}
	case "query-string":
		if c.QueryStringConfig == nil {
			return invalid("The values of a query-string condition stand in QueryStringConfig")
		}
		return checkQuery(c.QueryStringConfig)
	default:
		return invalid("Condition field '%s' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'", field)
	}
	return nil
}

func checkHeader(c *api.HttpHeaderConditionConfig) error {
	if c == nil || awsapi.V(c.HttpHeaderName) == "" {
		return invalid("An HTTP header name must be specified")
	}
	switch name := *c.HttpHeaderName; {
	case strings.EqualFold(name, "host"):
		return invalid("An http-header condition cannot be on the host header: use a host-header condition")
	case !headerForm.MatchString(name):
		return invalid("The HTTP header name '%.41s' is not valid: it has at most 40 characters and no wildcards", name)
	}
	return nil
}

func checkQuery(c *api.QueryStringConditionConfig) error {
	for _, pair := range c.Values {
		if awsapi.V(pair.Value) == "" {
			return invalid("A condition value must be specified for 'query-string'")
		}
		if err := checkLength(awsapi.V(pair.Key)); err != nil {
			return err
		}
	}
	return nil
}

// checkRuleSize holds a rule to the quotas of values and wildcards.
func checkRuleSize(r *Rule) error {
	count, wild := 0, 0
	for i := range r.Conditions {
		plain, regex := values(&r.Conditions[i])
		count += len(plain) + len(regex)
		for _, v := range plain {
			if r.Conditions[i].QueryStringConfig != nil {
				v = escaped.Replace(v)
			}
			wild += strings.Count(v, "*") + strings.Count(v, "?")
		}
	}
	if count > valuesPerRule {
		return invalid("A rule can only have '%d' condition values", valuesPerRule)
	}
	if wild > wildcardsPerRule {
		return invalid("A rule can only have '%d' wildcards", wildcardsPerRule)
	}
	return nil
}

// escaped takes out what stands for itself; only query strings have that.
var escaped = strings.NewReplacer(`\*`, "", `\?`, "")

func checkTransforms(transforms []api.RuleTransform) error {
	seen := map[api.TransformTypeEnum]bool{}
	for _, t := range transforms {
		if seen[t.Type] {
			return invalid("A rule can only have one '%s' transform", t.Type)
		}
		seen[t.Type] = true
		var rewrites []api.RewriteConfig
		switch {
		case t.HostHeaderRewriteConfig != nil:
			rewrites = t.HostHeaderRewriteConfig.Rewrites
		case t.UrlRewriteConfig != nil:
			rewrites = t.UrlRewriteConfig.Rewrites
		}
		if len(rewrites) == 0 {
			return invalid("A '%s' transform needs a rewrite", t.Type)
		}
		for _, w := range rewrites {
			if _, err := regexp.Compile(awsapi.V(w.Regex)); err != nil {
				return invalid("The regular expression '%s' is not valid", awsapi.V(w.Regex))
			}
		}
	}
	return nil
}

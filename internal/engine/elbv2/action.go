package elbv2

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// actions checks the actions of a rule or listener and fills in what ELB shows
// of them: the order, the forward configuration, a redirect's parts.
func (s *Service) actions(tx *state.Tx, scope state.Scope, given []api.Action, listener api.ProtocolEnum) ([]api.Action, error) {
	if len(given) == 0 {
		return nil, invalid("An action must be specified")
	}
	out := slices.Clone(given)
	slices.SortStableFunc(out, func(a, b api.Action) int { return awsapi.V(a.Order) - awsapi.V(b.Order) })
	for i := range out {
		a := &out[i]
		if last := i == len(out)-1; last != final(a.Type) {
			if last {
				return nil, invalid("The last action must be a forward, redirect or fixed-response action")
			}
			return nil, api.TooManyActionsException("A rule has exactly one action of the types forward, redirect and fixed-response, as its last")
		}
		var err error
		switch a.Type {
		case api.ActionTypeEnumForward:
			err = forward(tx, scope, a)
		case api.ActionTypeEnumRedirect:
			err = redirect(a, listener)
		case api.ActionTypeEnumFixedResponse:
			err = fixed(a)
		default:
			err = api.InvalidLoadBalancerActionException("Actions of the type %s are not served by the slipway engine", a.Type)
		}
		if err != nil {
			return nil, err
		}
		if len(out) > 1 || a.Order != nil {
			a.Order = new(i + 1)
		}
	}
	return out, nil
}

func final(t api.ActionTypeEnum) bool {
	return t == api.ActionTypeEnumForward || t == api.ActionTypeEnumRedirect || t == api.ActionTypeEnumFixedResponse
}

func forward(tx *state.Tx, scope state.Scope, a *api.Action) error {
	f := api.ForwardActionConfig{}
	if a.ForwardConfig != nil {
		f = *a.ForwardConfig
		f.TargetGroups = slices.Clone(f.TargetGroups)
	}
	switch {
	case len(f.TargetGroups) == 0 && a.TargetGroupArn == nil:
		return invalid("A target group must be specified for a forward action")
	case len(f.TargetGroups) == 0:
		f.TargetGroups = []api.TargetGroupTuple{{TargetGroupArn: a.TargetGroupArn}}
	case a.TargetGroupArn != nil && (len(f.TargetGroups) != 1 || *a.TargetGroupArn != awsapi.V(f.TargetGroups[0].TargetGroupArn)):
		return invalid("The target group of the action and those of its forward configuration differ")
	case len(f.TargetGroups) > groupsPerAction:
		return api.TooManyTargetGroupsException("An action forwards to at most %d target groups", groupsPerAction)
	}
	seen := map[string]bool{}
	for i := range f.TargetGroups {
		t := &f.TargetGroups[i]
		arn := awsapi.V(t.TargetGroupArn)
		if seen[arn] {
			return invalid("The target group '%s' stands twice in an action", arn)
		}
		seen[arn] = true
		if _, err := findTargetGroup(tx, scope, t.TargetGroupArn); err != nil {
			return err
		}
		switch {
		case t.Weight == nil:
			t.Weight = new(1)
		case *t.Weight < 0 || *t.Weight > 999:
			return invalid("Weight '%d' must be between 0 and 999", *t.Weight)
		}
	}
	if err := stickiness(&f); err != nil {
		return err
	}
	a.ForwardConfig = &f
	if len(f.TargetGroups) == 1 {
		a.TargetGroupArn = f.TargetGroups[0].TargetGroupArn
	}
	return nil
}

func stickiness(f *api.ForwardActionConfig) error {
	st := api.TargetGroupStickinessConfig{Enabled: new(false)}
	if given := f.TargetGroupStickinessConfig; given != nil {
		st = *given
		if st.Enabled == nil {
			st.Enabled = new(false)
		}
		d := awsapi.V(st.DurationSeconds)
		if *st.Enabled && (d < 1 || d > 604800) {
			return invalid("The stickiness duration must be between 1 and 604800 seconds")
		}
	}
	f.TargetGroupStickinessConfig = &st
	return nil
}

// redirect fills in the parts that keep the request's, and refuses a redirect
// that changes nothing, or that leaves TLS.
func redirect(a *api.Action, listener api.ProtocolEnum) error {
	if a.RedirectConfig == nil {
		return invalid("A redirect configuration must be specified")
	}
	r := *a.RedirectConfig
	fill := func(p **string, keep string) string {
		if *p == nil || **p == "" {
			*p = new(keep)
		}
		return **p
	}
	protocol, host, port, path := fill(&r.Protocol, "#{protocol}"), fill(&r.Host, "#{host}"), fill(&r.Port, "#{port}"), fill(&r.Path, "/#{path}")
	if r.Query == nil {
		r.Query = new("#{query}")
	}
	switch {
	case listener == api.ProtocolEnumHttps && strings.EqualFold(protocol, "HTTP"):
		return api.InvalidLoadBalancerActionException("You cannot redirect from HTTPS to HTTP")
	case !strings.HasPrefix(path, "/"):
		return invalid("The redirect path '%s' must begin with a '/'", path)
	case protocol == "#{protocol}" && host == "#{host}" && port == "#{port}" && path == "/#{path}":
		return api.InvalidLoadBalancerActionException("A redirect must change the protocol, the host, the port or the path: this one would loop")
	}
	if protocol != "#{protocol}" && protocol != "HTTP" && protocol != "HTTPS" {
		return invalid("The redirect protocol '%s' must be HTTP, HTTPS or #{protocol}", protocol)
	}
	if n, err := strconv.Atoi(port); port != "#{port}" && (err != nil || n < 1 || n > 65535) {
		return invalid("The redirect port '%s' must be between 1 and 65535, or #{port}", port)
	}
	a.RedirectConfig = &r
	return nil
}

func fixed(a *api.Action) error {
	f := a.FixedResponseConfig
	if f == nil {
		return invalid("A fixed response configuration must be specified")
	}
	if len(awsapi.V(f.MessageBody)) > 1024 {
		return invalid("The message body of a fixed response is at most 1024 bytes long")
	}
	switch awsapi.V(f.ContentType) {
	case "", "text/plain", "text/css", "text/html", "application/javascript", "application/json":
		return nil
	}
	return invalid("The content type '%s' is not one of text/plain, text/css, text/html, application/javascript, application/json", awsapi.V(f.ContentType))
}

// checkGroups holds a load balancer to its quota of target groups, and a target
// group to one load balancer, as if the listener or rule named self already
// forwarded to these groups.
func checkGroups(tx *state.Tx, scope state.Scope, loadBalancer, self string, groups []string) error {
	for _, g := range groups {
		for _, other := range LoadBalancersOf(tx, scope, g) {
			if other != loadBalancer {
				return api.TargetGroupAssociationLimitException("The following target groups cannot be associated with more than one load balancer: %s", g)
			}
		}
	}
	used := map[string]bool{}
	for _, g := range groups {
		used[g] = true
	}
	for l := range listenersOf.Get(tx, scope, loadBalancer) {
		if l.ARN != self {
			mark(used, forwardsTo(l.Default))
		}
		for r := range rulesOf.Get(tx, scope, l.ARN) {
			if r.ARN != self {
				mark(used, forwardsTo(r.Actions))
			}
		}
	}
	if max := limits["target-groups-per-application-load-balancer"]; len(used) > max {
		return api.TooManyUniqueTargetGroupsPerLoadBalancerException("A load balancer forwards to at most %d target groups", max)
	}
	return nil
}

func mark(set map[string]bool, names []string) {
	for _, n := range names {
		set[n] = true
	}
}

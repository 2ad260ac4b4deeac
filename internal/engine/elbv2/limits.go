package elbv2

import (
	"context"
	"maps"
	"slices"
	"strconv"

	api "github.com/slipway-dev/slipway/internal/awsapi/elbv2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
)

// limits are the default quotas of an account ("Quotas for your Application
// Load Balancers").
var limits = map[string]int{
	"application-load-balancers":                              50,
	"target-groups":                                           3000,
	"targets-per-application-load-balancer":                   1000,
	"listeners-per-application-load-balancer":                 50,
	"rules-per-application-load-balancer":                     100,
	"certificates-per-application-load-balancer":              25,
	"target-groups-per-application-load-balancer":             100,
	"target-groups-per-action-on-application-load-balancer":   5,
	"condition-values-per-alb-rule":                           5,
	"condition-wildcards-per-alb-rule":                        5,
	"targets-per-availability-zone-per-network-load-balancer": 500,
}

// DescribeAccountLimits lists the quotas.
func (s *Service) DescribeAccountLimits(_ context.Context, _ *operation.Caller, in *api.DescribeAccountLimitsInput) (*api.DescribeAccountLimitsOutput, error) {
	names := slices.Sorted(maps.Keys(limits))
	page, next, err := paging.Page(slices.Values(names), in.Marker, pageSize(in.PageSize), func(n string) string { return n })
	if err != nil {
		return nil, badMarker()
	}
	out := &api.DescribeAccountLimitsOutput{Limits: []api.Limit{}, NextMarker: next}
	for _, n := range page {
		out.Limits = append(out.Limits, api.Limit{Name: new(n), Max: new(strconv.Itoa(limits[n]))})
	}
	return out, nil
}

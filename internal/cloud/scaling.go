package cloud

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"strings"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// The metrics that a service follows, by the setting's name.
var metrics = map[string]types.MetricType{
	"cpu":                 types.MetricTypeECSServiceAverageCPUUtilization,
	"memory":              types.MetricTypeECSServiceAverageMemoryUtilization,
	"requests per target": types.MetricTypeALBRequestCountPerTarget,
}

func scalingID(env *slipway.Environment, service string) string {
	return "service/" + env.Cluster.Name + "/" + service
}

func (a *Account) observeScaling(ctx context.Context, env *slipway.Environment, wanted []slipway.Resource) error {
	for chunk := range slices.Chunk(ofKind(wanted, slipway.KindScaling), 50) {
		in := &scaling.DescribeScalableTargetsInput{ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount}
		for _, w := range chunk {
			in.ResourceIds = append(in.ResourceIds, scalingID(env, w.Name))
		}
		out, err := a.scaling.DescribeScalableTargets(ctx, in)
		if err != nil {
			return fmt.Errorf("reading scalable targets: %w", plain(err))
		}
		policies, err := a.policies(ctx)
		if err != nil {
			return err
		}
		for _, t := range out.ScalableTargets {
			id := aws.ToString(t.ResourceId)
			s := slipway.Settings{"minimum": strconv.Itoa(int(aws.ToInt32(t.MinCapacity))), "maximum": strconv.Itoa(int(aws.ToInt32(t.MaxCapacity)))}
			s.Set(policies[id])
			a.found(slipway.ID{Kind: slipway.KindScaling, Name: id[strings.LastIndexByte(id, '/')+1:]}, slipway.Seen{Ref: id, Settings: s})
		}
	}
	return nil
}

// policies are all services' target tracking, by the service's resource id.
func (a *Account) policies(ctx context.Context) (map[string]slipway.Settings, error) {
	found := map[string]slipway.Settings{}
	pages := scaling.NewDescribeScalingPoliciesPaginator(a.scaling, &scaling.DescribeScalingPoliciesInput{ServiceNamespace: types.ServiceNamespaceEcs})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading scaling policies: %w", plain(err))
		}
		for _, p := range page.ScalingPolicies {
			c := p.TargetTrackingScalingPolicyConfiguration
			if c == nil || c.PredefinedMetricSpecification == nil {
				continue
			}
			for name, metric := range metrics {
				if c.PredefinedMetricSpecification.PredefinedMetricType == metric {
					id := aws.ToString(p.ResourceId)
					if found[id] == nil {
						found[id] = slipway.Settings{}
					}
					found[id][name] = strconv.FormatFloat(aws.ToFloat64(c.TargetValue), 'f', -1, 64)
				}
			}
		}
	}
	return found, nil
}

func (a *Account) applyScaling(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	svc := serviceOf(env, s)
	id := aws.String(scalingID(env, svc.Name))
	_, err := a.scaling.RegisterScalableTarget(ctx, &scaling.RegisterScalableTargetInput{ServiceNamespace: types.ServiceNamespaceEcs, ResourceId: id,
		ScalableDimension: types.ScalableDimensionECSServiceDesiredCount, MinCapacity: aws.Int32(int32(svc.Scale.Min)), MaxCapacity: aws.Int32(int32(svc.Scale.Max))})
	if err != nil {
		return err
	}
	for name, value := range map[string]int{"cpu": svc.Scale.CPU, "memory": svc.Scale.Memory, "requests per target": svc.Scale.Requests} {
		if value == 0 {
			continue
		}
		spec := &types.PredefinedMetricSpecification{PredefinedMetricType: metrics[name]}
		if name == "requests per target" {
			spec.ResourceLabel = aws.String(a.label(env, svc))
		}
		_, err := a.scaling.PutScalingPolicy(ctx, &scaling.PutScalingPolicyInput{PolicyName: aws.String("slipway-" + strings.ReplaceAll(name, " ", "-")), ServiceNamespace: types.ServiceNamespaceEcs,
			ResourceId: id, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount, PolicyType: types.PolicyTypeTargetTrackingScaling,
			TargetTrackingScalingPolicyConfiguration: &types.TargetTrackingScalingPolicyConfiguration{TargetValue: aws.Float64(float64(value)), PredefinedMetricSpecification: spec}})
		if err != nil {
			return err
		}
	}
	a.found(s.ID, slipway.Seen{Ref: *id})
	return nil
}

// label names load balancer and target group as the metric does:
// app/NAME/ID/targetgroup/NAME/ID.
func (a *Account) label(env *slipway.Environment, svc *slipway.Service) string {
	_, lb, _ := strings.Cut(a.Ref(plan.Of(env).Balancer()), ":loadbalancer/")
	_, group, _ := strings.Cut(a.Ref(plan.For(svc).TargetGroup()), ":targetgroup/")
	return lb + "/targetgroup/" + group
}

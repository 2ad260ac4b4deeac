package cloud

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

const drainAttribute = "deregistration_delay.timeout_seconds"

// observeTargetGroups reads the wanted ones, twenty names a call. A group's drain
// is an attribute, one call for each group: where there are many, the mark that
// Slipway left says whether somebody has to look.
func (a *Account) observeTargetGroups(ctx context.Context, wanted []slipway.Resource) error {
	list := ofKind(wanted, slipway.KindTargetGroup)
	for chunk := range slices.Chunk(list, 20) {
		groups, err := a.targetGroups(ctx, chunk)
		if err != nil {
			return err
		}
		marks, err := a.elbMarks(ctx, groups)
		if err != nil {
			return err
		}
		for _, w := range chunk {
			g, ok := groups[w.Name]
			if !ok {
				continue
			}
			seen := slipway.Seen{Ref: aws.ToString(g.TargetGroupArn), Settings: targetGroupSettings(g), Mark: marks[aws.ToString(g.TargetGroupArn)]}
			if len(g.LoadBalancerArns) > 0 {
				seen.Behind = g.LoadBalancerArns[0]
			}
			if len(list) > 20 && seen.Mark == mark(w.Settings) {
				seen.Settings["drain"] = w.Settings["drain"]
			} else if seen.Settings["drain"], err = a.drain(ctx, seen.Ref); err != nil {
				return err
			}
			a.found(w.ID, seen)
		}
	}
	return nil
}

// targetGroups reads groups by name; a name that is not there fails the whole
// call, so then they are asked for one by one.
func (a *Account) targetGroups(ctx context.Context, wanted []slipway.Resource) (map[string]types.TargetGroup, error) {
	found := map[string]types.TargetGroup{}
	var names []string
	for _, w := range wanted {
		names = append(names, w.Name)
	}
	out, err := a.elb.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: names})
	if is(err, "TargetGroupNotFound", "TargetGroupNotFoundException") {
		if len(wanted) == 1 {
			return found, nil
		}
		for _, half := range [][]slipway.Resource{wanted[:len(wanted)/2], wanted[len(wanted)/2:]} {
			more, err := a.targetGroups(ctx, half)
			if err != nil {
				return nil, err
			}
			for k, v := range more {
				found[k] = v
			}
		}
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading target groups: %w", plain(err))
	}
	for _, g := range out.TargetGroups {
		found[aws.ToString(g.TargetGroupName)] = g
	}
	return found, nil
}

func (a *Account) elbMarks(ctx context.Context, groups map[string]types.TargetGroup) (map[string]string, error) {
	marks := map[string]string{}
	if len(groups) == 0 {
		return marks, nil
	}
	in := &elb.DescribeTagsInput{}
	for _, g := range groups {
		in.ResourceArns = append(in.ResourceArns, aws.ToString(g.TargetGroupArn))
	}
	out, err := a.elb.DescribeTags(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("reading target groups' tags: %w", plain(err))
	}
	for _, d := range out.TagDescriptions {
		for _, t := range d.Tags {
			if aws.ToString(t.Key) == tagMark {
				marks[aws.ToString(d.ResourceArn)] = aws.ToString(t.Value)
			}
		}
	}
	return marks, nil
}

func (a *Account) drain(ctx context.Context, group string) (string, error) {
	out, err := a.elb.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &group})
	if err != nil {
		return "", fmt.Errorf("reading target group attributes: %w", plain(err))
	}
	for _, t := range out.Attributes {
		if aws.ToString(t.Key) == drainAttribute {
			return seconds(aws.ToString(t.Value)), nil
		}
	}
	return "", nil
}

func seconds(s string) string {
	n, err := strconv.Atoi(s)
	if err != nil {
		return s
	}
	return (time.Duration(n) * time.Second).String()
}

func targetGroupSettings(g types.TargetGroup) slipway.Settings {
	s := slipway.Settings{
		"target type":     string(g.TargetType),
		"protocol":        string(g.Protocol),
		"health path":     aws.ToString(g.HealthCheckPath),
		"health interval": (time.Duration(aws.ToInt32(g.HealthCheckIntervalSeconds)) * time.Second).String(),
		"health timeout":  (time.Duration(aws.ToInt32(g.HealthCheckTimeoutSeconds)) * time.Second).String(),
		"healthy after":   strconv.Itoa(int(aws.ToInt32(g.HealthyThresholdCount))),
		"unhealthy after": strconv.Itoa(int(aws.ToInt32(g.UnhealthyThresholdCount))),
	}
	if v := aws.ToString(g.ProtocolVersion); v != "" && v != "HTTP1" {
		s["protocol"] += " " + v
	}
	if g.Matcher != nil {
		s["health status"] = aws.ToString(g.Matcher.HttpCode)
		if g.Matcher.GrpcCode != nil {
			s["health status"] = aws.ToString(g.Matcher.GrpcCode)
		}
	}
	return s
}

func (a *Account) applyTargetGroup(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	svc := serviceOf(env, s)
	h := svc.Health
	matcher := &types.Matcher{HttpCode: &h.Status}
	protocol, version, _ := strings.Cut(plan.Protocol(svc.Protocol), " ")
	if version == "GRPC" {
		matcher = &types.Matcher{GrpcCode: &h.Status}
	}
	interval, timeout := secs(h.Interval), secs(h.Timeout)
	healthy, unhealthy := aws.Int32(int32(h.Healthy)), aws.Int32(int32(h.Unhealthy))
	if s.Action == slipway.Create {
		in := &elb.CreateTargetGroupInput{
			Name: &s.Name, Protocol: types.ProtocolEnum(protocol), Port: aws.Int32(int32(svc.Port)), TargetType: types.TargetTypeEnum(s.Settings["target type"]),
			VpcId: aws.String(a.vpc(env)), HealthCheckPath: &h.Path, Matcher: matcher, HealthCheckIntervalSeconds: interval, HealthCheckTimeoutSeconds: timeout,
			HealthyThresholdCount: healthy, UnhealthyThresholdCount: unhealthy, Tags: elbTags(env.Cluster.Name, s.Settings),
		}
		if version != "" {
			in.ProtocolVersion = &version
		}
		out, err := a.elb.CreateTargetGroup(ctx, in)
		if err != nil {
			return err
		}
		a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.TargetGroups[0].TargetGroupArn)})
	} else {
		_, err := a.elb.ModifyTargetGroup(ctx, &elb.ModifyTargetGroupInput{
			TargetGroupArn: aws.String(a.Ref(s.ID)), HealthCheckPath: &h.Path, Matcher: matcher, HealthCheckIntervalSeconds: interval, HealthCheckTimeoutSeconds: timeout,
			HealthyThresholdCount: healthy, UnhealthyThresholdCount: unhealthy,
		})
		if err != nil {
			return err
		}
		if _, err = a.elb.AddTags(ctx, &elb.AddTagsInput{ResourceArns: []string{a.Ref(s.ID)}, Tags: elbTags(env.Cluster.Name, s.Settings)}); err != nil {
			return err
		}
	}
	_, err := a.elb.ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: aws.String(a.Ref(s.ID)),
		Attributes: []types.TargetGroupAttribute{{Key: aws.String(drainAttribute), Value: aws.String(strconv.Itoa(int(*secs(svc.Drain))))}}})
	return err
}

func secs(d time.Duration) *int32 { return aws.Int32(int32(d / time.Second)) }

// vpc is where the load balancer stands: a target group has to be there too.
func (a *Account) vpc(env *slipway.Environment) string {
	if lb, ok := a.look(plan.Of(env).Balancer()); ok {
		return lb.Settings["vpc"]
	}
	return a.Ref(plan.Of(env).VPC())
}

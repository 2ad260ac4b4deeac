package cloud

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func (a *Account) observeLogGroups(ctx context.Context, wanted []slipway.Resource) error {
	for _, w := range ofKind(wanted, slipway.KindLogGroup) {
		out, err := a.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &w.Name})
		if err != nil {
			return fmt.Errorf("reading log group %s: %w", w.Name, plain(err))
		}
		for _, g := range out.LogGroups {
			if aws.ToString(g.LogGroupName) != w.Name {
				continue
			}
			s := slipway.Settings{"retention": "for ever"}
			if g.RetentionInDays != nil {
				s["retention"] = strconv.Itoa(int(*g.RetentionInDays)) + " days"
			}
			a.found(w.ID, slipway.Seen{Ref: aws.ToString(g.Arn), Settings: s})
		}
	}
	return nil
}

// newRetention is how long a new group keeps events where the file doesn't say;
// CloudWatch's own default is for ever, and billed.
const newRetention = 30

func (a *Account) applyLogGroup(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	if s.Action == slipway.Create {
		_, err := a.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &s.Name, Tags: map[string]string{tagCluster: env.Cluster.Name}})
		if err != nil && !is(err, "ResourceAlreadyExistsException") {
			return err
		}
	}
	a.found(s.ID, slipway.Seen{Ref: s.Name})
	days, err := strconv.Atoi(strings.TrimSuffix(s.Settings["retention"], " days"))
	if err != nil && s.Action != slipway.Create {
		return nil // the file doesn't say
	}
	if err != nil {
		days = newRetention
	}
	_, err = a.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &s.Name, RetentionInDays: aws.Int32(int32(days))})
	return err
}

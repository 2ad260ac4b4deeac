package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// metricsClient speaks JSON as botocore does: it is what the engine serves too,
// and one way to both is one to test.
func metricsClient(cfg aws.Config) *cloudwatch.Client {
	return cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) { o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801) })
}

// asked are the metrics of one target group, by the letter before the number in a
// query's id: minutes of requests; the others over the whole time.
var asked = []struct {
	letter, metric, stat string
	period               int32
}{
	{"r", "RequestCount", "Sum", 60},
	{"p", "TargetResponseTime", "p99", 60 * slipway.TrafficMinutes},
	{"e", "HTTPCode_Target_5XX_Count", "Sum", 60 * slipway.TrafficMinutes},
	{"c", "TargetConnectionErrorCount", "Sum", 60 * slipway.TrafficMinutes},
}

// Traffic is what CloudWatch knows of target groups in the last minutes; those
// without requests are missing. Observe comes before. Who may not look sees none.
func (a *Account) Traffic(ctx context.Context, groups []slipway.ID) (map[slipway.ID]*slipway.Traffic, error) {
	found := map[slipway.ID]*slipway.Traffic{}
	groups = slices.DeleteFunc(slices.Clone(groups), func(id slipway.ID) bool { seen, _ := a.look(id); return seen.Behind == "" })
	now := a.now()
	for chunk := range slices.Chunk(groups, 500/len(asked)) {
		err := a.traffic(ctx, chunk, now, found)
		if _, denied := errors.AsType[*Denied](err); denied {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading metrics: %w", plain(err))
		}
	}
	for id, t := range found {
		if t.Rate(now); t.Requests() == 0 {
			delete(found, id)
		}
	}
	return found, nil
}

func (a *Account) traffic(ctx context.Context, groups []slipway.ID, now time.Time, into map[slipway.ID]*slipway.Traffic) error {
	since := slipway.TrafficSince(now)
	in := &cloudwatch.GetMetricDataInput{StartTime: &since, EndTime: aws.Time(since.Add(slipway.TrafficMinutes * time.Minute)), ScanBy: types.ScanByTimestampAscending}
	for i, id := range groups {
		into[id] = &slipway.Traffic{Minutes: make([]int, slipway.TrafficMinutes)}
		for _, m := range asked {
			in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{Id: aws.String(fmt.Sprintf("%s%d", m.letter, i)), MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String("AWS/ApplicationELB"), MetricName: aws.String(m.metric), Dimensions: a.dimensions(id)},
				Period: aws.Int32(m.period), Stat: aws.String(m.stat),
			}})
		}
	}
	for pages := cloudwatch.NewGetMetricDataPaginator(a.metrics, in); pages.HasMorePages(); {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range out.MetricDataResults {
			var letter rune
			var i int
			if _, err := fmt.Sscanf(aws.ToString(r.Id), "%c%d", &letter, &i); err != nil || i >= len(groups) {
				continue
			}
			take(into[groups[i]], letter, r, since)
		}
	}
	return nil
}

// take keeps what one query found.
func take(t *slipway.Traffic, letter rune, r types.MetricDataResult, since time.Time) {
	for i, at := range r.Timestamps {
		v := r.Values[i]
		switch letter {
		case 'r':
			if m := int(at.Sub(since) / time.Minute); m >= 0 && m < len(t.Minutes) {
				t.Minutes[m] += int(v)
			}
		case 'p':
			t.P99 = v
		default:
			t.Errors += int(v)
		}
	}
}

// dimensions are a target group's: the ends of its ARN and of its load balancer's.
func (a *Account) dimensions(id slipway.ID) []types.Dimension {
	seen, _ := a.look(id)
	_, group, _ := strings.Cut(seen.Ref, ":targetgroup/")
	_, balancer, _ := strings.Cut(seen.Behind, ":loadbalancer/")
	return []types.Dimension{{Name: aws.String("LoadBalancer"), Value: &balancer}, {Name: aws.String("TargetGroup"), Value: aws.String("targetgroup/" + group)}}
}

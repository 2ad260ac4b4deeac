package cloud

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Logs gives a service's lines from a time on, in order, to each; with follow it
// goes on until the context ends. task is the beginning of a task's id, or "".
func (a *Account) Logs(ctx context.Context, svc *slipway.Service, task string, since time.Time, follow bool, each func(slipway.Line) error) error {
	if svc.LogGroup == "" {
		return fmt.Errorf("%s does not log to CloudWatch Logs (log: none in the file)", svc.Name)
	}
	seen := map[string]bool{} // events of the last millisecond that was read
	from := since.UnixMilli()
	for wait := a.patience; ; {
		newest, some, err := a.readLogs(ctx, svc, task, from, seen, each)
		if err != nil || !follow {
			return err
		}
		if newest > from {
			from = newest
		}
		if wait = min(wait*3/2, 2*time.Second); some {
			wait = a.patience
		}
		if err := a.pause(ctx, wait); err != nil {
			return nil
		}
	}
}

func (a *Account) readLogs(ctx context.Context, svc *slipway.Service, task string, from int64, seen map[string]bool, each func(slipway.Line) error) (newest int64, some bool, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(a.logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &svc.LogGroup,
		LogStreamNamePrefix: aws.String(svc.LogPrefix + "/"), StartTime: &from})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if is(err, "ResourceNotFoundException") {
			return from, false, fmt.Errorf("log group %s is not there yet: nothing was deployed", svc.LogGroup)
		}
		if err != nil {
			return from, some, fmt.Errorf("reading logs: %w", plain(err))
		}
		for _, e := range page.Events {
			parts := strings.Split(aws.ToString(e.LogStreamName), "/")
			id := aws.ToString(e.EventId)
			if len(parts) < 3 || seen[id] || !strings.HasPrefix(parts[len(parts)-1], task) {
				continue
			}
			at := aws.ToInt64(e.Timestamp)
			if at > newest {
				newest = at
				clear(seen)
			}
			seen[id], some = true, true
			if err := each(slipway.Line{At: time.UnixMilli(at), Container: parts[len(parts)-2], Task: parts[len(parts)-1], Text: strings.TrimRight(aws.ToString(e.Message), "\n")}); err != nil {
				return newest, some, err
			}
		}
	}
	return newest, some, nil
}

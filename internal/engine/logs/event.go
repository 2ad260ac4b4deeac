package logs

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/logs/archive"
	"github.com/slipway-dev/slipway/internal/engine/logs/pattern"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// The bounds of a batch.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const (
	batchBytes = 1 << 20
	eventBytes = 26
	tooNew     = 2 * time.Hour
	tooOld     = 14 * 24 * time.Hour
	span       = 24 * time.Hour
)

// PutLogEvents adds events to a stream. Those too old, too new or beyond the
// group's retention are left out, and the answer says which.
func (s *Service) PutLogEvents(_ context.Context, c *operation.Caller, in *api.PutLogEventsRequest) (*api.PutLogEventsResponse, error) {
	g, err := group(s.env.Store.View(), c.Scope(), in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if err := batch(in.LogEvents); err != nil {
		return nil, err
	}
	now := s.env.Now()
	events, rejected := admit(in.LogEvents, g.Retention, now)
	if err := missing(s.archive.Append(g.ID, *in.LogStreamName, events, nil, false, now)); err != nil {
		return nil, err
	}
	return &api.PutLogEventsResponse{NextSequenceToken: new(sequence), RejectedLogEventsInfo: rejected}, nil
}

// batch checks what holds for a whole request.
func batch(list []api.InputLogEvent) error {
	bytes := 0
	for i, e := range list {
		bytes += len(*e.Message) + eventBytes
		if i > 0 && *e.Timestamp < *list[i-1].Timestamp {
			return api.InvalidParameterException("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if bytes > batchBytes {
		return api.InvalidParameterException("Upload too large: %d bytes exceeds limit of %d", bytes, batchBytes)
	}
	if len(list) > 0 && *list[len(list)-1].Timestamp-*list[0].Timestamp > int(span/time.Millisecond) {
		return api.InvalidParameterException("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// admit takes the events that may be kept. They are in order, so those too old
// are at the front and those too new at the end.
func admit(list []api.InputLogEvent, retention int, now time.Time) (events []archive.Event, rejected *api.RejectedLogEventsInfo) {
	oldest, newest := now.Add(-tooOld).UnixMilli(), now.Add(tooNew).UnixMilli()
	expired := int64(0)
	if retention > 0 {
		expired = now.AddDate(0, 0, -retention).UnixMilli()
	}
	r := api.RejectedLogEventsInfo{}
	for i, e := range list {
		switch at := int64(*e.Timestamp); {
		case at < expired:
			r.ExpiredLogEventEndIndex = new(i + 1)
		case at < oldest:
			r.TooOldLogEventEndIndex = new(i + 1)
		case at > newest:
			if r.TooNewLogEventStartIndex == nil {
				r.TooNewLogEventStartIndex = new(i)
			}
		default:
			events = append(events, archive.Event{Time: at, Message: *e.Message})
		}
	}
	if r != (api.RejectedLogEventsInfo{}) {
		rejected = &r
	}
	return events, rejected
}

// most is how many events, and how many bytes of them, an answer has.
const most = 10000

// GetLogEvents reads a stream, from its end unless it is told otherwise. Its
// tokens never run out: at an end the same one comes back.
func (s *Service) GetLogEvents(_ context.Context, c *operation.Caller, in *api.GetLogEventsRequest) (*api.GetLogEventsResponse, error) {
	g, err := group(s.env.Store.View(), c.Scope(), either(in.LogGroupName, in.LogGroupIdentifier))
	if err != nil {
		return nil, err
	}
	side, at, err := place(in.NextToken)
	if err != nil {
		return nil, err
	}
	q := archive.Query{Group: g.ID, Stream: *in.LogStreamName, From: int64(awsapi.V(in.StartTime)), To: int64(awsapi.V(in.EndTime)), Limit: limit(in.Limit, most)}
	switch {
	case side == "f":
		q.After = &at
	case side == "b":
		q.Before, q.Backward = &at, true
	default:
		q.Backward = !awsapi.V(in.StartFromHead)
	}
	events, err := s.archive.Events(q)
	if err != nil {
		return nil, missing(err)
	}
	events = bounded(events, q.Backward)
	out := &api.GetLogEventsResponse{Events: []api.OutputLogEvent{}, NextForwardToken: token("f", at), NextBackwardToken: token("b", at)}
	for _, e := range events {
		out.Events = append(out.Events, api.OutputLogEvent{Timestamp: new(int(e.Time)), IngestionTime: new(int(e.Ingested)), Message: new(e.Message)})
	}
	if len(events) > 0 {
		first, last := events[0], events[len(events)-1]
		out.NextBackwardToken, out.NextForwardToken = token("b", archive.Position{Time: first.Time, ID: first.ID}), token("f", archive.Position{Time: last.Time, ID: last.ID})
	}
	return out, nil
}

// bounded cuts a page at 1 MB, keeping the end that it was read from.
func bounded(events []archive.Event, backward bool) []archive.Event {
	bytes := 0
	for i := range events {
		j := i
		if backward {
			j = len(events) - 1 - i
		}
		if bytes += len(events[j].Message) + eventBytes; bytes > batchBytes && i > 0 {
			if backward {
				return events[j+1:]
			}
			return events[:j]
		}
	}
	return events
}

// scanned is how many events one call of FilterLogEvents looks at: a page may be
// empty and have a token all the same.
const scanned = 100_000

// FilterLogEvents reads the events of a group's streams that match.
func (s *Service) FilterLogEvents(_ context.Context, c *operation.Caller, in *api.FilterLogEventsRequest) (*api.FilterLogEventsResponse, error) {
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != nil {
		return nil, api.InvalidParameterException("Only one of logStreamNames or logStreamNamePrefix can be specified.")
	}
	g, err := group(s.env.Store.View(), c.Scope(), either(in.LogGroupName, in.LogGroupIdentifier))
	if err != nil {
		return nil, err
	}
	match, err := pattern.Parse(awsapi.V(in.FilterPattern))
	if err != nil {
		return nil, api.InvalidParameterException("%s", strings.Replace(err.Error(), "invalid", "Invalid", 1))
	}
	for _, name := range in.LogStreamNames {
		if _, err := s.archive.Stream(g.ID, name); err != nil {
			return nil, missing(err)
		}
	}
	_, at, err := place(in.NextToken)
	if err != nil {
		return nil, err
	}
	wanted := func(e archive.Event) bool {
		return (len(in.LogStreamNames) == 0 || slices.Contains(in.LogStreamNames, e.Stream)) &&
			strings.HasPrefix(e.Stream, awsapi.V(in.LogStreamNamePrefix)) && match.Match(e.Message)
	}
	q := archive.Query{Group: g.ID, From: int64(awsapi.V(in.StartTime)), Limit: 1000}
	if in.EndTime != nil {
		q.To = int64(*in.EndTime) + 1
	}
	if len(in.LogStreamNames) == 1 {
		q.Stream = in.LogStreamNames[0]
	}
	if at != (archive.Position{}) {
		q.After = &at
	}
	return s.filter(q, limit(in.Limit, most), wanted)
}

func (s *Service) filter(q archive.Query, most int, wanted func(archive.Event) bool) (*api.FilterLogEventsResponse, error) {
	out := &api.FilterLogEventsResponse{Events: []api.FilteredLogEvent{}, SearchedLogStreams: []api.SearchedLogStream{}}
	bytes := 0
	for looked := 0; ; looked += q.Limit {
		events, err := s.archive.Events(q)
		if err != nil {
			return nil, missing(err)
		}
		for _, e := range events {
			if wanted(e) {
				if bytes += len(e.Message) + eventBytes; len(out.Events) == most || bytes > batchBytes && len(out.Events) > 0 {
					out.NextToken = token("e", *q.After)
					return out, nil
				}
				out.Events = append(out.Events, api.FilteredLogEvent{EventId: new(strings.Split(*token("e", archive.Position{Time: e.Time, ID: e.ID}), "/")[1]),
					LogStreamName: new(e.Stream), Timestamp: new(int(e.Time)), IngestionTime: new(int(e.Ingested)), Message: new(e.Message)})
			}
			q.After = &archive.Position{Time: e.Time, ID: e.ID}
		}
		if len(events) < q.Limit {
			return out, nil
		}
		if looked+q.Limit >= scanned {
			out.NextToken = token("e", *q.After)
			return out, nil
		}
	}
}

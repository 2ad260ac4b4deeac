package logs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/logs/archive"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// CreateLogStream makes a stream.
func (s *Service) CreateLogStream(_ context.Context, c *operation.Caller, in *api.CreateLogStreamRequest) (*awsapi.Empty, error) {
	g, err := group(s.env.Store.View(), c.Scope(), in.LogGroupName)
	if err != nil {
		return nil, err
	}
	err = s.archive.Create(g.ID, *in.LogStreamName, s.env.Now())
	if errors.Is(err, archive.ErrExists) {
		return nil, api.ResourceAlreadyExistsException("The specified log stream already exists")
	}
	return &awsapi.Empty{}, err
}

// DeleteLogStream removes a stream with its events.
func (s *Service) DeleteLogStream(_ context.Context, c *operation.Caller, in *api.DeleteLogStreamRequest) (*awsapi.Empty, error) {
	g, err := group(s.env.Store.View(), c.Scope(), in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &awsapi.Empty{}, missing(s.archive.Delete(g.ID, *in.LogStreamName))
}

// missing is an archive's error as the API says it.
func missing(err error) error {
	if errors.Is(err, archive.ErrNoStream) {
		return noStream()
	}
	return err
}

// DescribeLogStreams lists a group's streams, by name or by their last event.
func (s *Service) DescribeLogStreams(_ context.Context, c *operation.Caller, in *api.DescribeLogStreamsRequest) (*api.DescribeLogStreamsResponse, error) {
	byTime := in.OrderBy == api.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, api.InvalidParameterException("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	g, err := group(s.env.Store.View(), c.Scope(), either(in.LogGroupName, in.LogGroupIdentifier))
	if err != nil {
		return nil, err
	}
	list, err := s.archive.Streams(g.ID, awsapi.V(in.LogStreamNamePrefix))
	if err != nil {
		return nil, err
	}
	order := func(x, y archive.Stream) int { return cmp.Compare(x.Name, y.Name) }
	if byTime {
		order = func(x, y archive.Stream) int { return cmp.Or(cmp.Compare(x.Last, y.Last), cmp.Compare(x.Name, y.Name)) }
	}
	if up := order; awsapi.V(in.Descending) {
		order = func(x, y archive.Stream) int { return up(y, x) }
	}
	slices.SortFunc(list, order)
	page, next, err := pageAt(list, order, in.NextToken, limit(in.Limit, 50))
	if err != nil {
		return nil, err
	}
	out := &api.DescribeLogStreamsResponse{LogStreams: []api.LogStream{}, NextToken: next}
	for _, st := range page {
		out.LogStreams = append(out.LogStreams, describeStream(c.Scope(), g, st))
	}
	return out, nil
}

// pageAt cuts a page out of an ordered list: a token is the place of the page's
// last stream in the order, which holds also when that is deleted.
func pageAt(list []archive.Stream, order func(x, y archive.Stream) int, token *string, most int) ([]archive.Stream, *string, error) {
	after, err := paging.Decode(token)
	if err != nil {
		return nil, nil, badToken()
	}
	if after != "" {
		time, name, _ := strings.Cut(after, "/")
		last, err := strconv.ParseInt(time, 10, 64)
		if err != nil {
			return nil, nil, badToken()
		}
		i := slices.IndexFunc(list, func(s archive.Stream) bool { return order(s, archive.Stream{Name: name, Last: last}) > 0 })
		if i < 0 {
			return nil, nil, nil
		}
		list = list[i:]
	}
	if len(list) <= most {
		return list, nil, nil
	}
	end := list[most-1]
	return list[:most], new(paging.Encode(fmt.Sprintf("%d/%s", end.Last, end.Name))), nil
}

// sequence is a token that older clients hand back; it has no meaning any more.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const sequence = "49039859620265116943100312160560720893"

func describeStream(scope state.Scope, g *Group, st archive.Stream) api.LogStream {
	d := api.LogStream{LogStreamName: &st.Name, Arn: new(ARN(scope, g.Name) + ":log-stream:" + st.Name), CreationTime: new(int(st.Created)),
		StoredBytes: new(0), UploadSequenceToken: new(sequence)} // AWS has said 0 for every stream since June 2019
	if st.Last >= 0 {
		d.FirstEventTimestamp, d.LastEventTimestamp, d.LastIngestionTime = new(int(st.First)), new(int(st.Last)), new(int(st.Ingested))
	}
	return d
}

// token writes a place among events; side tells which way it leads.
func token(side string, p archive.Position) *string {
	return new(fmt.Sprintf("%s/%014d%042d/s", side, p.Time, p.ID))
}

// place reads a token.
func place(t *string) (side string, p archive.Position, err error) {
	if t == nil || *t == "" {
		return "", p, nil
	}
	parts := strings.Split(*t, "/")
	if len(parts) != 3 || len(parts[1]) != 56 {
		return "", p, badToken()
	}
	if _, err := fmt.Sscanf(parts[1], "%014d%042d", &p.Time, &p.ID); err != nil {
		return "", p, badToken()
	}
	return parts[0], p, nil
}

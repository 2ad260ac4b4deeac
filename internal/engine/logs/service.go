// Package logs is CloudWatch Logs: groups with retention and tags, streams,
// events that are put, read and filtered. Groups are rows of the state; events
// and their streams lie in an archive of their own on disk.
//
// Not served, and refused by name: StartLiveTail (an event stream; `aws logs tail
// --follow` polls FilterLogEvents and works), Insights queries, subscriptions,
// metric filters, exports. A KMS key is kept and echoed.
//
// Called by the engine's chain; awslogs writes what containers say through OpenStream,
// Write and Cursor.
package logs

import (
	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/logs/archive"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// Service serves the operations.
type Service struct {
	env     *operation.Env
	archive *archive.Archive
}

// New is the service on an archive.
func New(env *operation.Env, a *archive.Archive) *Service { return &Service{env: env, archive: a} }

// Operations are what is served.
func (s *Service) Operations() []operation.Operation {
	return []operation.Operation{
		operation.Bind("CreateLogGroup", needsCreate, s.CreateLogGroup),
		operation.Bind("DeleteLogGroup", on("DeleteLogGroup", func(in *api.DeleteLogGroupRequest) *string { return in.LogGroupName }), s.DeleteLogGroup),
		operation.Bind("DescribeLogGroups", needsDescribe, s.DescribeLogGroups),
		operation.Bind("PutRetentionPolicy", on("PutRetentionPolicy", func(in *api.PutRetentionPolicyRequest) *string { return in.LogGroupName }), s.PutRetentionPolicy),
		operation.Bind("DeleteRetentionPolicy", on("DeleteRetentionPolicy", func(in *api.DeleteRetentionPolicyRequest) *string { return in.LogGroupName }), s.DeleteRetentionPolicy),

		operation.Bind("CreateLogStream", on("CreateLogStream", func(in *api.CreateLogStreamRequest) *string { return in.LogGroupName }), s.CreateLogStream),
		operation.Bind("DeleteLogStream", onStream("DeleteLogStream", func(in *api.DeleteLogStreamRequest) (*string, *string) { return in.LogGroupName, in.LogStreamName }), s.DeleteLogStream),
		operation.Bind("DescribeLogStreams", on("DescribeLogStreams", func(in *api.DescribeLogStreamsRequest) *string { return either(in.LogGroupName, in.LogGroupIdentifier) }), s.DescribeLogStreams),

		operation.Bind("PutLogEvents", onStream("PutLogEvents", func(in *api.PutLogEventsRequest) (*string, *string) { return in.LogGroupName, in.LogStreamName }), s.PutLogEvents),
		operation.Bind("GetLogEvents", onStream("GetLogEvents", func(in *api.GetLogEventsRequest) (*string, *string) {
			return either(in.LogGroupName, in.LogGroupIdentifier), in.LogStreamName
		}), s.GetLogEvents),
		operation.Bind("FilterLogEvents", on("FilterLogEvents", func(in *api.FilterLogEventsRequest) *string { return either(in.LogGroupName, in.LogGroupIdentifier) }), s.FilterLogEvents),

		operation.Bind("TagLogGroup", needsTagGroup, s.TagLogGroup),
		operation.Bind("UntagLogGroup", on("UntagLogGroup", func(in *api.UntagLogGroupRequest) *string { return in.LogGroupName }), s.UntagLogGroup),
		operation.Bind("ListTagsLogGroup", on("ListTagsLogGroup", func(in *api.ListTagsLogGroupRequest) *string { return in.LogGroupName }), s.ListTagsLogGroup),
		operation.Bind("TagResource", needsTag, s.TagResource),
		operation.Bind("UntagResource", on("UntagResource", func(in *api.UntagResourceRequest) *string { return in.ResourceArn }), s.UntagResource),
		operation.Bind("ListTagsForResource", on("ListTagsForResource", func(in *api.ListTagsForResourceRequest) *string { return in.ResourceArn }), s.ListTagsForResource),
	}
}

func noGroup() *awsapi.Error {
	return api.ResourceNotFoundException("The specified log group does not exist.")
}

func noStream() *awsapi.Error {
	return api.ResourceNotFoundException("The specified log stream does not exist.")
}

package ecs

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
)

func TestEveryKindCanBeTagged(t *testing.T) {
	r := stage(t, 1)
	r.provider("spot")
	ok[api.CreateServiceResponse](r, "CreateService", create(t, ""))
	task := ok[api.RunTaskResponse](r, "RunTask", start(t, "")).Tasks[0]
	for _, arn := range []string{
		ClusterARN(home, "web"), ServiceARN(home, "web", "app"), *task.TaskArn, *task.ContainerInstanceArn, providerARN(home, "spot"), DefinitionARN(home, "app", 1),
	} {
		ok[api.TagResourceResponse](r, "TagResource", &api.TagResourceRequest{ResourceArn: &arn, Tags: []api.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b"), Value: new("2")}}})
		ok[api.UntagResourceResponse](r, "UntagResource", &api.UntagResourceRequest{ResourceArn: &arn, TagKeys: []string{"a"}})
		got := ok[api.ListTagsForResourceResponse](r, "ListTagsForResource", &api.ListTagsForResourceRequest{ResourceArn: &arn}).Tags
		if diff := cmp.Diff([]api.Tag{{Key: new("b"), Value: new("2")}}, got); diff != "" {
			t.Errorf("%s: %s", arn, diff)
		}
	}
}

func TestTagsThatAreRefused(t *testing.T) {
	r := stage(t, 0)
	arn := ClusterARN(home, "web")
	tag := func(arn string, tags ...api.Tag) *api.TagResourceRequest {
		return &api.TagResourceRequest{ResourceArn: &arn, Tags: tags}
	}
	r.refused("TagResource", tag(arn, api.Tag{Key: new("aws:x"), Value: new("")}), "InvalidParameterException", `tag keys that begin with aws: are reserved, "aws:x" is one`)
	r.refused("TagResource", tag(arn, api.Tag{Key: new("a")}, api.Tag{Key: new("a")}), "InvalidParameterException", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	r.refused("TagResource", tag(ClusterARN(home, "nobody")), "ClusterNotFoundException", "Cluster not found.")
	r.refused("TagResource", tag(ServiceARN(home, "web", "nobody")), "ResourceNotFoundException", "The specified service was not found. Specify a valid ARN and try again.")
	r.refused("TagResource", tag("web"), "InvalidParameterException", "Invalid resource ARN: web.")
	for i := range 50 {
		ok[api.TagResourceResponse](r, "TagResource", tag(arn, api.Tag{Key: new(fmt.Sprint(i))}))
	}
	r.refused("TagResource", tag(arn, api.Tag{Key: new("more")}), "InvalidParameterException", "a resource has at most 50 tags, not 51")
}

package logs

import (
	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// need is what an action on a group needs. The resource types are those of
// "Actions, resources, and condition keys for Amazon CloudWatch Logs" in the
// Service Authorization Reference; a group's ARN ends in a star there.
func need(tx *state.Tx, c *operation.Caller, action string, name *string) operation.Need {
	n := operation.Need{Action: "logs:" + action, Resource: ARN(c.Scope(), awsapi.V(nameOf(name))) + ":*", Keys: map[string][]string{}}
	if g, ok := Groups.Get(tx, c.Scope(), awsapi.V(nameOf(name))); ok {
		g.Tags.ResourceKeys(n.Keys)
	}
	return n
}

// NeedOfWriting is what an action on a stream, or with no stream on a group, needs.
func NeedOfWriting(tx *state.Tx, scope state.Scope, action, group, stream string) operation.Need {
	n := need(tx, &operation.Caller{Account: scope.Account, Region: scope.Region}, action, &group)
	if action != "CreateLogGroup" {
		n.Resource = ARN(scope, group) + ":log-stream:" + stream
	}
	return n
}

func on[In any](action string, name func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		return []operation.Need{need(tx, c, action, name(in))}
	}
}

func onStream[In any](action string, names func(*In) (group, stream *string)) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		g, s := names(in)
		n := need(tx, c, action, g)
		n.Resource = ARN(c.Scope(), awsapi.V(nameOf(g))) + ":log-stream:" + awsapi.V(s)
		return []operation.Need{n}
	}
}

func needsCreate(tx *state.Tx, c *operation.Caller, in *api.CreateLogGroupRequest) []operation.Need {
	n := need(tx, c, "CreateLogGroup", in.LogGroupName)
	tagging.Set(in.Tags).RequestKeys(n.Keys)
	return []operation.Need{n}
}

func needsDescribe(_ *state.Tx, c *operation.Caller, _ *api.DescribeLogGroupsRequest) []operation.Need {
	return []operation.Need{{Action: "logs:DescribeLogGroups", Resource: ARN(c.Scope(), "") + ":log-stream:"}}
}

func needsTagGroup(tx *state.Tx, c *operation.Caller, in *api.TagLogGroupRequest) []operation.Need {
	n := need(tx, c, "TagLogGroup", in.LogGroupName)
	tagging.Set(in.Tags).RequestKeys(n.Keys)
	return []operation.Need{n}
}

func needsTag(tx *state.Tx, c *operation.Caller, in *api.TagResourceRequest) []operation.Need {
	n := need(tx, c, "TagResource", in.ResourceArn)
	tagging.Set(in.Tags).RequestKeys(n.Keys)
	return []operation.Need{n}
}

package ecs

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Actions, resources and condition keys are those of "Actions, resources, and
// condition keys for Amazon Elastic Container Service" in the Service
// Authorization Reference.

// asked is one request's needs in the making.
type asked struct {
	tx    *state.Tx
	scope state.Scope
}

func ask(tx *state.Tx, c *operation.Caller) asked { return asked{tx, c.Scope()} }

// keys are condition keys.
type keys map[string][]string

func (k keys) set(name string, values ...string) keys {
	if len(values) > 0 && values[0] != "" {
		k[name] = values
	}
	return k
}

func (k keys) flag(name string, value bool) keys { return k.set(name, strconv.FormatBool(value)) }

// given sets a flag that the request has.
func (k keys) given(name string, value *bool) keys {
	if value != nil {
		k.flag(name, *value)
	}
	return k
}

// of sets the tags that a resource has.
func (k keys) of(tags tagging.Set) keys {
	tags.ResourceKeys(k)
	for name, v := range tags {
		k["ecs:ResourceTag/"+name] = []string{v}
	}
	return k
}

func (k keys) with(tags []api.Tag) keys {
	setOf(tags).RequestKeys(k)
	return k
}

func need(action, resource string, k keys) operation.Need {
	return operation.Need{Action: "ecs:" + action, Resource: resource, Keys: k}
}

func (a asked) clusterARN(ref *string) string {
	if strings.HasPrefix(awsapi.V(ref), "arn:") {
		return *ref
	}
	return ClusterARN(a.scope, clusterName(ref))
}

// inside are the keys of what is in a cluster.
func (a asked) inside(cluster *string) keys { return keys{}.set("ecs:cluster", a.clusterARN(cluster)) }

func (a asked) cluster(action string, ref *string) operation.Need {
	k := keys{}
	if c, ok := Clusters.Get(a.tx, a.scope, clusterName(ref)); ok {
		k.of(c.Tags)
	}
	return need(action, a.clusterARN(ref), k)
}

// named is the ARN of something in a cluster, whether the reference is one or an
// id.
func (a asked) named(kind string, cluster *string, ref string) string {
	if strings.HasPrefix(ref, "arn:") {
		return ref
	}
	if !strings.Contains(ref, "/") {
		ref = key(clusterName(cluster), ref)
	}
	return arn.New("ecs", a.scope, kind+"/"+ref)
}

func (a asked) service(action string, cluster *string, ref string) operation.Need {
	k := a.inside(cluster)
	if row, ok := service(a.tx, a.scope, clusterName(cluster), ref); ok {
		k.of(row.Tags)
	}
	return need(action, a.named("service", cluster, ref), k)
}

func (a asked) task(action string, cluster *string, ref string) operation.Need {
	k := a.inside(cluster)
	if row, ok := task(a.tx, a.scope, clusterName(cluster), ref); ok {
		k.of(row.Tags)
	}
	return need(action, a.named("task", cluster, ref), k)
}

func (a asked) instance(action string, cluster *string, ref string) operation.Need {
	k := a.inside(cluster)
	if row, ok := instance(a.tx, a.scope, clusterName(cluster), ref); ok {
		k.of(row.Tags)
	}
	return need(action, a.named("container-instance", cluster, ref), k)
}

func (a asked) provider(action, ref string) operation.Need {
	called, k := providerName(ref), keys{}
	if row, ok := CapacityProviders.Get(a.tx, a.scope, called); ok {
		k.of(row.Tags)
	}
	return need(action, providerARN(a.scope, called), k)
}

// definition is a task definition, its revision found before it is asked for.
func (a asked) definition(action string, ref *string, k keys) operation.Need {
	if d, ok := definition(a.tx, a.scope, awsapi.V(ref)); ok {
		return need(action, *d.Body.TaskDefinitionArn, k.of(d.Tags))
	}
	return need(action, definitionRef(a.scope, awsapi.V(ref)), k)
}

// each is one need for each of the references.
func each(refs []string, one func(ref string) operation.Need) []operation.Need {
	var all []operation.Need
	for _, r := range refs {
		all = append(all, one(r))
	}
	return all
}

// tagging is what a creation with tags needs beside itself, unless the account
// has it switched off (tagResourceAuthorization).
func (a asked) tagging(c *operation.Caller, action, resource string, tags []api.Tag) []operation.Need {
	if len(tags) == 0 || EffectiveSetting(a.tx, a.scope, c.ARN, api.SettingNameTagResourceAuthorization) == "off" {
		return nil
	}
	return []operation.Need{need("TagResource", resource, keys{}.set("ecs:CreateAction", action).with(tags))}
}

// passing is what handing roles to tasks needs.
func (a asked) passing(service string, roles ...*string) []operation.Need {
	var all []operation.Need
	for _, r := range roles {
		if full := roleARN(a.scope, r); full != nil && !slices.ContainsFunc(all, func(n operation.Need) bool { return n.Resource == *full }) {
			all = append(all, iam.NeedPassRole(*full, service))
		}
	}
	return all
}

const tasksService = "ecs-tasks.amazonaws.com"

func (a asked) providers(all []api.CapacityProviderStrategyItem) []string {
	var out []string
	for _, i := range all {
		out = append(out, providerARN(a.scope, providerName(awsapi.V(i.CapacityProvider))))
	}
	return out
}

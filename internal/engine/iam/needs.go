package iam

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Actions, resources and condition keys are those of "Actions, resources, and
// condition keys for AWS Identity and Access Management" in the Service
// Authorization Reference. Every operation needs the action of its own name, on
// a target; few need more.

// target is what an operation is on. It finds the resource in the input by the
// members that all of IAM's inputs call the same.
type target func(tx *state.Tx, c *operation.Caller, in members) resource

// resource is a resource as policies see it.
type resource struct {
	arn      string
	tags     tagging.Set
	boundary string
}

// extra adds what else a request tells to the need's condition keys.
type extra func(in members, keys map[string][]string)

// bind is an operation that needs the action of its name on the target.
func bind[In, Out any](name string, do func(context.Context, *operation.Caller, *In) (*Out, error), on target, more ...extra) operation.Operation {
	return operation.Bind(name, needs[In](name, on, more...), do)
}

func needs[In any](name string, on target, more ...extra) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		m := members{reflect.ValueOf(in).Elem()}
		r := on(tx, c, m)
		n := operation.Need{Action: "iam:" + name, Resource: r.arn, Keys: map[string][]string{}}
		for k, v := range r.tags {
			n.Keys["aws:ResourceTag/"+k] = []string{v}
			n.Keys["iam:ResourceTag/"+k] = []string{v}
		}
		if r.boundary != "" {
			n.Keys["iam:PermissionsBoundary"] = []string{r.boundary}
		}
		for _, add := range more {
			add(m, n.Keys)
		}
		if what, ok := strings.CutPrefix(name, "Create"); ok && len(n.Keys["aws:TagKeys"]) > 0 {
			// "Tags for IAM resources" in the User Guide
			tag := operation.Need{Action: "iam:Tag" + what, Resource: n.Resource, Keys: maps.Clone(n.Keys)}
			delete(tag.Keys, "iam:PermissionsBoundary")
			return []operation.Need{n, tag}
		}
		return []operation.Need{n}
	}
}

// members are those of an input, by name.
type members struct{ reflect.Value }

// text is a member that is a string, nil when the input does not give it.
func (m members) text(name string) *string { return m.FieldByName(name).Interface().(*string) }

// anything is the target of operations that have no resource.
func anything(*state.Tx, *operation.Caller, members) resource { return resource{arn: "*"} }

// theUser is the user that the input names, the caller when it names none.
func theUser(tx *state.Tx, c *operation.Caller, in members) resource {
	name := in.text("UserName")
	switch {
	case name != nil:
		return userNamed(tx, c, *name)
	case c.Kind == operation.User:
		return userNamed(tx, c, c.Name)
	case c.Kind == operation.Root:
		return resource{arn: rootARN(c.Account)}
	}
	return resource{arn: "*"}
}

func userNamed(tx *state.Tx, c *operation.Caller, name string) resource {
	u, ok := users.Get(tx, c.Global(), fold(name))
	if !ok {
		u = &User{Name: name}
	}
	return resource{u.ARN(c.Global()), u.Tags, u.Boundary}
}

func theGroup(tx *state.Tx, c *operation.Caller, in members) resource {
	name := *in.text("GroupName")
	g, ok := groups.Get(tx, c.Global(), fold(name))
	if !ok {
		g = &Group{Name: name}
	}
	return resource{arn: g.ARN(c.Global())}
}

func theRole(tx *state.Tx, c *operation.Caller, in members) resource {
	return roleNamed(tx, c, *in.text("RoleName"))
}

func roleNamed(tx *state.Tx, c *operation.Caller, name string) resource {
	r, ok := roles.Get(tx, c.Global(), fold(name))
	if !ok {
		r = &Role{Name: name}
	}
	return resource{r.ARN(c.Global()), r.Tags, r.Boundary}
}

func theProfile(tx *state.Tx, c *operation.Caller, in members) resource {
	name := *in.text("InstanceProfileName")
	p, ok := profiles.Get(tx, c.Global(), fold(name))
	if !ok {
		p = &InstanceProfile{Name: name}
	}
	return resource{arn: p.ARN(c.Global()), tags: p.Tags}
}

func thePolicy(tx *state.Tx, c *operation.Caller, in members) resource {
	r := resource{arn: *in.text("PolicyArn")}
	if p, ok := PolicyByARN(tx, c.Global(), r.arn); ok {
		r.tags = p.Tags
	}
	return r
}

// thePolicies is what IAM calls the resource of ListPolicies.
func thePolicies(_ *state.Tx, _ *operation.Caller, in members) resource {
	return resource{arn: "policy path " + or(in.text("PathPrefix"), "/")}
}

func theProvider(tx *state.Tx, c *operation.Caller, in members) resource {
	r := resource{arn: *in.text("OpenIDConnectProviderArn")}
	if p, err := findProvider(tx, c.Global(), r.arn); err == nil {
		r.tags = p.Tags
	}
	return r
}

func theIssuer(_ *state.Tx, c *operation.Caller, in members) resource {
	return resource{arn: (&Provider{Host: hostOf(*in.text("Url"))}).ARN(c.Global())}
}

// theSource is the principal of a simulation.
func theSource(_ *state.Tx, _ *operation.Caller, in members) resource {
	return resource{arn: *in.text("PolicySourceArn")}
}

// aNew is what the operation makes, under the name that it will have.
func aNew(kind, name string) target {
	return func(_ *state.Tx, c *operation.Caller, in members) resource {
		return resource{arn: named(c.Global(), kind, awsapi.V(in.text("Path")), *in.text(name))}
	}
}

// all is a kind of resource below the path that the operation lists:
// "arn:aws:iam::A:user/".
func all(kind string) target {
	return func(_ *state.Tx, c *operation.Caller, in members) resource {
		return resource{arn: named(c.Global(), kind, awsapi.V(in.text("PathPrefix")), "")}
	}
}

// tagged adds the tags that a request gives.
func tagged(in members, keys map[string][]string) {
	tagging.Of(in.FieldByName("Tags").Interface().([]api.Tag), split).RequestKeys(keys)
}

// untagged adds the keys of tags that a request takes away.
func untagged(in members, keys map[string][]string) {
	keys["aws:TagKeys"] = slices.Sorted(slices.Values(in.FieldByName("TagKeys").Interface().([]string)))
}

// attaching adds the policy that is attached or detached.
func attaching(in members, keys map[string][]string) {
	keys["iam:PolicyARN"] = []string{*in.text("PolicyArn")}
}

// bounding adds the boundary that a request sets, in place of the one that is.
func bounding(in members, keys map[string][]string) {
	if b := in.text("PermissionsBoundary"); b != nil {
		keys["iam:PermissionsBoundary"] = []string{*b}
	}
}

// moveUser is the needs of UpdateUser: on the user as he is called, and as he
// will be.
func moveUser(tx *state.Tx, c *operation.Caller, in *api.UpdateUserRequest) []operation.Need {
	list := needs[api.UpdateUserRequest]("UpdateUser", theUser)(tx, c, in)
	moved := User{Name: *in.UserName}
	if u, ok := users.Get(tx, c.Global(), fold(moved.Name)); ok {
		moved = *u
	}
	return alsoOn(list, (&User{Name: or(in.NewUserName, moved.Name), Path: or(in.NewPath, moved.Path)}).ARN(c.Global()))
}

// moveGroup is the needs of UpdateGroup.
func moveGroup(tx *state.Tx, c *operation.Caller, in *api.UpdateGroupRequest) []operation.Need {
	list := needs[api.UpdateGroupRequest]("UpdateGroup", theGroup)(tx, c, in)
	moved := Group{Name: *in.GroupName}
	if g, ok := groups.Get(tx, c.Global(), fold(moved.Name)); ok {
		moved = *g
	}
	return alsoOn(list, (&Group{Name: or(in.NewGroupName, moved.Name), Path: or(in.NewPath, moved.Path)}).ARN(c.Global()))
}

// alsoOn adds the same need on another name, if it is another.
func alsoOn(list []operation.Need, arn string) []operation.Need {
	other := list[0]
	if other.Resource == arn {
		return list
	}
	other.Resource = arn
	return append(list, other)
}

func or(given *string, otherwise string) string {
	if given != nil {
		return *given
	}
	return otherwise
}

// fillProfile is the needs of AddRoleToInstanceProfile, which hands the role to
// EC2.
func fillProfile(tx *state.Tx, c *operation.Caller, in *api.AddRoleToInstanceProfileRequest) []operation.Need {
	list := needs[api.AddRoleToInstanceProfileRequest]("AddRoleToInstanceProfile", theProfile)(tx, c, in)
	return append(list, NeedPassRole(roleNamed(tx, c, *in.RoleName).arn, "ec2.amazonaws.com"))
}

// theKey is the user whose key it is.
func theKey(tx *state.Tx, c *operation.Caller, in members) resource {
	k, ok := keys.Get(tx, everywhere, *in.text("AccessKeyId"))
	if !ok || k.Account != c.Account {
		return resource{arn: "*"}
	}
	u, ok := userByID.One(tx, c.Global(), k.UserID)
	if !ok {
		return resource{arn: rootARN(c.Account)}
	}
	return resource{u.ARN(c.Global()), u.Tags, u.Boundary}
}

// theLinked is the service-linked role that a request makes.
func theLinked(_ *state.Tx, c *operation.Caller, in members) resource {
	service := *in.text("AWSServiceName")
	name := linkedName(service, awsapi.V(in.text("CustomSuffix")))
	if name == "" {
		name = "*"
	}
	return resource{arn: named(c.Global(), "role", linkedPath+service+"/", name)}
}

func linking(in members, keys map[string][]string) {
	keys["iam:AWSServiceName"] = []string{*in.text("AWSServiceName")}
}

// theTask is the role in a deletion task's id.
func theTask(_ *state.Tx, c *operation.Caller, in members) resource {
	return resource{arn: roleOfTask(c.Global(), *in.text("DeletionTaskId"))}
}

package ec2

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// What operations need to be allowed is in AWS's Service Authorization Reference
// ("Actions, resources, and condition keys for Amazon EC2").

// resources tells which resources an operation is about.
type resources[In any] func(r *asked, in *In)

// asked collects what a request needs.
type asked struct {
	tx     *state.Tx
	c      *operation.Caller
	name   string
	action string
	needs  []operation.Need
}

func (f resources[In]) of(name string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		a := &asked{tx: tx, c: c, name: name, action: "ec2:" + name}
		f(a, in)
		return a.needs
	}
}

// anything is of an operation whose action has no resources: all that describe.
func anything[In any](a *asked, _ *In) { a.need(a.action, "*", map[string][]string{}) }

// on is of an operation on resources that exist.
func on[In any](ids func(in *In) []string) resources[In] {
	return func(a *asked, in *In) { a.existing(ids(in)...) }
}

// of are the ids that are given.
func of(ids ...*string) (given []string) {
	for _, id := range ids {
		given = append(given, some(id)...)
	}
	return given
}

// creating is of an operation that makes a resource of a kind, with tags, by use
// of others that exist.
func creating[In any](k *kind, tags func(in *In) []api.TagSpecification, by func(in *In) []string) resources[In] {
	return func(a *asked, in *In) {
		a.made(k, tags(in))
		if by != nil {
			if ids := by(in); len(ids) > 0 {
				a.existing(ids...)
			}
		}
	}
}

func (a *asked) need(action, resource string, keys map[string][]string) {
	keys["ec2:Region"] = []string{a.c.Region}
	a.needs = append(a.needs, operation.Need{Action: action, Resource: resource, Keys: keys})
}

// existing needs the operation's action on resources; without any, on "*".
func (a *asked) existing(ids ...string) {
	if len(ids) == 0 {
		a.need(a.action, "*", map[string][]string{})
	}
	for _, id := range ids {
		resource, keys := a.resource(id)
		a.need(a.action, resource, keys)
	}
}

// resource is the ARN of an id and the condition keys that come with it.
func (a *asked) resource(id string) (string, map[string][]string) {
	keys := map[string][]string{}
	k, ok := kindOf(id)
	if !ok {
		return "*", keys
	}
	tagKeys(TagsOf(a.tx, a.c.Scope(), id), keys)
	if vpc := vpcOf(a.tx, a.c.Scope(), id); vpc != "" {
		keys["ec2:Vpc"] = []string{vpcKind.arn(a.c.Scope(), vpc)}
	}
	if i, ok := Instances.Get(a.tx, a.c.Scope(), id); ok {
		keys["ec2:InstanceType"], keys["ec2:AvailabilityZone"] = []string{i.Type}, []string{i.Zone}
		if i.Profile != nil {
			keys["ec2:InstanceProfile"] = []string{i.Profile.ARN}
		}
	}
	if p, ok := KeyPairs.Get(a.tx, a.c.Scope(), id); ok {
		return arn.New("ec2", a.c.Scope(), "key-pair/"+p.Name), keys
	}
	return k.arn(a.c.Scope(), id), keys
}

// tagKeys are aws:ResourceTag and its older name.
func tagKeys(tags tagging.Set, keys map[string][]string) {
	tags.ResourceKeys(keys)
	for k, v := range tags {
		keys["ec2:ResourceTag/"+k] = []string{v}
	}
}

// vpcOf is the VPC that a resource is in.
func vpcOf(tx *state.Tx, scope state.Scope, id string) string {
	if n, ok := Subnets.Get(tx, scope, id); ok {
		return n.VPC
	}
	if g, ok := Groups.Get(tx, scope, id); ok {
		return g.VPC
	}
	if t, ok := RouteTables.Get(tx, scope, id); ok {
		return t.VPC
	}
	if i, ok := Interfaces.Get(tx, scope, id); ok {
		return i.VPC
	}
	if n, ok := ACLs.Get(tx, scope, id); ok {
		return n.VPC
	}
	return ""
}

// made needs the action on a resource that is to be made, and, where it is to be
// tagged, ec2:CreateTags on it.
func (a *asked) made(k *kind, specs []api.TagSpecification) map[string][]string {
	tags := requested(specs, k.typ)
	keys := map[string][]string{}
	tags.RequestKeys(keys)
	resource := k.arn(a.c.Scope(), "*")
	a.need(a.action, resource, keys)
	if len(tags) > 0 {
		with := map[string][]string{"ec2:CreateAction": {a.name}}
		tags.RequestKeys(with)
		a.need("ec2:CreateTags", resource, with)
	}
	return keys
}

// requested are the tags that a request gives to a kind, unchecked.
func requested(specs []api.TagSpecification, typ api.ResourceType) tagging.Set {
	var all []api.Tag
	for _, s := range specs {
		if s.ResourceType == typ {
			all = append(all, s.Tags...)
		}
	}
	return tagging.Of(all, func(t api.Tag) (*string, *string) { return t.Key, t.Value })
}

// retagging is of CreateTags and DeleteTags: every resource, with the tags that
// are given or taken.
func retagging[In any](ids func(in *In) []string, tags func(in *In) []api.Tag) resources[In] {
	return func(a *asked, in *In) {
		set := tagging.Of(tags(in), func(t api.Tag) (*string, *string) { return t.Key, t.Value })
		for _, id := range ids(in) {
			resource, keys := a.resource(id)
			set.RequestKeys(keys)
			a.need(a.action, resource, keys)
		}
	}
}

// keyNamed is the id of a key pair that is named by its name.
func keyNamed(a *asked, name *string) []string {
	if p, ok := keyPairByName.One(a.tx, a.c.Scope(), awsapi.V(name)); ok {
		return []string{p.ID}
	}
	return nil
}

func needsDeleteKey(a *asked, in *api.DeleteKeyPairRequest) {
	ids := append(of(in.KeyPairId), keyNamed(a, in.KeyName)...)
	if len(ids) == 0 && in.KeyName != nil {
		a.need(a.action, arn.New("ec2", a.c.Scope(), "key-pair/"+*in.KeyName), map[string][]string{})
		return
	}
	a.existing(ids...)
}

// newKey needs a key pair's ARN, which is known beforehand.
func (a *asked) newKey(name string, specs []api.TagSpecification) {
	a.made(keyKind, specs)
	for i := range a.needs {
		a.needs[i].Resource = strings.TrimSuffix(a.needs[i].Resource, "*") + name
	}
}

// templateIDs are the id of a template that is named by id or by name.
func (a *asked) templateIDs(id, name *string) []string {
	if t, err := templateOf(a.tx, a.c.Scope(), id, name); err == nil {
		return []string{t.ID}
	}
	return of(id)
}

func onTemplate[In any](names func(in *In) (id, name *string)) resources[In] {
	return func(a *asked, in *In) { a.existing(a.templateIDs(names(in))...) }
}

// groupIDs are the id of a group that is named by id or by name.
func (a *asked) groupIDs(id, name *string) []string {
	if g, err := group(a.tx, a.c.Scope(), id, name); err == nil {
		return []string{g.ID}
	}
	return of(id)
}

func onGroup[In any](names func(in *In) (id, name *string)) resources[In] {
	return func(a *asked, in *In) { a.existing(a.groupIDs(names(in))...) }
}

// admitting is of the operations that add rules: the group, and the rules where
// they are tagged.
func admitting[In any](names func(in *In) (id, name *string), tags func(in *In) []api.TagSpecification) resources[In] {
	return func(a *asked, in *In) {
		a.existing(a.groupIDs(names(in))...)
		if specs := tags(in); len(specs) > 0 {
			a.made(ruleKind, specs)
		}
	}
}

// onAssociation is of the operations on a route table's association.
func onAssociation[In any](id func(in *In) *string, more func(in *In) []string) resources[In] {
	return func(a *asked, in *In) {
		var ids []string
		if t, of, err := byAssociation(a.tx, a.c.Scope(), id(in)); err == nil {
			ids = append([]string{t.ID}, some(&of.Subnet)...)
		}
		if more != nil {
			ids = append(ids, more(in)...)
		}
		a.existing(ids...)
	}
}

// needsRun is of RunInstances: the instances with what they are made of, the
// tags of all that is made, and the right to hand over the profile's role.
func needsRun(a *asked, in *api.RunInstancesRequest) {
	data, err := reshape[api.RequestLaunchTemplateData](in)
	if err != nil {
		a.existing()
		return
	}
	l := &launch{LaunchRequest: LaunchRequest{Template: in.LaunchTemplate, Data: data, Subnet: awsapi.V(in.SubnetId)}, tx: a.tx, scope: a.c.Scope(), data: data}
	if err := l.fromTemplate(); err == nil && l.template != nil {
		a.existing(l.template.ID)
	}
	specs, err := reshape[[]api.TagSpecification](l.data.TagSpecifications)
	if err != nil {
		specs = nil
	}
	keys := a.made(instanceKind, specs)
	keys["ec2:InstanceType"], keys["ec2:Tenancy"] = []string{string(l.data.InstanceType)}, []string{"default"}
	if p := l.data.IamInstanceProfile; p != nil {
		a.passes(keys, awsapi.V(p.Arn)+awsapi.V(p.Name))
	}
	a.made(volumeKind, specs)
	a.made(interfaceKind, specs)
	a.existing(a.ingredients(l)...)
	if name := awsapi.V(l.data.KeyName); name != "" {
		a.need(a.action, arn.New("ec2", a.c.Scope(), "key-pair/"+name), map[string][]string{})
	}
}

// ingredients are the ids that a launch uses.
func (a *asked) ingredients(l *launch) []string {
	ids := of(l.data.ImageId)
	if l.pickSubnet() == nil && l.subnet != nil {
		ids = append(ids, l.subnet.ID)
		if l.pickGroups() == nil && len(l.data.NetworkInterfaces) == 0 {
			ids = append(ids, l.groups...)
		}
	}
	for _, n := range l.data.NetworkInterfaces {
		ids = append(append(ids, n.Groups...), of(n.NetworkInterfaceId)...)
	}
	return ids
}

// passes adds the right to pass the role of an instance profile to EC2.
func (a *asked) passes(keys map[string][]string, profile string) {
	p, role, ok := iam.ProfileRole(a.tx, a.c.Scope(), profile)
	if !ok {
		return
	}
	keys["ec2:InstanceProfile"] = []string{p.ARN(a.c.Scope())}
	if role != "" {
		a.needs = append(a.needs, iam.NeedPassRole(role, "ec2.amazonaws.com"))
	}
}

func needsProfile[In any](instance func(a *asked, in *In) []string, spec func(in *In) *api.IamInstanceProfileSpecification) resources[In] {
	return func(a *asked, in *In) {
		a.existing(instance(a, in)...)
		if s := spec(in); s != nil {
			a.passes(a.needs[0].Keys, awsapi.V(s.Arn)+awsapi.V(s.Name))
		}
	}
}

// instanceOf is the instance of a profile's association.
func (a *asked) instanceOf(association *string) []string {
	if i, ok := profileOnInst.One(a.tx, a.c.Scope(), awsapi.V(association)); ok {
		return []string{i.ID}
	}
	return nil
}

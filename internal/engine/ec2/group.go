package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// Group is a security group; its rules are rows of their own.
type Group struct {
	ID, Name, Description, VPC string
	// Last numbers the rules in the order in which they were added.
	Last int
}

// Groups is the table.
var Groups = state.NewTable("ec2.securitygroup", func(g *Group) string { return g.ID })

var (
	groupsOf    = state.NewIndex(Groups, func(g *Group) []string { return []string{g.VPC} })
	groupByName = state.NewIndex(Groups, func(g *Group) []string { return []string{g.VPC + " " + g.Name} })
)

func init() { groupKind.exists = Groups.Has }

// DefaultGroup is a VPC's default security group.
func DefaultGroup(tx *state.Tx, scope state.Scope, vpc string) (*Group, bool) {
	return groupByName.One(tx, scope, vpc+" default")
}

// newDefaultGroup makes the group that admits its own members and lets
// everything out.
func newDefaultGroup(tx *state.Tx, scope state.Scope, vpc string) {
	g := &Group{ID: groupKind.id(), Name: "default", Description: "default VPC security group", VPC: vpc}
	Groups.Put(tx, scope, g)
	addRules(tx, scope, g.ID, []*Rule{
		{Spec: Spec{Protocol: "-1", From: -1, To: -1, Peer: Peer{Group: g.ID}}},
		{Egress: true, Spec: Spec{Protocol: "-1", From: -1, To: -1, Peer: Peer{IPv4: "0.0.0.0/0"}}},
	})
}

// groupText are the characters of a group's name and description in a VPC.
var groupText = lazyregexp.New(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*$`)

func checkGroup(name, description string) error {
	switch {
	case len(name) > 255:
		return invalidValue("Value (%s) for parameter GroupName is invalid. The security group name may not be longer than 255 characters.", name)
	case len(description) > 255:
		return invalidValue("Value (%s) for parameter GroupDescription is invalid. The security group description may not be longer than 255 characters.", description)
	case strings.HasPrefix(name, "sg-"):
		return invalidValue("Value (%s) for parameter GroupName is invalid. Group names may not be in the format sg-*.", name)
	case name == "default":
		return awsapi.Errorf("InvalidGroup.Reserved", 400, "The security group '%s' is reserved", name)
	case name == "" || !groupText.MatchString(name):
		return invalidValue("Value (%s) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.", name)
	case description == "" || !groupText.MatchString(description):
		return invalidValue("Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", description)
	}
	return nil
}

// CreateSecurityGroup makes a group that admits nothing and lets everything out.
func (s *Service) CreateSecurityGroup(_ context.Context, c *operation.Caller, in *api.CreateSecurityGroupRequest) (*api.CreateSecurityGroupResult, error) {
	name := strings.TrimSpace(*in.GroupName)
	if err := checkGroup(name, *in.Description); err != nil {
		return nil, err
	}
	tags, err := specified(in.TagSpecifications, groupKind.typ)
	if err != nil {
		return nil, err
	}
	g := &Group{ID: groupKind.id(), Name: name, Description: *in.Description}
	out := &api.CreateSecurityGroupResult{GroupId: &g.ID, SecurityGroupArn: new(groupKind.arn(c.Scope(), g.ID))}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		v, err := vpcOrDefault(tx, c.Scope(), in.VpcId)
		if err != nil {
			return err
		}
		g.VPC = v.ID
		if _, ok := groupByName.One(tx, c.Scope(), v.ID+" "+name); ok {
			return awsapi.Errorf("InvalidGroup.Duplicate", 400, "The security group '%s' already exists for VPC '%s'", name, v.ID)
		}
		if Groups.Len(tx, c.Scope()) >= maxGroups {
			return awsapi.Errorf("SecurityGroupLimitExceeded", 400, "The maximum number of security groups has been reached.")
		}
		Groups.Put(tx, c.Scope(), g)
		addRules(tx, c.Scope(), g.ID, []*Rule{{Egress: true, Spec: Spec{Protocol: "-1", From: -1, To: -1, Peer: Peer{IPv4: "0.0.0.0/0"}}}})
		SetTags(tx, c.Scope(), g.ID, tags)
		out.Tags = shownTags(tx, c.Scope(), g.ID)
		return nil
	})
}

func vpcOrDefault(tx *state.Tx, scope state.Scope, id *string) (*VPC, error) {
	if id != nil {
		return find(tx, scope, VPCs, vpcKind, id)
	}
	if v, ok := DefaultVPC(tx, scope); ok {
		return v, nil
	}
	return nil, awsapi.Errorf("VPCIdNotSpecified", 400, "No default VPC for this user")
}

func showGroup(tx *state.Tx, scope state.Scope, g *Group) api.SecurityGroup {
	ingress, egress := permissionsOf(tx, scope, g.ID)
	return api.SecurityGroup{
		GroupId: &g.ID, GroupName: &g.Name, Description: &g.Description, VpcId: &g.VPC, OwnerId: &scope.Account, IpPermissions: ingress,
		IpPermissionsEgress: egress, SecurityGroupArn: new(groupKind.arn(scope, g.ID)), Tags: shownTags(tx, scope, g.ID),
	}
}

// permissionFields are the filters on permissions, which stand under two names.
func permissionFields(into fields[api.SecurityGroup], prefix string, list func(*api.SecurityGroup) []api.IpPermission) {
	pairs := func(p *api.IpPermission) []api.UserIdGroupPair { return p.UserIdGroupPairs }
	for name, read := range map[string]func(*api.IpPermission) []string{
		"cidr":           each(func(p *api.IpPermission) []api.IpRange { return p.IpRanges }, str(func(r *api.IpRange) *string { return r.CidrIp })),
		"ipv6-cidr":      each(func(p *api.IpPermission) []api.Ipv6Range { return p.Ipv6Ranges }, str(func(r *api.Ipv6Range) *string { return r.CidrIpv6 })),
		"prefix-list-id": each(func(p *api.IpPermission) []api.PrefixListId { return p.PrefixListIds }, str(func(r *api.PrefixListId) *string { return r.PrefixListId })),
		"group-id":       each(pairs, str(func(g *api.UserIdGroupPair) *string { return g.GroupId })),
		"group-name":     each(pairs, str(func(g *api.UserIdGroupPair) *string { return g.GroupName })),
		"user-id":        each(pairs, str(func(g *api.UserIdGroupPair) *string { return g.UserId })),
		"from-port":      number(func(p *api.IpPermission) *int { return p.FromPort }),
		"to-port":        number(func(p *api.IpPermission) *int { return p.ToPort }),
		"protocol":       str(func(p *api.IpPermission) *string { return p.IpProtocol }),
	} {
		into[prefix+"."+name] = each(list, read)
	}
}

var groupListing = newGroupListing()

func newGroupListing() *listing[Group, api.SecurityGroup] {
	l := &listing[Group, api.SecurityGroup]{
		table: Groups, kind: groupKind, show: showGroup,
		tags: func(g *api.SecurityGroup) []api.Tag { return g.Tags },
		fields: fields[api.SecurityGroup]{
			"description": str(func(g *api.SecurityGroup) *string { return g.Description }),
			"group-id":    str(func(g *api.SecurityGroup) *string { return g.GroupId }),
			"group-name":  str(func(g *api.SecurityGroup) *string { return g.GroupName }),
			"owner-id":    str(func(g *api.SecurityGroup) *string { return g.OwnerId }),
			"vpc-id":      str(func(g *api.SecurityGroup) *string { return g.VpcId }),
		},
	}
	permissionFields(l.fields, "ip-permission", func(g *api.SecurityGroup) []api.IpPermission { return g.IpPermissions })
	permissionFields(l.fields, "egress.ip-permission", func(g *api.SecurityGroup) []api.IpPermission { return g.IpPermissionsEgress })
	return l
}

// DescribeSecurityGroups tells security groups, by id, by name in the default
// VPC, or all.
func (s *Service) DescribeSecurityGroups(_ context.Context, c *operation.Caller, in *api.DescribeSecurityGroupsRequest) (*api.DescribeSecurityGroupsResult, error) {
	tx, ids := s.env.View(c), slices.Clone(in.GroupIds)
	for _, name := range in.GroupNames {
		g, err := groupNamed(tx, c.Scope(), name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, g.ID)
	}
	page, next, err := groupListing.describe(tx, c.Scope(), query{ids, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeSecurityGroupsResult{SecurityGroups: page, NextToken: next}, err
}

// groupNamed is a group of the default VPC, which alone can be called by name.
func groupNamed(tx *state.Tx, scope state.Scope, name string) (*Group, error) {
	v, ok := DefaultVPC(tx, scope)
	if !ok {
		return nil, awsapi.Errorf("VPCIdNotSpecified", 400, "No default VPC for this user")
	}
	g, ok := groupByName.One(tx, scope, v.ID+" "+name)
	if !ok {
		return nil, awsapi.Errorf("InvalidGroup.NotFound", 400, "The security group '%s' does not exist in default VPC '%s'", name, v.ID)
	}
	return g, nil
}

// group is the group of an input that names it by id or by name.
func group(tx *state.Tx, scope state.Scope, id, name *string) (*Group, error) {
	switch {
	case id != nil:
		return find(tx, scope, Groups, groupKind, id)
	case name != nil:
		return groupNamed(tx, scope, *name)
	}
	return nil, missingParameter("groupName or groupId")
}

// DeleteSecurityGroup deletes a group that nothing uses and no other group's
// rule names.
func (s *Service) DeleteSecurityGroup(_ context.Context, c *operation.Caller, in *api.DeleteSecurityGroupRequest) (*api.DeleteSecurityGroupResult, error) {
	out := &api.DeleteSecurityGroupResult{Return: new(true)}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		g, err := group(tx, c.Scope(), in.GroupId, in.GroupName)
		if err != nil {
			return err
		}
		if g.Name == "default" {
			return awsapi.Errorf("CannotDelete", 400, `the specified group: "%s" name: "default" cannot be deleted by a user`, g.ID)
		}
		if groupUsed(tx, c.Scope(), g.ID) {
			return awsapi.Errorf("DependencyViolation", 400, "resource %s has a dependent object", g.ID)
		}
		out.GroupId = &g.ID
		dropGroup(tx, c.Scope(), g.ID)
		return nil
	})
}

// groupUsed tells whether an interface is in a group or another group's rule
// names it.
func groupUsed(tx *state.Tx, scope state.Scope, id string) bool {
	for range interfacesWith.Get(tx, scope, id) {
		return true
	}
	for r := range rulesNaming.Get(tx, scope, id) {
		if r.Group != id {
			return true
		}
	}
	return false
}

func dropGroup(tx *state.Tx, scope state.Scope, id string) {
	for r := range rulesOf.Get(tx, scope, id) {
		drop(tx, scope, Rules, r.ID)
	}
	drop(tx, scope, Groups, id)
}

// checkGroups are the groups that an interface in a VPC is to be in; none named
// is the VPC's default group.
func checkGroups(tx *state.Tx, scope state.Scope, vpc string, ids []string) ([]string, error) {
	if len(ids) == 0 {
		g, ok := DefaultGroup(tx, scope, vpc)
		if !ok {
			return nil, vpcKind.notFound(vpc)
		}
		return []string{g.ID}, nil
	}
	var all []string
	for _, id := range ids {
		g, err := find(tx, scope, Groups, groupKind, &id)
		if err != nil {
			return nil, err
		}
		if g.VPC != vpc {
			return nil, awsapi.Errorf("InvalidGroup.NotFound", 400, "The security group '%s' does not exist in VPC '%s'", id, vpc)
		}
		if !contains(all, id) {
			all = append(all, id)
		}
	}
	if len(all) > maxInterfaceSGs {
		return nil, awsapi.Errorf("SecurityGroupsPerInterfaceLimitExceeded", 400, "The maximum number of security groups per interface has been reached.")
	}
	return all, nil
}

// GetSecurityGroupsForVpc tells the groups that can be used in a VPC: its own.
func (s *Service) GetSecurityGroupsForVpc(_ context.Context, c *operation.Caller, in *api.GetSecurityGroupsForVpcRequest) (*api.GetSecurityGroupsForVpcResult, error) {
	tx := s.env.View(c)
	if _, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId); err != nil {
		return nil, err
	}
	of := *groupListing
	of.fields = fields[api.SecurityGroup]{
		"group-id": of.fields["group-id"], "group-name": of.fields["group-name"], "description": of.fields["description"],
		"owner-id": of.fields["owner-id"], "primary-vpc-id": of.fields["vpc-id"],
	}
	filters := append(slices.Clone(in.Filters), api.Filter{Name: new("primary-vpc-id"), Values: []string{*in.VpcId}})
	page, next, err := of.describe(tx, c.Scope(), query{nil, filters, in.MaxResults, in.NextToken})
	out := &api.GetSecurityGroupsForVpcResult{NextToken: next, SecurityGroupForVpcs: []api.SecurityGroupForVpc{}}
	for _, g := range page {
		out.SecurityGroupForVpcs = append(out.SecurityGroupForVpcs, api.SecurityGroupForVpc{
			GroupId: g.GroupId, GroupName: g.GroupName, Description: g.Description, OwnerId: g.OwnerId, PrimaryVpcId: g.VpcId, Tags: g.Tags,
		})
	}
	return out, err
}

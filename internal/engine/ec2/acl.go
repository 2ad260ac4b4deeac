package ec2

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// ACL is a network ACL. It is kept and told; nothing is filtered by it.
type ACL struct {
	ID, VPC string
	Default bool `json:",omitzero"`
	// Entries are ordered: those in, then those out, by their numbers.
	Entries      []api.NetworkAclEntry
	Associations []ACLAssociation `json:",omitzero"`
}

// ACLAssociation has a network ACL cover a subnet.
type ACLAssociation struct{ ID, Subnet string }

// ACLs is the table.
var ACLs = state.NewTable("ec2.acl", func(a *ACL) string { return a.ID })

var (
	aclsOf       = state.NewIndex(ACLs, func(a *ACL) []string { return []string{a.VPC} })
	aclByRelated = state.NewIndex(ACLs, func(a *ACL) (all []string) {
		for _, x := range a.Associations {
			all = append(all, x.ID, x.Subnet)
		}
		return all
	})
)

func init() { aclKind.exists = ACLs.Has }

// lastEntry is the number of the rule * that every ACL ends with.
const lastEntry = 32767

func aclEntry(number int, egress bool, action api.RuleAction) api.NetworkAclEntry {
	return api.NetworkAclEntry{RuleNumber: &number, Egress: &egress, RuleAction: action, Protocol: new("-1"), CidrBlock: new("0.0.0.0/0")}
}

func newDefaultACL(tx *state.Tx, scope state.Scope, vpc string) {
	a := &ACL{ID: aclKind.id(), VPC: vpc, Default: true}
	for _, egress := range []bool{false, true} {
		a.Entries = append(a.Entries, aclEntry(100, egress, api.RuleActionAllow), aclEntry(lastEntry, egress, api.RuleActionDeny))
	}
	a.order()
	ACLs.Put(tx, scope, a)
}

func (a *ACL) order() {
	slices.SortFunc(a.Entries, func(x, y api.NetworkAclEntry) int {
		if *x.Egress != *y.Egress {
			return map[bool]int{true: -1, false: 1}[*x.Egress]
		}
		return cmp.Compare(*x.RuleNumber, *y.RuleNumber)
	})
}

// associateACL has an ACL cover a subnet in the place of another.
func associateACL(tx *state.Tx, scope state.Scope, acl, subnet string) string {
	id := "aclassoc-0" + ids.Hex(16)
	ACLs.Change(tx, scope, acl, func(a *ACL) { a.Associations = append(slices.Clone(a.Associations), ACLAssociation{id, subnet}) })
	return id
}

func leaveACL(tx *state.Tx, scope state.Scope, n *Subnet) {
	for a := range aclByRelated.Get(tx, scope, n.ID) {
		ACLs.Change(tx, scope, a.ID, func(a *ACL) {
			a.Associations = slices.DeleteFunc(slices.Clone(a.Associations), func(x ACLAssociation) bool { return x.Subnet == n.ID })
		})
	}
}

// CreateNetworkAcl makes a network ACL that denies everything.
func (s *Service) CreateNetworkAcl(_ context.Context, c *operation.Caller, in *api.CreateNetworkAclRequest) (*api.CreateNetworkAclResult, error) {
	tags, err := specified(in.TagSpecifications, aclKind.typ)
	if err != nil {
		return nil, err
	}
	var out api.NetworkAcl
	err = s.env.Store.Update(func(tx *state.Tx) error {
		v, err := find(tx, c.Scope(), VPCs, vpcKind, in.VpcId)
		if err != nil {
			return err
		}
		id, err := s.once(tx, c.Scope(), "CreateNetworkAcl", in.ClientToken, in, func() (string, error) {
			a := &ACL{ID: aclKind.id(), VPC: v.ID, Entries: []api.NetworkAclEntry{aclEntry(lastEntry, false, api.RuleActionDeny), aclEntry(lastEntry, true, api.RuleActionDeny)}}
			a.order()
			ACLs.Put(tx, c.Scope(), a)
			SetTags(tx, c.Scope(), a.ID, tags)
			return a.ID, nil
		})
		if err != nil {
			return err
		}
		a, err := find(tx, c.Scope(), ACLs, aclKind, &id)
		if err == nil {
			out = showACL(tx, c.Scope(), a)
		}
		return err
	})
	return &api.CreateNetworkAclResult{NetworkAcl: &out, ClientToken: in.ClientToken}, err
}

func showACL(tx *state.Tx, scope state.Scope, a *ACL) api.NetworkAcl {
	out := api.NetworkAcl{
		NetworkAclId: &a.ID, VpcId: &a.VPC, IsDefault: &a.Default, OwnerId: &scope.Account, Entries: a.Entries,
		Associations: []api.NetworkAclAssociation{}, Tags: shownTags(tx, scope, a.ID),
	}
	for _, x := range a.Associations {
		out.Associations = append(out.Associations, api.NetworkAclAssociation{NetworkAclAssociationId: &x.ID, NetworkAclId: &a.ID, SubnetId: &x.Subnet})
	}
	return out
}

func aclAssociations(a *api.NetworkAcl) []api.NetworkAclAssociation { return a.Associations }

func aclEntries(a *api.NetworkAcl) []api.NetworkAclEntry { return a.Entries }

func aclPorts(e *api.NetworkAclEntry) *api.PortRange {
	if e.PortRange == nil {
		return &api.PortRange{}
	}
	return e.PortRange
}

func aclTypeCode(e *api.NetworkAclEntry) *api.IcmpTypeCode {
	if e.IcmpTypeCode == nil {
		return &api.IcmpTypeCode{}
	}
	return e.IcmpTypeCode
}

var aclListing = &listing[ACL, api.NetworkAcl]{
	table: ACLs, kind: aclKind, show: showACL,
	tags: func(a *api.NetworkAcl) []api.Tag { return a.Tags },
	fields: fields[api.NetworkAcl]{
		"association.association-id": each(aclAssociations, str(func(a *api.NetworkAclAssociation) *string { return a.NetworkAclAssociationId })),
		"association.network-acl-id": each(aclAssociations, str(func(a *api.NetworkAclAssociation) *string { return a.NetworkAclId })),
		"association.subnet-id":      each(aclAssociations, str(func(a *api.NetworkAclAssociation) *string { return a.SubnetId })),
		"default":                    flag(func(a *api.NetworkAcl) *bool { return a.IsDefault }),
		"entry.cidr":                 each(aclEntries, str(func(e *api.NetworkAclEntry) *string { return e.CidrBlock })),
		"entry.egress":               each(aclEntries, flag(func(e *api.NetworkAclEntry) *bool { return e.Egress })),
		"entry.icmp.code":            each(aclEntries, number(func(e *api.NetworkAclEntry) *int { return aclTypeCode(e).Code })),
		"entry.icmp.type":            each(aclEntries, number(func(e *api.NetworkAclEntry) *int { return aclTypeCode(e).Type })),
		"entry.ipv6-cidr":            each(aclEntries, str(func(e *api.NetworkAclEntry) *string { return e.Ipv6CidrBlock })),
		"entry.port-range.from":      each(aclEntries, number(func(e *api.NetworkAclEntry) *int { return aclPorts(e).From })),
		"entry.port-range.to":        each(aclEntries, number(func(e *api.NetworkAclEntry) *int { return aclPorts(e).To })),
		"entry.protocol":             each(aclEntries, str(func(e *api.NetworkAclEntry) *string { return e.Protocol })),
		"entry.rule-action":          each(aclEntries, enum(func(e *api.NetworkAclEntry) api.RuleAction { return e.RuleAction })),
		"entry.rule-number":          each(aclEntries, number(func(e *api.NetworkAclEntry) *int { return e.RuleNumber })),
		"network-acl-id":             str(func(a *api.NetworkAcl) *string { return a.NetworkAclId }),
		"owner-id":                   str(func(a *api.NetworkAcl) *string { return a.OwnerId }),
		"vpc-id":                     str(func(a *api.NetworkAcl) *string { return a.VpcId }),
	},
}

// DescribeNetworkAcls tells network ACLs.
func (s *Service) DescribeNetworkAcls(_ context.Context, c *operation.Caller, in *api.DescribeNetworkAclsRequest) (*api.DescribeNetworkAclsResult, error) {
	page, next, err := aclListing.describe(s.env.View(c), c.Scope(), query{in.NetworkAclIds, in.Filters, in.MaxResults, in.NextToken})
	return &api.DescribeNetworkAclsResult{NetworkAcls: page, NextToken: next}, err
}

// DeleteNetworkAcl deletes an ACL that covers no subnet.
func (s *Service) DeleteNetworkAcl(_ context.Context, c *operation.Caller, in *api.DeleteNetworkAclRequest) (*awsapi.Empty, error) {
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		a, err := find(tx, c.Scope(), ACLs, aclKind, in.NetworkAclId)
		if err != nil {
			return err
		}
		if a.Default {
			return invalidValue("cannot delete default network ACL %s", a.ID)
		}
		if len(a.Associations) > 0 {
			return dependent("networkAcl", a.ID)
		}
		drop(tx, c.Scope(), ACLs, a.ID)
		return nil
	})
}

// ReplaceNetworkAclAssociation has another ACL cover a subnet.
func (s *Service) ReplaceNetworkAclAssociation(_ context.Context, c *operation.Caller, in *api.ReplaceNetworkAclAssociationRequest) (*api.ReplaceNetworkAclAssociationResult, error) {
	var id string
	err := s.env.Store.Update(func(tx *state.Tx) error {
		from, ok := aclByRelated.One(tx, c.Scope(), awsapi.V(in.AssociationId))
		if !ok {
			return noAssociation(awsapi.V(in.AssociationId))
		}
		to, err := find(tx, c.Scope(), ACLs, aclKind, in.NetworkAclId)
		if err != nil {
			return err
		}
		if from.VPC != to.VPC {
			return invalidValue("The network ACL %s and the association %s belong to different networks", to.ID, *in.AssociationId)
		}
		i := slices.IndexFunc(from.Associations, func(x ACLAssociation) bool { return x.ID == *in.AssociationId })
		if i < 0 {
			return noAssociation(*in.AssociationId)
		}
		n, err := find(tx, c.Scope(), Subnets, subnetKind, &from.Associations[i].Subnet)
		if err != nil {
			return err
		}
		leaveACL(tx, c.Scope(), n)
		id = associateACL(tx, c.Scope(), to.ID, n.ID)
		return nil
	})
	return &api.ReplaceNetworkAclAssociationResult{NewAssociationId: &id}, err
}

// CreateNetworkAclEntry adds an entry.
func (s *Service) CreateNetworkAclEntry(_ context.Context, c *operation.Caller, in *api.CreateNetworkAclEntryRequest) (*awsapi.Empty, error) {
	e := api.NetworkAclEntry{CidrBlock: in.CidrBlock, Egress: in.Egress, IcmpTypeCode: in.IcmpTypeCode, Ipv6CidrBlock: in.Ipv6CidrBlock, PortRange: in.PortRange, Protocol: in.Protocol, RuleAction: in.RuleAction, RuleNumber: in.RuleNumber}
	return &awsapi.Empty{}, s.changeEntry(c, in.NetworkAclId, &e, func(entries []api.NetworkAclEntry, at int) ([]api.NetworkAclEntry, error) {
		if at >= 0 {
			return nil, awsapi.Errorf("NetworkAclEntryAlreadyExists", 400, "The network acl entry identified by %d already exists.", *e.RuleNumber)
		}
		if len(entries) >= 40+2 {
			return nil, awsapi.Errorf("NetworkAclEntryLimitExceeded", 400, "The maximum number of network ACL entries has been reached.")
		}
		return append(entries, e), nil
	})
}

// ReplaceNetworkAclEntry replaces the entry of a number.
func (s *Service) ReplaceNetworkAclEntry(_ context.Context, c *operation.Caller, in *api.ReplaceNetworkAclEntryRequest) (*awsapi.Empty, error) {
	e := api.NetworkAclEntry{CidrBlock: in.CidrBlock, Egress: in.Egress, IcmpTypeCode: in.IcmpTypeCode, Ipv6CidrBlock: in.Ipv6CidrBlock, PortRange: in.PortRange, Protocol: in.Protocol, RuleAction: in.RuleAction, RuleNumber: in.RuleNumber}
	return &awsapi.Empty{}, s.changeEntry(c, in.NetworkAclId, &e, func(entries []api.NetworkAclEntry, at int) ([]api.NetworkAclEntry, error) {
		if at < 0 {
			return nil, noEntry(*e.RuleNumber, in.NetworkAclId)
		}
		entries[at] = e
		return entries, nil
	})
}

// DeleteNetworkAclEntry removes the entry of a number.
func (s *Service) DeleteNetworkAclEntry(_ context.Context, c *operation.Caller, in *api.DeleteNetworkAclEntryRequest) (*awsapi.Empty, error) {
	e := api.NetworkAclEntry{Egress: in.Egress, RuleNumber: in.RuleNumber}
	return &awsapi.Empty{}, s.changeEntry(c, in.NetworkAclId, &e, func(entries []api.NetworkAclEntry, at int) ([]api.NetworkAclEntry, error) {
		if at < 0 {
			return nil, noEntry(*e.RuleNumber, in.NetworkAclId)
		}
		return slices.Delete(entries, at, at+1), nil
	})
}

func noEntry(number int, acl *string) error {
	return awsapi.Errorf("InvalidNetworkAclEntry.NotFound", 400, "The network ACL entry %d of %s does not exist", number, *acl)
}

// changeEntry puts an ACL's changed entries; at is where the entry of e's number
// and direction stands, -1 where there is none.
func (s *Service) changeEntry(c *operation.Caller, id *string, e *api.NetworkAclEntry, change func(entries []api.NetworkAclEntry, at int) ([]api.NetworkAclEntry, error)) error {
	if e.Protocol != nil {
		if err := checkEntry(e); err != nil {
			return err
		}
	}
	return s.env.Store.Update(func(tx *state.Tx) error {
		a, err := find(tx, c.Scope(), ACLs, aclKind, id)
		if err != nil {
			return err
		}
		if *e.RuleNumber < 1 || *e.RuleNumber >= lastEntry {
			return invalidValue("Value (%d) for parameter ruleNumber is invalid. It must be between 1 and %d.", *e.RuleNumber, lastEntry-1)
		}
		at := slices.IndexFunc(a.Entries, func(x api.NetworkAclEntry) bool {
			return *x.RuleNumber == *e.RuleNumber && *x.Egress == *e.Egress
		})
		changed := *a
		if changed.Entries, err = change(slices.Clone(a.Entries), at); err != nil {
			return err
		}
		changed.order()
		ACLs.Put(tx, c.Scope(), &changed)
		return nil
	})
}

// checkEntry checks an entry and gives its protocol by number.
func checkEntry(e *api.NetworkAclEntry) error {
	p, err := protocol(*e.Protocol)
	if err != nil {
		return err
	}
	e.Protocol = new(protocolNumber(p))
	if (e.CidrBlock == nil) == (e.Ipv6CidrBlock == nil) {
		return awsapi.Errorf("InvalidParameterCombination", 400, "The request must contain exactly one of cidrBlock or ipv6CidrBlock")
	}
	text, family := awsapi.V(e.CidrBlock)+awsapi.V(e.Ipv6CidrBlock), 4
	if e.Ipv6CidrBlock != nil {
		family = 6
	}
	b, ok := canonical(text, family)
	if !ok {
		return invalidValue("CIDR block %s is malformed", text)
	}
	if family == 4 {
		e.CidrBlock = &b
	} else {
		e.Ipv6CidrBlock = &b
	}
	switch p {
	case "tcp", "udp":
		if e.PortRange == nil || e.PortRange.From == nil || e.PortRange.To == nil {
			return missingParameter("portRange")
		}
		if *e.PortRange.From < 0 || *e.PortRange.To > 65535 || *e.PortRange.From > *e.PortRange.To {
			return invalidValue("Invalid TCP/UDP port range (%d:%d)", *e.PortRange.From, *e.PortRange.To)
		}
		e.IcmpTypeCode = nil
	case "icmp", "icmpv6":
		if e.IcmpTypeCode == nil {
			return missingParameter("icmpTypeCode")
		}
		e.PortRange = nil
	default:
		e.PortRange, e.IcmpTypeCode = nil, nil
	}
	return nil
}

// protocolNumber is a protocol as network ACLs write it.
func protocolNumber(name string) string {
	for n, p := range protocolNames {
		if p == name {
			return strconv.Itoa(n)
		}
	}
	return name
}

package ec2

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Rule is one rule of a security group.
type Rule struct {
	ID, Group string
	// Seq is its place among the group's rules.
	Seq    int
	Egress bool `json:",omitzero"`
	Spec
	Description string `json:",omitzero"`
}

// Spec is what a rule admits; two rules of a group and direction never have
// the same.
type Spec struct {
	// Protocol is "tcp", "udp", "icmp", "icmpv6", "-1" for all, or a number.
	Protocol string
	// From and To are ports, or ICMP's type and code; -1 is any.
	From, To int
	Peer
}

// Peer is who is admitted: one of the four.
type Peer struct {
	IPv4       string `json:",omitzero"`
	IPv6       string `json:",omitzero"`
	PrefixList string `json:",omitzero"`
	Group      string `json:"Peer,omitzero"`
}

func (p Peer) String() string { return p.IPv4 + p.IPv6 + p.PrefixList + p.Group }

// Rules is the table.
var Rules = state.NewTable("ec2.rule", func(r *Rule) string { return r.ID })

var (
	rulesOf     = state.NewIndex(Rules, func(r *Rule) []string { return []string{r.Group} })
	rulesNaming = state.NewIndex(Rules, func(r *Rule) []string { return append(some(&r.Peer.Group), some(&r.PrefixList)...) })
)

func init() { ruleKind.exists = Rules.Has }

// inOrder are a group's rules in the order in which they were added.
func inOrder(tx *state.Tx, scope state.Scope, group string) []*Rule {
	return slices.SortedFunc(rulesOf.Get(tx, scope, group), func(a, b *Rule) int { return cmp.Compare(a.Seq, b.Seq) })
}

// addRules adds rules to a group and gives them their ids.
func addRules(tx *state.Tx, scope state.Scope, group string, rules []*Rule) {
	Groups.Change(tx, scope, group, func(g *Group) {
		for _, r := range rules {
			g.Last++
			r.ID, r.Group, r.Seq = ruleKind.id(), group, g.Last
			Rules.Put(tx, scope, r)
		}
	})
}

// protocolNames are the protocols that EC2 calls by name, by their numbers.
var protocolNames = map[int]string{-1: "-1", 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}

// protocol is a protocol in EC2's form.
func protocol(text string) (string, error) {
	lower := strings.ToLower(text)
	switch lower {
	case "tcp", "udp", "icmp", "icmpv6":
		return lower, nil
	case "all":
		return "-1", nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < -1 || n > 255 {
		return "", invalidValue("Invalid value '%s' for IP protocol. Unknown protocol.", text)
	}
	if name, ok := protocolNames[n]; ok {
		return name, nil
	}
	return strconv.Itoa(n), nil
}

// ports are a rule's ports as they are kept: -1 where the protocol has none.
func ports(protocol string, from, to *int) (int, int, error) {
	switch protocol {
	case "tcp", "udp":
		if from == nil || to == nil {
			return 0, 0, invalidValue("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		if *from == -1 && *to == -1 { // all ports, in an older spelling
			return 0, 65535, nil
		}
		if *from < 0 || *to < *from || *to > 65535 {
			return 0, 0, invalidValue("Invalid TCP/UDP port range (%s:%s)", portText(from), portText(to))
		}
		return *from, *to, nil
	case "icmp", "icmpv6":
		f, t := -1, -1
		if from != nil {
			f = *from
		}
		if to != nil {
			t = *to
		}
		if f < -1 || f > 255 || t < -1 || t > 255 || f == -1 && t != -1 {
			return 0, 0, invalidValue("Invalid value for ICMP type or code: %d, %d", f, t)
		}
		return f, t, nil
	}
	return -1, -1, nil
}

// text is a rule as errors show it.
func (s Spec) text() string {
	what := strings.ToUpper(s.Protocol)
	switch s.Protocol {
	case "-1":
		what = "ALL"
	case "tcp", "udp":
		what += ", from port: " + strconv.Itoa(s.From) + ", to port: " + strconv.Itoa(s.To)
	case "icmp", "icmpv6":
		what += ", type: " + anyText(s.From) + ", code: " + anyText(s.To)
	}
	return "peer: " + s.Peer.String() + ", " + what + ", ALLOW"
}

func anyText(n int) string {
	if n == -1 {
		return "ALL"
	}
	return strconv.Itoa(n)
}

// specs takes permissions apart into what each of them admits, with its description.
func specs(tx *state.Tx, scope state.Scope, g *Group, permissions []api.IpPermission, resolve bool) ([]*Rule, error) {
	var all []*Rule
	for _, p := range permissions {
		base, err := permission(&p)
		if err != nil {
			return nil, err
		}
		peers, err := peersOf(tx, scope, g, &p, resolve)
		if err != nil {
			return nil, err
		}
		if len(peers) == 0 {
			return nil, missingParameter("ipRanges, ipv6Ranges, prefixListIds or groups")
		}
		for _, r := range peers {
			r.Protocol, r.From, r.To = base.Protocol, base.From, base.To
			all = append(all, r)
		}
	}
	return all, nil
}

func permission(p *api.IpPermission) (s Spec, err error) {
	if p.IpProtocol == nil {
		return s, missingParameter("ipProtocol")
	}
	if s.Protocol, err = protocol(*p.IpProtocol); err != nil {
		return s, err
	}
	s.From, s.To, err = ports(s.Protocol, p.FromPort, p.ToPort)
	return s, err
}

// peersOf are the peers of a permission; with resolve, groups and prefix lists
// must exist.
func peersOf(tx *state.Tx, scope state.Scope, g *Group, p *api.IpPermission, resolve bool) (all []*Rule, err error) {
	add := func(peer Peer, description *string) error {
		if err := checkRuleText(awsapi.V(description)); err != nil {
			return err
		}
		all = append(all, &Rule{Spec: Spec{Peer: peer}, Description: awsapi.V(description)})
		return nil
	}
	for _, r := range p.IpRanges {
		b, ok := canonical(awsapi.V(r.CidrIp), 4)
		if !ok {
			return nil, invalidValue("CIDR block %s is malformed", awsapi.V(r.CidrIp))
		}
		if err := add(Peer{IPv4: b}, r.Description); err != nil {
			return nil, err
		}
	}
	for _, r := range p.Ipv6Ranges {
		b, ok := canonical(awsapi.V(r.CidrIpv6), 6)
		if !ok {
			return nil, invalidValue("CIDR block %s is malformed", awsapi.V(r.CidrIpv6))
		}
		if err := add(Peer{IPv6: b}, r.Description); err != nil {
			return nil, err
		}
	}
	for _, r := range p.PrefixListIds {
		if _, ok := prefixList(tx, scope, awsapi.V(r.PrefixListId)); resolve && !ok {
			return nil, prefixListKind.notFound(awsapi.V(r.PrefixListId))
		}
		if err := add(Peer{PrefixList: awsapi.V(r.PrefixListId)}, r.Description); err != nil {
			return nil, err
		}
	}
	for _, r := range p.UserIdGroupPairs {
		id, err := peerGroup(tx, scope, g, &r, resolve)
		if err != nil {
			return nil, err
		}
		if err := add(Peer{Group: id}, r.Description); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// peerGroup is the group that a rule names, by its id or by its name in the
// default VPC.
func peerGroup(tx *state.Tx, scope state.Scope, g *Group, r *api.UserIdGroupPair, resolve bool) (string, error) {
	if r.UserId != nil && *r.UserId != scope.Account {
		return "", unserved("A rule for another account's security group (%s)", *r.UserId)
	}
	if r.GroupId == nil && r.GroupName == nil {
		return "", missingParameter("groupId")
	}
	peer, err := group(tx, scope, r.GroupId, r.GroupName)
	switch {
	case err != nil && !resolve && r.GroupId != nil:
		return *r.GroupId, nil
	case err != nil:
		return "", err
	case resolve && peer.VPC != g.VPC:
		return "", awsapi.Errorf("InvalidGroup.NotFound", 400, "You have specified two resources that belong to different networks.")
	}
	return peer.ID, nil
}

func checkRuleText(description string) error {
	if len(description) > 255 || !groupText.MatchString(description) {
		return invalidValue("Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
	}
	return nil
}

// admitsTwice is the rule that stands twice in a request, if there is one.
func admitsTwice(rules []*Rule) bool {
	seen := map[Spec]bool{}
	for _, r := range rules {
		if seen[r.Spec] {
			return true
		}
		seen[r.Spec] = true
	}
	return false
}

// match is a group's rule of a direction that admits the same.
func match(rules []*Rule, egress bool, s Spec) *Rule {
	for _, r := range rules {
		if r.Egress == egress && r.Spec == s {
			return r
		}
	}
	return nil
}

// permissionsOf are a group's rules as permissions: rules of the same protocol
// and ports stand in one, in the order of the first of them.
func permissionsOf(tx *state.Tx, scope state.Scope, group string) (ingress, egress []api.IpPermission) {
	rules := inOrder(tx, scope, group)
	return merged(scope, rules, false), merged(scope, rules, true)
}

func merged(scope state.Scope, rules []*Rule, egress bool) []api.IpPermission {
	out := []api.IpPermission{}
	at := map[Spec]int{}
	for _, r := range rules {
		if r.Egress != egress {
			continue
		}
		base := r.Spec
		base.Peer = Peer{}
		i, ok := at[base]
		if !ok {
			i = len(out)
			at[base] = i
			out = append(out, emptyPermission(base))
		}
		r.into(scope, &out[i])
	}
	return out
}

func emptyPermission(s Spec) api.IpPermission {
	p := api.IpPermission{IpProtocol: &s.Protocol, IpRanges: []api.IpRange{}, Ipv6Ranges: []api.Ipv6Range{}, PrefixListIds: []api.PrefixListId{}, UserIdGroupPairs: []api.UserIdGroupPair{}}
	if s.Protocol == "tcp" || s.Protocol == "udp" || strings.HasPrefix(s.Protocol, "icmp") {
		p.FromPort, p.ToPort = &s.From, &s.To
	}
	return p
}

// into adds a rule's peer to a permission.
func (r *Rule) into(scope state.Scope, p *api.IpPermission) {
	var description *string
	if r.Description != "" {
		description = &r.Description
	}
	switch {
	case r.IPv4 != "":
		p.IpRanges = append(p.IpRanges, api.IpRange{CidrIp: &r.IPv4, Description: description})
	case r.IPv6 != "":
		p.Ipv6Ranges = append(p.Ipv6Ranges, api.Ipv6Range{CidrIpv6: &r.IPv6, Description: description})
	case r.PrefixList != "":
		p.PrefixListIds = append(p.PrefixListIds, api.PrefixListId{PrefixListId: &r.PrefixList, Description: description})
	default:
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, api.UserIdGroupPair{GroupId: &r.Peer.Group, UserId: new(scope.Account), Description: description})
	}
}

package ec2

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// PrefixList is a managed prefix list.
type PrefixList struct {
	ID, Name string
	// Family is "IPv4" or "IPv6".
	Family string
	Max    int
	// Entries are those of the newest version, Older those before it.
	Entries  []PrefixEntry
	Older    [][]PrefixEntry `json:",omitzero"`
	Modified bool            `json:",omitzero"`
	// AWS marks a list of AWS's own.
	AWS bool `json:",omitzero"`
}

// PrefixEntry is one block of a prefix list.
type PrefixEntry struct {
	CIDR        string
	Description string `json:",omitzero"`
}

// PrefixLists is the table of the account's own lists; AWS's are in the catalog.
var PrefixLists = state.NewTable("ec2.prefixlist", func(l *PrefixList) string { return l.ID })

func init() { prefixListKind.exists = PrefixLists.Has }

// prefixList is a list of the account's or of AWS's.
func prefixList(tx *state.Tx, scope state.Scope, id string) (*PrefixList, bool) {
	if l, ok := PrefixLists.Get(tx, scope, id); ok {
		return l, true
	}
	for _, l := range awsLists(scope.Region) {
		if l.ID == id {
			return l, true
		}
	}
	return nil, false
}

// awsLists are AWS's own lists: they are named, but what is in them differs by
// region and day, so they are empty.
func awsLists(region string) (all []*PrefixList) {
	for _, l := range catalog.PrefixLists(region) {
		all = append(all, &PrefixList{ID: l.ID, Name: l.Name, Family: "IPv4", AWS: true})
	}
	return all
}

func (l *PrefixList) version() int { return len(l.Older) + 1 }

func showPrefixList(tx *state.Tx, scope state.Scope, l *PrefixList) api.ManagedPrefixList {
	out := api.ManagedPrefixList{
		PrefixListId: &l.ID, PrefixListName: &l.Name, AddressFamily: &l.Family, OwnerId: &scope.Account, PrefixListArn: new(prefixListKind.arn(scope, l.ID)),
		MaxEntries: &l.Max, State: api.PrefixListStateCreateComplete, Version: new(l.version()), Tags: []api.Tag{},
	}
	if tags := shownTags(tx, scope, l.ID); tags != nil {
		out.Tags = tags
	}
	if l.Modified {
		out.State = api.PrefixListStateModifyComplete
	}
	if l.AWS {
		aws := scope
		aws.Account = "aws"
		out.OwnerId, out.MaxEntries, out.Version, out.PrefixListArn = new("AWS"), nil, nil, new(arn.New("ec2", aws, "prefix-list/"+l.ID))
	}
	return out
}

var prefixListFields = fields[api.ManagedPrefixList]{
	"owner-id":         str(func(l *api.ManagedPrefixList) *string { return l.OwnerId }),
	"prefix-list-id":   str(func(l *api.ManagedPrefixList) *string { return l.PrefixListId }),
	"prefix-list-name": str(func(l *api.ManagedPrefixList) *string { return l.PrefixListName }),
}

// managed are all lists that match, in the order of their ids.
func (s *Service) managed(c *operation.Caller, ids []string, filters []api.Filter) ([]api.ManagedPrefixList, error) {
	tx := s.env.Store.View()
	match, err := prefixListFields.matcher(filters, func(l *api.ManagedPrefixList) []api.Tag { return l.Tags })
	if err != nil {
		return nil, err
	}
	all := append(slices.Collect(PrefixLists.All(tx, c.Scope())), awsLists(c.Region)...)
	slices.SortFunc(all, func(a, b *PrefixList) int { return strings.Compare(a.ID, b.ID) })
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(l *PrefixList) bool { return l.ID == id }) {
			return nil, prefixListKind.notFound(id)
		}
	}
	shown := []api.ManagedPrefixList{}
	for _, l := range all {
		if out := showPrefixList(tx, c.Scope(), l); (len(ids) == 0 || contains(ids, l.ID)) && match(&out) {
			shown = append(shown, out)
		}
	}
	return shown, nil
}

// DescribeManagedPrefixLists tells the account's and AWS's prefix lists.
func (s *Service) DescribeManagedPrefixLists(_ context.Context, c *operation.Caller, in *api.DescribeManagedPrefixListsRequest) (*api.DescribeManagedPrefixListsResult, error) {
	all, err := s.managed(c, in.PrefixListIds, in.Filters)
	if err != nil {
		return nil, err
	}
	page, next, err := paging.Page(slices.Values(all), in.NextToken, awsapi.V(in.MaxResults), func(l api.ManagedPrefixList) string { return *l.PrefixListId })
	if err != nil {
		return nil, badToken()
	}
	return &api.DescribeManagedPrefixListsResult{PrefixLists: page, NextToken: next}, nil
}

// DescribePrefixLists tells AWS's prefix lists in the older form.
func (s *Service) DescribePrefixLists(_ context.Context, c *operation.Caller, in *api.DescribePrefixListsRequest) (*api.DescribePrefixListsResult, error) {
	all := []api.PrefixList{}
	for _, l := range awsLists(c.Region) {
		if len(in.PrefixListIds) == 0 || contains(in.PrefixListIds, l.ID) {
			all = append(all, api.PrefixList{PrefixListId: &l.ID, PrefixListName: &l.Name, Cidrs: []string{}})
		}
	}
	if len(all) < len(in.PrefixListIds) {
		return nil, prefixListKind.notFound(in.PrefixListIds...)
	}
	f := fields[api.PrefixList]{
		"prefix-list-id":   str(func(l *api.PrefixList) *string { return l.PrefixListId }),
		"prefix-list-name": str(func(l *api.PrefixList) *string { return l.PrefixListName }),
	}
	slices.SortFunc(all, func(a, b api.PrefixList) int { return strings.Compare(*a.PrefixListId, *b.PrefixListId) })
	page, next, err := pick(all, f, in.Filters, in.MaxResults, in.NextToken, func(l *api.PrefixList) string { return *l.PrefixListId })
	return &api.DescribePrefixListsResult{PrefixLists: page, NextToken: next}, err
}

// entries checks blocks that a list is to have.
func entries(family string, add []api.AddPrefixListEntry) ([]PrefixEntry, error) {
	version := 4
	if family == "IPv6" {
		version = 6
	}
	var all []PrefixEntry
	for _, e := range add {
		b, ok := canonical(*e.Cidr, version)
		if !ok {
			return nil, invalidValue("Value (%s) for parameter cidr is invalid. It is no %s CIDR block.", *e.Cidr, family)
		}
		if slices.ContainsFunc(all, func(o PrefixEntry) bool { return o.CIDR == b }) {
			return nil, invalidValue("The CIDR %s is specified more than once.", b)
		}
		all = append(all, PrefixEntry{b, awsapi.V(e.Description)})
	}
	return all, nil
}

func tooManyEntries(limit int) error {
	return awsapi.Errorf("PrefixListMaxEntriesExceeded", 400, "The prefix list would have more than its maximum of %d entries.", limit)
}

// CreateManagedPrefixList makes a prefix list.
func (s *Service) CreateManagedPrefixList(_ context.Context, c *operation.Caller, in *api.CreateManagedPrefixListRequest) (*api.CreateManagedPrefixListResult, error) {
	tags, err := specified(in.TagSpecifications, prefixListKind.typ)
	if err != nil {
		return nil, err
	}
	switch {
	case *in.AddressFamily != "IPv4" && *in.AddressFamily != "IPv6":
		return nil, invalidValue("Value (%s) for parameter addressFamily is invalid. It must be IPv4 or IPv6.", *in.AddressFamily)
	case strings.HasPrefix(*in.PrefixListName, "com.amazonaws"):
		return nil, invalidValue("Value (%s) for parameter prefixListName is invalid. It must not begin with com.amazonaws.", *in.PrefixListName)
	case *in.MaxEntries < 1 || *in.MaxEntries > 1000:
		return nil, invalidValue("Value (%d) for parameter maxEntries is invalid. It must be between 1 and 1000.", *in.MaxEntries)
	case len(in.Entries) > *in.MaxEntries:
		return nil, tooManyEntries(*in.MaxEntries)
	}
	list, err := entries(*in.AddressFamily, in.Entries)
	if err != nil {
		return nil, err
	}
	var out api.ManagedPrefixList
	err = s.env.Store.Update(func(tx *state.Tx) error {
		id, err := s.once(tx, c.Scope(), "CreateManagedPrefixList", in.ClientToken, in, func() (string, error) {
			l := &PrefixList{ID: prefixListKind.id(), Name: *in.PrefixListName, Family: *in.AddressFamily, Max: *in.MaxEntries, Entries: list}
			PrefixLists.Put(tx, c.Scope(), l)
			SetTags(tx, c.Scope(), l.ID, tags)
			return l.ID, nil
		})
		if err != nil {
			return err
		}
		l, err := find(tx, c.Scope(), PrefixLists, prefixListKind, &id)
		if err == nil {
			out = showPrefixList(tx, c.Scope(), l)
			out.State = api.PrefixListStateCreateInProgress
		}
		return err
	})
	return &api.CreateManagedPrefixListResult{PrefixList: &out}, err
}

// ModifyManagedPrefixList changes a prefix list; changed entries are a new version.
func (s *Service) ModifyManagedPrefixList(_ context.Context, c *operation.Caller, in *api.ModifyManagedPrefixListRequest) (*api.ModifyManagedPrefixListResult, error) {
	var out api.ManagedPrefixList
	err := s.env.Store.Update(func(tx *state.Tx) error {
		l, err := find(tx, c.Scope(), PrefixLists, prefixListKind, in.PrefixListId)
		if err != nil {
			return err
		}
		changed := *l
		if err := changed.modify(in); err != nil {
			return err
		}
		PrefixLists.Put(tx, c.Scope(), &changed)
		out = showPrefixList(tx, c.Scope(), &changed)
		out.State = api.PrefixListStateModifyInProgress
		return nil
	})
	return &api.ModifyManagedPrefixListResult{PrefixList: &out}, err
}

func (l *PrefixList) modify(in *api.ModifyManagedPrefixListRequest) error {
	l.Modified = true
	if in.PrefixListName != nil {
		l.Name = *in.PrefixListName
	}
	changes := len(in.AddEntries)+len(in.RemoveEntries) > 0
	switch {
	case in.MaxEntries != nil && changes:
		return invalidCombination("maxEntries cannot be changed together with entries")
	case in.MaxEntries != nil && *in.MaxEntries < len(l.Entries):
		return tooManyEntries(*in.MaxEntries)
	case in.MaxEntries != nil:
		l.Max = *in.MaxEntries
		return nil
	case !changes:
		return nil
	case in.CurrentVersion == nil:
		return missingParameter("CurrentVersion")
	case *in.CurrentVersion != l.version():
		return awsapi.Errorf("PrefixListVersionMismatch", 400, "The prefix list has the version %d, not %d.", l.version(), *in.CurrentVersion)
	}
	left := slices.Clone(l.Entries)
	for _, r := range in.RemoveEntries {
		at := slices.IndexFunc(left, func(e PrefixEntry) bool { return e.CIDR == *r.Cidr })
		if at < 0 {
			return invalidValue("The CIDR %s is not in the prefix list %s.", *r.Cidr, l.ID)
		}
		left = slices.Delete(left, at, at+1)
	}
	added, err := entries(l.Family, in.AddEntries)
	if err != nil {
		return err
	}
	for _, e := range added {
		left = slices.DeleteFunc(left, func(o PrefixEntry) bool { return o.CIDR == e.CIDR })
	}
	if left = append(left, added...); len(left) > l.Max {
		return tooManyEntries(l.Max)
	}
	l.Older, l.Entries = append(slices.Clone(l.Older), l.Entries), left
	return nil
}

// DeleteManagedPrefixList deletes a prefix list that nothing names.
func (s *Service) DeleteManagedPrefixList(_ context.Context, c *operation.Caller, in *api.DeleteManagedPrefixListRequest) (*api.DeleteManagedPrefixListResult, error) {
	var out api.ManagedPrefixList
	err := s.env.Store.Update(func(tx *state.Tx) error {
		l, err := find(tx, c.Scope(), PrefixLists, prefixListKind, in.PrefixListId)
		if err != nil {
			return err
		}
		if users := naming(tx, c.Scope(), l.ID); len(users) > 0 {
			return awsapi.Errorf("DependencyViolation", 400, "The prefix list '%s' is in use by %s.", l.ID, strings.Join(users, ", "))
		}
		out = showPrefixList(tx, c.Scope(), l)
		out.State = api.PrefixListStateDeleteInProgress
		drop(tx, c.Scope(), PrefixLists, l.ID)
		return nil
	})
	return &api.DeleteManagedPrefixListResult{PrefixList: &out}, err
}

// naming are the security groups and route tables that name a prefix list.
func naming(tx *state.Tx, scope state.Scope, id string) (all []string) {
	for r := range rulesNaming.Get(tx, scope, id) {
		all = append(all, r.Group)
	}
	for t := range RouteTables.All(tx, scope) {
		if t.route(id) != nil {
			all = append(all, t.ID)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// GetManagedPrefixListEntries tells the blocks of a version of a list.
func (s *Service) GetManagedPrefixListEntries(_ context.Context, c *operation.Caller, in *api.GetManagedPrefixListEntriesRequest) (*api.GetManagedPrefixListEntriesResult, error) {
	l, ok := prefixList(s.env.View(c), c.Scope(), *in.PrefixListId)
	if !ok {
		return nil, prefixListKind.notFound(*in.PrefixListId)
	}
	list := l.Entries
	if v := in.TargetVersion; v != nil && *v != l.version() {
		if *v < 1 || *v > l.version() {
			return nil, invalidValue("The prefix list %s has no version %d.", l.ID, *v)
		}
		list = l.Older[*v-1]
	}
	at := 0
	numbered := func(yield func(PrefixEntry) bool) {
		for at = range list {
			if !yield(list[at]) {
				return
			}
		}
	}
	page, next, err := paging.Page(numbered, in.NextToken, awsapi.V(in.MaxResults), func(e PrefixEntry) string {
		return pad(slices.IndexFunc(list, func(o PrefixEntry) bool { return o.CIDR == e.CIDR }))
	})
	if err != nil {
		return nil, badToken()
	}
	out := &api.GetManagedPrefixListEntriesResult{Entries: []api.PrefixListEntry{}, NextToken: next}
	for _, e := range page {
		out.Entries = append(out.Entries, api.PrefixListEntry{Cidr: &e.CIDR, Description: first(e.Description)})
	}
	return out, nil
}

// pad is a number as a key that sorts.
func pad(n int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, 8-len(s))) + s
}

// GetManagedPrefixListAssociations tells what names a prefix list.
func (s *Service) GetManagedPrefixListAssociations(_ context.Context, c *operation.Caller, in *api.GetManagedPrefixListAssociationsRequest) (*api.GetManagedPrefixListAssociationsResult, error) {
	tx := s.env.View(c)
	if _, ok := prefixList(tx, c.Scope(), *in.PrefixListId); !ok {
		return nil, prefixListKind.notFound(*in.PrefixListId)
	}
	page, next, err := paging.Page(slices.Values(naming(tx, c.Scope(), *in.PrefixListId)), in.NextToken, awsapi.V(in.MaxResults), func(id string) string { return id })
	if err != nil {
		return nil, badToken()
	}
	out := &api.GetManagedPrefixListAssociationsResult{PrefixListAssociations: []api.PrefixListAssociation{}, NextToken: next}
	for _, id := range page {
		out.PrefixListAssociations = append(out.PrefixListAssociations, api.PrefixListAssociation{ResourceId: &id, ResourceOwner: &c.Account})
	}
	return out, nil
}

package secretsmanager

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func badToken() error {
	return api.InvalidNextTokenException("The NextToken value is invalid.")
}

// listing is what a list is asked for.
type listing struct {
	filters   []api.Filter
	deleted   bool
	by        api.SortByType
	ascending bool
	token     *string
	limit     *int
	most      int
}

func (s *Service) list(tx *state.Tx, c *operation.Caller, l listing) ([]*Secret, *string, error) {
	var rows []*Secret
	for row := range Secrets.All(tx, c.Scope()) {
		if (l.deleted || !row.deleted()) && matches(row, c.Region, l.filters) {
			rows = append(rows, row)
		}
	}
	key := func(row *Secret) string { return row.order(l.by, l.ascending) }
	slices.SortFunc(rows, func(a, b *Secret) int { return strings.Compare(key(a), key(b)) })
	if l.limit != nil {
		l.most = *l.limit
	}
	page, next, err := paging.Page(slices.Values(rows), l.token, l.most, key)
	if err != nil {
		return nil, nil, badToken()
	}
	return page, next, nil
}

// newestFirst is a key by whose order later times come first.
func newestFirst(t time.Time, name string) string {
	return fmt.Sprintf("%019d %s", math.MaxInt64-t.UnixNano(), name)
}

// order is a key by which rows stand in the order that is asked for.
func (s *Secret) order(by api.SortByType, ascending bool) string {
	at := s.Created
	switch by {
	case api.SortByTypeName:
		if ascending {
			return s.Name
		}
		inverse := []byte(s.Name + "\x00")
		for i := range inverse {
			inverse[i] = ^inverse[i]
		}
		return string(inverse)
	case api.SortByTypeLastAccessedDate:
		at = s.Accessed
	case api.SortByTypeLastChangedDate:
		at = s.Changed
	}
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	if ascending {
		return fmt.Sprintf("%019d %s", at.UnixNano(), s.Name)
	}
	return newestFirst(at, s.Name)
}

// ListSecrets lists secrets, the newest first unless asked otherwise.
func (s *Service) ListSecrets(_ context.Context, c *operation.Caller, in *api.ListSecretsRequest) (*api.ListSecretsResponse, error) {
	rows, next, err := s.list(s.env.Store.View(), c, listing{
		filters: in.Filters, deleted: awsapi.V(in.IncludePlannedDeletion), by: in.SortBy, ascending: in.SortOrder == api.SortOrderTypeAsc,
		token: in.NextToken, limit: in.MaxResults, most: 100,
	})
	if err != nil {
		return nil, err
	}
	out := &api.ListSecretsResponse{SecretList: []api.SecretListEntry{}, NextToken: next}
	for _, row := range rows {
		out.SecretList = append(out.SecretList, api.SecretListEntry{
			ARN: new(ARN(c.Scope(), row)), Name: &row.Name, Description: optional(row.Description), KmsKeyId: optional(row.KMSKey), Tags: tagsOf(row),
			CreatedDate: &row.Created, LastChangedDate: &row.Changed, LastAccessedDate: when(row.Accessed), DeletedDate: when(row.Deletion),
			SecretVersionsToStages: row.stages(), PrimaryRegion: row.primary(c.Region),
		})
	}
	return out, nil
}

// matches tells whether a secret passes all filters; a filter is passed by one
// of its values, and by none of those that begin with an exclamation mark (API
// reference, Filter).
func matches(s *Secret, region string, filters []api.Filter) bool {
	for _, f := range filters {
		var wanted, found bool
		for _, v := range f.Values {
			if refused, negated := strings.CutPrefix(v, "!"); negated {
				if s.has(f.Key, refused, region) {
					return false
				}
				continue
			}
			wanted = true
			found = found || s.has(f.Key, v, region)
		}
		if wanted && !found {
			return false
		}
	}
	return true
}

// has tells whether an attribute begins with the value. Names and tags are
// compared by case, the others not.
func (s *Secret) has(key api.FilterNameStringType, value, region string) bool {
	switch key {
	case api.FilterNameStringTypeName:
		return strings.HasPrefix(s.Name, value)
	case api.FilterNameStringTypeDescription:
		return hasPrefixFold(s.Description, value)
	case api.FilterNameStringTypeTagKey:
		return slices.ContainsFunc(s.Tags.Keys(), func(k string) bool { return strings.HasPrefix(k, value) })
	case api.FilterNameStringTypeTagValue:
		return slices.ContainsFunc(s.Tags.Keys(), func(k string) bool { return strings.HasPrefix(s.Tags[k], value) })
	case api.FilterNameStringTypePrimaryRegion:
		return strings.HasPrefix(awsapi.V(cmp.Or(s.primary(region), &region)), value)
	case api.FilterNameStringTypeAll:
		return s.mentions(value)
	}
	return false // no service owns secrets here
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// mentions tells whether every word of the value begins a word of an attribute.
func (s *Secret) mentions(value string) bool {
	texts := []string{s.Name, s.Description}
	for k, v := range s.Tags {
		texts = append(texts, k, v)
	}
	var have []string
	for _, t := range texts {
		have = append(append(have, t), words(t)...)
	}
	for _, w := range words(value) {
		if !slices.ContainsFunc(have, func(h string) bool { return hasPrefixFold(h, w) }) {
			return false
		}
	}
	return true
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

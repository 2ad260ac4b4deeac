package ec2

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// listing is how the rows of a table are described.
type listing[R, T any] struct {
	table *state.Table[R]
	kind  *kind
	// show is what is answered for a row.
	show func(tx *state.Tx, scope state.Scope, r *R) T
	// tags are the answer's; nil for a kind that cannot be tagged.
	tags   func(*T) []api.Tag
	fields fields[T]
	// alone tells that ids exclude MaxResults.
	alone bool
}

// query is what the inputs of all Describe operations have in common.
type query struct {
	ids     []string
	filters []api.Filter
	max     *int
	token   *string
}

// describe answers a Describe operation.
func (l *listing[R, T]) describe(tx *state.Tx, scope state.Scope, q query) ([]T, *string, error) {
	match, err := l.fields.matcher(q.filters, l.tags)
	if err != nil {
		return nil, nil, err
	}
	if len(q.ids) > 0 {
		all, err := l.named(tx, scope, q)
		return slices.DeleteFunc(all, func(t T) bool { return !match(&t) }), nil, err
	}
	after, err := paging.Decode(q.token)
	if err != nil {
		return nil, nil, badToken()
	}
	page, last := []T{}, ""
	for r := range l.table.From(tx, scope, after) {
		key := l.table.Key(r)
		if key == after {
			continue
		}
		shown := l.show(tx, scope, r)
		if !match(&shown) {
			continue
		}
		if q.max != nil && len(page) == *q.max {
			return page, new(paging.Encode(last)), nil
		}
		page, last = append(page, shown), key
	}
	return page, nil, nil
}

// named are the rows of the query's ids, each once.
func (l *listing[R, T]) named(tx *state.Tx, scope state.Scope, q query) ([]T, error) {
	if l.alone && q.max != nil {
		return nil, invalidCombination("The parameter %ss cannot be used with the parameter maxResults", l.kind.typ)
	}
	all, missing, seen := []T{}, []string(nil), map[string]bool{}
	for _, id := range q.ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		r, ok := l.table.Get(tx, scope, id)
		if !ok {
			missing = append(missing, id)
			continue
		}
		all = append(all, l.show(tx, scope, r))
	}
	if len(missing) > 0 {
		return nil, l.kind.notFound(missing...)
	}
	return all, nil
}

func badToken() error {
	return awsapi.Errorf("InvalidNextToken", 400, "The specified NextToken is not valid.")
}

// pick is describe for a list that is no table: facts of the catalog, in the
// order of key.
func pick[T any](all []T, f fields[T], filters []api.Filter, max *int, token *string, key func(*T) string) ([]T, *string, error) {
	return tagged(all, f, nil, filters, max, token, key)
}

// tagged is pick for what has tags.
func tagged[T any](all []T, f fields[T], tags func(*T) []api.Tag, filters []api.Filter, max *int, token *string, key func(*T) string) ([]T, *string, error) {
	match, err := f.matcher(filters, tags)
	if err != nil {
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(t T) bool { return !match(&t) })
	page, next, err := paging.Page(slices.Values(all), token, awsapi.V(max), func(t T) string { return key(&t) })
	if err != nil {
		return nil, nil, badToken()
	}
	return page, next, nil
}

package ecs

import (
	"iter"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/paging"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// MostPerPage is the size of most lists' pages.
const MostPerPage = 100

// page cuts a list's page out of rows that stand in the order of key: def rows
// when the request does not say, most at most.
func page[T any](rows iter.Seq[T], token *string, limit *int, def, most int, key func(T) string) ([]T, *string, error) {
	n := def
	if limit != nil {
		if n = *limit; n < 1 || n > most {
			return nil, nil, api.InvalidParameterException("maxResults should be between 1 and %d.", most)
		}
	}
	got, next, err := paging.Page(rows, token, n, key)
	if err != nil {
		return nil, nil, api.InvalidParameterException("Invalid token value.")
	}
	return got, next, nil
}

// after is a table's rows whose keys begin with the prefix, from the one on that
// the token names: page skips that one. A list of 100,000 rows costs each page only
// the page.
func after[T any](t *state.Table[T], tx *state.Tx, scope state.Scope, prefix string, token *string) iter.Seq[*T] {
	from, err := paging.Decode(token)
	if err != nil || !strings.HasPrefix(from, prefix) {
		return t.Prefix(tx, scope, prefix) // page refuses the token, or it is before all
	}
	return func(yield func(*T) bool) {
		for row := range t.From(tx, scope, from) {
			if !strings.HasPrefix(t.Key(row), prefix) || !yield(row) {
				return
			}
		}
	}
}

// filter is the rows that keep is true of.
func filter[T any](rows iter.Seq[T], keep func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for r := range rows {
			if keep(r) && !yield(r) {
				return
			}
		}
	}
}

// arns is the rows' names.
func arns[T any](rows []T, name func(T) string) []string {
	all := make([]string, 0, len(rows))
	for _, r := range rows {
		all = append(all, name(r))
	}
	return all
}

// batch checks the number of things in a describe call. The words are "Tasks",
// "Services".
func batch(refs []string, most int, words string) error {
	if len(refs) == 0 {
		return api.InvalidParameterException("%s cannot be empty.", words)
	}
	if len(refs) > most {
		return api.InvalidParameterException("%s cannot be longer than %d.", words, most)
	}
	return nil
}

// number is a pointer's value or what stands for none.
func number(p *int, none int) int {
	if p == nil {
		return none
	}
	return *p
}

// yes is a pointer's value, false for none.
func yes(p *bool) bool { return awsapi.V(p) }

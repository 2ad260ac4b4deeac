package iam

import (
	"iter"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/paging"
)

// pageSize is how many rows IAM lists when nobody says.
const pageSize = 100

// page cuts one page out of the rows, which are in the order of key.
func page[T any](rows iter.Seq[T], marker *string, most *int, key func(T) string) (list []T, next *string, truncated *bool, err error) {
	limit := pageSize
	if most != nil {
		limit = *most
	}
	list, next, err = paging.Page(rows, marker, limit, key)
	if err != nil {
		return nil, nil, nil, invalid("Invalid Marker.")
	}
	return list, next, new(next != nil), nil
}

// only is the rows that pass.
func only[T any](rows iter.Seq[T], pass func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for row := range rows {
			if pass(row) && !yield(row) {
				return
			}
		}
	}
}

// under is the rows whose path begins with the prefix.
func under[T any](rows iter.Seq[T], prefix *string, path func(T) string) iter.Seq[T] {
	if prefix == nil {
		return rows
	}
	return only(rows, func(row T) bool { return strings.HasPrefix(path(row), *prefix) })
}

// convert is a list of what the rows are made into.
func convert[T, U any](rows []T, into func(T) U) []U {
	out := make([]U, len(rows))
	for i, row := range rows {
		out[i] = into(row)
	}
	return out
}

// ordered is the rows in the order of a key that is not the table's.
func ordered[T any](rows iter.Seq[T], key func(T) string) iter.Seq[T] {
	return slices.Values(slices.SortedFunc(rows, func(a, b T) int { return strings.Compare(key(a), key(b)) }))
}

func self(s string) string { return s }

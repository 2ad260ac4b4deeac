// Package paging cuts lists into pages as AWS's list and describe operations
// answer them. A token is the key of the last row of the page, so a page is
// right even when rows come and go between two calls.
package paging

import (
	"encoding/base64"
	"errors"
	"iter"
)

// ErrToken is the error for a token that is none of ours; each service has its
// own words for it.
var ErrToken = errors.New("the pagination token is not valid")

// Page is the rows of seq after the token, at most limit of them (all when limit is 0 or
// less), and the next page's token, nil on the last page. Seq must be in the order of
// key.
func Page[T any](seq iter.Seq[T], token *string, limit int, key func(T) string) (page []T, next *string, err error) {
	after, err := Decode(token)
	if err != nil {
		return nil, nil, err
	}
	page = []T{}
	for row := range seq {
		if after != "" && key(row) <= after {
			continue
		}
		if limit > 0 && len(page) == limit {
			return page, new(Encode(key(page[limit-1]))), nil
		}
		page = append(page, row)
	}
	return page, nil, nil
}

// Encode makes a token that resumes after the key.
func Encode(key string) string { return base64.RawURLEncoding.EncodeToString([]byte("after:" + key)) }

// Decode is the key that a token resumes after, "" for no token.
func Decode(token *string) (string, error) {
	if token == nil || *token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(b) <= len("after:") || string(b[:len("after:")]) != "after:" {
		return "", ErrToken
	}
	return string(b[len("after:"):]), nil
}

package paging

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func self(s string) string { return s }

func TestPagesTogetherAreTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, limit := rapid.IntRange(0, 40).Draw(t, "n"), rapid.IntRange(1, 10).Draw(t, "limit")
		var all, got []string
		for i := range n {
			all = append(all, fmt.Sprintf("row-%03d", i))
		}
		var token *string
		for calls := 0; ; calls++ {
			page, next, err := Page(slices.Values(all), token, limit, self)
			if err != nil || len(page) > limit || calls > n {
				t.Fatalf("page %v, calls %d, %v", page, calls, err)
			}
			got = append(got, page...)
			if token = next; next == nil {
				break
			}
		}
		if !slices.Equal(all, got) {
			t.Fatalf("got %v, want %v", got, all)
		}
	})
}

func TestARowThatWentDoesNotShiftThePage(t *testing.T) {
	page, next, _ := Page(slices.Values([]string{"a", "b", "c", "d"}), nil, 2, self)
	page2, _, _ := Page(slices.Values([]string{"a", "c", "d"}), next, 2, self)
	if got := append(page, page2...); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Error(got)
	}
}

func TestForeignTokensAreRefused(t *testing.T) {
	for _, s := range []string{"x", "!!", "YWZ0ZXI6"} {
		if _, _, err := Page(slices.Values([]string{"a"}), &s, 2, self); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

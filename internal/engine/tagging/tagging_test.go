package tagging

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type tag struct{ k, v *string }

func TestListsRoundTrip(t *testing.T) {
	in := []tag{{new("b"), new("2")}, {new("a"), nil}, {new("b"), new("3")}}
	s := Of(in, func(t tag) (*string, *string) { return t.k, t.v })
	if diff := cmp.Diff(Set{"a": "", "b": "3"}, s); diff != "" {
		t.Error(diff)
	}
	got := List(s, func(k, v string) string { return k + "=" + v })
	if diff := cmp.Diff([]string{"a=", "b=3"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWithAndWithoutLeaveTheOriginal(t *testing.T) {
	s := Set{"a": "1"}
	if diff := cmp.Diff(Set{"a": "2", "b": "3"}, s.With(Set{"a": "2", "b": "3"})); diff != "" {
		t.Error(diff)
	}
	if len(s.Without("a")) != 0 || s["a"] != "1" || len(s) != 1 {
		t.Error("the original changed")
	}
}

func TestCheck(t *testing.T) {
	many := Set{}
	for i := range Most + 1 {
		many[fmt.Sprint(i)] = ""
	}
	tests := []struct {
		set  Set
		want string
	}{
		{Set{"Name": "", "a": "b"}, ""},
		{many, "at most 50"},
		{Set{"": "x"}, "empty"},
		{Set{strings.Repeat("ä", 129): "x"}, "128"},
		{Set{"k": strings.Repeat("v", 257)}, "256"},
		{Set{"AWS:x": "x"}, "reserved"},
	}
	for _, tt := range tests {
		err := tt.set.Check()
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("want %q, got %v", tt.want, err)
		}
	}
}

package config

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// Whatever a file says, it is a stack that is whole or an error that tells where.
func FuzzParse(f *testing.F) {
	for _, c := range refused {
		f.Add(c.source())
	}
	for _, folder := range []string{"good", "wrong"} {
		entries, err := os.ReadDir("testdata/" + folder)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range entries {
			if source, err := os.ReadFile("testdata/" + folder + "/" + e.Name()); err == nil && strings.HasSuffix(e.Name(), ".yaml") {
				f.Add(string(source))
			}
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		stack, err := Parse("slipway.yaml", []byte(source), noVariables)
		if err == nil {
			for _, e := range stack.Environments {
				for _, s := range e.Services {
					if s.Name == "" || s.TargetGroup == "" || len(s.TargetGroup) > maxGroupName || len(s.Containers) == 0 {
						t.Errorf("a service is not whole: %+v", s)
					}
				}
			}
			return
		}
		var all Errors
		if !errors.As(err, &all) {
			t.Fatalf("%T: %v", err, err)
		}
		for _, p := range all {
			if p.At.File != "slipway.yaml" || p.At.Line < 1 || p.At.Column < 1 || p.Message == "" {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
		_ = all.Excerpts()
	})
}

// Ten levels of ten aliases each would be ten thousand million values.
func TestAliasesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := '1'; i <= '9'; i++ {
		b.WriteString("a" + string(i) + ": &a" + string(i) + " [")
		b.WriteString(strings.Repeat("*a"+string(i-1)+",", 10))
		b.WriteString("]\n")
	}
	_, err := Parse("slipway.yaml", []byte(b.String()), noVariables)
	if err == nil || !strings.Contains(err.Error(), "aliases unfold to more than") {
		t.Errorf("got %v", err)
	}
}

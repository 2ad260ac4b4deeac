package ids

import (
	"regexp"
	"testing"
)

func TestForms(t *testing.T) {
	tests := []struct{ got, pattern string }{
		{Hex(17), `^[0-9a-f]{17}$`},
		{Hex(32), `^[0-9a-f]{32}$`},
		{UUID(), `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		{Digits(19), `^[1-9][0-9]{18}$`},
		{Upper(16), `^[A-Z2-7]{16}$`},
		{Secret(40), `^[A-Za-z0-9+/]{40}$`},
	}
	for _, tt := range tests {
		if !regexp.MustCompile(tt.pattern).MatchString(tt.got) {
			t.Errorf("%q does not match %s", tt.got, tt.pattern)
		}
	}
	for _, draw := range []func() string{func() string { return Hex(32) }, func() string { return Digits(19) }} {
		if one, other := draw(), draw(); one == other {
			t.Errorf("two draws are %s", one)
		}
	}
}

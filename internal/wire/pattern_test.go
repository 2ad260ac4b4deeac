package wire

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// Every pattern of every model can be checked; one that Go cannot express would
// be listed here, and is not checked.
func TestPatternsCompile(t *testing.T) {
	for _, svc := range every {
		for i := range svc.Shapes {
			if s := &svc.Shapes[i]; s.Pattern != "" && pattern(s.Pattern) == nil {
				t.Errorf("%s: Go has no pattern like %s of %s", svc.Name, s.Pattern, s.Name)
			}
		}
	}
}

func shapeNamed(t *testing.T, svc *awsapi.Service, name string) *awsapi.Shape {
	t.Helper()
	for i := range svc.Shapes {
		if svc.Shapes[i].Name == name {
			return &svc.Shapes[i]
		}
	}
	t.Fatalf("%s has no shape %s", svc.Name, name)
	return nil
}

func TestPatterns(t *testing.T) {
	for name, c := range map[string]struct{ take, refuse []string }{
		"acm DomainNameString":                        {[]string{"a.bc", "*.example.com", "x-y.example.co"}, []string{"", "a", "a.b", "-a.example", "a-.example", "a.-bc", "a.bc-", "*.*.com", "a..bc", "*"}},
		"application-autoscaling ScheduledActionName": {[]string{"a", "a b", "é"}, []string{"", " a", "a ", "a:b", "a/b", "a|b", "a\nb", "a\u0085b", " "}},
		"application-autoscaling PolicyName":          {[]string{"a b~"}, []string{"", "é", "a\tb"}},
		"events PathParameter":                        {[]string{"a", " a "}, []string{"", "  "}},
		"iam accountAliasType":                        {[]string{"abc", "a-b"}, []string{"", "-ab", "ab-", "a--b", "Abc"}},
		"iam pathType":                                {[]string{"/", "/a/"}, []string{"", "a", "/a", "//\u0080/"}},
		"autoscaling TagKey":                          {[]string{"a", "🚢", "\n"}, []string{"\x00"}},
		"ecs TagKey":                                  {[]string{"a b", "é/@", ""}, []string{"a!", "a\nb"}},
		"sts arnType":                                 {[]string{"arn:aws:iam::1:role/x"}, []string{"", "\x01"}},
		"logs LogStreamName":                          {[]string{"a b", ""}, []string{"a:b", "a*"}},
	} {
		for _, svc := range every {
			shape, of := cutName(name, svc.Name)
			if !of {
				continue
			}
			s := shapeNamed(t, svc, shape)
			re := pattern(s.Pattern)
			for _, text := range c.take {
				if !re.MatchString(text) {
					t.Errorf("%s refuses %q", name, text)
				}
			}
			for _, text := range c.refuse {
				if re.MatchString(text) {
					t.Errorf("%s takes %q", name, text)
				}
			}
		}
	}
}

func cutName(name, service string) (shape string, ok bool) {
	if len(name) > len(service) && name[:len(service)] == service && name[len(service)] == ' ' {
		return name[len(service)+1:], true
	}
	return "", false
}

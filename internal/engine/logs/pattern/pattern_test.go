package pattern

import "testing"

func TestPatterns(t *testing.T) {
	const line = `{"level":"error","status":503,"user":{"id":"u-1","tags":["a","b"]},"path":"/api/x","ok":false,"gone":null}`
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		{"", "anything", true},
		{"ERROR", "an ERROR here", true},
		{"ERROR", "an error here", false},
		{"ERROR timeout", "ERROR: timeout", true},
		{"ERROR timeout", "ERROR only", false},
		{`"exit code 1"`, "with exit code 1", true},
		{"?ERROR ?WARN", "a WARN", true},
		{"?ERROR ?WARN", "an INFO", false},
		{"?ERROR ?ARGUMENTS REQUEST", "[INFO] REQUEST FAILED", true},
		{"?ERROR ?ARGUMENTS REQUEST", "ERROR", false},
		{"ERROR -ignored", "ERROR ignored", false},
		{"%4[0-9]{2}%", "status 404", true},
		{`{ $.level = "error" }`, line, true},
		{`{ $.level = "warn" }`, line, false},
		{`{ $.status >= 500 && $.status < 600 }`, line, true},
		{`{ ($.status = 404 || $.status = 503) && $.user.id = "u-*" }`, line, true},
		{`{ $.user.tags[1] = "b" }`, line, true},
		{`{ $.path = "/api/*" }`, line, true},
		{`{ $.path != "/api/*" }`, line, false},
		{`{ $.status = %5[0-9]{2}% }`, line, true},
		{`{ $.path = %^/web|^/app% || $.path = %x$% }`, line, true},
		{`{ $.path != %^/api% }`, line, false},
		{`{ $.id = 12345678901* }`, `{"id":123456789012345678}`, true},
		{`{ $.user = * }`, line, false},
		{`{ $.ok = false }`, line, true},
		{`{ $.ok IS FALSE }`, line, true},
		{`{ $.gone IS NULL }`, line, true},
		{`{ $.nothing NOT EXISTS }`, line, true},
		{`{ $.level = "error" }`, "not json", false},
	} {
		p, err := Parse(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.Match(c.message); got != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.message, got)
		}
	}
	for _, bad := range []string{`"open`, "a:b", "{ $.a = 1", "{ a = 1 }", "{ $.a }", "{ $.a = 1 $.b = 2 }", "[ip, user]", "%[%", "{ $.a > \"x\" }", "{ ($.a = 1 }"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{ ($.a[0].b >= 1.5 || $.c = "x*") && $.d IS TRUE }`, `{"a":[{"b":2}]}`)
	f.Add(`?ERROR ?"a b" -"c\"d"`, "ERROR")
	f.Fuzz(func(_ *testing.T, pattern, message string) {
		if p, err := Parse(pattern); err == nil {
			p.Match(message)
		}
	})
}

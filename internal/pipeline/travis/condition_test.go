package travis

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// onTag is the build of tag v1.0.0, onBranch that of release/playground.
var (
	onTag = Facts{
		Attributes: map[string]string{"type": "push", "repo": "owner/name", "branch": "v1.0.0", "tag": "v1.0.0", "os": "linux", "fork": "false", "language": "node_js", "commit_message": "one\ndeploy it", "sudo": "true"},
		Unknown:    map[string]string{"sender": onTravis},
		Env:        map[string]string{"FOO": "foo", "BAR": "bar", "EMPTY": "", "NAME": "FOO", "YES": "true", "SERVICE": "v1"},
	}
	onBranch = Facts{
		Attributes: map[string]string{"type": "push", "repo": "owner/name", "branch": "release/playground", "os": "linux", "fork": "false"},
		Env:        map[string]string{"FOO": "foo", "SERVICE": "some-service"},
	}
)

// The examples of docs.travis-ci.com/user/conditions-v1, and what they come to.
func TestConditionsOfTheDocumentation(t *testing.T) {
	for _, c := range []struct {
		text        string
		tag, branch bool
	}{
		{"true", true, true},
		{"false", false, false},
		{"1 = 1", true, true},
		{"true != false", true, true},
		{"env(FOO) = type", false, false},
		{"env(FOO) = env(BAR)", false, false},
		{"branch =~ /^(one|two)-three$/", false, false},
		{"env(FOO) =~ /^(foo|bar)$/", true, true},
		{"branch IN (one, release/playground)", false, true},
		{"repo IN (env(ONE), env(OTHER))", false, false},
		{"repo IN (env(ONE), owner/name)", true, true},
		{"tag IS present", true, false},
		{"tag IS blank", false, true},
		{"tag IS NOT blank", true, false},
		{"tag IS NOT present", false, true},
		{"env(env(NAME)) = foo", true, false},
		{"branch = master AND env(FOO) = foo", false, false},
		{"branch = master OR env(FOO) = foo", true, true},
		{"branch = master AND env(FOO) = foo OR tag = v1.0.0", true, false},
		{"branch = master AND (env(FOO) = foo OR tag = v1.0.0)", false, false},
		{"NOT branch = master", true, true},
		{"(tag =~ ^v) AND (branch = v1.0.0)", true, false},
		{"((tag =~ ^v) AND (branch = master))", false, false},
		{"branch = master AND os = linux OR tag = v1.0.0", true, false},
		{"NOT branch = master AND os = linux", true, true},
		{"NOT (branch = master) AND os = osx", false, false},
		{`branch = "release/playground"`, false, true},
		{`branch = 'release/playground'`, false, true},
		{"branch != master", true, true},
		{`"foo" = env("FOO")`, true, true},
		{"branch =~ ^release/", false, true},
		{"branch =~ /(release|foo)/", false, true},
		{`concat("foo", "-", env(BAR)) = foo-bar`, true, false},
		{"tag =~ concat(^,env(SERVICE))", true, false},
		{`env(FOO) IN ("bar baz", "foo")`, true, true},
		{"NOT branch IN (master, dev)", true, true},
		{"branch NOT IN (master, v1.0.0)", false, true},
		{"env(FOO) IS present", true, true},
		{"env(EMPTY) IS blank", true, true},
		{"env(NOBODY) IS blank", true, true},
		{"NOT env(FOO) IS present", false, false},
		{"env(YES) IS true", true, false},
		{"env(YES) = true", true, false},
		{"fork = false", true, true},
		{"fork IS false", true, true},
		{"! tag IS present && os = linux", false, true},
		{"tag IS present || os == linux", true, true},
		{"tag ~= ^v", true, false},
		{"tag !~ ^v", false, true},
		{"commit_message !~ /(no-deploy|wip)/", true, true},
		{"commit_message =~ ^deploy", true, false},
		{"type IN (push, pull_request)", true, true},
		{"env(FOO) IS present AND \\\n  tag IS present AND \\\n  type = push", true, false},
		{"Tag Is Present and NOT Branch in (Master)", true, false},
		{"tag =~ /^(v1|v2)/", true, false},
	} {
		got, err := ParseCondition(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		for which, want := range map[*Facts]bool{&onTag: c.tag, &onBranch: c.branch} {
			if yes, err := got.Holds(*which); err != nil || yes != want {
				t.Errorf("%s on %s: %v %v, not %v", c.text, which.Attributes["branch"], yes, err, want)
			}
		}
	}
}

// Conditions of real repositories that are known to parse on Travis.
func TestConditionsOfRealRepositories(t *testing.T) {
	for _, text := range []string{
		"( (type = pull_request AND branch != master) ) OR ( (branch = master) AND (tag IS present) )",
		"( NOT type = pull_request ) AND ( branch = master OR branch =~ ^[0-9]\\.[0-9]$ )",
		"( branch =~ ^release$ OR branch =~ ^release-(\\d).(\\d).(\\d)$ )",
		"((NOT branch =~ ^develop/.*$) OR (branch = develop/travis)) AND (tag IS blank)",
		"((sender != 'Travis CI User') AND (branch = travisdeploy))",
		"((type = pull_request) and (branch =~ ^greenkeeper\\/.*-.*$))",
		"(NOT (env(A) = \"\" AND env(B) = \"\")) AND (NOT branch IN(master, alpha, staging, prod))",
		"(NOT fork) AND (type NOT IN (pull_request))",
		"(branch = deploy) AND NOT(type = pull_request)",
		"(branch = develop) AND (NOT pull_request)",
		"(branch = master) AND (NOT (tag =~prod_))",
		"(branch = master) AND (NOT(type IN (push ,pull_request)))",
		"(branch = master AND type = push) OR type in ( pull_request, cron, api )",
		"(env(TRAVIS_TAG) IS present) AND (NOT (tag =~ \\btest\\b))",
	} {
		if _, err := ParseCondition(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		text, want string
		at         int
	}{
		{"", "a value is missing", 0},
		{"branch = ", "a value is missing", 9},
		{"branch = $BRANCH", "conditions are no shell code", 9},
		{"$TRAVIS_BRANCH = master", "env(TRAVIS_BRANCH)", 0},
		{`branch IS "master"`, "to compare with a value, write =", 10},
		{"branch = master tag = x", `"tag" is not expected`, 16},
		{"(branch = master", "closing parenthesis", 16},
		{`branch = "master`, `no closing "`, 9},
		{"branch IN master", "list in parentheses", 10},
		{"branch IN ()", "no values", 11},
		{"tag =~ /^v", "no closing /", 7},
		{"tag =~ ^(v|w)", "missing closing", 7},
		{"tag =~ /(?=v)/", "regular expression (?=v)", 7},
		{"tag =~ /(?m)v/", "options", 7},
		{"tag!=x", "a blank is missing", 3},
		{"env() = x", "env takes one name", 0},
		{strings.Repeat("(", 200) + "true", "nests deeper", 100},
		{strings.Repeat("NOT ", 200) + "true", "nests deeper", 399},
	} {
		_, err := ParseCondition(c.text)
		e, ok := err.(*SyntaxError)
		if !ok || !strings.Contains(e.Message, c.want) || e.Offset != c.at {
			t.Errorf("%.30s: %#v, not %q at %d", c.text, err, c.want, c.at)
		}
	}
	c, _ := ParseCondition("sender = me")
	if _, err := c.Holds(onTag); err == nil || !strings.Contains(err.Error(), "sender is not known here") {
		t.Errorf("asking for the sender: %v", err)
	}
	c, _ = ParseCondition("branch = nobody AND sender = me")
	if yes, err := c.Holds(onTag); err != nil || yes {
		t.Errorf("a sender that is not asked for: %v %v", yes, err)
	}
}

// Any expression means the same as its parts put together in Go.
func TestConditionsCombine(t *testing.T) {
	var expr func(*rapid.T, int) (string, bool)
	expr = func(t *rapid.T, depth int) (string, bool) {
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		if depth == 0 || kind == 0 {
			leaf := rapid.SampledFrom([]struct {
				text string
				want bool
			}{{"tag IS present", true}, {"tag = v2", false}, {"branch IN (a, v1.0.0)", true}, {"env(FOO) !~ ^f", false}, {"true", true}, {"env(FOO) = \"foo\"", true}}).Draw(t, "leaf")
			return leaf.text, leaf.want
		}
		l, lv := expr(t, depth-1)
		switch kind {
		case 1:
			return "NOT (" + l + ")", !lv
		case 2:
			return "(" + l + ")", lv
		}
		r, rv := expr(t, depth-1)
		if kind == 3 {
			return "(" + l + ") OR " + "(" + r + ")", lv || rv
		}
		return "(" + l + ") && (" + r + ")", lv && rv
	}
	rapid.Check(t, func(t *rapid.T) {
		text, want := expr(t, 4)
		c, err := ParseCondition(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got, err := c.Holds(onTag); err != nil || got != want {
			t.Fatalf("%s: %v %v, not %v", text, got, err, want)
		}
	})
}

// No text makes the parser or the evaluation break; an error is inside of the text.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{"tag IS present", "branch =~ /^(a|b)$/ AND NOT env(X) IN (a, \"b c\")", "concat(env(A),'-') != x || !fork", "((", "a =~ ", "tag!=x", "env(", "x\\\n = y", "é = \xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCondition(s)
		if err != nil {
			if e, ok := err.(*SyntaxError); !ok || e.Offset < 0 || e.Offset > len(s) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		c.Holds(onTag)
		c.Holds(onBranch)
	})
}

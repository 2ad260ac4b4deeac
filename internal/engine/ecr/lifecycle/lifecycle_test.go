package lifecycle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// rules makes a policy of rules in short: "status/names/type number", names of
// patterns with an asterisk or of prefixes.
func rules(short ...string) string {
	var all []string
	for i, s := range short {
		var status, names, kind string
		var n int
		fmt.Sscan(strings.ReplaceAll(s, "/", " "), &status, &names, &kind, &n)
		selection := fmt.Sprintf(`"tagStatus":%q`, status)
		if names != "-" {
			list := "tagPrefixList"
			if strings.Contains(names, "*") {
				list = "tagPatternList"
			}
			selection += fmt.Sprintf(`,%q:["%s"]`, list, strings.ReplaceAll(names, ",", `","`))
		}
		switch kind {
		case "count":
			selection += fmt.Sprintf(`,"countType":"imageCountMoreThan","countNumber":%d`, n)
		case "days":
			selection += fmt.Sprintf(`,"countType":"sinceImagePushed","countUnit":"days","countNumber":%d`, n)
		}
		all = append(all, fmt.Sprintf(`{"rulePriority":%d,"selection":{%s},"action":{"type":"expire"}}`, i+1, selection))
	}
	return `{"rules":[` + strings.Join(all, ",") + `]}`
}

// image is one pushed days ago.
func image(digest string, days int, tags ...string) Image {
	return Image{Digest: digest, Tags: tags, PushedAt: now.AddDate(0, 0, -days)}
}

func TestDecide(t *testing.T) {
	index := image("index", 30, "list")
	index.Manifests = []string{"part"}
	artifact := image("artifact", 30)
	artifact.Subject = "gone"
	kept := image("signature", 30)
	kept.Subject = "new"
	for _, tt := range []struct {
		name   string
		policy string
		images []Image
		want   []string // digest@priority, the oldest first
		wake   time.Duration
	}{
		{"the youngest stay", rules("any/-/count 2"), []Image{image("a", 3, "x"), image("b", 2), image("c", 1, "y")}, []string{"a@1"}, 0},
		{"age", rules("any/-/days 7"), []Image{image("old", 7, "x"), image("new", 6, "y")}, []string{"old@1"}, 24 * time.Hour},
		{"untagged only", rules("untagged/-/days 1"), []Image{image("a", 9, "x"), image("b", 9)}, []string{"b@1"}, 0},
		{"every prefix", rules("tagged/prod,v/count 1"), []Image{image("a", 4, "prod-1", "v1"), image("b", 3, "prod-2"), image("c", 2, "v3", "prod"), image("d", 1, "v4")}, []string{"a@1"}, 0},
		{"patterns", rules("tagged/*-rc*/count 1"), []Image{image("a", 3, "1.0-rc1"), image("b", 2, "1.0"), image("c", 1, "1.1-rc2")}, []string{"a@1"}, 0},
		{"an earlier rule's image is not a later one's", rules("tagged/prod/count 9", "any/-/count 1"), []Image{image("a", 3, "prod"), image("b", 2, "x"), image("c", 1, "y")}, []string{"b@2"}, 0},
		{"but a later one counts it", rules("tagged/prod/count 9", "any/-/count 1"), []Image{image("b", 2, "x"), image("p", 1, "prod")}, []string{"b@2"}, 0},
		{"what an index lists stays", rules("untagged/-/days 1"), []Image{index, image("part", 30)}, nil, 0},
		{"the index itself goes", rules("any/-/days 1"), []Image{index, image("part", 30)}, []string{"index@1"}, 0},
		{"artifacts go after their subject", rules("tagged/z/count 1"), []Image{artifact, image("new", 1, "x"), kept}, []string{"artifact@0"}, 0},
		{"what was just pushed without a tag settles", rules("untagged/-/count 1"), []Image{{Digest: "a", PushedAt: now.Add(-time.Minute)}, {Digest: "b", PushedAt: now}}, nil, 9 * time.Minute},
	} {
		p, err := Parse(tt.policy)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		expired, wake := p.Decide(tt.images, now)
		var got []string
		for _, e := range expired {
			got = append(got, fmt.Sprintf("%s@%d", e.Image.Digest, e.Priority))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if (tt.wake == 0) != wake.IsZero() || tt.wake != 0 && !wake.Equal(now.Add(tt.wake)) {
			t.Errorf("%s: wakes %s, want in %s", tt.name, wake, tt.wake)
		}
	}
}

// Whatever the policy and the images: an image goes at most once, by the first
// rule that selects it; what is young enough, or listed by an index, stays.
func TestDecideKeepsItsPromises(t *testing.T) {
	tags := []string{"prod-1", "prod-2", "dev-1", "v1", "v2", "latest"}
	rapid.Check(t, func(t *rapid.T) {
		var images []Image
		for i := range rapid.IntRange(0, 12).Draw(t, "images") {
			img := image(fmt.Sprint(i), rapid.IntRange(0, 40).Draw(t, "age"), rapid.SliceOfNDistinct(rapid.SampledFrom(tags), 0, 3, rapid.ID).Draw(t, "tags")...)
			if i > 0 && rapid.IntRange(0, 4).Draw(t, "index") == 0 {
				img.Manifests = []string{fmt.Sprint(rapid.IntRange(0, i-1).Draw(t, "lists"))}
			}
			images = append(images, img)
		}
		short := []string{}
		for _, of := range []string{"tagged/prod/", "tagged/v,dev/", "tagged/*1/", "untagged/-/", "any/-/"} {
			if rapid.Bool().Draw(t, "has "+of) {
				short = append(short, of+rapid.SampledFrom([]string{"count", "days"}).Draw(t, "kind")+fmt.Sprint(" ", rapid.IntRange(1, 20).Draw(t, "n")))
			}
		}
		if len(short) == 0 {
			return
		}
		p, err := Parse(rules(short...))
		if err != nil {
			t.Fatal(err)
		}
		expired, _ := p.Decide(images, now)
		gone := map[string]bool{}
		byRule := map[int]int{}
		for _, e := range expired {
			if gone[e.Image.Digest] {
				t.Fatalf("%s goes twice", e.Image.Digest)
			}
			gone[e.Image.Digest] = true
			byRule[e.Priority]++
			var first *Rule
			for i := range p.Rules {
				if first == nil && p.Rules[i].selects(e.Image) {
					first = &p.Rules[i]
				}
			}
			if first == nil || first.Priority != e.Priority {
				t.Fatalf("%v goes by rule %d, which is not its first", e.Image, e.Priority)
			}
			if first.Days > 0 && now.Sub(e.Image.PushedAt) < time.Duration(first.Days)*24*time.Hour {
				t.Fatalf("%v is younger than %d days", e.Image, first.Days)
			}
		}
		for d := range listed(images) {
			if gone[d] {
				t.Fatalf("%s went, and an index lists it", d)
			}
		}
		for _, r := range p.Rules {
			if selected := len(r.candidates(images)); r.Count > 0 && byRule[r.Priority] > max(0, selected-r.Count) {
				t.Fatalf("rule %d took %d of %d and should leave %d", r.Priority, byRule[r.Priority], selected, r.Count)
			}
		}
	})
}

func TestWhatECRRefuses(t *testing.T) {
	good := rules("tagged/v/count 1")
	for _, tt := range []struct{ text, want string }{
		{`{`, "Could not map policyString into LifecyclePolicy."},
		{`[]`, "Could not map policyString into LifecyclePolicy."},
		{`{}`, `object has missing required properties (["rules"])`},
		{`{"rules":{}}`, `instance type (object) does not match any allowed primitive type (allowed: ["array"])`},
		{`{"rules":[]}`, "array is too short"},
		{strings.Replace(good, `"rulePriority":1,`, "", 1), `object has missing required properties (["rulePriority"])`},
		{strings.Replace(good, `"rulePriority":1`, `"rulePriority":"1"`, 1), `instance type (string) does not match any allowed primitive type (allowed: ["integer"])`},
		{strings.Replace(good, `"rulePriority":1`, `"rulePriority":0`, 1), "numeric instance is lower than the required minimum (minimum: 1, found: 0)"},
		{strings.Replace(good, `"action"`, `"colour":1,"action"`, 1), `object instance has properties which are not allowed by the schema: ["colour"]`},
		{strings.Replace(good, `"expire"`, `"keep"`, 1), `instance value ("keep") not found in enum (possible values: ["expire"])`},
		{strings.Replace(good, `"expire"`, `"transition","targetStorageClass":"archive"`, 1), "not served"},
		{strings.Replace(good, `"tagged"`, `"some"`, 1), `instance value ("some") not found in enum`},
		{strings.Replace(good, `"countNumber":1`, `"countNumber":1,"countUnit":"days"`, 1), "instance failed to match exactly one schema"},
		{strings.Replace(rules("any/-/days 1"), `,"countUnit":"days"`, "", 1), "instance failed to match exactly one schema"},
		{strings.Replace(rules("any/-/days 1"), "sinceImagePushed", "sinceImagePulled", 1), "not served"},
		{rules("tagged/-/count 1"), "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."},
		{rules("untagged/v/count 1"), "must not be specified when tagStatus=UNTAGGED"},
		{rules("tagged/*a*b*c*d*/count 1"), "wildcards"},
		{rules("any/-/count 1", "untagged/-/count 1"), "Rule for tagStatus=ANY must have the lowest priority per storage class"},
		{rules("untagged/-/count 1", "untagged/-/days 1"), "Only one rule can select Untagged images per storage class"},
		{rules("tagged/a,b/count 1", "tagged/b,a/days 1"), "the same tagPrefixList"},
		{strings.Replace(rules("tagged/a/count 1", "tagged/b/days 1"), `"rulePriority":2`, `"rulePriority":1`, 1), "the same rulePriority"},
	} {
		if _, err := Parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
		}
	}
	if p, err := Parse(rules("any/-/count 1")); err != nil || len(p.Rules) != 1 {
		t.Error(err)
	}
}

func TestMatch(t *testing.T) {
	for pattern, tags := range map[string]map[string]bool{
		"prod":    {"prod": true, "prod1": false},
		"prod*":   {"prod": true, "prod1": true, "aprod": false},
		"*prod":   {"aprod": true, "prod": true, "prod1": false},
		"a*b*c":   {"abc": true, "a1b2c": true, "acb": false, "ab": false},
		"*test*1": {"mytest-21": true, "test": false},
		"aa*aa":   {"aaa": false, "aaaa": true},
	} {
		for tag, want := range tags {
			if match(tag, pattern) != want {
				t.Errorf("%q as %q: want %v", tag, pattern, want)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(rules("tagged/v*/count 1", "any/-/days 3"))
	f.Add(`{"rules":[{"rulePriority":1e9,"selection":[],"action":null}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := Parse(text); err == nil {
			p.Decide([]Image{image("a", 1, "v1"), image("b", 2)}, now)
		}
	})
}

// Package lifecycle is ECR's lifecycle policies: it reads their documents, tells
// what ECR would refuse about them, and decides which of a repository's images a
// policy expires. It is pure: no state, no clock, no files.
//
// The rules are those of "Lifecycle policy evaluation rules" and "Lifecycle
// policy properties" in the ECR User Guide. Archiving (transition, storageClass)
// and counting from the last pull are refused: the registry has one class of
// storage and does not keep when an image was pulled.
package lifecycle

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Policy is a document that has been read; its rules are in the order of their
// priorities.
type Policy struct{ Rules []Rule }

// Rule is one rule.
type Rule struct {
	Priority    int
	Description string
	// Status is tagged, untagged or any.
	Status string
	// Prefixes or Patterns are what a tagged image's tags must all be found by.
	Prefixes, Patterns []string
	// Days is the age from which an image expires, 0 for a rule that counts; then
	// the youngest Count images stay.
	Days, Count int
}

// Image is what a policy sees of an image.
type Image struct {
	Digest   string
	Tags     []string
	PushedAt time.Time
	// Manifests are the digests that an index lists, Subject the one that an
	// artifact refers to.
	Manifests []string
	Subject   string
}

// Expiry is an image that is to go, and the rule that says so; priority 0 is an
// artifact whose subject has gone.
type Expiry struct {
	Image    Image
	Priority int
}

// settle is how long an image without a tag is left alone: it may be a part of an
// index, or an artifact of an image, that is still being pushed. ECR itself takes
// up to a day to expire an image.
const settle = 10 * time.Minute

// Decide is the images that a policy expires now, the oldest first, and when to
// ask again if nothing changes; zero for never.
//
// An image is the affair of the first rule whose tags it has, and of no other,
// but later rules count it all the same. What an index lists cannot go before the
// index.
func (p *Policy) Decide(images []Image, now time.Time) (expired []Expiry, wake time.Time) {
	soonest := func(t time.Time) {
		if t.After(now) && (wake.IsZero() || t.Before(wake)) {
			wake = t
		}
	}
	held := listed(images)
	for i, rule := range p.Rules {
		for rank, image := range rule.candidates(images) {
			if held[image.Digest] || image.Subject != "" || slices.ContainsFunc(p.Rules[:i], func(r Rule) bool { return r.selects(image) }) {
				continue
			}
			due, doomed := rule.due(image, rank)
			if !doomed {
				continue
			}
			if end := image.PushedAt.Add(settle); len(image.Tags) == 0 && end.After(due) {
				due = end
			}
			if due.After(now) {
				soonest(due)
				continue
			}
			expired = append(expired, Expiry{image, rule.Priority})
		}
	}
	for _, image := range orphans(images) {
		if due := image.PushedAt.Add(settle); due.After(now) {
			soonest(due)
		} else if !held[image.Digest] {
			expired = append(expired, Expiry{Image: image})
		}
	}
	slices.SortStableFunc(expired, func(a, b Expiry) int { return a.Image.PushedAt.Compare(b.Image.PushedAt) })
	return expired, wake
}

// listed are the digests that an index lists.
func listed(images []Image) map[string]bool {
	held := map[string]bool{}
	for _, i := range images {
		for _, d := range i.Manifests {
			held[d] = true
		}
	}
	return held
}

// orphans are the artifacts whose subject is not there.
func orphans(images []Image) []Image {
	there := map[string]bool{}
	for _, i := range images {
		there[i.Digest] = true
	}
	return slices.DeleteFunc(slices.Clone(images), func(i Image) bool { return i.Subject == "" || there[i.Subject] })
}

// candidates are the images that a rule's tags select, the youngest first.
func (r *Rule) candidates(images []Image) []Image {
	all := slices.DeleteFunc(slices.Clone(images), func(i Image) bool { return !r.selects(i) })
	slices.SortFunc(all, func(a, b Image) int {
		return cmp.Or(b.PushedAt.Compare(a.PushedAt), strings.Compare(a.Digest, b.Digest))
	})
	return all
}

// due is when an image of that rank among the candidates is to go; doomed is
// false for one that stays for good.
func (r *Rule) due(i Image, rank int) (due time.Time, doomed bool) {
	if r.Days > 0 {
		return i.PushedAt.AddDate(0, 0, r.Days), true
	}
	return i.PushedAt, rank >= r.Count
}

// selects tells whether an image has the tags that the rule asks for: each of
// its prefixes or patterns must be one of them.
func (r *Rule) selects(i Image) bool {
	switch r.Status {
	case "untagged":
		return len(i.Tags) == 0
	case "tagged":
		return len(i.Tags) > 0 && every(r.Prefixes, i.Tags, strings.HasPrefix) && every(r.Patterns, i.Tags, match)
	}
	return true
}

func every(wanted, tags []string, fits func(tag, wanted string) bool) bool {
	for _, w := range wanted {
		if !slices.ContainsFunc(tags, func(t string) bool { return fits(t, w) }) {
			return false
		}
	}
	return true
}

// match tells whether a tag is as a pattern says; an asterisk stands for any
// characters or none.
func match(tag, pattern string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return tag == pattern
	}
	tag, ok := strings.CutPrefix(tag, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(tag, part)
		if !found {
			return false
		}
		tag = after
	}
	return strings.HasSuffix(tag, last)
}

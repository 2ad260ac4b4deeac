package slipway

import "strings"

// Host is the registry's host, or "" for the account's own ECR. As in every
// image reference, a first part with a dot or a colon is a host.
func (i Image) Host() string {
	first, _, ok := strings.Cut(i.Repository, "/")
	if ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return first
	}
	return ""
}

// Reference is what a release's image is called: the repository, and the tag
// where it has one.
func (i Image) Reference(tag, commit string) string {
	if i.Tag == "" {
		return i.Repository
	}
	return Expand(i.Repository+":"+i.Tag, tag, commit)
}

// Released is the release's tag in an image's tag: v1.2.0 in v1.2.0-playground.
// A tag that the image's template doesn't make is the release's as it is.
func (i Image) Released(tag string) string {
	before, after, ok := strings.Cut(i.Tag, "{tag}")
	inner, left := strings.CutPrefix(tag, before)
	inner, right := strings.CutSuffix(inner, after)
	if !ok || !left || !right || inner == "" {
		return tag
	}
	return inner
}

// ImageOf is the image of this repository that a container runs; false where
// the container runs an image that others make.
func (e Environment) ImageOf(c Container) (Image, bool) {
	if c.Image != "" {
		return Image{}, false
	}
	for _, i := range e.Images {
		if i.Key == c.Build && c.Build != "" {
			return i, true
		}
	}
	return e.Image, true
}

// Built are the images that this repository builds for the environment.
func (e Environment) Built() []Image {
	var built []Image
	for _, i := range append([]Image{e.Image}, e.Images...) {
		if i.Build && e.runs(i) {
			built = append(built, i)
		}
	}
	return built
}

func (e Environment) runs(i Image) bool {
	for _, s := range e.Services {
		for _, c := range s.Containers {
			if c.Image == "" && c.Build == i.Key {
				return true
			}
		}
	}
	return false
}

// Environment is the environment of that name.
func (s Stack) Environment(name string) (Environment, bool) {
	for _, e := range s.Environments {
		if e.Name == name {
			return e, true
		}
	}
	return Environment{}, false
}

package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// engineRegion is the engine's default region.
const engineRegion = "eu-west-1"

func (b *builder) environment(e entry) slipway.Environment {
	n := e.value
	env := slipway.Environment{
		Name:    e.key,
		On:      b.text(n.get("on"), "engine"),
		Account: b.text(n.get("account"), ""),
		Region:  b.text(n.get("region"), ""),
		Branch:  b.ruled(n.get("branch"), "branch", branchName, "release/"+e.key),
		Stable:  !flagAt(n.get("prereleases"), true),
		At:      n.positions(),
	}
	if len(e.key) > 32 {
		b.found.add(e.at, "", "the environment's name %q is longer than 32 characters", e.key)
	}
	env.At[""] = e.at
	b.guard(&env, e)
	env.Image = b.image(over(b.file.get("image"), n.get("image")), "", b.file.at)
	env.Cluster = b.cluster(n, e.at, env.On)
	env.DNS = b.dns(over(b.file.get("dns"), n.get("dns")))
	b.services(&env, n, e.at)
	b.distinct(&env)
	env.Jobs = b.jobs(&env, over(b.file.get("jobs"), n.get("jobs")))
	return env
}

// guard asks for account and region where a wrong one would be touched.
func (b *builder) guard(env *slipway.Environment, e entry) {
	if env.On == "engine" {
		if env.Region == "" {
			env.Region = engineRegion
		}
		return
	}
	if env.Account == "" && e.value.get("account") == nil {
		b.found.add(e.at, `account: "029479441096"`, "%s runs on aws and has no account: no other than the one named is ever touched", env.Name)
	}
	if env.Region == "" && e.value.get("region") == nil {
		b.found.add(e.at, "region: eu-west-1", "%s runs on aws and has no region", env.Name)
	}
}

func (b *builder) dns(n *node) slipway.DNS {
	return slipway.DNS{
		Provider: b.text(n.get("provider"), "cloudflare"),
		Zone:     b.text(n.get("zone"), ""),
		Account:  b.text(n.get("account"), ""),
		Proxied:  flagAt(n.get("proxied"), false),
		At:       n.positions(),
	}
}

// image makes an image; key is the service's or container's that it belongs to.
func (b *builder) image(n *node, key string, around slipway.Position) slipway.Image {
	i := slipway.Image{
		Key:            key,
		Build:          true,
		Context:        b.ruled(n.get("context"), "context", filePath, "."),
		Dockerfile:     b.ruled(n.get("dockerfile"), "dockerfile", filePath, "Dockerfile"),
		Target:         b.text(n.get("target"), ""),
		Args:           b.lateMap(n.get("args")),
		PerEnvironment: b.text(n.get("per"), "environment") == "environment",
		At:             n.positions(),
	}
	repository := b.app
	if key != "" {
		repository += "-" + key
	}
	i.Repository = b.ruled(n.get("repository"), "repository", repositoryName, repository)
	i.Tag = b.tag(n, i.PerEnvironment)
	b.inside(n.get("context"), i.Context)
	if n.get("reference") != nil {
		return b.foreign(n, i)
	}
	return i
}

// distinct refuses two images that are built in different ways and pushed under
// one name: the second would overwrite the first.
func (b *builder) distinct(env *slipway.Environment) {
	all := env.Built()
	for n, i := range all {
		for _, j := range all[:n] {
			same := i.Context == j.Context && i.Dockerfile == j.Dockerfile && i.Target == j.Target && maps.Equal(i.Args, j.Args)
			if i.Repository == j.Repository && i.Tag == j.Tag && !same {
				b.found.add(i.At.Of("repository"), "repository: "+b.app+"-"+i.Key, "the image of %s would overwrite another: both are %s:%s", i.Key, i.Repository, i.Tag)
			}
		}
	}
}

// inside refuses a folder outside the repository.
func (b *builder) inside(n *node, path string) {
	if slices.Contains(strings.Split(path, "/"), "..") && n != nil {
		b.found.add(n.at, "context: api", "context %q leaves the repository", path)
	}
}

func (b *builder) tag(n *node, perEnvironment bool) string {
	fallback := "{tag}"
	if perEnvironment {
		fallback = "{tag}-" + b.env
	}
	at := n.get("tag")
	tag := b.late(at, fallback)
	if at != nil && !imageTag.pattern.MatchString(slipway.Expand(tag, "v1", "c1")) {
		b.found.add(at.at, `tag: "{tag}-{env}"`, "tag %q is not right: %s", tag, imageTag.says)
	}
	if at != nil && !strings.Contains(tag, "{tag}") && !strings.Contains(tag, "{commit}") {
		b.found.add(at.at, `tag: "{tag}-{env}"`, "tag %q is the same for every release: it has neither {tag} nor {commit}", tag)
	}
	if at != nil && !perEnvironment && strings.Contains(at.text, "{env}") {
		b.found.add(at.at, `tag: "{tag}"`, "tag %q is another one in each environment, but the image is one per release", at.text)
	}
	return tag
}

// foreign is an image that others make.
func (b *builder) foreign(n *node, i slipway.Image) slipway.Image {
	for _, e := range n.entries {
		if e.key != "reference" {
			b.found.add(e.at, "", "image.%s is of an image that is built here, but image.reference names one that others make", e.key)
		}
	}
	ref := b.late(n.get("reference"), "")
	i.Build, i.Repository, i.Tag = false, ref, "latest"
	if strings.Contains(ref, "@") {
		i.Tag = "" // a digest needs none
	}
	if colon := strings.LastIndexByte(ref, ':'); colon > strings.LastIndexByte(ref, '/') && !strings.Contains(ref, "@") {
		i.Repository, i.Tag = ref[:colon], ref[colon+1:]
	}
	return i
}

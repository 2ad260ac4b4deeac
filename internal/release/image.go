package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Images finds a release's images, and builds and pushes those that are missing
// where build is set. What comes back has every digest in it.
func Images(ctx context.Context, a *cloud.Account, stack *slipway.Stack, env *slipway.Environment, v Version, build bool, sink slipway.Sink) (slipway.Release, error) {
	r := slipway.Release{Tag: v.Tag, Commit: v.Commit, Images: map[string]string{}}
	b := builder{a: a, dir: stack.Dir, env: env, version: v, sink: sink}
	defer b.close()
	for _, image := range env.Built() {
		ref, err := b.image(ctx, image, build)
		if err != nil {
			return r, err
		}
		r.Images[image.Key] = ref
	}
	for _, image := range append([]slipway.Image{env.Image}, env.Images...) {
		if !image.Build && image.Repository != "" {
			r.Images[image.Key] = image.Reference(v.Tag, v.Commit)
		}
	}
	return r, nil
}

type builder struct {
	a       *cloud.Account
	dir     string
	env     *slipway.Environment
	version Version
	sink    slipway.Sink

	// export is the tag's tree, once one was needed; config is Docker's
	// configuration with the registry's password.
	export, config string
}

func (b *builder) close() {
	for _, dir := range []string{b.export, b.config} {
		if dir != "" {
			os.RemoveAll(dir)
		}
	}
}

func (b *builder) say(state slipway.State, step, text string, since time.Time) {
	now := time.Now()
	b.sink(slipway.Event{Time: now, Phase: plan.PhaseImage, Step: step, State: state, Text: text, Elapsed: now.Sub(since)})
}

// image gives the reference to start, digest included.
func (b *builder) image(ctx context.Context, image slipway.Image, build bool) (string, error) {
	start := time.Now()
	tag := slipway.Expand(image.Tag, b.version.Tag, b.version.Commit)
	name := image.Repository + ":" + tag
	if image.Host() != "" {
		return b.foreign(ctx, image, name, build)
	}
	digest, there, err := b.a.Digest(ctx, image.Repository, tag)
	if err != nil {
		return "", err
	}
	uri := b.a.Ref(plan.Repository(image.Repository))
	if uri == "" {
		uri = fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s", b.a.ID, b.a.Region, image.Repository)
	}
	if there && build {
		if err := b.same(ctx, image, name, digest); err != nil {
			return "", err
		}
	}
	if there {
		b.say(slipway.Kept, name, short(digest)+"  (exists)", start)
		return uri + ":" + tag + "@" + digest, nil
	}
	if !build {
		return "", b.missing(ctx, image, uri, tag)
	}
	if err := answers(ctx); err != nil {
		return "", err
	}
	b.say(slipway.Started, name, "building", start)
	if err := b.login(ctx); err != nil {
		return "", err
	}
	if err := b.build(ctx, image, uri+":"+tag, name, start); err != nil {
		return "", err
	}
	b.say(slipway.Working, name, "pushing", start)
	if err := b.push(ctx, uri+":"+tag, name, start); err != nil {
		return "", err
	}
	if digest, there, err = b.a.Digest(ctx, image.Repository, tag); err != nil || !there {
		return "", errors.Join(err, fmt.Errorf("image %s was pushed and the registry does not have it", name))
	}
	b.say(slipway.Done, name, "built"+b.size(ctx, uri+":"+tag)+", pushed, "+short(digest), start)
	return uri + ":" + tag + "@" + digest, nil
}

// buildable refuses a run that would have to build images and cannot, while
// nothing is changed yet.
func buildable(ctx context.Context, a *cloud.Account, stack *slipway.Stack, env *slipway.Environment, v Version, build bool) error {
	if !build || len(env.Built()) == 0 {
		return nil
	}
	err := v.buildable()
	if err == nil {
		err = answers(ctx)
	}
	if err == nil {
		return nil
	}
	if _, missing := Images(ctx, a, stack, env, v, false, func(slipway.Event) {}); missing != nil {
		return err
	}
	return nil // all are there
}

// answers asks whether there is a Docker to build with.
func answers(ctx context.Context) error {
	said, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput()
	if err == nil {
		return nil
	}
	why := err.Error()
	if lines := strings.Split(strings.TrimSpace(string(said)), "\n"); lines[len(lines)-1] != "" {
		why = strings.TrimSuffix(lines[len(lines)-1], ".")
	}
	return fmt.Errorf("no Docker to build the image with (%s): start it, or see what is wrong: slipway doctor", why)
}

// labelRevision is the commit that an image was built from.
const labelRevision = "org.opencontainers.image.revision"

// same refuses to take an image for a release's that was built from another
// commit under the same tag: the tag has been moved, and images are never
// overwritten. Where nobody may say what it was built from, it is believed.
func (b *builder) same(ctx context.Context, image slipway.Image, name, digest string) error {
	if b.version.Commit == "" {
		return nil
	}
	labels, err := b.a.Labels(ctx, image.Repository, digest)
	if err != nil {
		b.say(slipway.Note, name, "which commit it was built from cannot be read: "+err.Error(), time.Now())
		return nil
	}
	if was := labels[labelRevision]; was != "" && was != b.version.Commit {
		return fmt.Errorf("image %s exists and was built from commit %.7s; the tag %s is at %.7s now. An image is never overwritten: tag anew (git tag), or delete the image", name, was, b.version.Tag, b.version.Commit)
	}
	return nil
}

func (b *builder) missing(ctx context.Context, image slipway.Image, uri, tag string) error {
	newest := "the repository is empty"
	if tags, err := b.a.NewestTags(ctx, image.Repository, 1); err == nil && len(tags) > 0 {
		newest = "newest: " + tags[0]
	}
	registry, _, _ := strings.Cut(uri, "/")
	return fmt.Errorf("image %s:%s does not exist in %s (%s). Build it: slipway build --tag %s --env %s", image.Repository, tag, registry, newest, b.version.Tag, b.env.Name)
}

// foreign is an image on a registry that is not the account's: the user's own
// docker login counts there.
func (b *builder) foreign(ctx context.Context, image slipway.Image, name string, build bool) (string, error) {
	start := time.Now()
	err := exec.CommandContext(ctx, "docker", "manifest", "inspect", name).Run()
	if err == nil {
		b.say(slipway.Kept, name, "exists", start)
		return name, nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("whether image %s exists is asked with docker, which is not installed here", name)
	}
	if !build {
		return "", fmt.Errorf("image %s does not exist, or its registry asks for a login (docker login). Build it: slipway build --tag %s --env %s", name, b.version.Tag, b.env.Name)
	}
	b.say(slipway.Started, name, "building", start)
	if err := errors.Join(b.build(ctx, image, name, name, start), b.push(ctx, name, name, start)); err != nil {
		return "", err
	}
	b.say(slipway.Done, name, "built"+b.size(ctx, name)+", pushed", start)
	return name, nil
}

// size is how large a built image is, to be said after "built"; Docker may not
// tell.
func (b *builder) size(ctx context.Context, ref string) string {
	out, err := exec.CommandContext(ctx, "docker", "image", "inspect", "--format", "{{.Size}}", ref).Output()
	n, wrong := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil || wrong != nil {
		return ""
	}
	if n < 10e6 {
		return fmt.Sprintf(" %.1f MB", n/1e6)
	}
	return fmt.Sprintf(" %.0f MB", n/1e6)
}

func short(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	if len(hex) < 8 {
		return digest
	}
	return algorithm + ":" + hex[:4] + "…" + hex[len(hex)-2:]
}

func (b *builder) build(ctx context.Context, image slipway.Image, ref, step string, start time.Time) error {
	root := b.dir
	if b.version.Ref != "" {
		if b.export == "" {
			dir, err := os.MkdirTemp("", "slipway-build-")
			if err != nil {
				return err
			}
			b.export = dir
			if err := repository(b.dir).export(ctx, b.version.Ref, dir); err != nil {
				return err
			}
		}
		root = b.export
	}
	folder := filepath.Join(root, image.Context)
	args := []string{"build", "--tag", ref, "--file", filepath.Join(folder, cmpOr(image.Dockerfile, "Dockerfile")),
		"--label", "org.opencontainers.image.version=" + b.version.Tag}
	if b.version.Commit != "" {
		args = append(args, "--label", labelRevision+"="+b.version.Commit)
	}
	if source := repository(b.dir).source(ctx); source != "" {
		args = append(args, "--label", "org.opencontainers.image.source="+source)
	}
	if image.Target != "" {
		args = append(args, "--target", image.Target)
	}
	for _, k := range slices.Sorted(maps.Keys(image.Args)) {
		args = append(args, "--build-arg", k+"="+slipway.Expand(image.Args[k], b.version.Tag, b.version.Commit))
	}
	err := b.docker(ctx, step, start, append(args, folder)...)
	if err != nil && b.version.Ref != "" {
		return &exported{err, b.version.Tag, repository(b.dir).apart(ctx, b.version.Commit)}
	}
	return err
}

// exported is the error of a build from what is committed: a file that git ignores,
// and that lies in the folder, was not in it.
type exported struct {
	error
	tag, why string
}

func (e *exported) Unwrap() error { return e.error }

// Hint is what to do next.
func (e *exported) Hint() string {
	return fmt.Sprintf("%s was built from what is committed, without files that git ignores, because %s. Where the build needs such files, let the folder be %s alone: git checkout %s, no changes", e.tag, e.why, e.tag, e.tag)
}

func cmpOr(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Build builds and pushes the images of a tag for one environment, with the
// repositories that they need.
func Build(ctx context.Context, a *cloud.Account, stack *slipway.Stack, env slipway.Environment, tag string, sink slipway.Sink) (slipway.Release, error) {
	v, err := Here(ctx, stack.Dir)
	if tag != "" {
		v, err = Tagged(ctx, stack.Dir, tag)
	}
	if err != nil {
		return slipway.Release{}, err
	}
	env = a.Resolve(env.AtRelease(v.Tag, v.Commit))
	wanted := slices.DeleteFunc(plan.Wanted(&env), func(r slipway.Resource) bool { return r.Kind != slipway.KindRepository })
	seen, err := a.Repositories(ctx, wanted)
	if err != nil {
		return slipway.Release{}, err
	}
	p, err := plan.Make(&slipway.Environment{Name: env.Name}, wanted, seen)
	if err != nil {
		return slipway.Release{}, err
	}
	if err := buildable(ctx, a, stack, &env, v, true); err != nil {
		return slipway.Release{}, refused(err)
	}
	if v.Why != "" {
		sink(slipway.Event{Time: time.Now(), Phase: "tag", State: slipway.Note, Text: v.Tag + ", " + v.Why})
	}
	if err := a.Apply(ctx, &cloud.Work{Env: &env, Sink: sink}, p.Steps); err != nil {
		return slipway.Release{}, err
	}
	return Images(ctx, a, stack, &env, v, true, sink)
}

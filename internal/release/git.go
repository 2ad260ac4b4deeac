package release

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Version is a state of the repository that a release is made of.
type Version struct {
	// Tag names it: a git tag, or a name made of the commit and the working tree
	// for what has no tag yet.
	Tag, Commit string
	// Ref is what to build: "" is the working tree as it is.
	Ref string
	// Why says how it was chosen, for people.
	Why string
	// Elsewhere tells that the repository has no such tag: its image may have been
	// made elsewhere, and cannot be made here.
	Elsewhere bool
}

// buildable refuses a tag that is not here: what lies in the folder is not it.
func (v Version) buildable() error {
	if !v.Elsewhere {
		return nil
	}
	return fmt.Errorf("there is no tag %s here to build. Fetch it: git fetch --tags, or make it: git tag %s", v.Tag, v.Tag)
}

// repository runs git in a folder.
type repository string

func (r repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = string(r)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

func (r repository) is(ctx context.Context) bool {
	_, err := r.git(ctx, "rev-parse", "--verify", "-q", "HEAD")
	return err == nil
}

// branch is the ref that a branch's name means here: the local one or the
// remote's; CI checks out a commit and has only the latter.
func (r repository) branch(ctx context.Context, name string) (string, bool) {
	for _, ref := range []string{"refs/heads/" + name, "refs/remotes/origin/" + name} {
		if _, err := r.git(ctx, "rev-parse", "--verify", "-q", ref); err == nil {
			return ref, true
		}
	}
	return "", false
}

// Last is the release of a branch: its last tag, annotated or not, as
// `git describe --abbrev=0 --tags` finds it.
// Pre-releases (v1.3.0-rc.1) count, as git has it, unless stable is set.
func Last(ctx context.Context, dir, branch string, stable bool) (Version, error) {
	r := repository(dir)
	if !r.is(ctx) {
		return Version{}, fmt.Errorf("%s is no git repository with a commit; name the release: --tag", dir)
	}
	ref, ok := r.branch(ctx, branch)
	if !ok {
		if current, err := r.git(ctx, "rev-parse", "--abbrev-ref", "HEAD"); err == nil && current == branch || os.Getenv("CI") != "" {
			ref = "HEAD"
		} else {
			if current == "HEAD" || err != nil {
				current = "NAME"
			}
			return Version{}, fmt.Errorf("there is no branch %s here; fetch it (git fetch origin %s), say which one it is (branch: %s under the environment in slipway.yaml), or name the release: --tag", branch, branch, current)
		}
	}
	describe := []string{"describe", "--abbrev=0", "--tags"}
	if stable {
		describe = append(describe, "--exclude=v[0-9]*-*", "--exclude=[0-9]*-*")
	}
	tag, err := r.git(ctx, append(describe, ref)...)
	if err != nil {
		return Version{}, r.noTag(ctx, branch)
	}
	v, err := r.tagged(ctx, tag)
	v.Why = "last tag of " + branch
	return v, err
}

// ErrShallow is the error of a clone that has not the history that tags are in.
var ErrShallow = errors.New("this is a shallow clone")

func (r repository) noTag(ctx context.Context, branch string) error {
	if shallow, _ := r.git(ctx, "rev-parse", "--is-shallow-repository"); shallow == "true" {
		depth, _ := r.git(ctx, "rev-list", "--count", "HEAD")
		return fmt.Errorf("no tag in %s is reachable: %w (depth %s). Fetch tags first: git fetch --tags --unshallow", branch, ErrShallow, depth)
	}
	return fmt.Errorf("no tag in %s is reachable. Tag the commit to release (git tag v1.0.0 && git push --tags), or name one: --tag", branch)
}

// Tagged is the release of a tag.
func Tagged(ctx context.Context, dir, tag string) (Version, error) {
	r := repository(dir)
	if !r.is(ctx) {
		return Version{Tag: tag}, nil
	}
	return r.tagged(ctx, tag)
}

func (r repository) tagged(ctx context.Context, tag string) (Version, error) {
	commit, err := r.git(ctx, "rev-parse", "--verify", "-q", "refs/tags/"+tag+"^{commit}")
	if err != nil {
		return Version{Tag: tag, Elsewhere: true}, nil
	}
	v := Version{Tag: tag, Commit: commit, Ref: "refs/tags/" + tag}
	if head, _ := r.git(ctx, "rev-parse", "HEAD"); head == commit && !r.dirty(ctx) {
		v.Ref = ""
	}
	return v, nil
}

// committed is when a commit was made.
func (r repository) committed(ctx context.Context, commit string) (time.Time, error) {
	out, err := r.git(ctx, "show", "-s", "--format=%ct", commit)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(out, 10, 64)
	return time.Unix(seconds, 0), err
}

// overtaken is the head of a branch on origin where it is not the commit that is
// checked out; "" is no newer one.
func (r repository) overtaken(ctx context.Context, branch string) (string, error) {
	ref := "refs/heads/" + branch
	out, err := r.git(ctx, "ls-remote", "origin", ref)
	if err != nil {
		return "", fmt.Errorf("asking origin whether %s has moved on: %w", branch, err)
	}
	here, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	head, _, _ := strings.Cut(out, "\t")
	switch head {
	case here:
		return "", nil
	case "":
		return "", fmt.Errorf("origin has no branch %s", branch)
	}
	return head, nil
}

// source is where the repository comes from, without a login: the URL that a
// browser would open where origin is one of the usual forms.
func (r repository) source(ctx context.Context) string {
	origin, err := r.git(ctx, "remote", "get-url", "origin")
	if err != nil {
		return ""
	}
	if user, rest, ok := strings.Cut(origin, "@"); ok && !strings.Contains(user, "/") && !strings.Contains(rest, "://") { // git@host:path
		host, path, _ := strings.Cut(rest, ":")
		origin = "https://" + host + "/" + path
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" {
		return ""
	}
	return "https://" + u.Hostname() + strings.TrimSuffix(u.Path, ".git")
}

// apart is why the folder is not what a tag's commit has.
func (r repository) apart(ctx context.Context, commit string) string {
	if head, _ := r.git(ctx, "rev-parse", "HEAD"); head != commit {
		return "another commit is checked out"
	}
	out, _ := r.git(ctx, "status", "--porcelain", "--untracked-files=normal", ".")
	lines := strings.Split(out, "\n")
	_, name, _ := strings.Cut(strings.TrimSpace(lines[0]), " ")
	text := "the folder has changes: " + strings.TrimSpace(name)
	if len(lines) > 1 {
		text += fmt.Sprintf(" and %d more", len(lines)-1)
	}
	return text
}

func (r repository) dirty(ctx context.Context) bool {
	out, err := r.git(ctx, "status", "--porcelain", "--untracked-files=normal", ".")
	return err != nil || out != ""
}

// Here is the release of the working tree: the tag that HEAD has, or a name that
// stays the same as long as the files do.
func Here(ctx context.Context, dir string) (Version, error) {
	r := repository(dir)
	if !r.is(ctx) {
		sum, err := treeHash(dir)
		return Version{Tag: "dev-" + sum, Why: "the files here; this is no git repository"}, err
	}
	commit, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return Version{}, err
	}
	if r.dirty(ctx) {
		sum, err := treeHash(dir)
		return Version{Tag: "dev-" + commit[:7] + "-" + sum, Why: "the working tree, with changes that are not committed (a release is a commit with a tag: git commit, git tag)"}, err
	}
	if tag, err := r.git(ctx, "describe", "--exact-match", "--tags", "HEAD"); err == nil {
		return Version{Tag: tag, Commit: commit, Why: "the tag checked out"}, nil
	}
	return Version{Tag: "dev-" + commit[:7], Commit: commit, Why: "the commit checked out, which has no tag (a release has one: git tag v1.0.0)"}, nil
}

// treeHash is a short hash of all files in a folder, names and modes included.
func treeHash(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(h, "%s\x00%v\x00%d\x00", name, info.Mode(), info.Size())
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(h, f)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:8], err
}

// export writes a ref's files into a folder, as they are in the repository.
func (r repository) export(ctx context.Context, ref, into string) error {
	archive := exec.CommandContext(ctx, "git", "archive", "--format=tar", ref)
	archive.Dir = string(r)
	unpack := exec.CommandContext(ctx, "tar", "-x", "-C", into)
	pipe, err := archive.StdoutPipe()
	if err != nil {
		return err
	}
	unpack.Stdin = pipe
	if err := errors.Join(archive.Start(), unpack.Start()); err != nil {
		return fmt.Errorf("reading %s from git: %w", ref, err)
	}
	if err := errors.Join(unpack.Wait(), archive.Wait()); err != nil {
		return fmt.Errorf("reading %s from git: %w", ref, err)
	}
	return nil
}

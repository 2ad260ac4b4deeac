package runner

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// source is what is built: a commit of a repository.
type source struct {
	dir    string // git's own folder
	ref    string
	tag    string
	branch string // the tag's name, in the build of a tag
	commit string
	// message is the commit's, whole.
	message string
	slug    string
	tree    string // the working tree, "" when there is none
}

// git runs git with nothing of the caller's repository in its environment.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(withoutGit(os.Environ()), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(errs.String())
		if text == "" {
			text = err.Error()
		}
		return "", fmt.Errorf("git %s: %s", args[0], text)
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

func withoutGit(env []string) []string {
	var kept []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, "GIT_") {
			kept = append(kept, kv)
		}
	}
	return kept
}

// open finds the tag or branch.
func open(ctx context.Context, dir, tag, branch string) (*source, error) {
	common, err := git(ctx, dir, "rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		return nil, fmt.Errorf("%s is no git repository: ci run builds what is committed", dir)
	}
	s := &source{dir: common, tag: tag, branch: branch}
	s.tree, _ = git(ctx, dir, "rev-parse", "--show-toplevel")
	if tag != "" {
		s.branch = tag
		if s.ref, err = s.find(ctx, "refs/tags/"+tag); err != nil {
			return nil, s.noTag(ctx)
		}
	} else if s.ref, err = s.find(ctx, "refs/heads/"+branch, "refs/remotes/origin/"+branch); err != nil {
		return nil, fmt.Errorf("there is no branch %s here; fetch it (git fetch origin %s), or make it: git branch %s", branch, branch, branch)
	}
	if s.commit, err = git(ctx, s.dir, "rev-parse", "--verify", "-q", s.ref+"^{commit}"); err != nil {
		return nil, fmt.Errorf("%s is no commit", s.name())
	}
	if s.message, err = git(ctx, s.dir, "show", "-s", "--format=%B", s.commit); err != nil {
		return nil, err
	}
	s.slug = s.repository(ctx, dir)
	return s, nil
}

// find is the first of the refs that there is.
func (s *source) find(ctx context.Context, refs ...string) (string, error) {
	var err error
	for _, ref := range refs {
		if _, err = git(ctx, s.dir, "rev-parse", "--verify", "-q", ref); err == nil {
			return ref, nil
		}
	}
	return "", err
}

func (s *source) noTag(ctx context.Context) error {
	all, _ := git(ctx, s.dir, "tag", "--sort=-creatordate")
	if all == "" {
		return fmt.Errorf("there is no tag %s here, and no other; make it: git tag %s, or fetch: git fetch --tags", s.tag, s.tag)
	}
	newest := strings.Split(all, "\n")
	return fmt.Errorf("there is no tag %s here (newest: %s); make it: git tag %s, or fetch: git fetch --tags", s.tag, strings.Join(newest[:min(3, len(newest))], ", "), s.tag)
}

// name is the tag or branch for people.
func (s *source) name() string {
	if s.tag != "" {
		return "tag " + s.tag
	}
	return "branch " + s.branch
}

var slugOf = lazyregexp.New(`[:/]([^/:]+/[^/]+?)(?:\.git)?/?$`)

// repository is owner/name: of the remote origin, or of the folder.
func (s *source) repository(ctx context.Context, dir string) string {
	if url, err := git(ctx, dir, "remote", "get-url", "origin"); err == nil && (strings.Contains(url, "://") && !strings.HasPrefix(url, "file:") || strings.Contains(url, "@")) {
		if m := slugOf.FindStringSubmatch(url); m != nil {
			return m[1]
		}
	}
	if s.tree != "" {
		dir = s.tree
	}
	name := "repository"
	if abs, err := filepath.Abs(dir); err == nil {
		name = strings.TrimSuffix(filepath.Base(abs), ".git")
	}
	return "local/" + name
}

func (s *source) has(ctx context.Context, path string) bool {
	_, err := git(ctx, s.dir, "cat-file", "-e", s.commit+":"+path)
	return err == nil
}

// file is a file as it is committed.
func (s *source) file(ctx context.Context, path string) ([]byte, error) {
	if !s.has(ctx, path) {
		return nil, fmt.Errorf("%s has no %s: commit one; only what is committed is built", s.name(), path)
	}
	out, err := git(ctx, s.dir, "show", s.commit+":"+path)
	return []byte(out + "\n"), err
}

var skips = lazyregexp.New(`(?i)\[(skip travis|travis skip|skip travis-ci|skip[ -]ci|ci skip)\]`)

// notes are what else is worth knowing.
func (s *source) notes(ctx context.Context) []string {
	var list []string
	if s.tree != "" {
		if changed, err := git(ctx, s.tree, "status", "--porcelain", "--untracked-files=no"); err == nil && changed != "" {
			list = append(list, "the working tree has changes that are not committed; they are not built")
		}
	}
	if m := skips.FindString(s.message); m != "" {
		list = append(list, "the commit's message says "+m+": Travis would not build it")
	}
	return list
}

// clone makes a clone as Travis makes one: so many commits deep, with the tags
// that point into them, HEAD detached at the commit. Its origin is the repository
// here; nothing can be pushed to it.
func (s *source) clone(ctx context.Context, into string, depth int) error {
	target := "refs/remotes/origin/" + s.branch
	if s.tag != "" {
		target = "refs/tags/" + s.tag
	}
	fetch := []string{"fetch", "-q", "--force"}
	if depth > 0 {
		fetch = append(fetch, "--depth="+strconv.Itoa(depth))
	}
	url := "file://" + s.dir
	for _, args := range [][]string{
		{"init", "-q"},
		{"remote", "add", "origin", url},
		{"remote", "set-url", "--push", "origin", "nothing-is-pushed-from-ci-run"},
		append(fetch, "origin", "+"+s.ref+":"+target),
		{"-c", "advice.detachedHead=false", "checkout", "-q", "-f", s.commit},
	} {
		if _, err := git(ctx, into, args...); err != nil {
			return fmt.Errorf("cloning %s: %w", s.name(), err)
		}
	}
	return nil
}

// untagged tells whether the clone has no tag to describe HEAD by although the
// repository has: the clone is not deep enough.
func (s *source) untagged(ctx context.Context, clone string) bool {
	if _, err := git(ctx, clone, "describe", "--abbrev=0", "--tags"); err == nil {
		return false
	}
	_, err := git(ctx, s.dir, "describe", "--abbrev=0", "--tags", s.commit)
	return err == nil
}

package docker

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
)

// PullBehavior says when images are pulled, in the words of the ECS agent's
// ECS_IMAGE_PULL_BEHAVIOR.
type PullBehavior string

// The behaviours. An image named by digest that is there is never pulled.
const (
	// PullDefault pulls; when that fails, an image that is there will do.
	PullDefault PullBehavior = "default"
	// PullAlways pulls; when that fails, so does the container.
	PullAlways PullBehavior = "always"
	// PullPreferCached pulls only what is not there.
	PullPreferCached PullBehavior = "prefer-cached"
)

// image is what a container will run.
type image struct {
	ref, id, digest string
	// foreign is the image's platform where it is not the host's.
	foreign             string
	pullStarted, pulled time.Time
}

// image gets a container's image onto the daemon.
func (r *Runtime) image(ctx context.Context, id Identity, c *Container) (image, error) {
	src := Source{Ref: c.Image}
	if r.opt.Registry != nil {
		var err error
		if src, err = r.opt.Registry(ctx, id, c.Image); err != nil {
			return image{}, err
		}
	}
	if c.Username != "" {
		src.Username, src.Password = c.Username, c.Password
	}
	img := image{ref: src.Ref, pullStarted: r.now()}
	have := r.inspectImage(ctx, &img)
	if have == nil && (r.opt.Pull == PullPreferCached || strings.Contains(src.Ref, "@sha256:")) {
		img.pulled = r.now()
		return img, nil
	}
	err := r.pulls.do(ctx, src.Ref+"\x00"+src.Username+"\x00"+src.Password, func(ctx context.Context) error { return r.pull(ctx, src) })
	if err != nil {
		if have != nil || r.opt.Pull == PullAlways || ctx.Err() != nil {
			return image{}, err
		}
		r.log.Info("docker: the pull failed; using the image that is here", "image", src.Ref, "error", err)
	}
	img.pulled = r.now()
	return img, r.inspectImage(ctx, &img)
}

// pull pulls an image. The daemon answers 200 before it begins: what goes
// wrong after that stands in the stream.
func (r *Runtime) pull(ctx context.Context, src Source) error {
	opts := client.ImagePullOptions{}
	if src.Username != "" {
		named, err := reference.ParseNormalizedNamed(src.Ref)
		if err != nil {
			return err
		}
		opts.RegistryAuth, err = authconfig.Encode(registry.AuthConfig{
			Username: src.Username, Password: src.Password, ServerAddress: reference.Domain(named),
		})
		if err != nil {
			return err
		}
	}
	res, err := r.cli.ImagePull(ctx, src.Ref, opts)
	if err != nil {
		return pullCause(err)
	}
	defer res.Close()
	if err := res.Wait(ctx); err != nil {
		return pullCause(fmt.Errorf("Error response from daemon: %w", err))
	}
	return nil
}

// inspectImage fills in what the daemon knows of an image that it has.
func (r *Runtime) inspectImage(ctx context.Context, img *image) error {
	res, err := r.cli.ImageInspect(ctx, img.ref)
	if err != nil {
		return err
	}
	img.id = res.ID
	if res.Architecture != "" && res.Architecture != r.host.Architecture || res.Os != r.host.OS {
		img.foreign = strings.TrimSuffix(res.Os+"/"+res.Architecture+"/"+res.Variant, "/")
	}
	name, _, _ := strings.Cut(img.ref, "@")
	if named, err := reference.ParseNormalizedNamed(name); err == nil {
		for _, d := range res.RepoDigests {
			repo, digest, _ := strings.Cut(d, "@")
			if have, err := reference.ParseNormalizedNamed(repo); err == nil && have.Name() == named.Name() {
				img.digest = digest
			}
		}
	}
	return nil
}

// RemoveImage removes an image by reference. One that is used, or not there,
// is left alone.
func (r *Runtime) RemoveImage(ctx context.Context, ref string) error {
	_, err := r.cli.ImageRemove(ctx, ref, client.ImageRemoveOptions{PruneChildren: true})
	if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
		return fmt.Errorf("removing image %s: %w", ref, err)
	}
	return nil
}

// flights joins equal pulls that are under way at once.
type flights struct {
	mu     sync.Mutex
	flying map[string]*flight
}

type flight struct {
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	err     error
}

// do runs a step, or waits for the same one that runs already. The step is
// cancelled when nobody waits for it any more.
func (f *flights) do(ctx context.Context, key string, step func(context.Context) error) error {
	f.mu.Lock()
	fl := f.flying[key]
	if fl == nil {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		fl = &flight{cancel: cancel, done: make(chan struct{})}
		if f.flying == nil {
			f.flying = map[string]*flight{}
		}
		f.flying[key] = fl
		go func() {
			fl.err = step(own)
			f.land(key, fl)
			close(fl.done)
		}()
	}
	fl.waiting++
	f.mu.Unlock()
	select {
	case <-fl.done:
		return fl.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.waiting--; fl.waiting == 0 {
		fl.cancel()
		if f.flying[key] == fl {
			delete(f.flying, key)
		}
	}
	return context.Cause(ctx)
}

func (f *flights) land(key string, fl *flight) {
	fl.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.flying[key] == fl {
		delete(f.flying, key)
	}
}

// drain reads a daemon's stream to its end, which is when it is done.
func drain(rc io.ReadCloser) error {
	defer rc.Close()
	_, err := io.Copy(io.Discard, rc)
	return err
}

package docker

import (
	"context"
	"fmt"
	"maps"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// volume makes one of the task's volumes.
func (l *launch) volume(ctx context.Context, v *Volume) error {
	if v.HostPath != "" {
		return nil
	}
	d := v.Docker
	if d == nil {
		d = &DockerVolume{}
	}
	opts := client.VolumeCreateOptions{Name: v.Name, Driver: d.Driver, DriverOpts: d.Options, Labels: maps.Clone(d.Labels)}
	if opts.Labels == nil {
		opts.Labels = map[string]string{}
	}
	if d.Shared {
		_, err := l.r.cli.VolumeInspect(ctx, v.Name, client.VolumeInspectOptions{})
		switch {
		case err == nil:
			return nil
		case !cerrdefs.IsNotFound(err):
			return fmt.Errorf("inspecting volume %s: %w", v.Name, err)
		case !d.Autoprovision:
			return fmt.Errorf("volume %s is not there, and autoprovision is off", v.Name)
		}
	} else {
		opts.Name = l.r.volumeName(l.t.Identity, v.Name)
		opts.Labels[labelEngine], opts.Labels[labelTask], opts.Labels[labelRole] = l.r.opt.Engine, l.t.ID, roleVolume
	}
	if _, err := l.r.cli.VolumeCreate(ctx, opts); err != nil {
		return fmt.Errorf("creating volume %s: %w", v.Name, err)
	}
	return nil
}

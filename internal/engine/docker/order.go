package docker

import (
	"fmt"
	"slices"
	"strings"
)

// dependencies are what a container waits for: what its definition says, and
// what links and shared volumes need.
func dependencies(c *Container) []Dependency {
	deps := slices.Clone(c.DependsOn)
	implied := func(name string, on Condition) {
		if !slices.ContainsFunc(deps, func(d Dependency) bool { return d.Container == name }) {
			deps = append(deps, Dependency{Container: name, Condition: on})
		}
	}
	for _, l := range c.Links {
		name, _, _ := strings.Cut(l, ":")
		implied(name, OnStart)
	}
	for _, v := range c.VolumesFrom {
		implied(v.Container, OnCreate)
	}
	return deps
}

// checkOrder refuses dependencies on containers that are not there, on health
// that nothing checks, and in a circle.
func checkOrder(containers []Container) error {
	byName := map[string]*Container{}
	for i := range containers {
		byName[containers[i].Name] = &containers[i]
	}
	for i := range containers {
		for _, d := range dependencies(&containers[i]) {
			on, ok := byName[d.Container]
			if !ok {
				return fmt.Errorf("container %s depends on %s, which is not in the task", containers[i].Name, d.Container)
			}
			if d.Condition == OnHealthy && on.HealthCheck == nil {
				return fmt.Errorf("container %s waits for %s to be healthy, which has no health check", containers[i].Name, d.Container)
			}
		}
	}
	_, err := layers(containers)
	return err
}

// layers puts containers in the order of starting: each layer needs only those
// before it. Stopping goes through them backwards.
func layers(containers []Container) ([][]string, error) {
	placed := map[string]bool{}
	var out [][]string
	for len(placed) < len(containers) {
		var layer []string
		for i := range containers {
			c := &containers[i]
			ready := !slices.ContainsFunc(dependencies(c), func(d Dependency) bool { return !placed[d.Container] })
			if !placed[c.Name] && ready {
				layer = append(layer, c.Name)
			}
		}
		if len(layer) == 0 {
			return nil, fmt.Errorf("containers depend on each other in a circle")
		}
		for _, name := range layer {
			placed[name] = true
		}
		out = append(out, layer)
	}
	return out, nil
}

// met tells whether a container is as the condition wants it; an error says
// that it never will be.
func met(on Condition, dep *ContainerStatus) (bool, error) {
	switch {
	case on == OnCreate:
		return dep.Phase >= Created, nil
	case on == OnStart:
		// One that has started and ended already has started.
		return dep.Phase == Running || dep.Phase >= Stopped && !dep.StartedAt.IsZero(), neverStarted(dep)
	case on == OnHealthy:
		if dep.Phase >= Stopped {
			return false, fmt.Errorf("container %s stopped before it was healthy%s", dep.Name, because(dep))
		}
		return dep.Health.Status == Healthy, nil
	case dep.Phase < Stopped:
		return false, nil
	case dep.StartedAt.IsZero():
		return false, neverStarted(dep)
	case on == OnSuccess && (dep.ExitCode == nil || *dep.ExitCode != 0):
		return false, fmt.Errorf("container %s did not exit successfully%s", dep.Name, because(dep))
	}
	return true, nil
}

func neverStarted(dep *ContainerStatus) error {
	if dep.Phase >= Stopped && dep.StartedAt.IsZero() {
		return fmt.Errorf("container %s did not start%s", dep.Name, because(dep))
	}
	return nil
}

func because(c *ContainerStatus) string {
	switch {
	case c.Reason != "":
		return ": " + c.Reason
	case c.ExitCode != nil:
		return fmt.Sprintf(": exit code %d", *c.ExitCode)
	}
	return ""
}

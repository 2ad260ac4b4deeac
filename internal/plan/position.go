package plan

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// written is where in a service of the file a setting is written, where its name
// there is another.
var written = map[string]string{
	"health path": "health.path", "health status": "health.status", "health interval": "health.interval", "health timeout": "health.timeout",
	"healthy after": "health.healthy", "unhealthy after": "health.unhealthy", "grace": "health.grace", "soft memory": "memory",
	"host": "host", "path": "paths", "stop timeout": "stop", "family": "family", "target group": "target-group",
	"minimum healthy": "deploy.min", "maximum": "deploy.max", "roll back": "deploy.rollback",
}

// inFile is what the file calls a setting of a service's resource.
func inFile(r slipway.Resource, key string) string {
	if r.Service == "" {
		return ""
	}
	if path, ok := written[key]; ok {
		return "service." + path
	}
	return "service." + strings.ReplaceAll(key, " ", "-")
}

// positions are the places of a service's settings in the file.
func positions(s *slipway.Service, settings slipway.Settings) map[string]slipway.Position {
	at := map[string]slipway.Position{"": s.At.Of("")}
	for key := range settings {
		path, ok := written[key]
		if !ok {
			path = strings.ReplaceAll(key, " ", "-")
		}
		if p, ok := s.At[path]; ok {
			at[key] = p
			continue
		}
		for _, c := range s.Containers {
			inside := strings.TrimPrefix(path, c.Name+".")
			if p, ok := c.At[inside]; ok && (inside != path || len(s.Containers) == 1) {
				at[key] = p
			}
		}
	}
	return at
}

// hostAt is where the file names a host.
func hostAt(env *slipway.Environment, host string) map[string]slipway.Position {
	for i := range env.Services {
		s := &env.Services[i]
		for _, r := range s.Rules {
			for _, h := range r.Hosts {
				if h == host {
					return map[string]slipway.Position{"": s.At.Of("host")}
				}
			}
		}
	}
	return nil
}

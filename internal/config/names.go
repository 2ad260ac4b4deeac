package config

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// maxGroupName is what CreateTargetGroup allows.
const maxGroupName = 32

// shorten makes a target group's name of a service's. A long one keeps its
// beginning, and six digits of its hash tell it from its like.
func shorten(name, suffix string) string {
	full := strings.ReplaceAll(name, "_", "-") + suffix
	if len(full) <= maxGroupName && full == name+suffix {
		return full
	}
	if len(full) <= maxGroupName && !strings.HasPrefix(full, "-") {
		return full
	}
	sum := sha256.Sum256([]byte(name))
	tail := "-" + hex.EncodeToString(sum[:3]) + suffix
	head := full[:min(len(full)-len(suffix), maxGroupName-len(tail))]
	return strings.Trim(head, "-") + tail
}

// names holds a service's default names against AWS's rules.
func (b *builder) names(s *slipway.Service, n *node, at slipway.Position) {
	switch {
	case n.get("name") == nil && !ecsName.pattern.MatchString(s.Name):
		b.found.add(at, `name: "{env}-demo"`, "the service's name %q is not right: %s", s.Name, ecsName.says)
	case n.get("target-group") == nil && ecsName.pattern.MatchString(s.Name) && !groupName.pattern.MatchString(s.TargetGroup):
		b.found.add(at, `target-group: "{env}-demo-tg"`, "the target group's name %q is not right: %s", s.TargetGroup, groupName.says)
	}
}

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
	if !ecsName.pattern.MatchString(s.Name) {
		b.found.add(place(n.get("name"), at), "", "the service's name %q is not right: %s", s.Name, ecsName.says)
	}
	if !groupName.pattern.MatchString(s.TargetGroup) {
		b.found.add(place(n.get("target-group"), at), "", "the target group's name %q is not right: %s", s.TargetGroup, groupName.says)
	}
}

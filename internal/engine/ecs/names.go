package ecs

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/arn"
)

// splitDefinition takes a reference to a task definition apart: a family, a
// family and revision, or an ARN. Revision is 0 where none is named.
func splitDefinition(ref string) (family string, revision int, ok bool) {
	if a, is := arn.Parse(ref); is {
		if ref, is = a.After("task-definition/"); !is {
			return "", 0, false
		}
	}
	family, number, has := strings.Cut(ref, ":")
	if !has {
		return family, 0, family != ""
	}
	revision, err := strconv.Atoi(number)
	return family, revision, err == nil && revision > 0 && family != ""
}

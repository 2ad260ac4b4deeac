package plan

import "strings"

// whole tells whether a setting belongs to a list that the file writes as a
// whole, so that one too many is a difference as well.
func whole(key string) bool {
	for _, list := range []string{"variables.", "secrets.", "mounts.", "volumes.", "containers."} {
		if strings.HasPrefix(key, list) || strings.Contains(key, "."+list) {
			return true
		}
	}
	return key == "path" || key == "command" || key == "entrypoint" || strings.HasSuffix(key, ".command") || strings.HasSuffix(key, ".entrypoint")
}

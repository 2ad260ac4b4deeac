package registry

import "testing"

func TestTransientPaths(t *testing.T) {
	const root = "/docker/registry/v2/repositories/"
	for path, want := range map[string]bool{
		root + "a/_uploads/1/data":                                 true,
		root + "a/_uploads/1/hashstates/sha256/0":                  true,
		root + "a/_manifests/tags/v1/index/sha256/ab/link":         true,
		root + "a/_manifests/tags/v1/current/link":                 false,
		root + "a/_manifests/tags/index/current/link":              false,
		root + "a/_manifests/tags/index/index/sha256/ab/link":      true,
		root + "team/index/app/_manifests/revisions/sha256/x/link": false,
		root + "index/uploads/_layers/sha256/x/link":               false,
		root + "a/_manifests/tags/":                                false,
		root + "a/_manifests/tags/v1/":                             false,
		"/docker/registry/v2/blobs/sha256/ab/abcd/data":            false,
	} {
		if got := transient(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

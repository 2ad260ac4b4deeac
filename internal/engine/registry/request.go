package registry

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// kind is what a request is about.
type kind int

const (
	kindBase     kind = iota // /v2/
	kindCatalog              // /v2/_catalog
	kindTags                 // /v2/<name>/tags/list
	kindManifest             // /v2/<name>/manifests/<reference>
	kindBlob                 // /v2/<name>/blobs/<digest>
	kindUploads              // /v2/<name>/blobs/uploads/
	kindUpload               // /v2/<name>/blobs/uploads/<id>
	kindReferrer             // /v2/<name>/referrers/<digest>
)

// request is a request's address, understood.
type request struct {
	kind       kind
	repository Repository
	// name is the repository's as the client spells it, with the scope's prefix.
	name string
	// reference is the tag, digest or upload id.
	reference   string
	credentials Credentials
}

var (
	// hostForm is an ECR registry's host name, also the dual-stack one.
	hostForm   = lazyregexp.New(`^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.`)
	prefixForm = lazyregexp.New(`^([0-9]{12})/([a-z]{2}(?:-[a-z]+)+-[0-9]+)/(.+)$`)
)

// cutScope takes the scope's prefix from a name.
func cutScope(name string) (account, region, rest string, ok bool) {
	m := prefixForm.FindStringSubmatch(name)
	if m == nil {
		return "", "", name, false
	}
	return m[1], m[2], m[3], true
}

// identify finds the repository that a name stands for in requests to a host.
func (g *Registry) identify(host, name string) Repository {
	if m := hostForm.FindStringSubmatch(strings.ToLower(host)); m != nil {
		return Repository{m[1], m[2], name}
	}
	if account, region, rest, ok := cutScope(name); ok {
		return Repository{account, region, rest}
	}
	return Repository{g.o.Account, g.o.Region, name}
}

// address understands a request's path; nil for one that is not the registry's.
func (g *Registry) address(r *http.Request) *request {
	path, ok := strings.CutPrefix(r.URL.Path, "/v2")
	if !ok {
		return nil
	}
	switch path {
	case "", "/":
		return &request{kind: kindBase, repository: g.identify(r.Host, "")}
	case "/_catalog":
		return &request{kind: kindCatalog, repository: g.identify(r.Host, "")}
	}
	q := split(strings.TrimPrefix(path, "/"))
	if q != nil {
		q.repository = g.identify(r.Host, q.name)
	}
	return q
}

// split finds the words that part a path, from its end: a repository's name may
// contain them, too.
func split(path string) *request {
	if name, ok := strings.CutSuffix(path, "/tags/list"); ok {
		return &request{kind: kindTags, name: name}
	}
	for _, end := range []string{"/blobs/uploads/", "/blobs/uploads"} {
		if name, ok := strings.CutSuffix(path, end); ok {
			return &request{kind: kindUploads, name: name}
		}
	}
	head, last, _ := cutLast(path)
	for word, kind := range map[string]kind{"/blobs/uploads": kindUpload, "/manifests": kindManifest, "/blobs": kindBlob, "/referrers": kindReferrer} {
		if name, ok := strings.CutSuffix(head, word); ok && last != "" {
			return &request{kind: kind, name: name, reference: last}
		}
	}
	return nil
}

func cutLast(path string) (head, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ServeHTTP answers a client of the OCI distribution protocol: the address is
// understood, the caller known and allowed, the repository there; then the
// request is done.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if err := g.serve(w, r); err != nil {
		g.render(w, r, err)
	}
}

func (g *Registry) serve(w http.ResponseWriter, r *http.Request) error {
	q := g.address(r)
	if q == nil {
		return &Error{Status: http.StatusNotFound, Code: "UNSUPPORTED", Message: "there is nothing at this address: a registry's begin with /v2/"}
	}
	principal, err := g.admit(q, r)
	if err != nil {
		return err
	}
	switch q.kind {
	case kindBase:
		return writeJSON(w, "application/json", struct{}{})
	case kindCatalog:
		return g.serveCatalog(w, r, q)
	}
	if len(q.repository.Name) > maxName || !nameForm.MatchString(q.repository.Name) {
		return nameInvalid(q.repository.Name)
	}
	if !g.o.Exists(r.Context(), q.repository) {
		return nameUnknown(q.repository)
	}
	switch q.kind {
	case kindManifest:
		return g.serveManifest(w, r, q, principal)
	case kindBlob:
		return g.serveBlob(w, r, q)
	case kindUploads:
		return g.serveUploads(w, r, q)
	case kindUpload:
		return g.serveUpload(w, r, q)
	case kindReferrer:
		return g.serveReferrers(w, r, q)
	}
	return g.serveTags(w, r, q)
}

// admit finds out who asks, and whether they may.
func (g *Registry) admit(q *request, r *http.Request) (principal string, err error) {
	q.credentials.User, q.credentials.Password, _ = r.BasicAuth()
	if g.signed(q, r) {
		return "", nil
	}
	var access []Access
	if q.kind != kindBase && q.kind != kindCatalog {
		access = []Access{{q.need(r.Method), q.repository}}
	}
	return g.o.Authorize(r.Context(), q.credentials, access)
}

func writeJSON(w http.ResponseWriter, contentType string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
	return nil
}

// serveTags lists tags, n at a time.
func (g *Registry) serveTags(w http.ResponseWriter, r *http.Request, q *request) error {
	if r.Method != http.MethodGet {
		return unsupported("tags can be listed only")
	}
	tags, err := g.Tags(q.repository)
	if err != nil {
		return err
	}
	page, err := paged(w, r, tags)
	if err != nil {
		return err
	}
	return writeJSON(w, "application/json", map[string]any{"name": q.name, "tags": page})
}

// paged is the part of a sorted list that the request's n and last ask for; the
// rest is announced by a Link.
func paged(w http.ResponseWriter, r *http.Request, all []string) ([]string, error) {
	query := r.URL.Query()
	if last := query.Get("last"); last != "" {
		i, found := slices.BinarySearch(all, last)
		if found {
			i++
		}
		all = all[i:]
	}
	if query.Has("n") {
		n, err := strconv.Atoi(query.Get("n"))
		if err != nil || n < 0 {
			return nil, &Error{Status: http.StatusBadRequest, Code: "PAGINATION_NUMBER_INVALID", Message: fmt.Sprintf("%q is not a number of results", query.Get("n"))}
		}
		if n < len(all) {
			all = all[:n]
			if n > 0 {
				query.Set("last", all[n-1])
				w.Header().Set("Link", fmt.Sprintf("<%s?%s>; rel=\"next\"", r.URL.Path, query.Encode()))
			}
		}
	}
	if all == nil {
		all = []string{}
	}
	return all, nil
}

// serveCatalog lists the scope's repositories that the caller may describe.
func (g *Registry) serveCatalog(w http.ResponseWriter, r *http.Request, q *request) error {
	if !g.o.Catalog || r.Method != http.MethodGet {
		return unsupported("this registry has no catalog: list its repositories with aws ecr describe-repositories")
	}
	names, err := g.Repositories(q.repository.Account, q.repository.Region)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		id := Repository{q.repository.Account, q.repository.Region, name}
		_, err := g.o.Authorize(r.Context(), q.credentials, []Access{{actionCatalog, id}})
		return err != nil || !g.o.Exists(r.Context(), id)
	})
	page, err := paged(w, r, names)
	if err != nil {
		return err
	}
	return writeJSON(w, "application/json", map[string]any{"repositories": page})
}

// serveReferrers lists what refers to a manifest (OCI distribution
// specification 1.1, "Listing Referrers").
func (g *Registry) serveReferrers(w http.ResponseWriter, r *http.Request, q *request) error {
	if r.Method != http.MethodGet {
		return unsupported("referrers can be listed only")
	}
	if _, err := parseDigest(q.reference); err != nil {
		return err
	}
	images, err := g.Referrers(q.repository, q.reference)
	if err != nil {
		return err
	}
	type descriptor struct {
		MediaType    string            `json:"mediaType"`
		Digest       string            `json:"digest"`
		Size         int64             `json:"size"`
		ArtifactType string            `json:"artifactType,omitempty"`
		Annotations  map[string]string `json:"annotations,omitempty"`
	}
	wanted := r.URL.Query().Get("artifactType")
	found := []descriptor{}
	for _, i := range images {
		if wanted != "" && i.ArtifactType != wanted {
			continue
		}
		payload, _, _, err := g.Manifest(q.repository, i.Digest)
		if err != nil {
			continue // deleted meanwhile
		}
		found = append(found, descriptor{i.MediaType, i.Digest, int64(len(payload)), i.ArtifactType, i.Annotations})
	}
	if wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	const index = "application/vnd.oci.image.index.v1+json"
	return writeJSON(w, index, map[string]any{"schemaVersion": 2, "mediaType": index, "manifests": found})
}

// location is an address for the client to go on at, relative to the host that
// it knows us by.
func (q *request) location(rest ...string) string {
	return "/v2/" + q.name + "/" + strings.Join(rest, "/")
}

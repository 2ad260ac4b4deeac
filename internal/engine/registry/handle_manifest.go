package registry

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

func (g *Registry) serveManifest(w http.ResponseWriter, r *http.Request, q *request, principal string) error {
	if strings.Contains(q.reference, ":") {
		if _, err := parseDigest(q.reference); err != nil {
			return err
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return g.getManifest(w, r, q, principal)
	case http.MethodPut:
		return g.putManifest(w, r, q, principal)
	case http.MethodDelete:
		return g.deleteManifest(w, r, q, principal)
	}
	return unsupported("a manifest cannot be asked for with " + r.Method)
}

func (g *Registry) getManifest(w http.ResponseWriter, r *http.Request, q *request, principal string) error {
	payload, mediaType, d, err := g.Manifest(q.repository, q.reference)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Docker-Content-Digest", d)
	h.Set("Etag", `"`+d+`"`)
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	if r.Method == http.MethodHead {
		return nil
	}
	pull := Pull{Repository: q.repository, Digest: d, Principal: principal}
	if q.reference != d {
		pull.Tag = q.reference
	}
	g.o.OnPull(pull)
	w.Write(payload)
	return nil
}

func (g *Registry) putManifest(w http.ResponseWriter, r *http.Request, q *request, principal string) error {
	payload, err := io.ReadAll(io.LimitReader(r.Body, maxManifest+1))
	if err != nil {
		return manifestInvalid("The manifest was cut off")
	}
	m := Manifest{Payload: payload, MediaType: r.Header.Get("Content-Type"), Principal: principal}
	if strings.Contains(q.reference, ":") {
		m.Digest = q.reference
	} else {
		m.Tag = q.reference
	}
	image, _, err := g.PutManifest(r.Context(), q.repository, m)
	if err != nil {
		return err
	}
	h := w.Header()
	if image.Subject != "" {
		h.Set("OCI-Subject", image.Subject)
	}
	h.Set("Docker-Content-Digest", image.Digest)
	h.Set("Location", q.location("manifests", image.Digest))
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// deleteManifest is stricter than the specification: what an index lists stays,
// as with BatchDeleteImage.
func (g *Registry) deleteManifest(w http.ResponseWriter, r *http.Request, q *request, principal string) error {
	var err error
	if strings.Contains(q.reference, ":") {
		if err = g.listed(q); err == nil {
			err = g.DeleteManifest(r.Context(), q.repository, q.reference, principal)
		}
	} else {
		err = g.Untag(r.Context(), q.repository, q.reference, principal)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// listed refuses where an index lists the manifest.
func (g *Registry) listed(q *request) error {
	images, err := g.Images(q.repository)
	if err != nil {
		return err
	}
	for _, i := range images {
		for _, child := range i.Manifests {
			if child == q.reference {
				return &Error{Status: http.StatusConflict, Code: "DENIED", Message: "The image is referenced by the manifest list " + i.Digest}
			}
		}
	}
	return nil
}

package registry

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// serveBlob sends a blob, or a range of it. The file itself goes to the
// connection, so that the kernel may copy it.
func (g *Registry) serveBlob(w http.ResponseWriter, r *http.Request, q *request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodDelete:
		return unsupported("layers cannot be deleted: they go with the last image that needs them")
	default:
		return unsupported("a layer cannot be asked for with " + r.Method)
	}
	if _, err := g.Layer(q.repository, q.reference); err != nil {
		return err
	}
	repo, err := g.repository(q.repository)
	if err != nil {
		return err
	}
	f, err := os.Open(repo.scope.blobFile(digest.Digest(q.reference)))
	if notFound(err) {
		return blobUnknown(q.reference)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	h := w.Header()
	h.Set("Docker-Content-Digest", q.reference)
	h.Set("Etag", `"`+q.reference+`"`)
	h.Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// serveUploads begins an upload, does one whole, or mounts a blob instead.
func (g *Registry) serveUploads(w http.ResponseWriter, r *http.Request, q *request) error {
	if r.Method != http.MethodPost {
		return unsupported("uploads begin with POST")
	}
	query := r.URL.Query()
	if mount, from := query.Get("mount"), query.Get("from"); mount != "" && from != "" && g.mount(r, q, mount, from) {
		return q.created(w, mount)
	}
	d := query.Get("digest")
	if _, err := parseDigest(d); d != "" && err != nil {
		return err
	}
	id, err := g.StartUpload(r.Context(), q.repository)
	if err != nil {
		return err
	}
	if d != "" {
		if _, err := g.FinishUpload(r.Context(), q.repository, id, d, 0, r.Body); err != nil {
			return err
		}
		return q.created(w, d)
	}
	q.reference = id
	return q.progress(w, http.StatusAccepted, 0)
}

// mount takes a blob over from another repository that the caller may pull
// from. Failing that, the client uploads it.
func (g *Registry) mount(r *http.Request, q *request, dgst, from string) bool {
	source := g.identify(r.Host, from)
	_, err := g.o.Authorize(r.Context(), q.credentials, []Access{{actionCheck, source}, {actionLayer, source}})
	return err == nil && g.o.Exists(r.Context(), source) && g.Mount(r.Context(), q.repository, source, dgst) == nil
}

func (g *Registry) serveUpload(w http.ResponseWriter, r *http.Request, q *request) error {
	ctx := r.Context()
	switch r.Method {
	case http.MethodGet:
		size, err := g.UploadSize(ctx, q.repository, q.reference)
		if err != nil {
			return err
		}
		return q.progress(w, http.StatusNoContent, size)
	case http.MethodPatch:
		offset, err := begins(r)
		if err != nil {
			return err
		}
		size, err := g.Upload(ctx, q.repository, q.reference, offset, r.Body)
		if err != nil {
			return err
		}
		return q.progress(w, http.StatusAccepted, size)
	case http.MethodPut:
		offset, err := begins(r)
		if err != nil {
			return err
		}
		d := r.URL.Query().Get("digest")
		if _, err := g.FinishUpload(ctx, q.repository, q.reference, d, offset, r.Body); err != nil {
			return err
		}
		return q.created(w, d)
	case http.MethodDelete:
		if err := g.CancelUpload(ctx, q.repository, q.reference); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return unsupported("an upload cannot be asked for with " + r.Method)
}

// begins is where a part begins: as its Content-Range says, else as the address
// that we sent does, so that a part which is sent twice is not appended twice; -1
// when neither says it.
func begins(r *http.Request) (int64, error) {
	if cr := r.Header.Get("Content-Range"); cr != "" {
		from, to, ok := strings.Cut(strings.TrimPrefix(cr, "bytes "), "-")
		to, _, _ = strings.Cut(to, "/")
		start, err1 := strconv.ParseInt(from, 10, 64)
		end, err2 := strconv.ParseInt(to, 10, 64)
		if !ok || err1 != nil || err2 != nil || start < 0 || end < start-1 || r.ContentLength >= 0 && r.ContentLength != end-start+1 {
			return 0, rangeInvalid(fmt.Sprintf("the range '%s' does not fit a part of %d bytes", cr, r.ContentLength))
		}
		return start, nil
	}
	if s := r.URL.Query().Get("offset"); s != "" {
		offset, err := strconv.ParseInt(s, 10, 64)
		if err != nil || offset < 0 {
			return 0, rangeInvalid(fmt.Sprintf("'%s' is not an offset", s))
		}
		return offset, nil
	}
	return -1, nil
}

// progress tells how much of an upload has come, and where to go on.
func (q *request) progress(w http.ResponseWriter, status int, size int64) error {
	h := w.Header()
	h.Set("Location", q.location("blobs", "uploads", q.reference)+"?offset="+strconv.FormatInt(size, 10))
	h.Set("Docker-Upload-Uuid", q.reference)
	h.Set("Range", "0-"+strconv.FormatInt(max(size-1, 0), 10))
	h.Set("Content-Length", "0")
	w.WriteHeader(status)
	return nil
}

func (q *request) created(w http.ResponseWriter, d string) error {
	h := w.Header()
	h.Set("Location", q.location("blobs", d))
	h.Set("Docker-Content-Digest", d)
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

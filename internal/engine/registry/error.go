package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"syscall"

	"github.com/opencontainers/go-digest"
)

// Error is a refusal as clients get it: docker prints "<code in words>: <message>".
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code is of the OCI distribution specification.
	Code string
	// Message is in ECR's words where they are known.
	Message string
	// Digests are the blobs or manifests that are missing, where that is what is
	// wrong.
	Digests []string

	challenge bool
}

func (e *Error) Error() string {
	return strings.ToLower(strings.ReplaceAll(e.Code, "_", " ")) + ": " + e.Message
}

// Is compares codes, so that errors.Is works with the sentinels below.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Sentinels to compare an error with.
var (
	ErrManifestUnknown     = &Error{Code: "MANIFEST_UNKNOWN"}
	ErrManifestInvalid     = &Error{Code: "MANIFEST_INVALID"}
	ErrManifestBlobUnknown = &Error{Code: "MANIFEST_BLOB_UNKNOWN"}
	ErrBlobUnknown         = &Error{Code: "BLOB_UNKNOWN"}
	ErrUploadUnknown       = &Error{Code: "BLOB_UPLOAD_UNKNOWN"}
	ErrRange               = &Error{Code: "RANGE_INVALID"}
	ErrDigest              = &Error{Code: "DIGEST_INVALID"}
	ErrTag                 = &Error{Code: "TAG_INVALID"}
	ErrName                = &Error{Code: "NAME_INVALID"}
)

// Unauthorized asks the client for credentials.
func Unauthorized() error {
	return &Error{Status: http.StatusUnauthorized, Code: "UNAUTHORIZED", Message: "Not Authorized", challenge: true}
}

// Denied refuses a client that is known, with IAM's message.
func Denied(message string) error {
	return &Error{Status: http.StatusForbidden, Code: "DENIED", Message: message}
}

func nameUnknown(r Repository) error {
	return &Error{Status: http.StatusNotFound, Code: "NAME_UNKNOWN", Message: fmt.Sprintf("The repository with name '%s' does not exist in the registry with id '%s'", r.Name, r.Account)}
}

func nameInvalid(name string) error {
	return &Error{Status: http.StatusBadRequest, Code: "NAME_INVALID", Message: fmt.Sprintf("Invalid parameter at 'repositoryName' failed to satisfy constraint: '%s' is not a repository name", name)}
}

func tagInvalid(tag string) error {
	return &Error{Status: http.StatusBadRequest, Code: "TAG_INVALID", Message: fmt.Sprintf("Invalid parameter at 'imageTag' failed to satisfy constraint: '%s' is not a tag", tag)}
}

func tagImmutable(r Repository, tag string) error {
	return &Error{Status: http.StatusBadRequest, Code: "TAG_INVALID", Message: fmt.Sprintf(
		"The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the repository is immutable.", tag, r.Name)}
}

func manifestUnknown() error {
	return &Error{Status: http.StatusNotFound, Code: "MANIFEST_UNKNOWN", Message: "Requested image not found"}
}

func manifestInvalid(reason string) error {
	return &Error{Status: http.StatusBadRequest, Code: "MANIFEST_INVALID", Message: reason}
}

// blobsMissing refuses a manifest; what is "Layers" or "Images".
func blobsMissing(r Repository, what string, missing []digest.Digest) error {
	e := &Error{Status: http.StatusBadRequest, Code: "MANIFEST_BLOB_UNKNOWN"}
	for _, d := range missing {
		e.Digests = append(e.Digests, d.String())
	}
	e.Message = fmt.Sprintf("%s with digests '[%s]' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist",
		what, strings.Join(e.Digests, ", "), r.Name, r.Account)
	return e
}

func blobUnknown(d string) error {
	return &Error{Status: http.StatusNotFound, Code: "BLOB_UNKNOWN", Message: fmt.Sprintf("The layer with digest '%s' does not exist", d)}
}

func uploadUnknown() error {
	return &Error{Status: http.StatusNotFound, Code: "BLOB_UPLOAD_UNKNOWN", Message: "The layer upload does not exist"}
}

func rangeInvalid(message string) error {
	return &Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "RANGE_INVALID", Message: message}
}

func digestInvalid(message string) error {
	return &Error{Status: http.StatusBadRequest, Code: "DIGEST_INVALID", Message: message}
}

func unsupported(message string) error {
	return &Error{Status: http.StatusMethodNotAllowed, Code: "UNSUPPORTED", Message: message}
}

// full tells whether a write failed for want of room.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

func noRoom(err error) error {
	cause := err
	for next := err; next != nil; next = errors.Unwrap(next) {
		cause = next
	}
	return &Error{Status: http.StatusInsufficientStorage, Code: "UNKNOWN", Message: fmt.Sprintf("the disk of the engine's data folder takes no more: %v", cause)}
}

// render writes the error as the specification has it. A fault of ours keeps its
// details to the log.
func (g *Registry) render(w http.ResponseWriter, r *http.Request, err error) {
	if full(err) {
		err = noRoom(err)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		level := slog.LevelError
		if r.Context().Err() != nil {
			level = slog.LevelDebug // the client hung up
		}
		g.o.Log.Log(r.Context(), level, "serving the registry", "method", r.Method, "path", r.URL.Path, "error", err)
		e = &Error{Status: http.StatusInternalServerError, Code: "UNKNOWN", Message: "the registry could not do it; its log says why"}
	}
	if e.challenge {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q,service=%q", "http://"+r.Host+"/", "ecr.amazonaws.com"))
	}
	body, _ := json.Marshal(map[string]any{"errors": []map[string]string{{"code": e.Code, "message": e.Message}}}) // strings alone
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead {
		w.Write(append(body, '\n'))
	}
}

package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Credentials are what a client sent by basic authentication. All empty: none.
type Credentials struct{ User, Password string }

// Access is an action of ECR's on a repository.
type Access struct {
	// Action is spelled as in IAM: ecr:PutImage.
	Action     string
	Repository Repository
}

// The actions that the requests of a push and a pull stand for, as ECR's
// documentation of the permissions for pushing and pulling has them.
const (
	actionPull     = "ecr:BatchGetImage"
	actionLayer    = "ecr:GetDownloadUrlForLayer"
	actionCheck    = "ecr:BatchCheckLayerAvailability"
	actionStart    = "ecr:InitiateLayerUpload"
	actionPart     = "ecr:UploadLayerPart"
	actionFinish   = "ecr:CompleteLayerUpload"
	actionPush     = "ecr:PutImage"
	actionTags     = "ecr:ListImages"
	actionDelete   = "ecr:BatchDeleteImage"
	actionReferrer = "ecr:BatchGetImage"
	actionCatalog  = "ecr:DescribeRepositories"
)

// need is the action that a request stands for.
func (q *request) need(method string) string {
	write := method != http.MethodGet && method != http.MethodHead
	switch q.kind {
	case kindManifest:
		switch {
		case method == http.MethodDelete:
			return actionDelete
		case write:
			return actionPush
		}
		return actionPull
	case kindBlob:
		switch method {
		case http.MethodHead:
			return actionCheck
		case http.MethodDelete:
			return actionDelete
		}
		return actionLayer
	case kindUploads:
		return actionStart
	case kindUpload:
		if method == http.MethodPut {
			return actionFinish
		}
		return actionPart
	case kindTags:
		return actionTags
	}
	return actionReferrer
}

// urlSigner makes addresses of layers that work without credentials, as those of
// GetDownloadUrlForLayer do. They end with the process.
type urlSigner struct{ key []byte }

func newSigner() urlSigner {
	key := make([]byte, 32)
	rand.Read(key)
	return urlSigner{key}
}

func (s urlSigner) sign(r Repository, dgst string, expires int64) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(r.String() + "\n" + dgst + "\n" + strconv.FormatInt(expires, 10)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// LayerURL is an address (path and query) on this registry that a layer can be
// had from without credentials for a while.
func (g *Registry) LayerURL(r Repository, dgst string, good time.Duration) string {
	expires := g.o.Now().Add(good).Unix()
	query := url.Values{"expires": {strconv.FormatInt(expires, 10)}, "signature": {g.signer.sign(r, dgst, expires)}}
	return "/v2/" + r.String() + "/blobs/" + dgst + "?" + query.Encode()
}

// signed tells whether a request for a blob carries a good signature.
func (g *Registry) signed(q *request, r *http.Request) bool {
	query := r.URL.Query()
	if q.kind != kindBlob || r.Method != http.MethodGet || !query.Has("signature") {
		return false
	}
	expires, err := strconv.ParseInt(query.Get("expires"), 10, 64)
	return err == nil && g.o.Now().Unix() < expires &&
		hmac.Equal([]byte(g.signer.sign(q.repository, q.reference, expires)), []byte(query.Get("signature")))
}

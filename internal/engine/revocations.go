package engine

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/authority"
)

// crlPath is where the revocation lists are that certificates name.
const crlPath = "/_slipway/crl"

// revocations serves the authority's revocation lists, which need no TLS: they
// are signed (RFC 5280, section 8).
type revocations struct{ authority *authority.Authority }

func (h revocations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	issuer, is := strings.CutSuffix(r.PathValue("list"), ".crl")
	if !is {
		http.NotFound(w, r)
		return
	}
	list, err := h.authority.CRL(issuer)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.NotFound(w, r)
		return
	case err != nil:
		http.Error(w, "the revocation list cannot be made; the engine's log has it", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/pkix-crl")
	w.Write(list)
}

package registry

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// suite is the module that requires the OCI's conformance suite, apart from the
// engine's requirements.
const suite = "../../../e2e/conformance"

// TestConformance runs the OCI distribution specification's own conformance
// suite (version 1.1) with everything on but what ECR has not:
//
//   - SHA512: ECR's digests are sha256 (API reference, ImageIdentifier);
//   - blob deletion: a layer goes with the last image that needs it. The
//     registry says 405, as the specification allows;
//   - sparse manifests: ECR refuses an index whose images are missing
//     (ReferencedImagesNotFoundException);
//   - tag parameters: not in 1.1.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP: -short, and the suite must be built first")
	}
	binary := filepath.Join(t.TempDir(), "conformance")
	build := exec.Command("go", "build", "-C", suite, "-o", binary, "github.com/opencontainers/distribution-spec/conformance")
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("SKIP: the suite cannot be built (its module must be in the module cache, or a proxy be reachable): %s", out)
	}
	f := start(t, Options{Authorize: func(_ context.Context, c Credentials, _ []Access) (string, error) {
		if c != (Credentials{"AWS", "secret"}) {
			return "", Unauthorized()
		}
		return "root", nil
	}})
	run := exec.Command(binary)
	run.Dir = t.TempDir()
	run.Env = append(os.Environ(), "OCI_REGISTRY="+f.host, "OCI_TLS=disabled", "OCI_VERSION=1.1", "OCI_USERNAME=AWS", "OCI_PASSWORD=secret",
		"OCI_REPO1=conformance/repo1", "OCI_REPO2=conformance/repo2", "OCI_RESULTS_DIR=results",
		"OCI_API_BLOBS_UPLOAD_CANCEL=true", "OCI_API_BLOBS_DIGEST_HEADER=true", "OCI_API_MANIFESTS_DIGEST_HEADER=true",
		"OCI_API_BLOBS_DELETE=false", "OCI_API_BLOBS_ATOMIC=false", "OCI_DATA_SHA512=false")
	out, err := run.CombinedOutput()
	_, summary, _ := strings.Cut(string(out), "OCI Conformance Result: ")
	count := func(what string) int {
		m := regexp.MustCompile(`(?m)^\s+` + what + `\.+:\s+(\d+)$`).FindStringSubmatch(summary)
		if m == nil {
			t.Fatalf("the suite ended without a count of %s: %v\n%s", what, err, out)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	if err != nil || !strings.HasPrefix(summary, "Pass") || count("FAIL") != 0 || count("Error") != 0 || count("Pass") < 500 {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%d passed, %d skipped, %d disabled\n%s", count("Pass"), count("Skip"), count("Disabled"), summary)
}

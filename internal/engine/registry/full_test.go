package registry

import (
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// A disk that takes no more ends the push with its cause; what was pushed before
// is whole, and once there is room the same push goes through.
func TestADiskThatIsFullEndsThePushAndNoMore(t *testing.T) {
	if !enginetest.Alone(t) {
		return
	}
	f := start(t, Options{})
	small, big := random(1<<10), random(4<<20)
	first := f.push("web", "one", f.image("web", small))
	f.collect()
	before := f.used()

	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	full := syscall.Rlimit{Cur: 1 << 20, Max: was.Max} // no file grows beyond: a write fails in the middle
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	res, text := f.do("POST", "/v2/web/blobs/uploads/?digest="+digestOf(big), big)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 507 || !strings.Contains(text, "the disk of the engine's data folder takes no more: file too large") {
		t.Errorf("%s\n%s", res.Status, text)
	}
	f.want(404, "HEAD", "/v2/web/blobs/"+digestOf(big), nil)
	if after := f.used(); after != before {
		t.Errorf("%d bytes before and %d after", before, after)
	}
	f.want(200, "GET", "/v2/web/manifests/"+first, nil)
	f.push("web", "two", f.image("web", small, big))
}

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hidden is the request that every attack tries to bring past the load balancer.
const hidden = "GET /smuggled HTTP/1.1\r\nHost: web.example.test\r\n\r\n"

// attacks are requests that servers might frame differently, with the statuses
// that the desync mitigation modes monitor, defensive and strictest give them.
var attacks = []struct {
	name, request string
	statuses      [3]int
}{
	{"CL.TE", "POST / HTTP/1.1\r\nHost: web.example.test\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, [3]int{200, 400, 400}},
	{"TE.CL", "POST / HTTP/1.1\r\nHost: web.example.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n32\r\n" + hidden + "\r\n0\r\n\r\n", [3]int{200, 400, 400}},
	{"two lengths", "POST / HTTP/1.1\r\nHost: web.example.test\r\nContent-Length: 0\r\nContent-Length: %d\r\n\r\n" + hidden, [3]int{400, 400, 400}},
	{"a list of lengths", "POST / HTTP/1.1\r\nHost: web.example.test\r\nContent-Length: 0, %d\r\n\r\n" + hidden, [3]int{400, 400, 400}},
	{"space before the colon", "POST / HTTP/1.1\r\nHost: web.example.test\r\nContent-Length : %d\r\n\r\n" + hidden, [3]int{400, 400, 400}},
	{"obscured coding", "POST / HTTP/1.1\r\nHost: web.example.test\r\nTransfer-Encoding: \x0bchunked\r\nContent-Length: %d\r\n\r\n" + hidden, [3]int{501, 501, 501}},
	{"folded coding", "POST / HTTP/1.1\r\nHost: web.example.test\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: %d\r\n\r\n" + hidden, [3]int{501, 501, 501}},
	{"bare LF", "POST / HTTP/1.1\r\nHost: web.example.test\r\nX: y\nContent-Length: %d\r\n\r\n" + hidden, [3]int{200, 400, 400}},
	{"bare CR", "POST / HTTP/1.1\r\nHost: web.example.test\r\nX: y\rContent-Length: %d\r\n\r\n" + hidden, [3]int{400, 400, 400}},
	{"NUL", "POST / HTTP/1.1\r\nHost: web.example.test\r\nX: \x00\r\nContent-Length: %d\r\n\r\n" + hidden, [3]int{400, 400, 400}},
	{"underscore", "POST / HTTP/1.1\r\nHost: web.example.test\r\nContent_Length: 0\r\nContent-Length: %d\r\n\r\n" + hidden, [3]int{200, 200, 400}},
	{"GET with a body", "GET / HTTP/1.1\r\nHost: web.example.test\r\nContent-Length: %d\r\n\r\n" + hidden, [3]int{200, 200, 400}},
	{"HTTP/1.0 with a coding", "POST / HTTP/1.0\r\nHost: web.example.test\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" + hidden, [3]int{400, 400, 400}},
	{"chunk size in disguise", "POST /echo HTTP/1.1\r\nHost: web.example.test\r\nTransfer-Encoding: chunked\r\n\r\n0x32\r\n" + hidden + "\r\n0\r\n\r\n", [3]int{400, 400, 400}},
	{"h2c upgrade", "GET / HTTP/1.1\r\nHost: web.example.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", [3]int{200, 200, 200}},
}

// judgeSmuggling sends the attacks in every mode; the application counts the
// requests that only a successful attack could have brought it.
func judgeSmuggling(t *testing.T, j *judged) {
	for i, mode := range []string{"monitor", "defensive", "strictest"} {
		j.must("elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", j.loadBalancer, "--attributes", "Key=routing.http.desync_mitigation_mode,Value="+mode)
		// The mode has been swapped in when what only it refuses or lets pass is.
		for _, sign := range []int{0, 11} {
			until(t, mode, func() bool { return attack(t, j.http, attacks[sign].request) == attacks[sign].statuses[i] })
		}
		for _, a := range attacks {
			if got := attack(t, j.http, a.request); got != a.statuses[i] {
				t.Errorf("%s, %s: %d, not %d", mode, a.name, got, a.statuses[i])
			}
		}
	}
	j.must("elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", j.loadBalancer, "--attributes", "Key=routing.http.desync_mitigation_mode,Value=defensive")
	res, err := http.Get("http://" + j.http + "/seen")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if seen, _ := io.ReadAll(res.Body); string(seen) != "0" {
		t.Errorf("%s smuggled requests have reached the application", seen)
	}
}

// attack sends a request and gives the first answer's status. Whatever follows
// is read until the end, so that a second answer has had its time.
func attack(t *testing.T, address, request string) int {
	c := dial(t, address)
	defer c.Close()
	if strings.Contains(request, "%d") {
		request = fmt.Sprintf(request, len(hidden))
	}
	io.WriteString(c, request)
	c.(*net.TCPConn).CloseWrite()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

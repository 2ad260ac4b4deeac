package balancer_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// mirror answers with the head it got, one line a header, sorted.
func mirror(w http.ResponseWriter, r *http.Request) {
	lines := []string{"Host: " + r.Host}
	for k, vs := range r.Header {
		for _, v := range vs {
			lines = append(lines, k+": "+v)
		}
	}
	slices.Sort(lines)
	fmt.Fprintln(w, r.Method, r.RequestURI)
	fmt.Fprintln(w, strings.Join(lines, "\n"))
}

// lineOf finds a header in what mirror says.
func lineOf(body, name string) string {
	var found []string
	for l := range strings.SplitSeq(body, "\n") {
		if v, ok := strings.CutPrefix(l, name+": "); ok {
			found = append(found, v)
		}
	}
	return strings.Join(found, " | ")
}

func TestHeadersForTheTarget(t *testing.T) {
	addr := server(t, mirror)
	cases := []struct {
		name  string
		port  uint16
		attrs balancer.Attributes
		sends []string // header lines
		want  map[string]string
	}{
		{"as they come", 80, balancer.Attributes{}, []string{"Host: www.example.com", "X-A: 1", "X-A: 2"}, map[string]string{
			"Host": "www.example.com", "X-A": "1 | 2",
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80",
		}},
		{"X-Forwarded-For is appended to", 80, balancer.Attributes{}, []string{"Host: a.b", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2, 192.0.2.3"},
			map[string]string{"X-Forwarded-For": "192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1"}},
		{"X-Forwarded-For is preserved", 80, balancer.Attributes{XForwardedFor: balancer.XFFPreserve, XFFClientPort: true}, []string{"Host: a.b", "X-Forwarded-For: 192.0.2.1"},
			map[string]string{"X-Forwarded-For": "192.0.2.1"}},
		{"X-Forwarded-For is preserved when there is none", 80, balancer.Attributes{XForwardedFor: balancer.XFFPreserve}, []string{"Host: a.b"},
			map[string]string{"X-Forwarded-For": ""}},
		{"X-Forwarded-For is removed", 80, balancer.Attributes{XForwardedFor: balancer.XFFRemove}, []string{"Host: a.b", "X-Forwarded-For: 192.0.2.1"},
			map[string]string{"X-Forwarded-For": ""}},
		{"X-Forwarded-Proto and -Port are the load balancer's", 8080, balancer.Attributes{}, []string{"Host: a.b", "X-Forwarded-Proto: gopher", "X-Forwarded-Port: 70"},
			map[string]string{"X-Forwarded-Proto": "http", "X-Forwarded-Port": "8080"}},
		{"Host loses port 80", 80, balancer.Attributes{}, []string{"Host: a.b:80"}, map[string]string{"Host": "a.b"}},
		{"Host keeps another port", 80, balancer.Attributes{}, []string{"Host: a.b:1234"}, map[string]string{"Host": "a.b:1234"}},
		{"Host keeps its port on other listeners", 8080, balancer.Attributes{}, []string{"Host: a.b:8080"}, map[string]string{"Host": "a.b:8080"}},
		{"Host is preserved", 80, balancer.Attributes{PreserveHost: true}, []string{"Host: a.b:80"}, map[string]string{"Host": "a.b:80"}},
		{"hop-by-hop headers stay here", 80, balancer.Attributes{}, []string{"Host: a.b", "Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: 5", "TE: trailers", "Proxy-Connection: x", "Trailer: x"},
			map[string]string{"Connection": "", "X-Hop": "", "Keep-Alive": "", "Te": "", "Proxy-Connection": "", "Trailer": ""}},
		{"headers of other characters pass", 80, balancer.Attributes{}, []string{"Host: a.b", "X_a: 1"}, map[string]string{"X_a": "1"}},
		{"headers of other characters are dropped", 80, balancer.Attributes{DropInvalidHeaders: true}, []string{"Host: a.b", "X_a: 1", "X-B: 2"}, map[string]string{"X_a": "", "X-B": "2"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lb := plain(forward("g"))
			lb.Listeners[0].Port, lb.Attributes = c.port, c.attrs
			r := newRig(t, one(lb, group("g", addr)))
			w := r.wire("http")
			w.send("GET /a%2Fb?x=1&y HTTP/1.1\r\n", strings.Join(c.sends, "\r\n"), "\r\n\r\n")
			_, body := w.answer("GET")
			if !strings.HasPrefix(body, "GET /a%2Fb?x=1&y\n") {
				t.Errorf("the target was asked %q", body)
			}
			for name, want := range c.want {
				if got := lineOf(body, name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestClientPortInForwardedFor(t *testing.T) {
	lb := plain(forward("g"))
	lb.Attributes.XFFClientPort = true
	r := newRig(t, one(lb, group("g", server(t, mirror))))
	w := r.wire("http")
	w.send("GET / HTTP/1.1\r\nHost: a.b\r\n\r\n")
	_, body := w.answer("GET")
	if got := lineOf(body, "X-Forwarded-For"); got != w.conn.LocalAddr().String() {
		t.Errorf("X-Forwarded-For: %s, the client is %s", got, w.conn.LocalAddr())
	}
}

func TestTraceID(t *testing.T) {
	fresh := `1-[0-9a-f]{8}-[0-9a-f]{24}`
	cases := []struct{ name, sent, want string }{
		{"none", "", `^Root=` + fresh + `$`},
		{"a root", "Root=1-67891233-abcdef012345678912345678", `^Self=` + fresh + `;Root=1-67891233-abcdef012345678912345678$`},
		{"a root and a field", "Root=1-67891233-abcdef012345678912345678;CalledFrom=app", `^Self=` + fresh + `;Root=1-67891233-abcdef012345678912345678;CalledFrom=app$`},
		{"a self", "Self=1-0-0;Root=1-67891233-abcdef012345678912345678", `^Self=` + fresh + `;Root=1-67891233-abcdef012345678912345678$`},
		{"only a field", "CalledFrom=app", `^Root=` + fresh + `;CalledFrom=app$`},
	}
	r := newRig(t, one(plain(forward("g")), group("g", server(t, mirror))))
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.sent != "" {
				headers = []string{"X-Amzn-Trace-Id", c.sent}
			}
			_, body := r.get("http", "http://example.com/", headers...)
			got := lineOf(body, "X-Amzn-Trace-Id")
			if !regexp.MustCompile(c.want).MatchString(got) {
				t.Errorf("the target got %q", got)
			}
			if e := r.entry(i); e.TraceID != got {
				t.Errorf("logged %q", e.TraceID)
			}
		})
	}
}

func TestHeadersForTheClient(t *testing.T) {
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Server", "target/1")
		h.Set("X-Frame-Options", "SAMEORIGIN")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("X-Kept", "1")
	})
	lb := plain(forward("g"), balancer.Rule{Priority: 1, Conditions: []balancer.Condition{path("/own")}, Action: fixed("own")})
	r := newRig(t, one(lb, group("g", addr)))
	check := func(path string, want map[string]string) {
		t.Helper()
		resp, _ := r.get("http", "http://example.com"+path)
		for k, v := range want {
			if got := strings.Join(resp.Header[k], " | "); got != v {
				t.Errorf("%s: %s: %q, want %q", path, k, got, v)
			}
		}
	}
	check("/", map[string]string{"Server": "target/1", "X-Frame-Options": "SAMEORIGIN", "X-Hop": "", "X-Kept": "1"})
	check("/own", map[string]string{"Server": "awselb/2.0"})
	lb.Listeners[0].Headers = balancer.HeaderChanges{HideServer: true, SetOnResponse: []balancer.Header{
		{Name: "X-Frame-Options", Value: "DENY"}, {Name: "Strict-Transport-Security", Value: "max-age=1"},
	}}
	r.apply(one(lb, group("g", addr)))
	check("/", map[string]string{"Server": "", "X-Frame-Options": "DENY", "Strict-Transport-Security": "max-age=1"})
	check("/own", map[string]string{"Server": "", "X-Frame-Options": "DENY"})
}

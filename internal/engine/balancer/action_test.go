package balancer_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

func TestRedirects(t *testing.T) {
	cases := []struct {
		name     string
		redirect balancer.Redirect
		url      string
		want     string
	}{
		{"to HTTPS, all else kept", balancer.Redirect{Status: 301, Protocol: "HTTPS", Port: "443"},
			"http://www.example.com/a/b?x=1", "https://www.example.com:443/a/b?x=1"},
		{"keywords spelled out", balancer.Redirect{Status: 302, Protocol: "HTTPS", Port: "443", Host: "#{host}", Path: "/#{path}", Query: new("#{query}")},
			"http://www.example.com/a?x=1", "https://www.example.com:443/a?x=1"},
		{"#{path} is without its slash", balancer.Redirect{Status: 302, Path: "/new/#{path}"},
			"http://www.example.com/a/b", "http://www.example.com:80/new/a/b"},
		{"another host", balancer.Redirect{Status: 302, Host: "new.#{host}"}, "http://example.com/", "http://new.example.com:80/"},
		{"the query in the path", balancer.Redirect{Status: 302, Path: "/q/#{query}", Query: new("")}, "http://example.com/?a=b", "http://example.com:80/q/a=b"},
		{"everything in the query", balancer.Redirect{Status: 302, Path: "/", Query: new("u=#{protocol}://#{host}:#{port}/#{path}")},
			"http://example.com/x", "http://example.com:80/?u=http://example.com:80/x"},
		{"no query stays none", balancer.Redirect{Status: 302, Path: "/x"}, "http://example.com/", "http://example.com:80/x"},
		{"the host without the port sent", balancer.Redirect{Status: 302, Path: "/x"}, "http://example.com:8080/", "http://example.com:80/x"},
		{"a published port", balancer.Redirect{Status: 301, Protocol: "HTTPS", Port: "8443"}, "http://example.com/", "https://example.com:9443/"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lb := plain(balancer.Action{Redirect: &c.redirect})
			lb.Published = map[uint16]uint16{8443: 9443}
			r := newRig(t, one(lb))
			resp, body := r.get("http", c.url)
			if resp.StatusCode != c.redirect.Status || resp.Header.Get("Location") != c.want {
				t.Errorf("%d to %s, not to %s", resp.StatusCode, resp.Header.Get("Location"), c.want)
			}
			if !strings.Contains(body, "<center><h1>30") {
				t.Errorf("body %q", body)
			}
			if e := r.entry(0); e.Actions != "redirect" || e.RedirectURL != c.want || e.TargetStatus != 0 {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

func TestFixedResponse(t *testing.T) {
	r := newRig(t, one(plain(balancer.Action{FixedResponse: &balancer.FixedResponse{Status: 404, ContentType: "application/json", Body: `{"a":1}`}})))
	resp, body := r.get("http", "http://example.com/")
	if resp.StatusCode != 404 || body != `{"a":1}` || resp.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
	if resp.Header.Get("Server") != "awselb/2.0" || resp.Header.Get("Date") == "" {
		t.Errorf("headers %v", resp.Header)
	}
	if e := r.entry(0); e.Actions != "fixed-response" || e.Status != 404 || e.RequestTime != -1 {
		t.Errorf("entry %+v", e)
	}
}

func TestFixedResponseToHeadHasNoBody(t *testing.T) {
	r := newRig(t, one(plain(fixed("hello"))))
	w := r.wire("http")
	w.send("HEAD / HTTP/1.1\r\nHost: example.com\r\n\r\nGET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if resp, body := w.answer("HEAD"); body != "" || resp.ContentLength != 5 {
		t.Errorf("HEAD: %q, length %d", body, resp.ContentLength)
	}
	if _, body := w.answer("GET"); body != "hello" {
		t.Errorf("the next answer is %q", body)
	}
}

func TestWeights(t *testing.T) {
	a, b := server(t, says("a")), server(t, says("b"))
	action := forward("a", "b", "none")
	action.Forward.Groups[0].Weight, action.Forward.Groups[1].Weight, action.Forward.Groups[2].Weight = 900, 100, 0
	r := newRig(t, one(plain(action), group("a", a), group("b", b), group("none", b)))
	client, n := r.client("http"), map[string]int{}
	for range 500 {
		n[fetch(t, client, "http://example.com/")]++
	}
	// 500 draws at 0.1: ten standard deviations around 50.
	if n["b"] < 1 || n["b"] > 117 || n["a"]+n["b"] != 500 {
		t.Errorf("shares %v", n)
	}
	m := r.bal.Metrics().TargetGroups
	if m["none"].Requests != 0 || int(m["a"].Requests) != n["a"] {
		t.Errorf("counted %d and %d", m["none"].Requests, m["a"].Requests)
	}
}

func TestAllWeightsZeroIsUnavailable(t *testing.T) {
	action := forward("a", "b")
	action.Forward.Groups[0].Weight, action.Forward.Groups[1].Weight = 0, 0
	r := newRig(t, one(plain(action), group("a", server(t, says("a"))), group("b")))
	if resp, _ := r.get("http", "http://example.com/"); resp.StatusCode != 503 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func fetch(t *testing.T, c *http.Client, url string, cookies ...*http.Cookie) string {
	t.Helper()
	_, body := fetchAnswer(t, c, url, cookies...)
	return body
}

func TestGroupStickiness(t *testing.T) {
	action := forward("a", "b")
	action.Forward.Stickiness = time.Hour
	config := one(plain(action), group("a", server(t, says("a"))), group("b", server(t, says("b"))))
	r := newRig(t, config)
	client := r.client("http")
	resp, first := fetchAnswer(t, client, "http://example.com/")
	cookies := cookiesOf(resp)
	if cookies["AWSALBTG"] == nil || cookies["AWSALBTGCORS"] == nil {
		t.Fatalf("cookies %v", resp.Header["Set-Cookie"])
	}
	for i := range 40 {
		name := []string{"AWSALBTG", "AWSALBTGCORS"}[i%2]
		if got := fetch(t, client, "http://example.com/", &http.Cookie{Name: name, Value: cookies[name].Value}); got != first {
			t.Fatalf("with %s of %s the request went to %s", name, first, got)
		}
	}
	// A cookie that nobody made is told in the log, and another is given out.
	resp, _ = fetchAnswer(t, client, "http://example.com/", &http.Cookie{Name: "AWSALBTG", Value: "bm9uc2Vuc2U="})
	if cookiesOf(resp)["AWSALBTG"] == nil {
		t.Error("a bad cookie is not replaced")
	}
	if e := r.entry(41); e.ErrorReason != "AWSALBTGCookieInvalid" {
		t.Errorf("reason %q", e.ErrorReason)
	}
}

func TestTransforms(t *testing.T) {
	echo := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(r.Host + " " + r.RequestURI))
	})
	rule := balancer.Rule{Priority: 1, Action: forward("g"),
		Conditions:  []balancer.Condition{path("/api/*", "/bad/*")},
		RewriteURL:  []balancer.Rewrite{{Regex: `^/api/v(\d)/(.*)$`, Replace: "/$2?v=$1x"}, {Regex: "^/bad/", Replace: "no slash "}},
		RewriteHost: []balancer.Rewrite{{Regex: `^mysite-(.+)\.com$`, Replace: "internal.$1.example"}},
	}
	r := newRig(t, one(plain(fixed("default"), rule), group("g", echo)))
	for i, c := range []struct{ url, want, status string }{
		{"http://mysite-x.com/api/v2/users", "internal.x.example /users?v=2x", "TransformSuccess"},
		{"http://other.com/api/none", "other.com /api/none", ""},
	} {
		if _, body := r.get("http", c.url); body != c.want {
			t.Errorf("%s reached the target as %q", c.url, body)
		}
		if e := r.entry(i); e.TransformStatus != c.status {
			t.Errorf("%s: status %q", c.url, e.TransformStatus)
		}
	}
	if resp, _ := r.get("http", "http://other.com/bad/x"); resp.StatusCode != 500 {
		t.Errorf("an impossible path: %d", resp.StatusCode)
	}
	if e := r.entry(2); e.TransformStatus != "TransformInvalidPath" {
		t.Errorf("an impossible path: %+v", e)
	}
}

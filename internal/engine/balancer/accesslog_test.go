package balancer_test

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// The examples of "Access logs for your Application Load Balancer", with the
// fields that came since at their end.
func TestAccessLogLine(t *testing.T) {
	at := func(s string) time.Time {
		out, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	http := balancer.Entry{
		Type: "http", Time: at("2018-07-02T22:23:00.186641Z"), LoadBalancer: "app/my-loadbalancer/50dc6c495c0c9188",
		Client: netip.MustParseAddrPort("192.168.131.39:2817"), Target: "10.0.0.1:80",
		TargetTime: time.Millisecond, Status: 200, TargetStatus: 200, Received: 34, Sent: 366,
		Request: "GET http://www.example.com:80/ HTTP/1.1", UserAgent: "curl/7.46.0",
		TargetGroup: "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067",
		TraceID:     "Root=1-58337262-36d228ad5d99923122bbe354", Created: at("2018-07-02T22:22:48.364000Z"),
		Actions: "forward", ConnectionTrace: "TID_1234abcd",
	}
	malformed := balancer.Entry{
		Type: "http", Time: http.Time, LoadBalancer: "lb", Client: http.Client, RequestTime: -1, TargetTime: -1, ResponseTime: -1,
		Status: 400, Request: `- "quoted"` + "\n", RulePriority: -2, Created: http.Created,
		Classification: "Severe", ClassReason: "BadMethod",
	}
	for want, e := range map[string]balancer.Entry{
		`http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 ` +
			`"GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 ` +
			`"Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1234abcd "-" "-" "-"`: http,
		`http 2018-07-02T22:23:00.186641Z lb 192.168.131.39:2817 - -1 -1 -1 400 - 0 0 "- \"quoted\"\x0a" "-" - - - "-" "-" "-" - ` +
			`2018-07-02T22:22:48.364000Z "-" "-" "-" "-" "-" "Severe" "BadMethod" - "-" "-" "-"`: malformed,
	} {
		if got := string(e.Append(nil)); got != want {
			t.Errorf("wrote\n%s\nnot\n%s", got, want)
		}
	}
}

func TestAccessLogOfARequest(t *testing.T) {
	addr := server(t, func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello")) })
	lb := plain(fixed("no"), balancer.Rule{Priority: 12, Conditions: []balancer.Condition{path("/x*")}, Action: forward("g")})
	r := newRig(t, one(lb, group("g", addr)))
	req, _ := http.NewRequest("POST", "http://www.example.com/x?y=1", strings.NewReader("body"))
	req.Header.Set("User-Agent", "test/1")
	r.do("http", req)
	e := r.entry(0)
	line := string(e.Append(nil))
	want := `^http \S+Z app/lb/0123456789abcdef 127\.0\.0\.1:\d+ ` + regexp.QuoteMeta(addr) + ` 0\.\d{3} 0\.\d{3} 0\.\d{3} 200 200 \d+ 5 ` +
		`"POST http://www\.example\.com:80/x\?y=1 HTTP/1\.1" "test/1" - - g "Root=1-[0-9a-f-]+" "-" "-" 12 \S+Z "forward" "-" "-" "` +
		regexp.QuoteMeta(addr) + `" "200" "-" "-" TID_[0-9a-f]{32} "-" "-" "-"$`
	if !regexp.MustCompile(want).MatchString(line) {
		t.Errorf("wrote\n%s\nnot\n%s", line, want)
	}
	if e.Received < 4+60 {
		t.Errorf("received %d bytes: head and body were more", e.Received)
	}
}

func TestMetrics(t *testing.T) {
	addr := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			w.WriteHeader(404)
		}
		w.Write([]byte("12345"))
	})
	r := newRig(t, one(plain(forward("g"),
		balancer.Rule{Priority: 1, Conditions: []balancer.Condition{path("/fixed")}, Action: balancer.Action{FixedResponse: &balancer.FixedResponse{Status: 503}}},
		balancer.Rule{Priority: 2, Conditions: []balancer.Condition{path("/there")}, Action: balancer.Action{Redirect: &balancer.Redirect{Status: 302, Path: "/"}}},
	), group("g", addr)))
	var bytes uint64
	for _, p := range []string{"/", "/", "/missing", "/fixed", "/there"} {
		_, body := r.get("http", "http://a.b"+p)
		bytes += uint64(len(body))
	}
	r.entry(4)
	m := r.bal.Metrics()
	l, g := m.Listeners["http"], m.TargetGroups["g"]
	want := balancer.ListenerMetrics{Requests: 5, Own3xx: 1, Own5xx: 1, Redirects: 1, FixedResponses: 1, Connections: 5, BytesOut: bytes}
	if l != want {
		t.Errorf("listener %+v, not %+v", l, want)
	}
	if g.Requests != 3 || g.Target[2] != 2 || g.Target[4] != 1 || g.ResponseTimeCount != 3 || g.ResponseTime <= 0 {
		t.Errorf("group %+v", g)
	}
}

package balancer_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

func fetchAnswer(t *testing.T, c *http.Client, url string, cookies ...*http.Cookie) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range cookies {
		req.AddCookie(k)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func cookiesOf(resp *http.Response) map[string]*http.Cookie {
	out := map[string]*http.Cookie{}
	for _, c := range resp.Cookies() {
		out[c.Name] = c
	}
	return out
}

// trio is a group of three targets that say their names.
func trio(t *testing.T) balancer.TargetGroup {
	return group("g", server(t, says("t0")), server(t, says("t1")), server(t, says("t2")))
}

func TestDurationStickiness(t *testing.T) {
	g := trio(t)
	g.Stickiness = balancer.Stickiness{Enabled: true}
	r := newRig(t, one(plain(forward("g")), g))
	for _, n := range []string{"t0", "t1", "t2"} {
		r.untilState(n, balancer.Healthy)
	}
	client := r.client("http")
	resp, first := fetchAnswer(t, client, "http://example.com/")
	cookies := cookiesOf(resp)
	own, cors := cookies["AWSALB"], cookies["AWSALBCORS"]
	if own == nil || cors == nil {
		t.Fatalf("cookies %v", resp.Header["Set-Cookie"])
	}
	if own.Path != "/" || own.MaxAge != 0 || cors.SameSite != http.SameSiteNoneMode || cors.Secure {
		t.Errorf("attributes %v", resp.Header["Set-Cookie"])
	}
	if left := time.Until(own.Expires); left < 7*24*time.Hour-time.Minute || left > 7*24*time.Hour {
		t.Errorf("expires in %v, not in 7 days", left)
	}
	for range 12 {
		resp, got := fetchAnswer(t, client, "http://example.com/", &http.Cookie{Name: "AWSALB", Value: own.Value})
		if got != first {
			t.Fatalf("with a cookie of %s the request went to %s", first, got)
		}
		if cookiesOf(resp)["AWSALB"] == nil {
			t.Fatal("the cookie is not renewed")
		}
	}

	// A target that is gone: pick again and rewrite.
	for i := range g.Targets {
		if g.Targets[i].ID == first {
			g.Targets[i].DrainUntil = time.Now().Add(time.Hour)
		}
	}
	r.apply(one(plain(forward("g")), g))
	resp, second := fetchAnswer(t, client, "http://example.com/", &http.Cookie{Name: "AWSALB", Value: own.Value})
	if second == first {
		t.Fatal("a draining target got a sticky request")
	}
	rewritten := cookiesOf(resp)["AWSALB"]
	for range 6 {
		if got := fetch(t, client, "http://example.com/", &http.Cookie{Name: "AWSALB", Value: rewritten.Value}); got != second {
			t.Fatalf("the rewritten cookie leads to %s, not %s", got, second)
		}
	}
	// A cookie that nobody made.
	resp, _ = fetchAnswer(t, client, "http://example.com/", &http.Cookie{Name: "AWSALB", Value: strings.Repeat("A", 80)})
	if resp.StatusCode != 200 || cookiesOf(resp)["AWSALB"] == nil {
		t.Error("a bad cookie is not replaced")
	}
}

func TestStickinessEndsWithItsDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newMemnet()
		var addresses []string
		for _, n := range []string{"t0", "t1", "t2", "t3"} {
			addresses = append(addresses, net.server(t, says(n)))
		}
		g := group("g", addresses...)
		g.Stickiness = balancer.Stickiness{Enabled: true, Duration: time.Minute}
		r := newRig(t, one(plain(forward("g")), g), net.options)
		synctest.Wait()
		resp, first := fetchAnswer(t, net.client(t, r), "http://example.com/")
		cookie := &http.Cookie{Name: "AWSALB", Value: cookiesOf(resp)["AWSALB"].Value}
		time.Sleep(59 * time.Second)
		if got := fetch(t, net.client(t, r), "http://example.com/", cookie); got != first {
			t.Errorf("within the duration: %s, then %s", first, got)
		}
		time.Sleep(2 * time.Second)
		others := 0
		for range 4 {
			if fetch(t, net.client(t, r), "http://example.com/", cookie) != first {
				others++
			}
		}
		if others != 3 {
			t.Errorf("a stale cookie still binds: %d of 4 requests went elsewhere", others)
		}
	})
}

func TestApplicationStickiness(t *testing.T) {
	setting := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1"})
			}
			w.Write([]byte(name))
		}
	}
	g := group("g", server(t, setting("t0")), server(t, setting("t1")), server(t, setting("t2")))
	g.Stickiness = balancer.Stickiness{Enabled: true, AppCookie: "session"}
	r := newRig(t, one(plain(forward("g")), g))
	for _, n := range []string{"t0", "t1", "t2"} {
		r.untilState(n, balancer.Healthy)
	}
	client := r.client("http")
	resp, _ := fetchAnswer(t, client, "http://example.com/")
	if len(resp.Cookies()) != 0 {
		t.Errorf("cookies before the application sets its own: %v", resp.Header["Set-Cookie"])
	}
	resp, first := fetchAnswer(t, client, "http://example.com/login")
	app := cookiesOf(resp)["AWSALBAPP-0"]
	if app == nil || cookiesOf(resp)["session"] == nil {
		t.Fatalf("cookies %v", resp.Header["Set-Cookie"])
	}
	both := []*http.Cookie{{Name: "session", Value: "s1"}, {Name: "AWSALBAPP-0", Value: app.Value}}
	for range 9 {
		if got := fetch(t, client, "http://example.com/", both...); got != first {
			t.Fatalf("%s, then %s", first, got)
		}
	}
	seen := map[string]bool{}
	for range 3 {
		seen[fetch(t, client, "http://example.com/", both[1])] = true
	}
	if len(seen) != 3 {
		t.Error("AWSALBAPP binds without the application's cookie")
	}
}

package balancer_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// h2bubble runs a test with an HTTP/2 client in a bubble; dials counts its
// connections.
func h2bubble(t *testing.T, name string, h http.HandlerFunc, f func(t *testing.T, r *rig, client *http.Client, dials *atomic.Int32)) {
	cert := issue(t, "c", ecKey(t), time.Hour, "www.example.com")
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			mem := newMemnet()
			config := secure(forward("g"), cert)
			config.TargetGroups = []balancer.TargetGroup{group("g", mem.server(t, h))}
			r := newRig(t, config, mem.options)
			synctest.Wait()
			var dials atomic.Int32
			tr := &http.Transport{
				Protocols: h2only(),
				HTTP2:     &http.HTTP2Config{SendPingTimeout: 10 * time.Second},
				DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					dials.Add(1)
					c, err := mem.Dial(ctx, network, r.addr("https"))
					if err != nil {
						return nil, err
					}
					return tls.Client(c, h2config(addr)), nil
				},
			}
			defer tr.CloseIdleConnections()
			f(t, r, &http.Client{Transport: tr}, &dials)
		})
	})
}

func TestHTTP2Timeouts(t *testing.T) {
	read := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
		}
		io.Copy(io.Discard, r.Body)
		w.Write([]byte("ok"))
	}
	h2bubble(t, "pings do not keep an idle connection", read, func(t *testing.T, r *rig, client *http.Client, dials *atomic.Int32) {
		fetch(t, client, "https://www.example.com/")
		time.Sleep(59 * time.Second)
		fetch(t, client, "https://www.example.com/")
		if dials.Load() != 1 {
			t.Errorf("within the idle timeout it took %d connections", dials.Load())
		}
		time.Sleep(2 * time.Minute)
		fetch(t, client, "https://www.example.com/")
		if dials.Load() != 2 {
			t.Errorf("after it, %d connections", dials.Load())
		}
	})
	h2bubble(t, "after the keep-alive time comes GOAWAY", read, func(t *testing.T, r *rig, client *http.Client, dials *atomic.Int32) {
		for range 125 {
			fetch(t, client, "https://www.example.com/")
			time.Sleep(30 * time.Second)
		}
		if dials.Load() != 2 {
			t.Errorf("in a little over an hour it took %d connections", dials.Load())
		}
	})
	h2bubble(t, "a silent target is a 504", read, func(t *testing.T, r *rig, client *http.Client, dials *atomic.Int32) {
		start := time.Now()
		resp, _ := fetchAnswer(t, client, "https://www.example.com/silent")
		if resp.StatusCode != 504 || time.Since(start) != time.Minute {
			t.Errorf("got %d after %v", resp.StatusCode, time.Since(start))
		}
	})
	h2bubble(t, "a body that does not come on is a 408", read, func(t *testing.T, r *rig, client *http.Client, dials *atomic.Int32) {
		in, out := io.Pipe()
		defer out.Close()
		start := time.Now()
		resp, err := client.Post("https://www.example.com/", "text/plain", in)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 408 || time.Since(start) != time.Minute {
			t.Errorf("got %d after %v", resp.StatusCode, time.Since(start))
		}
	})
}

func TestHTTP2Offers128Streams(t *testing.T) {
	r := newRig(t, secure(fixed("ok"), issue(t, "c", ecKey(t), time.Hour, "www.example.com")))
	config := insecure()
	config.NextProtos = []string{"h2"}
	c, err := tls.Dial("tcp", r.addr("https"), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, http2.ClientPreface)
	f := http2.NewFramer(c, c)
	f.WriteSettings()
	frame, err := f.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("the first frame is %v", frame)
	}
	if n, _ := settings.Value(http2.SettingMaxConcurrentStreams); n != 128 {
		t.Errorf("offers %d", n)
	}
}

// A listener that goes away lets streams finish and tells clients to leave.
func TestHTTP2StreamsOutliveTheirListener(t *testing.T) {
	inside, finish := make(chan bool), make(chan bool)
	config := secure(forward("g"), issue(t, "c", ecKey(t), time.Hour, "www.example.com"))
	config.TargetGroups = []balancer.TargetGroup{group("g", server(t, slowly(inside, finish)))}
	r := newRig(t, config)
	got := make(chan string)
	client := r.h2client()
	go func() { got <- fetch(t, client, "https://www.example.com/slow") }()
	<-inside
	config.LoadBalancers = nil
	r.apply(config)
	close(finish)
	if body := <-got; body != "done" {
		t.Errorf("got %q", body)
	}
}

package balancer_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// echoing is a target that costs little: it answers each head that ends with the
// same bytes.
func echoing(b *testing.B, size int) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	answer := append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", size), bytes.Repeat([]byte("x"), size)...)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 8<<10)
				for n := 0; ; {
					m, err := c.Read(buf[n:])
					if err != nil {
						return
					}
					if n += m; bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
						c.Write(answer)
						n = 0
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// BenchmarkForward is a request over a kept connection, 64 clients at a time;
// clients and target share the machine with the balancer.
func BenchmarkForward(b *testing.B) {
	cert := issueFor(b)
	for _, c := range []struct {
		name   string
		size   int
		secure bool
		log    bool
	}{
		{"1KiB", 1 << 10, false, false},
		{"1KiB,logged", 1 << 10, false, true},
		{"1KiB,TLS", 1 << 10, true, false},
		{"1MiB", 1 << 20, false, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			config := one(plain(forward("g")), group("g", echoing(b, c.size)))
			if c.secure {
				config = secure(forward("g"), cert)
				config.TargetGroups = []balancer.TargetGroup{group("g", echoing(b, c.size))}
			}
			var o balancer.Options
			if c.log {
				o.AccessLog = func(e balancer.Entry) { e.Append(make([]byte, 0, 512)) }
			}
			bal := balancer.New(o)
			defer bal.Close(context.Background())
			if err := bal.Apply(config); err != nil {
				b.Fatal(err)
			}
			var addr string
			for _, a := range bal.Addresses() {
				addr = a.String()
			}
			b.SetParallelism(32)
			b.SetBytes(int64(c.size))
			b.ReportAllocs()
			start := time.Now()
			b.RunParallel(func(pb *testing.PB) { askOverAndOver(b, addr, c.secure, pb) })
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "req/s")
		})
	}
}

func issueFor(b *testing.B) balancer.Certificate {
	return issue(b, "c", ecKey(b), time.Hour, "www.example.com")
}

func askOverAndOver(b *testing.B, addr string, secure bool, pb *testing.PB) {
	c, err := net.Dial("tcp", addr)
	if err == nil && secure {
		c = tls.Client(c, insecure())
	}
	if err != nil {
		b.Error(err)
		return
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 64<<10)
	request := []byte("GET /1k HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n\r\n")
	for pb.Next() {
		if _, err := c.Write(request); err != nil {
			b.Error(err)
			return
		}
		length := 0
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				b.Error(err)
				return
			}
			if len(line) == 2 {
				break
			}
			if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				length, _ = strconv.Atoi(string(v[:len(v)-2]))
			}
		}
		if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
			b.Error(err)
			return
		}
	}
}

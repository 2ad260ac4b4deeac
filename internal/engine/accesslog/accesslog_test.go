package accesslog

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func entry(at time.Time, request string) balancer.Entry {
	return balancer.Entry{Type: "http", Time: at, Log: Place("logs", "web", "000000000000", "eu-west-1"), LoadBalancer: "app/shared/50dc6c495c0c9188", Request: request, Status: 200}
}

func TestLinesStandWhereABucketWouldHaveThem(t *testing.T) {
	dir := t.TempDir()
	l := New(dir, slog.New(slog.DiscardHandler))
	l.Write(entry(noon, "GET http://a.b:80/1 HTTP/1.1"))
	l.Write(entry(noon.Add(59*time.Minute), "GET http://a.b:80/2 HTTP/1.1"))
	l.Write(entry(noon.Add(time.Hour), "GET http://a.b:80/3 HTTP/1.1"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, requests := range map[string][]string{
		"000000000000_elasticloadbalancing_eu-west-1_app.shared.50dc6c495c0c9188_20260301T1300Z.log": {"/1 ", "/2 "},
		"000000000000_elasticloadbalancing_eu-west-1_app.shared.50dc6c495c0c9188_20260301T1400Z.log": {"/3 "},
	} {
		b, err := os.ReadFile(filepath.Join(dir, "logs/web/AWSLogs/000000000000/elasticloadbalancing/eu-west-1/2026/03/01", name))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		if len(lines) != len(requests) {
			t.Fatalf("%s has %d lines: %s", name, len(lines), b)
		}
		for i, want := range requests {
			if !strings.HasPrefix(lines[i], "http 2026-03-01T1") || !strings.Contains(lines[i], want) {
				t.Errorf("%s, line %d: %s", name, i+1, lines[i])
			}
		}
	}
}

func TestFilesAreClosedWhenTheirHourIsOver(t *testing.T) {
	l := New(t.TempDir(), slog.New(slog.DiscardHandler))
	l.Write(entry(noon, "GET / HTTP/1.1"))
	if l.flush(noon.Add(30 * time.Minute)); len(l.files) != 1 {
		t.Errorf("half past: %d files are open", len(l.files))
	}
	if l.flush(noon.Add(61 * time.Minute)); len(l.files) != 0 {
		t.Errorf("an hour later: %d files are open", len(l.files))
	}
}

// A folder that cannot be written is told once a minute, and stops nothing.
func TestADiskThatTakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	l := New(dir, slog.New(slog.NewTextHandler(&log, nil)))
	for i := range 90 {
		l.Write(entry(noon.Add(time.Duration(i)*time.Second), "GET / HTTP/1.1"))
	}
	if n := strings.Count(log.String(), "lines are lost"); n != 2 {
		t.Errorf("told %d times in 90 seconds: %s", n, &log)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

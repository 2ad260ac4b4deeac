// Package accesslog writes load balancers' access logs into files. On AWS they go
// to an S3 bucket; the engine has none, so they go to a folder in the data folder
// that is laid out as the bucket would be: bucket/prefix/AWSLogs/account/
// elasticloadbalancing/region/yyyy/mm/dd/, one file an hour, not compressed, lines
// in the documented order ("Access logs for your Application Load Balancer").
//
// The balancer makes the entries; the engine hands them over. Nothing is deleted
// here: as in a bucket, that is its owner's to do.
package accesslog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/engine/balancer"
)

// flushEvery is how long a line may wait in memory.
const flushEvery = time.Second

// Logs are the open files below one folder.
type Logs struct {
	dir string
	log *slog.Logger

	mu     sync.Mutex
	files  map[string]*file // by path
	line   []byte
	broken time.Time // when the last failure was logged
}

type file struct {
	*os.File
	out  *bufio.Writer
	ends time.Time // nothing is written after it
}

// New writes below dir, which is made when the first line is written.
func New(dir string, log *slog.Logger) *Logs {
	return &Logs{dir: dir, log: log, files: map[string]*file{}}
}

// Place is where in the folder a load balancer's log goes: balancer's
// LoadBalancer.AccessLog.
func Place(bucket, prefix, account, region string) string {
	return filepath.Join(bucket, prefix, "AWSLogs", account, "elasticloadbalancing", region)
}

// Write adds an entry to its load balancer's file. A file that cannot be written
// costs lines, never requests.
func (l *Logs) Write(e balancer.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := l.file(e)
	if err == nil {
		l.line = append(e.Append(l.line[:0]), '\n')
		_, err = f.out.Write(l.line)
	}
	if err != nil {
		l.failed(e.Time, err)
	}
}

// file is the open file of the entry's hour.
func (l *Logs) file(e balancer.Entry) (*file, error) {
	hour := e.Time.UTC().Truncate(time.Hour)
	path := filepath.Join(l.dir, e.Log, hour.Format("2006/01/02"), name(e, hour.Add(time.Hour)))
	if f := l.files[path]; f != nil {
		return f, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	opened, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	f := &file{opened, bufio.NewWriterSize(opened, 64<<10), hour.Add(time.Hour)}
	l.files[path] = f
	return f, nil
}

// name is account_elasticloadbalancing_region_app.name.id_end.log.
func name(e balancer.Entry, end time.Time) string {
	parts := strings.Split(filepath.ToSlash(e.Log), "/")
	n := len(parts)
	if n < 3 {
		return strings.ReplaceAll(e.LoadBalancer, "/", ".") + "_" + end.Format("20060102T1504Z") + ".log"
	}
	return strings.Join([]string{parts[n-3], parts[n-2], parts[n-1], strings.ReplaceAll(e.LoadBalancer, "/", "."), end.Format("20060102T1504Z")}, "_") + ".log"
}

// failed tells of a failure, once a minute.
func (l *Logs) failed(now time.Time, err error) {
	if now.Sub(l.broken) >= time.Minute {
		l.broken = now
		l.log.Error("access log: lines are lost", "error", err)
	}
}

// Run brings what was written to the files until ctx ends.
func (l *Logs) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			l.flush(now)
		}
	}
}

// flush writes out what waits, and closes files whose hour is over.
func (l *Logs) flush(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for path, f := range l.files {
		if err := f.out.Flush(); err != nil {
			l.failed(now, err)
			f.out.Reset(f.File) // a bufio.Writer never writes again after an error
		}
		if now.After(f.ends.Add(flushEvery)) {
			f.Close()
			delete(l.files, path)
		}
	}
}

// Close writes out what waits and closes the files.
func (l *Logs) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for path, f := range l.files {
		errs = append(errs, f.out.Flush(), f.Close())
		delete(l.files, path)
	}
	return errors.Join(errs...)
}

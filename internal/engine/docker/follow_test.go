package docker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"
)

func TestLogsOfADaemonInOrder(t *testing.T) {
	r := open(t)
	job := task(run("web", "lines=3", "sleep=20ms", "errs=2", "sleep=20ms", "long=300000", "partial=end"))
	start(t, r, job)
	c := until(t, r, job, "web", over)
	var got []string
	var last time.Time
	err := r.Logs(t.Context(), c.ID, Cursor{}, true, func(l Line) error {
		text := string(l.Text)
		if len(text) > 100 {
			text = fmt.Sprintf("%d bytes", len(text))
		}
		got = append(got, fmt.Sprint(l.Stderr, l.More, " ", text))
		if l.Time.Before(last) || l.Time.Before(c.CreatedAt) {
			t.Errorf("line %q has time %v, after %v", text, l.Time, last)
		}
		last = l.Time
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"false false out 0", "false false out 1", "false false out 2", "true false err 0", "true false err 1",
		"false true 262118 bytes", "false false 37882 bytes", "false false end",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An engine that goes down every few lines, and goes on from what it kept.
func TestFollowingInPiecesGivesEachLineOnce(t *testing.T) {
	r := open(t)
	job := task(run("web", "lines=150", "errs=150", "sleep=100ms", "lines=150", "errs=150", "long=40000", "print=last"))
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	enough := errors.New("enough")
	var at Cursor
	var out, errs []string
	for pieces := 0; ; pieces++ {
		n := 0
		err := r.Logs(t.Context(), c.ID, at, true, func(l Line) error {
			if n++; n > 37+pieces {
				return enough
			}
			at = throughJSON(l.Cursor)
			if l.Stderr {
				errs = append(errs, string(l.Text))
			} else {
				out = append(out, string(l.Text))
			}
			return nil
		})
		if err == nil {
			break
		}
		if err != enough {
			t.Fatal(err)
		}
	}
	var wantOut, wantErrs []string
	for range 2 {
		for i := range 150 {
			wantOut = append(wantOut, fmt.Sprint("out ", i))
			wantErrs = append(wantErrs, fmt.Sprint("err ", i))
		}
	}
	wantOut = append(wantOut, strings.Repeat("x", 40000), "last")
	if diff := cmp.Diff(wantOut, out); diff != "" {
		t.Error("stdout", diff)
	}
	if diff := cmp.Diff(wantErrs, errs); diff != "" {
		t.Error("stderr", diff)
	}
}

// The daemon rotates a container's file many times while it is followed. The
// container waits for its reader, since no daemon waits for one.
func TestFollowingAcrossRotation(t *testing.T) {
	r := open(t)
	const chunks, lines = 15, 4000 // a chunk is about two thirds of a file
	var steps []string
	for range chunks {
		steps = append(steps, fmt.Sprintf("lines=%d", lines), "print=chunk", "await=")
	}
	web := run("web", append(steps, "print=last")...)
	web.Log = LogDriver{Name: "json-file", Options: map[string]string{"max-size": "512k", "max-file": "20"}}
	job := task(web)
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	n, last := 0, ""
	err := r.Logs(t.Context(), c.ID, Cursor{}, true, func(l Line) error {
		if last = string(l.Text); last != "chunk" {
			n++
			return nil
		}
		_, err := r.cli.ContainerKill(t.Context(), c.ID, client.ContainerKillOptions{Signal: "SIGUSR2"})
		return err
	})
	if err != nil || n != chunks*lines+1 || last != "last" {
		t.Errorf("%v: got %d lines of %d, the last is %q", err, n, chunks*lines+1, last)
	}
}

func TestLogsWithoutFollowing(t *testing.T) {
	r := open(t)
	job := task(run("web", "lines=2", "print=ready", "wait"))
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	waitLine(t, r, c.ID, "ready")
	var got []string
	if err := r.Logs(t.Context(), c.ID, Cursor{}, false, func(l Line) error { got = append(got, string(l.Text)); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"out 0", "out 1", "ready"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogsThatCannotBeRead(t *testing.T) {
	r := open(t)
	web := run("web", "print=x", "wait")
	web.Log = LogDriver{Name: "none"}
	job := task(web)
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	if err := r.Logs(t.Context(), c.ID, Cursor{}, true, func(Line) error { return nil }); err == nil || !strings.Contains(err.Error(), "does not support reading") {
		t.Errorf("of a driver that keeps nothing: %v", err)
	}
	if err := r.Logs(t.Context(), "0123456789ab", Cursor{}, true, func(Line) error { return nil }); err == nil || !strings.Contains(err.Error(), "No such container") {
		t.Errorf("of no container: %v", err)
	}
}

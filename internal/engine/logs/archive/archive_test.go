package archive

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.UnixMilli(1_700_000_000_000)

func open(t testing.TB, file string) *Archive {
	t.Helper()
	a, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func messages(list []Event) (out []string) {
	for _, e := range list {
		out = append(out, e.Message)
	}
	return out
}

func TestEventsComeInOrderOfTimeAndThenOfArrival(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logs.db")
	a := open(t, file)
	if err := a.Create("g", "s", start); err != nil {
		t.Fatal(err)
	}
	if err := a.Create("g", "s", start); !errors.Is(err, ErrExists) {
		t.Errorf("a second stream of the name: %v", err)
	}
	at := start.UnixMilli()
	for _, e := range [][]Event{{{Time: at + 2, Message: "c"}, {Time: at, Message: "a"}}, {{Time: at, Message: "b"}}} {
		if err := a.Append("g", "s", e, []byte("cursor"), false, start); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Append("g", "none", nil, nil, false, start); !errors.Is(err, ErrNoStream) {
		t.Errorf("appending to no stream: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = open(t, file)
	defer a.Close()
	all, err := a.Events(Query{Group: "g", Limit: 10})
	if diff := cmp.Diff([]string{"a", "b", "c"}, messages(all)); diff != "" || err != nil {
		t.Errorf("after opening again (%v): %s", err, diff)
	}
	page, _ := a.Events(Query{Group: "g", Stream: "s", After: &Position{all[0].Time, all[0].ID}, Limit: 1})
	if diff := cmp.Diff([]string{"b"}, messages(page)); diff != "" {
		t.Error("the page after the first:", diff)
	}
	last, _ := a.Events(Query{Group: "g", Backward: true, Limit: 2})
	if diff := cmp.Diff([]string{"b", "c"}, messages(last)); diff != "" {
		t.Error("the last two:", diff)
	}
	s, err := a.Stream("g", "s")
	if err != nil || string(s.Cursor) != "cursor" || s.First != at || s.Last != at+2 || s.Bytes != 3*(overhead+1) {
		t.Errorf("the stream is %+v (%v)", s, err)
	}
	if err := a.Expire("g", start.Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	left, _ := a.Events(Query{Group: "g", Limit: 10})
	if s, _ = a.Stream("g", "s"); s.First != at+2 || s.Bytes != overhead+1 || len(left) != 1 {
		t.Errorf("after expiry %v, stream %+v", messages(left), s)
	}
}

func TestWritersThatComeTogetherAllGetTheirOwnAnswer(t *testing.T) {
	a := open(t, filepath.Join(t.TempDir(), "logs.db"))
	defer a.Close()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			name := fmt.Sprintf("s%d", i%8)
			err := a.Append("g", name, []Event{{Time: start.UnixMilli(), Message: fmt.Sprint(i)}}, nil, i%16 != 0, start)
			if err != nil && !errors.Is(err, ErrNoStream) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	events, err := a.Events(Query{Group: "g", Limit: 100})
	if err != nil || len(events) < 60 {
		t.Errorf("%d events of at least 60 (%v)", len(events), err)
	}
	seen := map[string]bool{}
	for _, e := range events {
		if seen[e.Message] {
			t.Errorf("%s is there twice", e.Message)
		}
		seen[e.Message] = true
	}
}

func BenchmarkAppend(b *testing.B) {
	a := open(b, filepath.Join(b.TempDir(), "logs.db"))
	defer a.Close()
	lines := make([]Event, 100)
	for i := range lines {
		lines[i] = Event{Time: start.UnixMilli() + int64(i), Message: "GET / 200 in 3 ms from 127.0.0.1"}
	}
	b.SetBytes(int64(len(lines)))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := a.Append("g", "s", lines, nil, true, start); err != nil {
				b.Fatal(err)
			}
		}
	})
}

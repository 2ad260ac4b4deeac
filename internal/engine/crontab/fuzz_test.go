package crontab

import (
	"strings"
	"testing"
	"time"
)

// FuzzTable reads any text in both forms, with any time zone, and asks what it
// means: the next time is later, is a minute that the table has, and is the first.
func FuzzTable(f *testing.F) {
	for _, seed := range []string{"0 9 * * 1-5", "*/15 * * * *", "0 0 29 2 *", "0 0 31 2 *", "1/9223372036854775807 * * * *", "0 9 ? * MON-FRI *", "0 0 1 JAN ? 2030/2", "59 23 L * ? *"} {
		f.Add(seed, "America/Santiago", int64(1_725_700_000))
		f.Add(seed, "UTC", int64(0))
	}
	f.Fuzz(func(t *testing.T, text, zone string, at int64) {
		if at < 0 || at > 4e9 || strings.Contains(zone, "/etc") {
			return // not a time that an action has
		}
		for _, read := range []func(string, string) (*Table, error){Five, Six} {
			table, err := read(text, zone)
			if err != nil {
				continue
			}
			from := time.Unix(at, 0)
			next := table.After(from)
			if next.IsZero() {
				continue
			}
			if !next.After(from) {
				t.Fatalf("%q: after %s comes %s", text, from, next)
			}
			local := next.In(table.in)
			if !table.onDay(local) || table.hour&(1<<local.Hour()) == 0 || table.minute&(1<<local.Minute()) == 0 || local.Second() != 0 {
				t.Fatalf("%q: %s is not one of its times", text, local)
			}
			if again := table.After(next.Add(-time.Nanosecond)); !again.Equal(next) {
				t.Fatalf("%q: after a moment before %s comes %s", text, next, again)
			}
		}
	})
}

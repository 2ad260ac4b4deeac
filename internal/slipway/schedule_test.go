package slipway

import (
	"testing"
	"time"
)

func TestNextRun(t *testing.T) {
	from := time.Date(2026, 7, 30, 23, 59, 30, 0, time.UTC) // a Thursday
	for schedule, want := range map[string]string{
		"cron(* * * * ? *)":            "2026-07-31 00:00",
		"cron(0 3 * * ? *)":            "2026-07-31 03:00",
		"cron(0/20 8-9 ? * MON-WED *)": "2026-08-03 08:00",
		"cron(0 0 L * ? *)":            "2026-07-31 00:00",
		"cron(0 0 1W * ? *)":           "2026-08-03 00:00",
		"cron(0 0 31W * ? *)":          "2026-07-31 00:00",
		"cron(0 0 ? * 6L *)":           "2026-07-31 00:00",
		"cron(0 0 ? * FRI#2 *)":        "2026-08-14 00:00",
		"cron(0 0 ? * L *)":            "2026-08-01 00:00",
		"cron(15 10 ? FEB * 2028)":     "2028-02-01 10:15",
		"cron(0 0 29 2 ? *)":           "2028-02-29 00:00",
		"cron(0 0 30 2 ? *)":           "",
		"cron(0 0 * * ? 2020)":         "",
		"rate(5 minutes)":              "",
	} {
		got, ok := NextRun(schedule, from)
		text := ""
		if ok {
			text = got.Format("2006-01-02 15:04")
		}
		if text != want {
			t.Errorf("%s: %q, want %q", schedule, text, want)
		}
	}
}

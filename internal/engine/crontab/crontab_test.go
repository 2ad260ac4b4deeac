package crontab

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAfter(t *testing.T) {
	from := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC) // a Sunday
	for _, tt := range []struct {
		six              bool
		text, zone, want string
	}{
		{false, "30 0 1 1,6,12 *", "", "2026-06-01T00:30:00Z"},
		{false, "* * * * *", "", "2026-03-01T12:01:00Z"},
		{false, "*/15 8-18 * * 1-5", "", "2026-03-02T08:00:00Z"},
		{false, "0 9 * * MON", "Europe/Lisbon", "2026-03-02T09:00:00Z"},
		{false, "0 9 15 * FRI", "", "2026-03-06T09:00:00Z"}, // either day will do
		{false, "0 0 * * 7", "", "2026-03-08T00:00:00Z"},
		{false, "0 0 29 2 *", "", "2028-02-29T00:00:00Z"},
		{false, "0 0 31 2 *", "", "0001-01-01T00:00:00Z"},
		{true, "15 10 * * ? *", "", "2026-03-02T10:15:00Z"},
		{true, "0 8 ? * 2 *", "", "2026-03-02T08:00:00Z"}, // 2 is Monday
		{true, "0 0 1 1 ? 2030", "", "2030-01-01T00:00:00Z"},
		{true, "0 0 1 1 ? 2020", "", "0001-01-01T00:00:00Z"},
	} {
		read := Five
		if tt.six {
			read = Six
		}
		table, err := read(tt.text, tt.zone)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		want, err := time.Parse(time.RFC3339, tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.After(from); !got.Equal(want) {
			t.Errorf("%s in %q: %s, want %s", tt.text, tt.zone, got, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, text := range []string{"", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "x * * * *", "* * * * L"} {
		if _, err := Five(text, ""); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, text := range []string{"* * * * *", "0 0 * * * *", "0 0 ? * ? *", "0 0 ? * 0 *", "0 0 L-3 * ? *", "0 0 W * ? *", "0 0 32W * ? *", "0 0 ? * 8L *", "0 0 ? * 2#6 *", "0 0 ? * X#1 *", "0 0 * * ? 1969"} {
		if _, err := Six(text, ""); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, err := Five("* * * * *", "Nowhere/Land"); err == nil || !strings.Contains(err.Error(), "Nowhere/Land") {
		t.Errorf("an unknown zone: %v", err)
	}
}

// Due times lie after the time asked about, on a whole minute of the table, and
// asking just before one finds it again.
func TestDueTimesAreInTheTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minute, hour := rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(0, 23).Draw(t, "hour")
		table, err := Five(time.Date(0, 1, 1, hour, minute, 0, 0, time.UTC).Format("4 15")+" * * *", "")
		if err != nil {
			t.Fatal(err)
		}
		from := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), 0)
		due := table.After(from).UTC()
		switch {
		case !due.After(from), due.Sub(from) > 24*time.Hour:
			t.Errorf("after %s comes %s", from, due)
		case due.Minute() != minute || due.Hour() != hour || due.Second() != 0:
			t.Errorf("%s is not in the table", due)
		case !table.After(due.Add(-time.Second)).Equal(due):
			t.Errorf("%s is not found again", due)
		}
	})
}

// The last Friday of May 2026 is the 29th, the 1st of August a Saturday, and
// February has four Sundays.
func TestSpecialDays(t *testing.T) {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	for text, c := range map[string]struct{ from, want time.Time }{
		"0 0 L * ? *":          {day(2026, 2, 1), day(2026, 2, 28)},
		"0 0 L 2 ? *":          {day(2028, 2, 1), day(2028, 2, 29)},
		"0 0 1W 8 ? *":         {day(2026, 7, 1), day(2026, 8, 3)},
		"0 0 15W * ? *":        {day(2026, 8, 10), day(2026, 8, 14)},
		"0 0 31W * ? *":        {day(2026, 5, 1), day(2026, 5, 29)},
		"0 0 ? * L *":          {day(2026, 5, 3), day(2026, 5, 9)},
		"0 0 ? * 6L *":         {day(2026, 5, 1), day(2026, 5, 29)},
		"0 0 ? * FRI#2 *":      {day(2026, 5, 1), day(2026, 5, 8)},
		"0 0 ? * 1#5 *":        {day(2026, 2, 1), day(2026, 3, 29)},
		"0 0 10,L * ? *":       {day(2026, 5, 10), day(2026, 5, 31)},
		"0 0 ? * MON,6#2 *":    {day(2026, 5, 4), day(2026, 5, 8)},
		"0 0 ? 8 SATL,SUN#1 *": {day(2026, 8, 2), day(2026, 8, 29)},
	} {
		table, err := Six(text, "UTC")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := table.After(c.from); !got.Equal(c.want) {
			t.Errorf("%s after %s: %s, want %s", text, c.from, got, c.want)
		}
	}
}

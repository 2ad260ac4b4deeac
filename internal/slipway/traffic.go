package slipway

import "time"

// Traffic is what a service's targets were asked and answered in the last minutes.
type Traffic struct {
	// Minutes are the requests of each, the oldest first; the last one is not over.
	Minutes []int `json:"minutes"`
	// PerSecond is counted from the first of the minutes that had requests.
	PerSecond float64 `json:"requestsPerSecond"`
	// P99 is the time in seconds within which 99 of 100 answers came.
	P99 float64 `json:"p99Seconds"`
	// Errors are answers 5xx and connections that targets did not take.
	Errors int `json:"errors"`
}

// TrafficMinutes is how many minutes are looked at.
const TrafficMinutes = 8

// TrafficSince is when the first of the minutes begins.
func TrafficSince(now time.Time) time.Time {
	return now.Truncate(time.Minute).Add(-(TrafficMinutes - 1) * time.Minute)
}

// Requests are those of all minutes.
func (t *Traffic) Requests() (n int) {
	for _, m := range t.Minutes {
		n += m
	}
	return n
}

// Rate sets PerSecond from the minutes.
func (t *Traffic) Rate(now time.Time) {
	since := TrafficSince(now)
	for _, m := range t.Minutes {
		if m > 0 {
			break
		}
		since = since.Add(time.Minute)
	}
	t.PerSecond = float64(t.Requests()) / max(now.Sub(since).Seconds(), 1)
}

package faults

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Spec is how often what goes wrong. Its zero value is nothing at all.
type Spec struct {
	// Throttle, Error and Lost are the shares, 0 to 1, of requests that are
	// throttled, answered with a 5xx, and whose connection is cut. Of those that
	// are cut every other one has been carried out: its answer is lost.
	Throttle, Error, Lost float64
	// Stale is how old, at most, the picture is that Describe, List and Get
	// operations answer from.
	Stale time.Duration
	// Validation is how long ACM takes, beyond what it needs here, until a
	// certificate's records appear, and again until they are seen in DNS.
	Validation time.Duration
	// Seed chooses which requests it hits.
	Seed uint64
	// Agent leaves those alone whose User-Agent doesn't contain it; "" is all.
	Agent string
}

// Default is what the end-to-end tests of the deploy wing live with.
const Default = "throttle=3%,error=2%,lost=2%,stale=250ms,validation=300ms"

// Off tells whether nothing goes wrong.
func (s Spec) Off() bool {
	return s.Throttle == 0 && s.Error == 0 && s.Lost == 0 && s.Stale == 0 && s.Validation == 0
}

// String is the spec as Parse reads it.
func (s Spec) String() string {
	if s.Off() {
		return "off"
	}
	share := func(f float64) string { return strconv.FormatFloat(f*100, 'f', -1, 64) + "%" }
	text := fmt.Sprintf("throttle=%s,error=%s,lost=%s,stale=%v,validation=%v,seed=%d", share(s.Throttle), share(s.Error), share(s.Lost), s.Stale, s.Validation, s.Seed)
	if s.Agent != "" {
		text += ",agent=" + s.Agent
	}
	return text
}

// Parse reads "throttle=5%,error=2%,lost=1%,stale=300ms,validation=2s,seed=1,agent=app/",
// of which everything may be left out; "" and "off" are nothing.
func Parse(text string) (Spec, error) {
	var s Spec
	if text == "" || text == "off" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		if err := s.set(key, value); err != nil {
			return Spec{}, fmt.Errorf("faults %q: %w, such as %s", part, err, Default+",seed=1")
		}
	}
	if sum := s.Throttle + s.Error + s.Lost; sum > 0.9 {
		return Spec{}, fmt.Errorf("faults %q: %.0f%% of all requests would go wrong; 90%% is the most", text, sum*100)
	}
	return s, nil
}

func (s *Spec) set(key, value string) (err error) {
	switch key {
	case "throttle":
		s.Throttle, err = share(value)
	case "error":
		s.Error, err = share(value)
	case "lost":
		s.Lost, err = share(value)
	case "stale":
		s.Stale, err = span(value)
	case "validation":
		s.Validation, err = span(value)
	case "agent":
		if s.Agent = value; value == "" {
			err = fmt.Errorf("an agent is a part of a User-Agent")
		}
	case "seed":
		if s.Seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			err = fmt.Errorf("a seed is a whole number")
		}
	default:
		err = fmt.Errorf("there are throttle, error, lost, stale, validation, seed and agent")
	}
	return err
}

func share(text string) (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !strings.HasSuffix(text, "%") || !(f >= 0 && f <= 100) {
		return 0, fmt.Errorf("a share is from 0%% to 100%%")
	}
	return f / 100, nil
}

// longest bounds a delay: pictures of so long are kept.
const longest = time.Minute

func span(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > longest {
		return 0, fmt.Errorf("a time is from 0s to %v", longest)
	}
	return d, nil
}

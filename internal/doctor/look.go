package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// Repository finds out whether the environment's branch has a release.
func Repository(ctx context.Context, dir string, env *slipway.Environment) Finding {
	v, err := release.Last(ctx, dir, env.Branch, env.Stable)
	if errors.Is(err, release.ErrShallow) {
		return warn("release", "git fetch --tags --unshallow, or name one: slipway deploy "+env.Name+" --tag T", "%s", err)
	}
	if err != nil {
		return warn("release", "or name one: slipway deploy "+env.Name+" --tag T", "%s", err)
	}
	return ok("release", "%s, %s (%.7s)", v.Tag, v.Why, v.Commit)
}

// The signatures of requests are good for five minutes on most of AWS's services,
// and for fifteen on all.
const (
	clockWarns = time.Minute
	clockFails = 5 * time.Minute
)

// Clock compares this machine's clock with the account's.
func Clock(ctx context.Context, endpoint string, now func() time.Time) Finding {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, endpoint, nil)
	if err != nil {
		return warn("clock", "", "%s", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return warn("clock", "", "cannot be compared: %s", err)
	}
	res.Body.Close()
	there, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return warn("clock", "", "cannot be compared: %s says no time", req.URL.Host)
	}
	return skew(now().Sub(there))
}

func skew(d time.Duration) Finding {
	text := fmt.Sprintf("%v ahead of the account's", d.Round(time.Second))
	if d < 0 {
		text = fmt.Sprintf("%v behind the account's", -d.Round(time.Second))
	}
	switch {
	case d.Abs() >= clockFails:
		return fail("clock", "set it (timedatectl set-ntp true): signed requests are refused", "%s", text)
	case d.Abs() >= clockWarns:
		return warn("clock", "set it (timedatectl set-ntp true)", "%s", text)
	}
	return ok("clock", "within a minute of the account's")
}

// Hosts asks every host that a running service has.
func Hosts(ctx context.Context, env *slipway.Environment, seen *slipway.Observed, door release.Door) []Finding {
	var list []Finding
	for i := range env.Services {
		s := &env.Services[i]
		if seen.Running[s.Name].Desired == 0 {
			if len(s.Hosts) > 0 {
				list = append(list, ok("answer", "%s is not deployed yet", s.Name))
			}
			continue
		}
		for _, host := range s.Hosts {
			proof, err := release.Prove(ctx, host, "/", door, 5*time.Second)
			if err != nil {
				list = append(list, warn("answer", "slipway status "+env.Name+" · slipway logs "+env.Name, "%s", err))
				continue
			}
			list = append(list, ok("answer", "%s %d in %d ms, over verified TLS", proof.URL, proof.Status, proof.Took.Milliseconds()))
		}
	}
	return list
}

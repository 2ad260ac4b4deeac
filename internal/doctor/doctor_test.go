package doctor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestWhatAPlanTells(t *testing.T) {
	env := &slipway.Environment{Name: "live", Cluster: slipway.Cluster{Name: "shared"}, Services: []slipway.Service{{Name: "web"}}}
	step := func(kind slipway.Kind, name, phase string, a slipway.Action) slipway.Step {
		return slipway.Step{Resource: slipway.Resource{ID: slipway.ID{Kind: kind, Name: name}, Phase: phase}, Action: a}
	}
	cert := slipway.ID{Kind: slipway.KindCertificate, Name: "a.example.com"}
	fine := []slipway.InstanceRoom{{Connected: true, FreeMemory: 1000, FreeCPU: 500}}
	for name, c := range map[string]struct {
		steps   []slipway.Step
		seen    slipway.Observed
		rooms   []slipway.Room
		verdict Verdict
		text    string
	}{
		"nothing there":        {[]slipway.Step{step(slipway.KindCluster, "shared", "env", slipway.Create), step(slipway.KindVPC, "shared", "env", slipway.Create)}, slipway.Observed{}, nil, Fail, "not there yet: cluster shared, vpc shared"},
		"all there":            {[]slipway.Step{step(slipway.KindCluster, "shared", "env", slipway.Keep)}, slipway.Observed{}, nil, OK, "cluster shared and what services share are there"},
		"drifted":              {[]slipway.Step{step(slipway.KindSecurityGroup, "g", "env", slipway.Change)}, slipway.Observed{}, nil, Warn, "differs from the file: security group g"},
		"no instance":          {nil, slipway.Observed{Instances: []slipway.InstanceRoom{{Draining: true, Connected: true}}}, nil, Fail, "no container instance of shared takes tasks (1 are draining"},
		"an instance away":     {nil, slipway.Observed{Instances: append(fine, slipway.InstanceRoom{})}, nil, Warn, "1 instances take tasks, 1 are draining"},
		"room":                 {nil, slipway.Observed{Instances: fine}, []slipway.Room{{Service: "web", Tasks: 1, Memory: 64, Fits: true}}, OK, "web: 1 more task(s) of 64 MiB"},
		"no room":              {nil, slipway.Observed{Instances: fine}, []slipway.Room{{Service: "web", Tasks: 1, Memory: 6400}}, Fail, "no room for 1 more task(s) of 6400 MiB"},
		"room to grow":         {nil, slipway.Observed{Instances: fine}, []slipway.Room{{Service: "web", Tasks: 1, Memory: 6400, Grows: true}}, Warn, "the cluster adds an instance"},
		"rules used up":        {nil, slipway.Observed{Rules: slipway.Quota{Used: 100, Limit: 100}}, nil, Fail, "100 of 100 rules"},
		"rules nearly":         {nil, slipway.Observed{Rules: slipway.Quota{Used: 90, Limit: 100}}, nil, Warn, "90 of 100 rules"},
		"certificates":         {nil, slipway.Observed{Certificates: slipway.Quota{Used: 3, Limit: 25}}, nil, OK, "3 of 25 certificates"},
		"no record":            {[]slipway.Step{step(slipway.KindRecord, "a.example.com", "", slipway.Create)}, slipway.Observed{}, nil, OK, "a.example.com has no record yet"},
		"a certificate":        {[]slipway.Step{step(slipway.KindCertificate, "a.example.com", "", slipway.Keep)}, slipway.Observed{Resources: map[slipway.ID]slipway.Seen{cert: {Settings: slipway.Settings{"expires": "2026-06-01"}}}}, nil, OK, "a.example.com: 91 days left"},
		"not renewed":          {[]slipway.Step{step(slipway.KindCertificate, "a.example.com", "", slipway.Keep)}, slipway.Observed{Resources: map[slipway.ID]slipway.Seen{cert: {Settings: slipway.Settings{"expires": "2026-03-13"}}}}, nil, Warn, "it has 11 days left and is not renewed"},
		"expired":              {[]slipway.Step{step(slipway.KindCertificate, "a.example.com", "", slipway.Keep)}, slipway.Observed{Resources: map[slipway.ID]slipway.Seen{cert: {Settings: slipway.Settings{"expires": "2026-02-13"}}}}, nil, Fail, "it expired on 2026-02-13"},
		"waiting to be issued": {[]slipway.Step{step(slipway.KindCertificate, "a.example.com", "", slipway.Change)}, slipway.Observed{Resources: map[slipway.ID]slipway.Seen{cert: {Status: "PENDING_VALIDATION"}}}, nil, Warn, "a.example.com is PENDING_VALIDATION"},
	} {
		list := Plan(env, &slipway.Plan{Steps: c.steps, Rooms: c.rooms}, &c.seen, "env", now)
		found := false
		for _, f := range list {
			if strings.Contains(f.Text, c.text) {
				found = true
				if f.Verdict != c.verdict || f.Verdict == Fail && f.Next == "" {
					t.Errorf("%s: %+v, not %s", name, f, c.verdict)
				}
			}
		}
		if !found {
			t.Errorf("%s: %q is not found: %+v", name, c.text, list)
		}
	}
}

func TestTheClock(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", now.Format(http.TimeFormat)) }))
	defer server.Close()
	for ahead, want := range map[time.Duration]Verdict{0: OK, 2 * time.Minute: Warn, -2 * time.Minute: Warn, 6 * time.Minute: Fail, -time.Hour: Fail} {
		if f := Clock(t.Context(), server.URL, func() time.Time { return now.Add(ahead) }); f.Verdict != want {
			t.Errorf("%v ahead: %+v", ahead, f)
		}
	}
}

package report

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// What differs stands with its reason and its place in the file; then the release,
// what is the same, the calls, the counts and the budget.
func TestAPlanInLines(t *testing.T) {
	at := slipway.Position{File: "slipway.yaml", Line: 12, Column: 3}
	group, rule := slipway.ID{Kind: slipway.KindTargetGroup, Name: "web-tg"}, slipway.ID{Kind: slipway.KindRule, Name: "20"}
	p := &slipway.Plan{Tag: "v1.3.0", Calls: 37, Notes: []string{"load balancer shared will have 96 of 100 rules"}, Steps: []slipway.Step{
		{Resource: slipway.Resource{ID: group}, Action: slipway.Change, Differences: []slipway.Difference{{Field: "health path", Have: "/", Want: "/healthz", At: at}}},
		{Resource: slipway.Resource{ID: rule}, Action: slipway.Change, Differences: []slipway.Difference{{Field: "path", Have: "/old/*", Key: "service.paths", Drift: true}}},
		{Resource: slipway.Resource{ID: slipway.ID{Kind: slipway.KindRecord, Name: "demo.example.com"}}, Action: slipway.Create},
		{Resource: slipway.Resource{ID: slipway.ID{Kind: slipway.KindVPC, Name: "shared"}}, Action: slipway.Keep},
	}, Budgets: []slipway.Budget{{Start: 10 * time.Second, Health: 5 * time.Second, Drain: 5 * time.Second, Stop: 10 * time.Second}},
		Rooms: []slipway.Room{{Service: "web", Tasks: 1, Memory: 1024}}}
	var b bytes.Buffer
	Plan(&b, p)
	want := `~ target group web-tg                          health path / → /healthz                     slipway.yaml:12
~ rule 20                                      drift: someone added path /old/* by hand     keep with service.paths, or let it be removed
+ dns record demo.example.com
! load balancer shared will have 96 of 100 rules
! web: 1 more task of 1024 MiB does not fit
  image v1.3.0 is the pipeline's and not compared; 1 resource the same; 37 API calls
2 to change, 1 to add, 0 to destroy. Time budget 30s, no interruption.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

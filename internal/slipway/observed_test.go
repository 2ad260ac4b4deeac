package slipway

import "testing"

func TestReturning(t *testing.T) {
	const arn = "arn:aws:ecs:eu-west-1:000000000000:task-definition/"
	rollout := func(revision, state string) Deployment {
		return Deployment{Revision: arn + revision, RolloutState: state}
	}
	for name, tt := range map[string]struct {
		deployments []Deployment
		want        bool
	}{
		"nothing":             {nil, false},
		"at rest":             {[]Deployment{rollout("web:3", "COMPLETED")}, false},
		"the first":           {[]Deployment{rollout("web:1", "IN_PROGRESS")}, false},
		"on":                  {[]Deployment{rollout("web:10", "IN_PROGRESS"), rollout("web:9", "COMPLETED")}, false},
		"back":                {[]Deployment{rollout("web:9", "IN_PROGRESS"), rollout("web:10", "COMPLETED")}, true},
		"back from a failure": {[]Deployment{rollout("web:9", "IN_PROGRESS"), rollout("web:10", "FAILED")}, true},
		"back, and there":     {[]Deployment{rollout("web:9", "COMPLETED"), rollout("web:10", "COMPLETED")}, false},
		"another family":      {[]Deployment{rollout("web:9", "IN_PROGRESS"), rollout("api:10", "COMPLETED")}, false},
	} {
		if got := (Running{Deployments: tt.deployments}).Returning(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

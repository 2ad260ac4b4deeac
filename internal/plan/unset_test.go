package plan

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestAnUnsetVariableIsNotDropped(t *testing.T) {
	env := &slipway.Environment{Name: "playground", Services: []slipway.Service{{Name: "s", Containers: []slipway.Container{{
		Unset: map[string]string{"KEY": "CI_KEY"},
		At:    slipway.Positions{"variables.KEY": {File: "slipway.yaml", Line: 9, Column: 5}},
	}}}}}
	service := []slipway.Resource{{ID: slipway.ID{Kind: slipway.KindService, Name: "s"}}}
	_, err := Make(env, service, &slipway.Observed{})
	if err == nil || !strings.HasPrefix(err.Error(), "slipway.yaml:9:5: KEY is passed on from the variable CI_KEY, which is not set here") {
		t.Errorf("got %v", err)
	}
	if _, err := Make(env, nil, &slipway.Observed{}); err != nil {
		t.Errorf("an environment alone was refused: %v", err)
	}
}

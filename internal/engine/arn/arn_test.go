package arn

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/engine/state"
)

func TestNewAndParseAgree(t *testing.T) {
	scope := state.Scope{Account: "000000000000", Region: "eu-west-1"}
	s := New("ecs", scope, "service/web/api")
	if s != "arn:aws:ecs:eu-west-1:000000000000:service/web/api" {
		t.Fatal(s)
	}
	a, ok := Parse(s)
	if name, is := a.After("service/"); !ok || a.Scope() != scope || !is || name != "web/api" {
		t.Errorf("%+v", a)
	}
	if _, is := a.After("task/"); is {
		t.Error("a service's name passed for a task's")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "web", "arn:aws:ecs:eu-west-1:1", "arn:aws::r:a:x", "arn:aws:ecs:r:a:", "urn:aws:ecs:r:a:x"} {
		if a, ok := Parse(s); ok {
			t.Errorf("%q was taken: %+v", s, a)
		}
	}
	if a, ok := Parse("arn:aws:logs:r:a:log-group:web:*"); !ok || a.Resource != "log-group:web:*" {
		t.Errorf("colons in the resource: %+v", a)
	}
}

package executionrole

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/engine/operation"
)

func TestLogging(t *testing.T) {
	w := newWorld(t)
	const statement = `{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"arn:aws:logs:eu-west-1:000000000000:log-group:g:log-stream:*"}`
	task := func(role string) Task { return Task{Scope: caller.Scope(), Role: role, ID: "1"} }
	execution, instance := w.role("execution", service, statement), w.role("instance", "ec2.amazonaws.com", statement)
	nothing := w.role("nothing", service, `{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}`)
	const lines, alien = "arn:aws:logs:eu-west-1:000000000000:log-group:g:log-stream:s", "arn:aws:logs:eu-west-1:000000000000:log-group:other:log-stream:s"
	for _, tt := range []struct {
		name     string
		who      Task
		on       Instance
		resource string
		fails    string
	}{
		{"the execution role", task(execution), Instance{}, lines, ""},
		{"of another group", task(execution), Instance{}, alien, "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/execution/1 is not authorized to perform: logs:PutLogEvents on resource: " + alien},
		{"the instance's is not asked where there is an execution role", task(nothing), Instance{"i-1", instance}, lines, "assumed-role/nothing/1"},
		{"the instance's", task(""), Instance{"i-1", instance}, lines, ""},
		{"the instance's, of another group", task(""), Instance{"i-1", instance}, alien, "assumed-role/instance/i-1"},
		{"none", task(""), Instance{ID: "i-1"}, lines, "NoCredentialProviders: no valid providers in chain"},
		{"one that ECS cannot assume", task(instance), Instance{}, lines, "ECS was unable to assume the role"},
	} {
		err := w.Logging(w.env.Store.View(), tt.who, tt.on, operation.Need{Action: "logs:PutLogEvents", Resource: tt.resource})
		if (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fails)
		}
	}
}

package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/slipway"
)

func TestAPlanShowsNoSecrets(t *testing.T) {
	settings := slipway.Settings{"variables.API_KEY": "=hunter2", "variables.DB_URL": "=postgres://u:hunter2@db/x", "web.variables.DB_PASSWORD": "=hunter2", "variables.LEVEL": "=info", "port": "8000"}
	p := &slipway.Plan{Steps: []slipway.Step{{Resource: slipway.Resource{Settings: settings}, Differences: []slipway.Difference{
		{Field: "variables.API_KEY", Have: "=hunter2", Want: "=hunter22"}, {Field: "variables.LEVEL", Have: "=debug", Want: "=info"},
	}}}}
	text, err := json.Marshal(Shown(p))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range p.Steps[0].Differences {
		text = append(text, d.String()...)
	}
	if strings.Contains(string(text), "hunter2") {
		t.Errorf("a secret is shown: %s", text)
	}
	for _, want := range []string{"debug", "info", "8000", "API_KEY"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not shown: %s", want, text)
		}
	}
	if settings["variables.API_KEY"] != "=hunter2" {
		t.Error("the plan itself was changed")
	}
}

func TestWhatIsSeenShowsNoSecrets(t *testing.T) {
	id := slipway.ID{Kind: slipway.KindService, Name: "s"}
	o := &slipway.Observed{Resources: map[slipway.ID]slipway.Seen{id: {Settings: slipway.Settings{"variables.API_KEY": "=hunter2"}}}}
	text, err := json.Marshal(Seen(o))
	if err != nil || strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), `"kind":"service","name":"s"`) {
		t.Errorf("%s %v", text, err)
	}
	if o.Resources[id].Settings["variables.API_KEY"] != "=hunter2" {
		t.Error("what was seen was changed")
	}
}

package placement

import (
	"strings"
	"testing"
	"time"
)

func instance() *Instance {
	return &Instance{
		ID: "a", Open: true, Connected: true, EC2: "i-abcd1234", Agent: "1.14.5", Running: 2,
		RegisteredAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Attributes: map[string]string{
			"ecs.instance-type": "t3.small", Zone: "eu-west-1a", "stack": "prod", "ecs.capability.task-eni": "", "size": "10",
		},
		Groups: map[string]int{"service:web": 1, "family:db": 2},
		Free:   Amount{CPU: 2048, Memory: 2000},
	}
}

func TestExpressions(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"attribute:ecs.instance-type == t3.small", true},
		{"attribute:ecs.instance-type equals t3.small", true},
		{"attribute:ecs.instance-type==t3.small", true},
		{"attribute:ecs.instance-type == 't3.small'", true},
		{"attribute:ecs.instance-type != t3.small", false},
		{"attribute:ecs.availability-zone in [us-east-1a, eu-west-1a]", true},
		{"attribute:ecs.availability-zone !in [us-east-1a,eu-west-1a]", false},
		{"attribute:ecs.availability-zone not_in [us-east-1a]", true},
		{"attribute:ecs.instance-type =~ t3.*", true},
		{"attribute:ecs.instance-type =~ t3", false}, // the whole text
		{"attribute:ecs.instance-type matches (t2|t3)\\.(small|[a-z]+)", true},
		{"attribute:ecs.instance-type !~ t3.*", false},
		{"attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d", false},
		{"attribute:ecs.instance-type =~ t3.* && attribute:ecs.availability-zone != us-east-1d", true},
		{"attribute:stack exists", true},
		{"attribute:ecs.capability.task-eni exists", true},
		{"attribute:stack !exists", false},
		{"attribute:other not_exists", true},
		{"attribute:other exists", false},
		{"attribute:other == x", false},
		{"attribute:other != x", true},
		{"attribute:size > 9", true}, // numbers as numbers
		{"attribute:size less_than 9", false},
		{"task:group == service:web", true},
		{"task:group == service:api", false},
		{"not(task:group == family:db)", false},
		{"!(task:group == database)", true},
		{"task:group != family:db", false},
		{"task:group in [service:api, family:db]", true},
		{"runningTasksCount == 2", true},
		{"runningTasksCount < 2", false},
		{"runningTasksCount >= 2", true},
		{"agentVersion < 1.14.5", false},
		{"agentVersion <= 1.14.5", true},
		{"agentVersion > 1.9.0", true}, // part by part
		{"agentConnected == true", true},
		{"agentConnected != true", false},
		{"registeredAt < 2026-03-02", true},
		{"registeredAt > 2026-03-01T11:00:00", true},
		{"registeredAt >= 2026-03-01T12:00:00Z", true},
		{"registeredAt > 2026-03-01T12:30:00+01:00", true},
		{"ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']", true},
		{"attribute:stack == test or attribute:stack == prod and runningTasksCount == 2", true},
		{"(attribute:stack == prod or attribute:stack == test) and runningTasksCount == 3", false},
		{"not attribute:stack == test and not not attribute:stack == prod", true},
		{"  attribute:stack == prod  ", true},
	}
	for _, tt := range tests {
		e, err := Parse(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := e.Match(instance()); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestExpressionsThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", "attribute:stack", "attribute: == x", "stack == prod", "attribute:stack == ", "attribute:stack in prod",
		"attribute:stack in [prod", "attribute:stack in []", "attribute:stack in [a,]", "(attribute:stack exists",
		"attribute:stack exists)", "attribute:stack == prod and", "attribute:stack == 'prod", "attribute:stack is prod",
		"runningTasksCount == many", "runningTasksCount exists", "registeredAt < yesterday", "agentVersion in [1.0]",
		"ec2InstanceId > i-1", "attribute:stack =~ *", "attribute:stack == prod attribute:x exists",
		strings.Repeat("(", 1000) + "attribute:stack exists" + strings.Repeat(")", 1000),
	} {
		if e, err := Parse(text); err == nil {
			t.Errorf("%q was taken: %+v", text, e)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("attribute:ecs.instance-type =~ t2.* and not (task:group in [a, b] || registeredAt < 2018-02-13)")
	f.Add("!(!(attribute:a !exists))")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err == nil {
			e.Match(instance())
		}
	})
}

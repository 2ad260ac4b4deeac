package policy

import (
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func (s Scope) rule(name string) string { return s.arn("events", "rule/"+name) }

// schedulesOf are the rules of the services' jobs, also of those that the file has
// no longer: they are looked at and removed.
func schedulesOf(s Scope, actions ...string) Statement {
	st := Statement{Sid: "Schedules", Action: actions}
	for _, svc := range s.Env.Services {
		st.Resource = append(st.Resource, s.rule(svc.Name+"-*"))
	}
	return st
}

// passSchedules is handing the roles of the services' jobs to EventBridge.
func passSchedules(s Scope) []Statement {
	st := Statement{Sid: "PassScheduleRoles", Action: []string{"iam:PassRole"}, Condition: Condition{"StringEquals": {"iam:PassedToService": {"events.amazonaws.com"}}}}
	for i := range s.Env.Services {
		if svc := &s.Env.Services[i]; len(plan.Scheduled(s.Env, svc)) > 0 {
			st.Resource = append(st.Resource, s.role(plan.For(svc).ScheduleRole().Name))
		}
	}
	if len(st.Resource) == 0 {
		return nil
	}
	return []Statement{st}
}

// repoint is pointing jobs at the revision that a rollback brought back.
func repoint(s Scope) []Statement {
	if !has(plan.Wanted(s.Env), slipway.KindSchedule) {
		return nil
	}
	return append(passSchedules(s), schedulesOf(s, "events:PutTargets"))
}

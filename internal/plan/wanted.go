package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// The phases that a report groups steps under, in the order in which they begin.
const (
	PhaseEnvironment = "environment"
	PhaseImage       = "image"
	PhaseCertificate = "certificate"
	PhaseService     = "service"
	PhaseDeploy      = "deploy"
)

// TheBalancer is where a host's record leads.
const TheBalancer = "the load balancer"

// Wanted lists the resources that an environment asks for, a resource after
// those it needs.
func Wanted(env *slipway.Environment) []slipway.Resource {
	w := &wanted{env: env, names: Of(env)}
	w.environment()
	w.logs()
	w.repositories()
	hosts := w.hosts()
	w.listeners(hosts)
	for i := range env.Services {
		w.service(&env.Services[i])
	}
	return w.list
}

// EnvironmentOnly are the resources that services share.
func EnvironmentOnly(env *slipway.Environment) []slipway.Resource {
	w := &wanted{env: env, names: Of(env)}
	w.environment()
	w.logs()
	w.listeners(w.hosts())
	return w.list
}

type wanted struct {
	env   *slipway.Environment
	names Names
	list  []slipway.Resource
}

func (w *wanted) add(r slipway.Resource) { w.list = append(w.list, r) }

// own is a resource of the environment: made by this file, or by others and
// only used.
func (w *wanted) own(id slipway.ID, s slipway.Settings, after ...slipway.ID) {
	w.add(slipway.Resource{ID: id, Settings: s, After: after, Phase: PhaseEnvironment, Adopted: !w.env.Cluster.Owned})
}

func (w *wanted) environment() {
	c, n := &w.env.Cluster, w.names
	if !c.Owned {
		w.own(n.Cluster(), nil)
		if w.routed() {
			w.own(n.Balancer(), nil)
		}
		return
	}
	w.network()
	w.own(n.Cluster(), slipway.Settings{"container insights": onOff(c.Insights)})
	if slices.ContainsFunc(w.env.Services, func(s slipway.Service) bool { return s.Capacity != "fargate" }) || len(w.env.Services) == 0 {
		w.capacity()
	}
}

// network is the VPC and all in it that is shared. A network that the file
// names is used as it is.
func (w *wanted) network() {
	c, n := &w.env.Cluster, w.names
	subnets := n.Subnets()
	if c.VPC == "" {
		w.own(n.VPC(), slipway.Settings{"cidr": c.CIDR})
		w.own(n.Gateway(), nil, n.VPC())
		w.own(n.Routes(), slipway.Settings{"0.0.0.0/0": "internet gateway"}, n.VPC(), n.Gateway())
		for _, s := range subnets {
			w.own(s, nil, n.VPC(), n.Routes())
		}
	} else {
		w.add(slipway.Resource{ID: n.VPC(), Phase: PhaseEnvironment, Adopted: true})
		for _, s := range subnets {
			w.add(slipway.Resource{ID: s, After: []slipway.ID{n.VPC()}, Phase: PhaseEnvironment, Adopted: true})
		}
	}
	w.own(n.BalancerGroup(), slipway.Settings{"tcp 80": "0.0.0.0/0", "tcp 443": "0.0.0.0/0"}, n.VPC())
	w.own(n.InstanceGroup(), slipway.Settings{"all": "the load balancer's group"}, n.VPC(), n.BalancerGroup())
	w.add(slipway.Resource{ID: n.Balancer(), Phase: PhaseEnvironment, Adopted: c.LoadBalancer != "",
		After: append([]slipway.ID{n.BalancerGroup(), n.Gateway()}, subnets...)})
}

func (w *wanted) capacity() {
	c, n := &w.env.Cluster, w.names
	w.own(n.Profile(), nil)
	w.own(n.Template(), slipway.Settings{"instance type": c.Instance}, n.Profile(), n.InstanceGroup())
	w.own(n.Group(), nil, append([]slipway.ID{n.Template()}, n.Subnets()...)...)
	w.own(n.Provider(), slipway.Settings{"managed scaling": "on", "managed draining": "on", "scale-in protection": "on"}, n.Group(), n.Cluster())
	w.own(n.Capacity(), slipway.Settings{
		"minimum size": strconv.Itoa(c.Min), "maximum size": strconv.Itoa(c.Max), "default provider": n.Provider().Name,
	}, n.Cluster(), n.Provider())
}

// logs are the log groups that services write to. A retention that the file
// doesn't give is left alone.
func (w *wanted) logs() {
	for _, s := range w.env.Services {
		id := logGroup(s.LogGroup)
		if s.LogGroup == "" || slices.ContainsFunc(w.list, func(r slipway.Resource) bool { return r.ID == id }) {
			continue
		}
		r := slipway.Resource{ID: id, Phase: PhaseEnvironment, Settings: slipway.Settings{}}
		if s.LogRetentionDays > 0 {
			r.Settings["retention"] = strconv.Itoa(s.LogRetentionDays) + " days"
		}
		w.add(r)
	}
}

func logGroup(name string) slipway.ID { return slipway.ID{Kind: slipway.KindLogGroup, Name: name} }

func (w *wanted) routed() bool {
	return slices.ContainsFunc(w.env.Services, func(s slipway.Service) bool { return s.Port != 0 && len(s.Rules) > 0 })
}

// repositories are those of the images that this repository builds for the
// account's own registry.
func (w *wanted) repositories() {
	for _, i := range w.env.Built() {
		id := Repository(i.Repository)
		if i.Host() == "" && !slices.ContainsFunc(w.list, func(r slipway.Resource) bool { return r.ID == id }) {
			w.add(slipway.Resource{ID: id, Phase: PhaseImage})
		}
	}
}

// hosts are all services' host names, each once, in the file's order.
func (w *wanted) hosts() []string {
	var hosts []string
	for _, s := range w.env.Services {
		if s.Port == 0 {
			continue
		}
		for _, r := range s.Rules {
			for _, h := range r.Hosts {
				if !slices.Contains(hosts, h) {
					hosts = append(hosts, h)
				}
			}
		}
	}
	return hosts
}

// listeners are the load balancer's: port 80 leads to 443, where a certificate
// for each host stands. The first host's certificate is the listener's default.
func (w *wanted) listeners(hosts []string) {
	n := w.names
	if len(hosts) == 0 {
		return
	}
	for _, h := range hosts {
		w.add(slipway.Resource{ID: Certificate(h), Phase: PhaseCertificate, Settings: slipway.Settings{"validated by": "DNS"}, At: hostAt(w.env, h)})
	}
	if !w.env.Cluster.Owned {
		w.own(n.HTTPS(), nil, n.Balancer())
	} else {
		w.own(n.HTTP(), slipway.Settings{"default": "redirect to https 301"}, n.Balancer())
		w.own(n.HTTPS(), slipway.Settings{"default": "404"}, n.Balancer(), Certificate(hosts[0]))
	}
	for _, h := range hosts {
		w.add(slipway.Resource{ID: Attachment(h), Phase: PhaseCertificate, After: []slipway.ID{n.HTTPS(), Certificate(h)}})
		w.add(slipway.Resource{ID: Record(h), Phase: PhaseCertificate, After: []slipway.ID{n.Balancer()},
			Settings: slipway.Settings{"leads to": TheBalancer, "proxied": onOff(w.env.DNS.Proxied)}})
	}
}

func (w *wanted) service(s *slipway.Service) {
	n, own := For(s), slipway.Resource{Phase: PhaseService, Service: s.Name}
	add := func(id slipway.ID, settings slipway.Settings, after ...slipway.ID) {
		r := own
		r.ID, r.Settings, r.After = id, settings, after
		r.At = positions(s, settings)
		w.add(r)
	}
	after := []slipway.ID{w.names.Cluster()}
	if NeedsExecRole(s) {
		add(n.ExecRole(), slipway.Settings{"may": "exec"})
		after = append(after, n.ExecRole())
	}
	if NeedsExecutionRole(s) {
		add(n.ExecutionRole(), slipway.Settings{"reads": strings.Join(SecretNames(s), " ")})
		after = append(after, n.ExecutionRole())
	}
	if s.LogGroup != "" {
		after = append(after, logGroup(s.LogGroup))
	}
	if Routed(s) {
		add(n.TargetGroup(), TargetGroupSettings(s), w.names.Balancer())
		after = append(after, n.TargetGroup())
		for i := range s.Rules {
			add(n.Rule(i), RuleSettings(s, i), n.TargetGroup(), w.names.HTTPS())
			after = append(after, n.Rule(i))
		}
	}
	if w.env.Cluster.Owned && s.Capacity != "fargate" {
		after = append(after, w.names.Capacity())
	}
	add(n.Service(), ServiceSettings(w.env, s), after...)
	if s.Scale != nil {
		add(n.Scaling(), scalingSettings(s.Scale), n.Service())
	}
	w.schedules(s)
	for i := range w.list {
		if w.list[i].ID == n.Service() {
			w.list[i].Phase = PhaseDeploy
		}
	}
}

// Routed tells whether the load balancer leads to the service.
func Routed(s *slipway.Service) bool { return s.Port != 0 && len(s.Rules) > 0 }

// NeedsExecRole tells whether a role has to be made for ECS Exec: its agent acts
// as the task.
func NeedsExecRole(s *slipway.Service) bool { return s.Exec != nil && *s.Exec && s.TaskRole == "" }

// NeedsExecutionRole tells whether ECS itself has to act for the service's
// tasks, beside what an instance's role allows.
func NeedsExecutionRole(s *slipway.Service) bool {
	return s.ExecutionRole == "" && (s.Capacity == "fargate" || len(SecretNames(s)) > 0)
}

// SecretNames are the sources of a service's secrets, each once, in order.
func SecretNames(s *slipway.Service) []string {
	var names []string
	for _, c := range s.Containers {
		for _, from := range c.Secrets {
			if !slices.Contains(names, from) {
				names = append(names, from)
			}
		}
	}
	slices.Sort(names)
	return names
}

// TargetGroupSettings are a target group's. Its port has no meaning where each
// target has its own.
func TargetGroupSettings(s *slipway.Service) slipway.Settings {
	h := s.Health
	kind := "instance"
	if s.Capacity == "fargate" {
		kind = "ip"
	}
	return slipway.Settings{
		"target type":     kind,
		"protocol":        "HTTP",
		"health path":     h.Path,
		"health status":   h.Status,
		"health interval": h.Interval.String(),
		"health timeout":  h.Timeout.String(),
		"healthy after":   strconv.Itoa(h.Healthy),
		"unhealthy after": strconv.Itoa(h.Unhealthy),
		"drain":           s.Drain.String(),
	}
}

// Protocol is a target group's protocol and its version, as one word.
func Protocol(file string) string {
	switch file {
	case "https":
		return "HTTPS"
	case "grpc", "http2":
		return "HTTP " + strings.ToUpper(file)
	}
	return "HTTP"
}

// RuleSettings are a listener rule's: its priority only where the file gives one.
func RuleSettings(s *slipway.Service, i int) slipway.Settings {
	rule := s.Rules[i]
	r := slipway.Settings{"host": strings.Join(slices.Sorted(slices.Values(rule.Hosts)), " "), "target group": s.TargetGroup}
	if len(rule.Paths) > 0 {
		r["path"] = strings.Join(slices.Sorted(slices.Values(rule.Paths)), " ")
	}
	if rule.Priority != 0 {
		r["priority"] = strconv.Itoa(rule.Priority)
	}
	return r
}

// DefinitionOf is the task definition that the file asks for.
func DefinitionOf(env *slipway.Environment, s *slipway.Service) slipway.Definition {
	d := slipway.Definition{
		NetworkMode: "bridge", CPU: s.CPU, Memory: s.Memory, TaskRole: s.TaskRole, ExecutionRole: s.ExecutionRole,
		Containers: s.Containers, Volumes: s.Volumes, LogGroup: s.LogGroup, LogPrefix: s.LogPrefix, LogRegion: env.Region,
	}
	if s.Capacity == "fargate" {
		d.NetworkMode = "awsvpc"
	}
	if NeedsExecRole(s) {
		d.TaskRole = For(s).ExecRole().Name
	}
	if NeedsExecutionRole(s) {
		d.ExecutionRole = For(s).ExecutionRole().Name
	}
	return d
}

// ServiceSettings are the service's and its task definition's.
func ServiceSettings(env *slipway.Environment, s *slipway.Service) slipway.Settings {
	r := DefinitionOf(env, s).Settings()
	r.Set(slipway.Settings{
		"minimum healthy": fmt.Sprintf("%d%%", s.MinHealthy),
		"maximum":         fmt.Sprintf("%d%%", s.Most),
		"family":          s.Family,
		"roll back":       onOff(s.Rollback),
	})
	if s.Exec != nil {
		r["exec"] = onOff(*s.Exec)
	}
	if s.Scale == nil {
		r["count"] = strconv.Itoa(s.Count)
	}
	if Routed(s) {
		r["grace"] = s.Health.Grace.String()
		r["target group"] = s.TargetGroup
	}
	return r
}

func scalingSettings(s *slipway.Scale) slipway.Settings {
	r := slipway.Settings{"minimum": strconv.Itoa(s.Min), "maximum": strconv.Itoa(s.Max)}
	for _, t := range []struct {
		name  string
		value int
	}{{"cpu", s.CPU}, {"memory", s.Memory}, {"requests per target", s.Requests}} {
		if t.value != 0 {
			r[t.name] = strconv.Itoa(t.value)
		}
	}
	return r
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

package config

import (
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// services builds the environment's services. What a service gets is laid in
// layers: service, services.KEY, then the same two of the environment.
func (b *builder) services(env *slipway.Environment, n *node, at slipway.Position) {
	common, here := b.file.get("service"), n.get("service")
	several, hereSeveral := b.file.get("services"), n.get("services")
	b.removals(nil, common)
	b.removals(common, here)
	all := over(several, hereSeveral)
	if all.empty() && common == nil && here == nil {
		b.found.add(b.file.at, "service: { port: 8000 }", "there is no service")
		return
	}
	var layers []*node
	if all.empty() {
		layers = append(layers, over(common, here))
		env.Services = append(env.Services, b.service(env, "", layers[0], at))
	} else {
		for _, e := range all.entries {
			l := over(over(over(common, several.get(e.key)), here), hereSeveral.get(e.key))
			layers = append(layers, l)
			b.removals(common, several.get(e.key))
			b.removals(over(over(common, several.get(e.key)), here), hereSeveral.get(e.key))
			env.Services = append(env.Services, b.service(env, e.key, l, e.at))
		}
	}
	taker := b.hostTaker(env, n.entry("host"))
	for i := range env.Services {
		host := layers[i].entry("host")
		if i == taker {
			host = n.entry("host")
		}
		b.rules(&env.Services[i], layers[i], host)
	}
}

// removals tells of a ~ in top that has nothing in base to remove.
func (b *builder) removals(base, top *node) {
	if top == nil {
		return
	}
	for _, e := range top.entries {
		if e.value.kind == null && !e.value.wrong && base.get(e.key) == nil {
			b.found.add(e.at, e.key+`: ""`, "%s has no value", e.key)
		}
		b.removals(base.get(e.key), e.value)
	}
}

// hostTaker is the one service that takes the environment's host, or -1.
func (b *builder) hostTaker(env *slipway.Environment, host entry) int {
	if host.value.empty() {
		return -1
	}
	var takers []int
	for i, s := range env.Services {
		if s.Port != 0 {
			takers = append(takers, i)
		}
	}
	switch len(takers) {
	case 0:
		b.found.add(host.at, "service: { port: 8000 }", "%s has a host, but no service has a port", env.Name)
	case 1:
		return takers[0]
	default:
		b.found.add(host.at, "services: { "+env.Services[takers[0]].Key+": { host: demo.example.com } }", "%s has a host, but several services have a port; give each its own", env.Name)
	}
	return -1
}

func (b *builder) service(env *slipway.Environment, key string, n *node, at slipway.Position) slipway.Service {
	name := b.env + "-" + b.app
	if key != "" {
		name += "-" + key
	}
	s := slipway.Service{
		Key:           key,
		Name:          b.ruled(n.get("name"), "name", ecsName, name),
		Protocol:      b.text(n.get("protocol"), "http"),
		Drain:         spanAt(n.get("drain"), 5*time.Second),
		Capacity:      b.text(n.get("capacity"), "ec2"),
		CPU:           numberAt(n.find("task", "cpu"), 0),
		Memory:        numberAt(n.find("task", "memory"), 0),
		Exec:          optional(n.get("exec")),
		TaskRole:      b.ruled(n.find("roles", "task"), "roles.task", roleName, ""),
		ExecutionRole: b.ruled(n.find("roles", "execution"), "roles.execution", roleName, ""),
		Timeout:       spanAt(n.find("deploy", "timeout"), 0),
		Rollback:      flagAt(n.find("deploy", "rollback"), true),
		At:            n.positions(),
	}
	if n == nil {
		s.At[""] = at
	}
	s.Line = s.At[""].Line
	s.Family = b.ruled(n.get("family"), "family", ecsName, s.Name)
	s.TargetGroup = b.ruled(n.get("target-group"), "target-group", groupName, shorten(s.Name, "-tg"))
	s.Volumes = b.volumes(n.get("volumes"))
	s.Containers = b.containers(env, &s, n)
	s.Port = s.Containers[0].Port
	s.Health = b.health(n.get("health"))
	b.log(env, &s, n.get("log"))
	b.count(&s, n)
	b.limits(&s, n)
	b.fargate(&s, n)
	b.names(&s, n, at)
	return s
}

func (b *builder) volumes(n *node) []slipway.Volume {
	if n.empty() {
		return nil
	}
	var all []slipway.Volume
	for _, e := range n.entries {
		all = append(all, slipway.Volume{Name: e.key, HostPath: b.ruled(e.value.get("host"), "host", hostPath, "")})
	}
	return all
}

func (b *builder) health(n *node) slipway.Health {
	h := slipway.Health{
		Path:      b.ruled(n.get("path"), "health.path", healthPath, "/"),
		Status:    b.text(n.get("status"), "200"),
		Interval:  spanAt(n.get("interval"), 5*time.Second),
		Timeout:   spanAt(n.get("timeout"), 2*time.Second),
		Healthy:   numberAt(n.get("healthy"), 2),
		Unhealthy: numberAt(n.get("unhealthy"), 2),
		Grace:     spanAt(n.get("grace"), 0),
	}
	if h.Timeout >= h.Interval {
		at := place(n.get("timeout"), place(n.get("interval"), n.at))
		b.found.add(at, "timeout: 2s", "health.timeout %s is not less than health.interval %s", short(h.Timeout), short(h.Interval))
	}
	return h
}

// log is the group that is named as the cluster, as the teams of the shared
// cluster have it; "none" leaves logs to Docker.
func (b *builder) log(env *slipway.Environment, s *slipway.Service, n *node) {
	group := b.ruled(n.get("group"), "log.group", logGroup, env.Cluster.Name)
	if group == "none" {
		for _, key := range []string{"prefix", "retention"} {
			if v := n.get(key); v != nil {
				b.found.add(v.at, "", "log.%s has no meaning with log.group none", key)
			}
		}
		return
	}
	s.LogGroup = group
	s.LogPrefix = b.ruled(n.get("prefix"), "log.prefix", logGroup, s.Family)
	s.LogRetentionDays = numberAt(n.get("retention"), 0)
}

func (b *builder) count(s *slipway.Service, n *node) {
	at := n.get("count")
	s.Count = numberAt(at, 1)
	scale := n.get("scale")
	if scale.empty() {
		return
	}
	s.Scale = &slipway.Scale{
		Min: numberAt(scale.get("min"), 1), Max: numberAt(scale.get("max"), 1),
		CPU: numberAt(scale.get("cpu"), 0), Memory: numberAt(scale.get("memory"), 0), Requests: numberAt(scale.get("requests"), 0),
	}
	if at == nil {
		s.Count = s.Scale.Min
	}
	switch {
	case scale.get("max") == nil:
		b.found.add(scale.at, "scale: { min: 2, max: 10, cpu: 60 }", "scale has no max")
	case s.Scale.Min > s.Scale.Max && !scale.get("max").wrong:
		b.found.add(scale.at, "scale: { min: 2, max: 10, cpu: 60 }", "scale.min %d is more than scale.max %d", s.Scale.Min, s.Scale.Max)
	case s.Scale.CPU+s.Scale.Memory+s.Scale.Requests == 0 && scale.get("cpu") == nil && scale.get("memory") == nil && scale.get("requests") == nil:
		b.found.add(scale.at, "scale: { min: 2, max: 10, cpu: 60 }", "scale says no load to follow: cpu, memory or requests")
	case at != nil && !at.wrong && !scale.get("max").wrong && (s.Count < s.Scale.Min || s.Count > s.Scale.Max):
		b.found.add(at.at, "", "count %d is outside scale's %d to %d", s.Count, s.Scale.Min, s.Scale.Max)
	case s.Scale.Requests > 0 && s.Port == 0:
		b.found.add(scale.get("requests").at, "", "scale.requests follows the load balancer's requests, but the service has no port")
	}
}

// limits are the percentages of a deploy. A fixed port of the instance leaves no
// place for a second task beside the first.
func (b *builder) limits(s *slipway.Service, n *node) {
	least, most := 100, 200
	if slices.ContainsFunc(s.Containers, func(c slipway.Container) bool { return c.HostPort != 0 }) && s.Capacity == "ec2" {
		least, most = 0, 100
	}
	s.MinHealthy = numberAt(n.find("deploy", "min"), least)
	s.Most = numberAt(n.find("deploy", "max"), most)
	if s.Count == 0 {
		return
	}
	// ECS rounds the minimum up and the maximum down.
	surge := s.Count*s.Most/100 - s.Count
	spare := s.Count - (s.Count*s.MinHealthy+99)/100
	if surge <= 0 && spare <= 0 {
		at := place(n.get("deploy"), s.At[""])
		b.found.add(at, "deploy: { min: 100, max: 200 }", "no deploy could ever move: with %d of %s, min %d %% lets none stop and max %d %% lets none start", s.Count, tasks(s.Count), s.MinHealthy, s.Most)
	}
}

func tasks(n int) string {
	if n == 1 {
		return "1 task"
	}
	return "its tasks"
}

func lower(all []string) []string {
	var out []string
	for _, s := range all {
		out = append(out, strings.ToLower(s))
	}
	return out
}

// optional is a flag that may be left open.
func optional(n *node) *bool {
	if n.empty() {
		return nil
	}
	return new(flagAt(n, false))
}

package config

import (
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// shared are the keys of a container that a service with several containers
// gives to each of them.
var shared = []string{"variables", "secrets", "stop", "user"}

// containers are a service's, the one that takes traffic first.
func (b *builder) containers(env *slipway.Environment, s *slipway.Service, n *node) []slipway.Container {
	several := n.get("containers")
	if several.empty() || len(several.entries) == 0 {
		name := b.app
		if s.Key != "" {
			name = s.Key
		}
		c := b.container(env, s, n, b.ruled(n.get("container"), "container", ecsName, name), s.Key)
		c.Health = b.words(n.find("health", "command"))
		return []slipway.Container{c}
	}
	b.misplaced(n)
	var all []slipway.Container
	for _, e := range several.entries {
		inner := e.value
		for _, key := range shared {
			if v := n.get(key); v != nil {
				inner = over(&node{kind: dict, at: inner.at, entries: []entry{{key, v.at, v}}}, inner)
			}
		}
		c := b.container(env, s, inner, e.key, strings.TrimPrefix(s.Key+"-"+e.key, "-"))
		c.Health = b.words(inner.find("health", "command"))
		all = append(all, c)
	}
	b.taker(all, several)
	slices.SortStableFunc(all, func(x, y slipway.Container) int { return min(y.Port, 1) - min(x.Port, 1) })
	return all
}

// misplaced tells of keys that belong into one of several containers.
func (b *builder) misplaced(n *node) {
	first := n.get("containers").entries[0].key
	for _, k := range append(containerKeys, serviceShape.key("container")) {
		if e := n.entry(k.name); e.value != nil && !slices.Contains(shared, k.name) {
			b.found.add(e.at, "", "with several containers, %s belongs to one of them: containers.%s.%s", k.name, first, k.name)
		}
	}
	if v := n.find("health", "command"); v != nil {
		b.found.add(v.at, "", "with several containers, health.command belongs to one of them: containers.%s.health.command", first)
	}
}

// taker refuses several containers that would take the traffic, and none that ends the task.
func (b *builder) taker(all []slipway.Container, n *node) {
	var ports, essential []string
	for _, c := range all {
		if c.Port != 0 {
			ports = append(ports, c.Name)
		}
		if c.Essential {
			essential = append(essential, c.Name)
		}
	}
	if len(ports) > 1 {
		b.found.add(n.at, "", "%s each have a port; one container of a service takes its traffic", strings.Join(ports, " and "))
	}
	if len(essential) == 0 {
		b.found.add(n.at, "", "no container is essential: one has to be what the task ends with")
	}
}

// container makes one of n; own is the key of an image of its own.
func (b *builder) container(env *slipway.Environment, s *slipway.Service, n *node, name, own string) slipway.Container {
	c := slipway.Container{
		Name:       name,
		Command:    b.words(n.get("command")),
		Entrypoint: b.words(n.get("entrypoint")),
		CPU:        numberAt(n.get("cpu"), 0),
		Variables:  b.dictionary(n.get("variables"), b.variable),
		Secrets:    b.dictionary(n.get("secrets"), b.secret),
		Port:       numberAt(n.get("port"), 0),
		HostPort:   numberAt(n.get("host-port"), 0),
		Stop:       spanAt(n.get("stop"), 10*time.Second),
		User:       b.ruled(n.get("user"), "user", userName, ""),
		Essential:  flagAt(n.get("essential"), true),
		Mounts:     b.mounts(s, n.get("mounts")),
		At:         n.positions(),
	}
	b.unset(&c, n.get("variables"))
	b.memory(&c, n.get("memory"))
	b.own(env, &c, n.get("image"), own)
	for name := range c.Secrets {
		if _, twice := c.Variables[name]; twice {
			b.found.add(n.find("secrets", name).at, "", "%s is both a variable and a secret", name)
		}
	}
	if c.HostPort != 0 && c.Port == 0 {
		b.found.add(n.get("host-port").at, "port: 8000", "host-port without a port")
	}
	return c
}

// variable is a template; what is passed on stands in it as it is.
func (b *builder) variable(n *node) string {
	if n.kind != dict {
		return b.fill(n, true)
	}
	value, _ := b.lookup(n.get("from").said())
	return strings.ReplaceAll(value, "{", "{{")
}

// unset takes out what is passed on and isn't set here.
func (b *builder) unset(c *slipway.Container, n *node) {
	if n == nil {
		return
	}
	for _, e := range n.entries {
		from := e.value.get("from")
		if from == nil {
			continue
		}
		c.Passed = append(c.Passed, from.said())
		if _, ok := b.lookup(from.said()); !ok {
			delete(c.Variables, e.key)
			if c.Unset == nil {
				c.Unset = map[string]string{}
			}
			c.Unset[e.key] = from.said()
		}
	}
}

func (b *builder) memory(c *slipway.Container, n *node) {
	c.MemorySoft, c.MemoryHard = numberAt(n.get("soft"), 0), numberAt(n.get("hard"), 0)
	if n.empty() {
		c.MemorySoft = 128
	}
	if c.MemoryHard != 0 && c.MemorySoft > c.MemoryHard {
		b.found.add(n.at, "memory: { soft: 128, hard: 256 }", "memory.soft %d is more than memory.hard %d", c.MemorySoft, c.MemoryHard)
	}
}

// own is an image that a service or container has for itself.
func (b *builder) own(env *slipway.Environment, c *slipway.Container, n *node, key string) {
	if n.empty() {
		return
	}
	if ref := n.get("reference"); ref != nil {
		b.foreign(n, slipway.Image{})
		c.Image = b.late(ref, "")
		return
	}
	if key == "" {
		key = c.Name
	}
	i := b.image(n, key, n.at)
	c.Build = key
	env.Images = append(env.Images, i)
}

func (b *builder) mounts(s *slipway.Service, n *node) []slipway.Mount {
	if n.empty() {
		return nil
	}
	var all []slipway.Mount
	for _, e := range n.entries {
		m := slipway.Mount{Path: e.key, Volume: b.ruled(e.value.get("volume"), "volume", ecsName, ""), ReadOnly: flagAt(e.value.get("read-only"), false)}
		known := func(v slipway.Volume) bool { return v.Name == m.Volume }
		if e.value.get("volume") == nil {
			b.found.add(e.at, e.key+": data", "%s says no volume", e.key)
		} else if m.Volume != "" && !slices.ContainsFunc(s.Volumes, known) {
			b.found.add(e.value.at, "volumes: { "+m.Volume+": {} }", "there is no volume %q", m.Volume)
		}
		all = append(all, m)
	}
	return all
}

// secret is what SecretFrom takes: parameters by their name.
func (b *builder) secret(n *node) string {
	s := b.ruled(n, "secret", secretSource, "")
	return strings.TrimPrefix(s, "ssm:")
}

package slipway

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Definition is a task definition: the part that Slipway looks after, without
// the images, which are a release's and not the file's.
type Definition struct {
	NetworkMode             string
	CPU, Memory             int // of the task; 0 is unset
	TaskRole, ExecutionRole string
	Containers              []Container
	Volumes                 []Volume
	// LogGroup, LogRegion and LogPrefix are where every container's output goes;
	// "" is nowhere.
	LogGroup, LogRegion, LogPrefix string
}

// Settings names what the definition says. With one container its settings have
// no prefix, as in the file.
func (d Definition) Settings() Settings {
	s := Settings{}
	put := func(key, value string) {
		if value != "" && value != "0" {
			s[key] = value
		}
	}
	put("network mode", d.NetworkMode)
	put("task cpu", strconv.Itoa(d.CPU))
	put("task memory", strconv.Itoa(d.Memory))
	put("task role", roleName(d.TaskRole))
	put("execution role", roleName(d.ExecutionRole))
	if d.LogGroup != "" {
		put("log", d.LogGroup+" "+d.LogPrefix)
	}
	for _, v := range d.Volumes {
		s["volumes."+v.Name] = v.HostPath
	}
	for _, c := range d.Containers {
		prefix := ""
		if len(d.Containers) > 1 {
			prefix = c.Name + "."
			s["containers."+c.Name] = "yes"
		}
		for k, v := range c.settings() {
			put(prefix+k, v)
		}
	}
	return s
}

func (c Container) settings() Settings {
	s := Settings{
		"container":    c.Name,
		"cpu":          strconv.Itoa(c.CPU),
		"memory":       strconv.Itoa(c.MemoryHard),
		"soft memory":  strconv.Itoa(c.MemorySoft),
		"entrypoint":   Words(c.Entrypoint),
		"command":      Words(c.Command),
		"port":         strconv.Itoa(c.Port),
		"host port":    strconv.Itoa(c.HostPort),
		"health check": Words(c.Health),
		"user":         c.User,
	}
	if c.Stop > 0 {
		s["stop timeout"] = c.Stop.String()
	}
	if !c.Essential {
		s["essential"] = "no"
	}
	for _, m := range c.Mounts {
		access := "rw"
		if m.ReadOnly {
			access = "ro"
		}
		s["mounts."+m.Path] = m.Volume + " " + access
	}
	for k, v := range c.Variables {
		s["variables."+k] = "=" + v // an empty variable is one too
	}
	for k, v := range c.Secrets {
		s["secrets."+k] = v
	}
	return s
}

// Words writes a command as a list, so that ["a b"] and ["a","b"] differ.
func Words(list []string) string {
	if len(list) == 0 {
		return ""
	}
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = w
		if w == "" || strings.ContainsAny(w, " \"") {
			quoted[i] = strconv.Quote(w)
		}
	}
	return strings.Join(quoted, " ")
}

// roleName is a role's name, whether it was given so or by ARN.
func roleName(role string) string { return role[strings.LastIndexByte(role, '/')+1:] }

// String writes the settings in order, one a line: the text that marks are made of.
func (s Settings) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%s=%s\n", k, s[k])
	}
	return b.String()
}

package slipway

import "strings"

// Expand fills a release's tag and commit into a template of the file: {tag}
// and {commit} are replaced, {{ is a brace, all else stays.
func Expand(template, tag, commit string) string {
	return strings.NewReplacer("{{", "{", "{tag}", tag, "{commit}", commit).Replace(template)
}

// ExpandAll is Expand of each word.
func ExpandAll(templates []string, tag, commit string) []string {
	words := make([]string, len(templates))
	for i, t := range templates {
		words[i] = Expand(t, tag, commit)
	}
	return words
}

// ExpandMap is Expand of each value.
func ExpandMap(templates map[string]string, tag, commit string) map[string]string {
	values := make(map[string]string, len(templates))
	for k, t := range templates {
		values[k] = Expand(t, tag, commit)
	}
	return values
}

// AtRelease is the environment with a release's tag and commit in every template.
func (e Environment) AtRelease(tag, commit string) Environment {
	services := make([]Service, len(e.Services))
	for i, s := range e.Services {
		containers := make([]Container, len(s.Containers))
		for j, c := range s.Containers {
			c.Image = Expand(c.Image, tag, commit)
			c.Command = ExpandAll(c.Command, tag, commit)
			c.Entrypoint = ExpandAll(c.Entrypoint, tag, commit)
			c.Variables = ExpandMap(c.Variables, tag, commit)
			containers[j] = c
		}
		s.Containers = containers
		services[i] = s
	}
	e.Services = services
	jobs := make([]Job, len(e.Jobs))
	for i, j := range e.Jobs {
		j.Command = ExpandAll(j.Command, tag, commit)
		jobs[i] = j
	}
	e.Jobs = jobs
	return e
}

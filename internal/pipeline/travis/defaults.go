package travis

import "maps"

// defaults fills in install and script where the file leaves them out, as Travis
// does for the job's language. Languages whose defaults are not known here are a
// problem.
func (s *selector) defaults(j *SelectedJob) {
	j.phases = maps.Clone(j.phases)
	for _, p := range []Phase{Install, Script} {
		if _, given := j.phases[p]; given {
			continue
		}
		line, known := s.byLanguage(j.Language, p)
		if !known {
			language := j.Language
			if language == "" {
				language = "ruby (Travis's own where the file says none)"
			}
			s.add(j.At, "the job has no %s, and the default of language %s is not served by ci run: write one, or skip", p, language)
			continue
		}
		if line == "" {
			j.phases[p] = nil
			continue
		}
		j.phases[p] = []Command{{line, j.At}}
		j.Defaults = append(j.Defaults, p)
	}
}

// byLanguage is the default command of a phase, "" when there is none.
func (s *selector) byLanguage(language string, p Phase) (line string, known bool) {
	has := s.build.Has
	if has == nil {
		has = func(string) bool { return false }
	}
	switch language {
	case "generic", "minimal", "shell", "bash", "sh":
		return "", p == Install
	case "node_js":
		return nodeDefaults(has, p), true
	case "", "ruby":
		return "", p == Install && !has("Gemfile")
	}
	return "", false
}

// nodeDefaults is what docs.travis-ci.com/user/languages/javascript-with-nodejs says.
func nodeDefaults(has func(string) bool, p Phase) string {
	yarn, npm := has("yarn.lock"), has("package.json")
	switch {
	case p == Install && !npm:
		return ""
	case p == Install && yarn:
		return "yarn --frozen-lockfile"
	case p == Install && (has("package-lock.json") || has("npm-shrinkwrap.json")):
		return "npm ci"
	case p == Install:
		return "npm install"
	case !npm:
		return "make test"
	case yarn:
		return "yarn test"
	}
	return "npm test"
}

package balancer

// Classification of requests that servers on the way might frame differently
// ("Desync mitigation mode").

type severity int

const (
	compliant severity = iota
	acceptable
	ambiguous
	severe
)

func (s severity) String() string {
	return [...]string{"", "Acceptable", "Ambiguous", "Severe"}[s]
}

// verdict is a request's classification and its reason code, the worst found.
type verdict struct {
	severity severity
	reason   string
}

func (v *verdict) note(s severity, reason string) {
	if s > v.severity {
		v.severity, v.reason = s, reason
	}
}

// blocked tells whether the mode answers 400 to such a request.
func (v verdict) blocked(mode DesyncMode) bool {
	switch mode {
	case Monitor:
		return false
	case Strictest:
		return v.severity > compliant
	}
	return v.severity == severe
}

package policy

import "fmt"

// The words in which IAM refuses a document. It tells no more than these; where
// and why are ours to add.
const (
	syntaxErrors  = "Syntax errors in policy."
	legacyParsing = "The policy failed legacy parsing"
	invalidJSON   = "This policy contains invalid Json"
)

// Malformed is the error for a document that IAM would not take:
// MalformedPolicyDocument, with status 400.
type Malformed struct {
	// Message is what AWS says about it.
	Message string
	// Reason is what exactly is wrong; it may be empty where Message tells.
	Reason string
	// Statement is the Sid or the number (from 1) of the statement, if it is
	// in one.
	Statement string
	// At is where it is wrong; zero when the whole document is.
	At Position

	notJSON bool
}

// Error is AWS's message, followed by the place and the reason.
func (m *Malformed) Error() string {
	place := ""
	if m.At.Line > 0 {
		place = fmt.Sprintf("%d:%d", m.At.Line, m.At.Column)
	}
	if m.Statement != "" {
		if place != "" {
			place += ", "
		}
		place += "statement " + m.Statement
	}
	switch {
	case place == "" && m.Reason == "":
		return m.Message
	case m.Reason == "":
		return m.Message + " (" + place + ")"
	case place == "":
		return m.Message + " (" + m.Reason + ")"
	}
	return m.Message + " (" + place + ": " + m.Reason + ")"
}

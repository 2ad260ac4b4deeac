package policy

// Document is a parsed policy, compiled for evaluation. It is never changed
// once made, so one may be shared by any number of requests.
type Document struct {
	// Version is "2012-10-17" or "2008-10-17"; the latter, which is what a
	// document without one has, knows no policy variables.
	Version string
	// ID is the document's Id element.
	ID string
	// Statements are in the document's order.
	Statements []*Statement
}

// Statement is one statement of a document.
type Statement struct {
	Sid string
	// Allow is the effect: an Allow, or a Deny.
	Allow bool
	// Start and End are where the statement stands in the document's text.
	Start, End Position
}

// Position is a place in a document's text; both count from 1.
type Position struct{ Line, Column int }

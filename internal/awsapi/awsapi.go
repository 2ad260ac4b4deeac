// Package awsapi holds the facts of the AWS APIs that the engine serves: in its
// subpackages, one for each service, the generated types, operation tables,
// shapes and errors; here, the kinds of facts and the few things that the
// generated code needs. wire turns HTTP into these types and back, the
// services work on them. Nothing here knows of either.
//
// In generated types absent is nil (or "" for an enum), and empty is empty:
// AWS tells the two apart. Integers of all widths are *int, timestamps
// *time.Time, lists slices of values.
package awsapi

//go:generate go run ../../cmd/awsgen -models ../../models -operations operations -out .

// Empty is the input or output of an operation that has none.
type Empty struct{}

// V is the value that p points to, the zero value when p is nil.
func V[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

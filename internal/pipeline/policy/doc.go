// Package policy writes the least IAM policies that Slipway's commands need, and
// who may take a pipeline's role. It is pure: it takes an environment as the file
// has it and the names that internal/plan gives, calls nothing and knows no
// engine. The commands (slipway ci policy) print and apply what it makes; the
// end-to-end tests hold it against the calls that the commands really make.
//
// Which resources an action can be bound to is from the Service Authorization
// Reference, https://docs.aws.amazon.com/service-authorization/latest/reference/
package policy

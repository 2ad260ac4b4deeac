// Package policy is the IAM policy language: it parses policy documents, tells
// what IAM would refuse about them, and decides whether a request is allowed.
//
// It is pure: it knows no state, no HTTP and no clock, and imports only the
// standard library. The engine's chain collects a caller's policies, the IAM
// service parses and simulates documents, STS evaluates trust policies; all
// three come here for the answer. What a request needs (actions, resources,
// condition keys) is told by the services.
//
// The rules are those of "Policy evaluation logic" and the policy element
// reference in the IAM User Guide: nothing is allowed unless a statement says
// so, and a matching Deny ends every discussion.
package policy

import (
	"net/netip"
	"time"
)

// Kind is what kind of policy a document is, in the words that AWS's messages
// use for it.
type Kind string

// The kinds of policies.
const (
	Identity Kind = "identity-based policy"
	Boundary Kind = "permissions boundary"
	Session  Kind = "session policy"
	Resource Kind = "resource-based policy"
	// Trust is a role's trust policy. It is given among Policies.Resource,
	// and unlike other resource policies it has to allow the request.
	Trust Kind = "role trust policy"
)

// Source is a policy and where it comes from.
type Source struct {
	Kind Kind
	// ARN is a managed policy's, empty for an inline one.
	ARN string
	// Name is the policy's name, and Type what it is attached to or who manages
	// it ("user", "group", "role", "aws-managed", "user-managed", "resource"), as
	// simulations report them. They decide nothing.
	Name, Type string
	Document   *Document
}

// Policies are all the policies that bear on one request. A nil Boundary or
// Session means that there is none, one that is present but empty allows
// nothing.
type Policies struct {
	Identity, Boundary, Session, Resource []Source
}

// Principal is who makes a request. An anonymous one is the zero value.
type Principal struct {
	Account string
	// ARN and UserID are as sts:GetCallerIdentity tells them: an assumed
	// role's ARN is arn:aws:sts::A:assumed-role/ROLE/SESSION.
	ARN, UserID string
	// UserName is an IAM user's; others have none.
	UserName string
	// RoleARN is the IAM ARN of the role that a session was made from.
	RoleARN string
	// Root tells that this is the account's root user.
	Root bool
	// Service is an AWS service's name, "ecs-tasks.amazonaws.com", when it is
	// the service itself that calls.
	Service string
	// Federated is the identity provider (an OIDC or SAML provider's ARN)
	// that vouches for the caller of sts:AssumeRoleWithWebIdentity.
	Federated string
	// Tags are the principal tags, of the user or role and of the session.
	Tags map[string]string
}

// Need is one permission that a request must have.
type Need struct {
	// Action is as in a policy: "ecs:UpdateService".
	Action string
	// Resource is an ARN, or "*" for an action that has none.
	Resource string
	// Keys are the condition keys that the service adds: "ecs:cluster",
	// "aws:ResourceTag/env", "aws:TagKeys", "iam:PassedToService".
	Keys map[string][]string
}

// Request is one need of one principal, and the circumstances.
type Request struct {
	Principal Principal
	Need      Need
	// Context are the global condition keys beside those that the other
	// fields tell: "aws:SecureTransport", "aws:RequestedRegion",
	// "aws:UserAgent". Keys are compared without regard to case.
	Context map[string][]string
	// Now is aws:CurrentTime and aws:EpochTime; zero leaves both absent.
	Now time.Time
	// SourceIP is aws:SourceIp; the zero Addr leaves it absent.
	SourceIP netip.Addr
}

// Decision is the answer to a request.
type Decision struct {
	Allowed bool
	// Explicit tells that a statement says so, and not the lack of one.
	Explicit bool
	// By is the kind of policy that decided: the one that allows, that
	// denies, or that should have allowed and did not.
	By Kind
	// Source is the ARN of the policy that decided, or its name; empty when
	// none did.
	Source string
	// Statement is the deciding statement's Sid, or its index when it has
	// none; empty when none decided.
	Statement string
}

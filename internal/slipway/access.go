package slipway

// Access is what a pipeline's identity is to have in an account: a user with
// policies, or an identity provider and roles with one policy each.
type Access struct {
	// App is the application it is for. What Slipway makes carries it as a tag,
	// and what carries none is somebody else's.
	App string
	// User is an IAM user; "" is none.
	User string
	// NewKey makes another access key where the user has one already.
	NewKey   bool
	Provider *IdentityProvider
	Roles    []AccessRole
	Policies []AccessPolicy
}

// IdentityProvider is an issuer of tokens.
type IdentityProvider struct{ URL, Audience string }

// AccessPolicy is a managed policy; Role is the role that it is for, "" is the user.
type AccessPolicy struct{ Name, Document, Role string }

// AccessRole is a role and whom it trusts.
type AccessRole struct{ Name, Trust string }

// AccessKey is a key that was made just now; its secret is told once.
type AccessKey struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

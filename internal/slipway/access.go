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
	Policies []AccessPolicy
}

// IdentityProvider is an issuer of tokens.
type IdentityProvider struct{ URL, Audience string }

// AccessPolicy is a managed policy, and the role of its name with its trust
// policy where there is one.
type AccessPolicy struct{ Name, Document, Trust string }

// AccessKey is a key that was made just now; its secret is told once.
type AccessKey struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

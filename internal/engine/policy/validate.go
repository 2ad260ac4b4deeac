package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ValidateIdentity checks what IAM checks when an identity-based policy, a
// boundary or a session policy is stored, in its order, since it names only the
// first thing that it finds. The error is a *Malformed.
func (d *Document) ValidateIdentity() error {
	if d.indented {
		return &Malformed{Message: legacyParsing, Reason: "white space before the document", At: Position{1, 1}}
	}
	return d.first(
		resourceShape,
		noPrincipal,
		d.sids(),
		hasActions,
		resourceNames,
		actionNames,
		hasResources,
	)
}

// ValidateManaged checks what IAM checks when a managed policy is stored: inline
// ones may still be of the old version.
func (d *Document) ValidateManaged() error {
	if d.Version != version2012 {
		return &Malformed{Message: "Policy document must be version 2012-10-17 or greater."}
	}
	return d.ValidateIdentity()
}

// ValidateTrust checks what IAM checks when a role's trust policy is stored,
// except whether the users and roles in it exist.
func (d *Document) ValidateTrust() error {
	return d.first(hasPrincipals, mayAssume, noResource, requiredActions, assumes)
}

// ValidateResource checks what every resource-based policy must have; a service
// may ask for more.
func (d *Document) ValidateResource() error {
	return d.first(hasPrincipals, requiredActions, actionNames)
}

// NamesResources tells whether a statement has a Resource or NotResource, which
// some services (ECR) refuse in their policies.
func (d *Document) NamesResources() bool {
	return slices.ContainsFunc(d.Statements, func(s *Statement) bool { return s.resources.present })
}

// Named is one name in a document's Principal elements.
type Named struct {
	// Type is AWS, Service, Federated or CanonicalUser.
	Type string
	Name string
}

// Principals are all the names in the document's Principal and NotPrincipal
// elements, for IAM to look up; "*" is of type AWS.
func (d *Document) Principals() []Named {
	var all []Named
	for _, s := range d.Statements {
		if s.principals != nil {
			all = append(all, s.principals.list()...)
		}
	}
	return all
}

func (p *principals) list() []Named {
	var all []Named
	if p.everybody {
		all = append(all, Named{"AWS", "*"})
	}
	for _, of := range []struct {
		kind  string
		names []string
	}{{"AWS", p.aws}, {"Service", p.services}, {"Federated", p.federated}, {"CanonicalUser", p.canonical}} {
		for _, name := range of.names {
			all = append(all, Named{of.kind, name})
		}
	}
	return all
}

// rule is one check of a statement: the words of the refusal, or nothing.
type rule func(s *Statement) string

// first applies each rule to all statements before the next one.
func (d *Document) first(rules ...rule) error {
	for _, rule := range rules {
		for i, s := range d.Statements {
			if words := rule(s); words != "" {
				label := s.Sid
				if label == "" {
					label = strconv.Itoa(i + 1)
				}
				return &Malformed{Message: words, Statement: label, At: s.Start}
			}
		}
	}
	return nil
}

func noPrincipal(s *Statement) string {
	if s.principals != nil {
		return "Policy document should not specify a principal."
	}
	return ""
}

func (d *Document) sids() rule {
	seen := map[string]bool{}
	return func(s *Statement) string {
		if s.Sid == "" {
			return ""
		}
		for i := range len(s.Sid) {
			if c := lower(s.Sid[i]); !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
				return "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
			}
		}
		if seen[s.Sid] {
			return "Statement IDs (SID) in a single policy must be unique."
		}
		seen[s.Sid] = true
		return ""
	}
}

func hasActions(s *Statement) string {
	if len(s.actions.patterns) == 0 {
		return "Policy statement must contain actions."
	}
	return ""
}

func hasResources(s *Statement) string {
	if len(s.resources.patterns) == 0 {
		return "Policy statement must contain resources."
	}
	return ""
}

func actionNames(s *Statement) string {
	for i := range s.actions.patterns {
		action := s.actions.patterns[i].source
		if action == "*" {
			continue
		}
		vendor, name, ok := strings.Cut(action, ":")
		switch {
		case !ok:
			return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
		case strings.Contains(name, ":"):
			return "Actions/Condition can contain only one colon."
		case vendor != "*" && strings.Trim(vendor, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != "":
			return fmt.Sprintf("Vendor %s is not valid", vendor)
		}
	}
	return ""
}

func resourceNames(s *Statement) string {
	for i := range s.resources.patterns {
		if words := resourceName(s.resources.patterns[i].source); words != "" {
			return words
		}
	}
	return ""
}

// partitions are AWS's; an ARN in a policy begins with one.
var partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc", "*"}

// iamKinds are what an IAM resource's name begins with.
var iamKinds = []string{
	"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/",
	"policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
}

// resourceName is what IAM says about a resource; parts that an ARN lacks at its
// end count as wildcards to it.
func resourceName(resource string) string {
	if resource == "*" {
		return ""
	}
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) == 1 {
		return fmt.Sprintf(`Resource %s must be in ARN format or "*".`, resource)
	}
	given := len(parts)
	for len(parts) < 6 {
		parts = append(parts, "*")
	}
	partition, vendor, region, name := parts[1], parts[2], parts[3], parts[5]
	switch {
	case !contains(partitions, partition):
		return fmt.Sprintf(`Partition "%s" is not valid for resource "arn:%s".`, partition, strings.Join(parts[1:], ":"))
	case given == 2 || strings.ContainsAny(vendor, "*?"):
		return "Resource vendor must be fully qualified and cannot contain regexes."
	case given < 6:
		return ""
	case vendor == "iam" && region != "":
		return fmt.Sprintf("IAM resource %s cannot contain region information.", resource)
	case vendor == "s3" && region != "" && !strings.HasPrefix(name, "accesspoint/"):
		return fmt.Sprintf("Resource %s can not contain region information.", resource)
	case vendor == "iam" && !isIAM(name):
		return fmt.Sprintf(`IAM resource path must either be "*" or start with %s.`, strings.Join(iamKinds, ", "))
	}
	return ""
}

func isIAM(name string) bool {
	kind, _, _ := strings.Cut(name, "/")
	return strings.ContainsAny(kind, "*?$") ||
		slices.ContainsFunc(iamKinds, func(k string) bool { return strings.HasPrefix(name, k) })
}

// resourceShape finds the ARNs that IAM's older parser stumbles over: with empty
// parts but too few of them, or without a service.
func resourceShape(s *Statement) string {
	for i := range s.resources.patterns {
		resource := s.resources.patterns[i].source
		parts := strings.Split(resource, ":")
		if len(parts) < 3 || !contains(partitions, parts[1]) {
			continue
		}
		if parts[2] == "" || len(parts) < 6 && strings.Contains(resource, "::") {
			return legacyParsing
		}
	}
	return ""
}

func hasPrincipals(s *Statement) string {
	switch {
	case s.principals == nil:
		return "Missing required field Principal"
	case len(s.principals.list()) == 0:
		return "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a statement with no principals!"
	}
	return ""
}

// mayAssume checks the names in a trust policy: a wildcard is the whole name or
// no part of it, and only in an object.
func mayAssume(s *Statement) string {
	if s.principals.everybody {
		return `AssumeRolepolicy contained an invalid principal: "STAR":"*".`
	}
	for _, p := range s.principals.list() {
		if !p.valid() {
			return fmt.Sprintf("Invalid principal in policy: \"%s\":\"%s\"", p.label(), p.Name)
		}
	}
	return ""
}

// label is how IAM's message calls the type.
func (n Named) label() string {
	switch n.Type {
	case "Service", "Federated":
		return strings.ToUpper(n.Type)
	}
	return n.Type
}

func (n Named) valid() bool {
	switch n.Type {
	case "AWS":
		return n.Name == "*" || isAccount(n.Name) || isUniqueID(n.Name) || isIdentity(n.Name)
	case "Service":
		return slices.ContainsFunc(
			[]string{".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"},
			func(suffix string) bool { return strings.HasSuffix(strings.ToLower(n.Name), suffix) })
	case "Federated":
		return n.Name != "" && !strings.ContainsAny(n.Name, "*?")
	}
	return false
}

// isIdentity tells whether a name is the ARN of an account's root, a user, a
// role or a session.
func isIdentity(name string) bool {
	parts := strings.SplitN(name, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "*" || !contains(partitions, parts[1]) ||
		!isAccount(parts[4]) || strings.ContainsAny(name, "*?") {
		return false
	}
	kind, rest, _ := strings.Cut(parts[5], "/")
	switch parts[2] {
	case "iam":
		return parts[5] == "root" || rest != "" && (kind == "user" || kind == "role")
	case "sts":
		return rest != "" && (kind == "assumed-role" || kind == "federated-user")
	}
	return false
}

// isUniqueID tells whether a name is a user's or role's unique id.
func isUniqueID(name string) bool {
	return len(name) >= 16 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" &&
		(strings.HasPrefix(name, "AIDA") || strings.HasPrefix(name, "AROA"))
}

func noResource(s *Statement) string {
	if s.resources.present {
		return "Has prohibited field Resource"
	}
	return ""
}

func requiredActions(s *Statement) string {
	if len(s.actions.patterns) == 0 {
		return "Missing required field Action"
	}
	return ""
}

// assuming are the actions of a trust policy.
var assuming = []string{
	"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity",
	"sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext",
}

func assumes(s *Statement) string {
	for i := range s.actions.patterns {
		p := &s.actions.patterns[i]
		if vendor, _, _ := strings.Cut(p.source, ":"); !equalFold(vendor, "sts") ||
			!slices.ContainsFunc(assuming, func(action string) bool { return p.matches(nil, action, true) }) {
			return "AssumeRole policy may only specify STS AssumeRole actions."
		}
	}
	return ""
}

package policy

import (
	"strconv"
	"strings"
	"time"
)

// key is the name of a condition key: as the request's maps have it, if it is
// one of those that all requests share, and in lower case to compare by.
type key struct{ name, lower string }

// global are the spellings of the keys that every service shares, so that most
// look-ups find them at once.
var global = map[string]string{}

func init() {
	for _, name := range []string{
		"aws:CurrentTime", "aws:EpochTime", "aws:FederatedProvider", "aws:MultiFactorAuthAge",
		"aws:MultiFactorAuthPresent", "aws:PrincipalAccount", "aws:PrincipalArn",
		"aws:PrincipalIsAWSService", "aws:PrincipalServiceName", "aws:PrincipalType",
		"aws:RequestedRegion", "aws:ResourceAccount", "aws:SecureTransport", "aws:SourceAccount",
		"aws:SourceArn", "aws:SourceIdentity", "aws:SourceIp", "aws:SourceVpc", "aws:TagKeys",
		"aws:TokenIssueTime", "aws:UserAgent", "aws:userid", "aws:username", "aws:ViaAWSService",
		"iam:PassedToService", "ecs:cluster", "sts:ExternalId", "sts:RoleSessionName",
	} {
		global[strings.ToLower(name)] = name
	}
}

const principalTag = "aws:principaltag/"

func newKey(name string) key {
	low := strings.ToLower(name)
	if known, ok := global[low]; ok {
		name = known
	}
	return key{name, low}
}

// values are a condition key's values in a request. Most keys have one; it needs
// no slice.
type values struct {
	list []string
	text string
	has  bool // text is the value
}

func (v values) len() int {
	if v.has {
		return 1
	}
	return len(v.list)
}

func (v values) at(i int) string {
	if v.has {
		return v.text
	}
	return v.list[i]
}

// empty tells whether the values are what AWS calls an empty data set, which the
// set operators treat like an absent key.
func (v values) empty() bool {
	return v.len() == 0 || v.len() == 1 && v.at(0) == ""
}

func single(text string) values { return values{text: text, has: true} }

func maybe(text string) values { return values{text: text, has: text != ""} }

// values finds a key in the request: what the service says first, then what the
// chain says, then what is known of the principal and the circumstances.
func (e *evaluation) values(k key) values {
	if list, ok := find(e.request.Need.Keys, k); ok {
		return values{list: list}
	}
	if list, ok := find(e.request.Context, k); ok {
		return values{list: list}
	}
	return e.request.derived(k)
}

func find(m map[string][]string, k key) ([]string, bool) {
	if len(m) == 0 {
		return nil, false
	}
	if list, ok := m[k.name]; ok {
		return list, true
	}
	for name, list := range m {
		if equalFold(name, k.lower) {
			return list, true
		}
	}
	return nil, false
}

// derived are the keys that follow from the request's other fields. For a role's
// session aws:PrincipalArn is the role's ARN, not the session's ("AWS global
// condition context keys" in the IAM User Guide).
func (r *Request) derived(k key) values {
	p := &r.Principal
	switch k.lower {
	case "aws:principalarn":
		if p.RoleARN != "" {
			return single(p.RoleARN)
		}
		return maybe(p.ARN)
	case "aws:principalaccount":
		return maybe(p.Account)
	case "aws:principaltype":
		return single(p.kind())
	case "aws:userid":
		return maybe(p.UserID)
	case "aws:username":
		return maybe(p.UserName)
	case "aws:principalisawsservice":
		return single(strconv.FormatBool(p.Service != ""))
	case "aws:principalservicename":
		return maybe(p.Service)
	case "aws:resourceaccount":
		return maybe(owner(r.Need.Resource))
	case "aws:viaawsservice":
		return single("false") // the engine's services call none on behalf of a caller
	case "aws:federatedprovider":
		return maybe(p.Federated)
	case "aws:currenttime":
		if !r.Now.IsZero() {
			return single(r.Now.UTC().Format(time.RFC3339))
		}
	case "aws:epochtime":
		if !r.Now.IsZero() {
			return single(strconv.FormatInt(r.Now.Unix(), 10))
		}
	case "aws:sourceip":
		if r.SourceIP.IsValid() {
			return single(r.SourceIP.Unmap().WithZone("").String())
		}
	default:
		if name, ok := strings.CutPrefix(k.lower, principalTag); ok {
			return p.tag(name, k.name[len(principalTag):])
		}
	}
	return values{}
}

// tag is a principal tag; like all condition keys its name has no case.
func (p *Principal) tag(low, name string) values {
	if value, ok := p.Tags[name]; ok {
		return single(value)
	}
	for tag, value := range p.Tags {
		if strings.ToLower(tag) == low {
			return single(value)
		}
	}
	return values{}
}

// kind is aws:PrincipalType.
func (p *Principal) kind() string {
	switch {
	case p.Root:
		return "Account"
	case p.UserName != "":
		return "User"
	case p.RoleARN != "":
		return "AssumedRole"
	case strings.Contains(p.ARN, ":federated-user/"):
		return "FederatedUser"
	case p.Service != "":
		return "Service"
	}
	return "Anonymous"
}

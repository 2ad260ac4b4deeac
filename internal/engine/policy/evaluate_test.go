package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const account = "123456789012"

var (
	root  = Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Root: true}
	user  = Principal{Account: account, ARN: "arn:aws:iam::" + account + ":user/travis", UserName: "travis", UserID: "AIDATRAVISTRAVIS0000"}
	role  = Principal{Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/app/web", RoleARN: "arn:aws:iam::" + account + ":role/app", UserID: "AROAAPPAPPAPPAPP0000:web"}
	alien = Principal{Account: "999999999999", ARN: "arn:aws:iam::999999999999:user/alien", UserName: "alien", UserID: "AIDAALIENALIEN000000"}
	tasks = Principal{Service: "ecs-tasks.amazonaws.com"}
	oidc  = Principal{Federated: "arn:aws:iam::" + account + ":oidc-provider/token.actions.githubusercontent.com"}
)

// said is a document of one statement about one action and resource.
func said(effect, action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"` + effect + `It","Effect":"` + effect + `","Action":"` + action + `","Resource":"` + resource + `"}]}`
}

// saidTo is a resource's policy.
func saidTo(effect, action, principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"` + action + `","Principal":` + principal + `}]}`
}

func TestEvaluate(t *testing.T) {
	const action, resource = "ecr:PutImage", "arn:aws:ecr:eu-west-1:" + account + ":repository/web"
	allow, deny := said("Allow", "ecr:*", "*"), said("Deny", "ecr:Put*", "*")
	other := said("Allow", "ecs:*", "*")
	toUser := saidTo("Allow", "ecr:*", `{"AWS":"`+user.ARN+`"}`)
	toRole := saidTo("Allow", "ecr:*", `{"AWS":"`+role.RoleARN+`"}`)
	toSession := saidTo("Allow", "ecr:*", `{"AWS":"`+role.ARN+`"}`)
	toAccount := saidTo("Allow", "ecr:*", `{"AWS":"`+account+`"}`)
	toAlien := saidTo("Allow", "ecr:*", `{"AWS":"`+alien.ARN+`"}`)
	toAlienAccount := saidTo("Allow", "ecr:*", `{"AWS":"arn:aws:iam::999999999999:root"}`)
	toAll := saidTo("Allow", "ecr:*", `"*"`)
	denyAll := saidTo("Deny", "ecr:*", `{"AWS":"*"}`)
	type p = []string
	for _, c := range []struct {
		name                                  string
		who                                   Principal
		identity, boundary, session, resource p // nil is absent
		want                                  bool
		explicit                              bool
		by                                    Kind
	}{
		{"nothing", user, p{}, nil, nil, nil, false, false, Identity},
		{"nothing that fits", user, p{other}, nil, nil, nil, false, false, Identity},
		{"allowed", user, p{other, allow}, nil, nil, nil, true, true, Identity},
		{"denied", user, p{allow, deny}, nil, nil, nil, false, true, Identity},
		{"denied first", user, p{deny, allow}, nil, nil, nil, false, true, Identity},
		{"denied only", user, p{deny}, nil, nil, nil, false, true, Identity},

		{"boundary allows too", user, p{allow}, p{allow}, nil, nil, true, true, Identity},
		{"boundary alone", user, p{other}, p{allow}, nil, nil, false, false, Identity},
		{"boundary does not", user, p{allow}, p{other}, nil, nil, false, false, Boundary},
		{"boundary is empty", user, p{allow}, p{}, nil, nil, false, false, Boundary},
		{"boundary denies", user, p{allow}, p{allow, deny}, nil, nil, false, true, Boundary},

		{"session allows too", role, p{allow}, nil, p{allow}, nil, true, true, Identity},
		{"one of the session's", role, p{allow}, nil, p{other, allow}, nil, true, true, Identity},
		{"session alone", role, p{other}, nil, p{allow}, nil, false, false, Identity},
		{"session does not", role, p{allow}, nil, p{other}, nil, false, false, Session},
		{"session is empty", role, p{allow}, nil, p{}, nil, false, false, Session},
		{"session denies", role, p{allow}, nil, p{allow, deny}, nil, false, true, Session},
		{"boundary before session", role, p{allow}, p{other}, p{other}, nil, false, false, Boundary},

		{"root", root, nil, nil, nil, nil, true, false, Identity},
		{"root has no boundary", root, nil, p{}, nil, nil, true, false, Identity},
		{"root's session", root, nil, nil, p{other}, nil, false, false, Session},
		{"root's session denies", root, nil, nil, p{allow, deny}, nil, false, true, Session},
		{"root's session allows", root, nil, nil, p{allow}, nil, true, false, Identity},
		{"a resource denies root", root, nil, nil, nil, p{denyAll}, false, true, Resource},

		{"the resource allows a user", user, p{}, nil, nil, p{toUser}, true, true, Resource},
		{"whatever its boundary", user, p{}, p{}, nil, p{toUser}, true, true, Resource},
		{"but no deny", user, p{deny}, nil, nil, p{toUser}, false, true, Identity},
		{"the resource denies", user, p{allow}, nil, nil, p{denyAll}, false, true, Resource},
		{"the resource allows another", user, p{}, nil, nil, p{toRole}, false, false, Identity},
		{"the resource allows a role", role, p{}, nil, nil, p{toRole}, true, true, Resource},
		{"within its boundary", role, p{}, p{other}, nil, p{toRole}, false, false, Boundary},
		{"within its session", role, p{}, nil, p{other}, p{toRole}, false, false, Session},
		{"the resource allows a session", role, p{}, p{}, p{}, p{toSession}, true, true, Resource},
		{"the resource allows the account", user, p{}, nil, nil, p{toAccount}, false, false, Identity},
		{"and the account the user", user, p{allow}, nil, nil, p{toAccount}, true, true, Identity},
		{"the resource allows all", user, p{}, nil, nil, p{toAll}, true, true, Resource},
		{"anonymous", Principal{}, nil, nil, nil, p{toAll}, true, true, Resource},
		{"anonymous without a policy", Principal{}, nil, nil, nil, nil, false, false, Resource},
		{"anonymous is no account", Principal{}, nil, nil, nil, p{toAccount}, false, false, Resource},

		{"across: neither", alien, p{}, nil, nil, nil, false, false, Identity},
		{"across: identity alone", alien, p{allow}, nil, nil, p{toUser}, false, false, Resource},
		{"across: resource alone", alien, p{}, nil, nil, p{toAlien}, false, false, Identity},
		{"across: both", alien, p{allow}, nil, nil, p{toAlien}, true, true, Identity},
		{"across: through the account", alien, p{allow}, nil, nil, p{toAlienAccount}, true, true, Identity},
		{"across: boundary", alien, p{allow}, p{other}, nil, p{toAlien}, false, false, Boundary},
		{"across: to all", alien, p{allow}, nil, nil, p{toAll}, true, true, Identity},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := func(k Kind, texts p) []Source {
				if texts == nil {
					return nil
				}
				return sources(t, k, texts...)
			}
			policies := &Policies{set(Identity, c.identity), set(Boundary, c.boundary), set(Session, c.session), set(Resource, c.resource)}
			r := &Request{Principal: c.who, Need: Need{Action: action, Resource: resource}}
			d := Evaluate(policies, r)
			if d.Allowed != c.want || d.Explicit != c.explicit || d.By != c.by {
				t.Errorf("%+v", d)
			}
			if sim := Simulate(policies, r); sim.Decision != d {
				t.Errorf("a simulation says %+v, not %+v", sim.Decision, d)
			}
			if d.Allowed != (d.Message(r) == "") {
				t.Errorf("message %q", d.Message(r))
			}
		})
	}
}

func TestTrust(t *testing.T) {
	resource := "arn:aws:iam::" + account + ":role/deploy"
	may := said("Allow", "sts:AssumeRole", resource)
	trust := func(principal string) string { return saidTo("Allow", "sts:AssumeRole", principal) }
	for _, c := range []struct {
		name     string
		who      Principal
		identity []string
		trust    string
		want     bool
		by       Kind
	}{
		{"named user", user, nil, trust(`{"AWS":"` + user.ARN + `"}`), true, Trust},
		{"named by unique id", user, nil, trust(`{"AWS":"` + user.UserID + `"}`), true, Trust},
		{"another user", user, []string{may}, trust(`{"AWS":"` + user.ARN + `2"}`), false, Trust},
		{"the account, and a policy", user, []string{may}, trust(`{"AWS":"arn:aws:iam::` + account + `:root"}`), true, Identity},
		{"the account only", user, nil, trust(`{"AWS":"arn:aws:iam::` + account + `:root"}`), false, Identity},
		{"root of the account", root, nil, trust(`{"AWS":"` + account + `"}`), true, Trust},
		{"named role", role, nil, trust(`{"AWS":"` + role.RoleARN + `"}`), true, Trust},
		{"role by unique id", role, nil, trust(`{"AWS":"AROAAPPAPPAPPAPP0000"}`), true, Trust},
		{"everybody", user, nil, trust(`{"AWS":"*"}`), true, Trust},
		{"a policy but no trust", user, []string{may}, trust(`{"Service":"ecs.amazonaws.com"}`), false, Trust},
		{"root needs trust too", root, nil, trust(`{"Service":"ecs.amazonaws.com"}`), false, Trust},
		{"across, both", alien, []string{may}, trust(`{"AWS":"999999999999"}`), true, Identity},
		{"across, trust only", alien, nil, trust(`{"AWS":"` + alien.ARN + `"}`), false, Identity},
		{"across, policy only", alien, []string{may}, trust(`{"AWS":"` + user.ARN + `"}`), false, Trust},
		{"denied", user, []string{may}, saidTo("Deny", "sts:*", `{"AWS":"*"}`), false, Trust},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &Policies{Identity: sources(t, Identity, c.identity...), Resource: sources(t, Trust, c.trust)}
			r := &Request{Principal: c.who, Need: Need{Action: "sts:AssumeRole", Resource: resource}}
			if d := Evaluate(p, r); d.Allowed != c.want || d.By != c.by {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestEvaluateTrust(t *testing.T) {
	const web = "sts:AssumeRoleWithWebIdentity"
	github := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + web + `","Principal":{"Federated":"` + oidc.Federated + `"},
		"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"},
		"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/tags/*"}}}]}`
	sub := func(s string) map[string][]string {
		return map[string][]string{"token.actions.githubusercontent.com:aud": {"sts.amazonaws.com"}, "token.actions.githubusercontent.com:sub": {s}}
	}
	for _, c := range []struct {
		name, trust, action string
		who                 Principal
		keys                map[string][]string
		want                bool
	}{
		{"service", saidTo("Allow", "sts:AssumeRole", `{"Service":"ecs-tasks.amazonaws.com"}`), "sts:AssumeRole", tasks, nil, true},
		{"one of several services", saidTo("Allow", "sts:AssumeRole", `{"Service":["ec2.amazonaws.com","ecs-tasks.amazonaws.com"]}`), "sts:AssumeRole", tasks, nil, true},
		{"another service", saidTo("Allow", "sts:AssumeRole", `{"Service":"ec2.amazonaws.com"}`), "sts:AssumeRole", tasks, nil, false},
		{"everybody is no service", saidTo("Allow", "sts:AssumeRole", `{"AWS":"*"}`), "sts:AssumeRole", tasks, nil, false},
		{"another action", saidTo("Allow", web, `{"Service":"ecs-tasks.amazonaws.com"}`), "sts:AssumeRole", tasks, nil, false},
		{"web identity", github, web, oidc, sub("repo:acme/app:ref:refs/tags/v1"), true},
		{"of a branch", github, web, oidc, sub("repo:acme/app:ref:refs/heads/main"), false},
		{"without claims", github, web, oidc, nil, false},
		{"everybody is no identity provider", saidTo("Allow", web, `{"AWS":"*"}`), web, oidc, nil, false},
		{"another provider", github, web, Principal{Federated: oidc.Federated + "x"}, sub("repo:acme/app:ref:refs/tags/v1"), false},
		{"user", saidTo("Allow", "sts:AssumeRole", `{"AWS":"`+account+`"}`), "sts:AssumeRole", user, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Request{Principal: c.who, Need: Need{Action: c.action, Keys: c.keys}}
			d := EvaluateTrust(parse(t, c.trust), r)
			if d.Allowed != c.want || d.By != Trust {
				t.Errorf("%+v", d)
			}
		})
	}
	denied := EvaluateTrust(parse(t, saidTo("Deny", "sts:*", `{"AWS":"*"}`)), &Request{Principal: tasks, Need: Need{Action: "sts:AssumeRole"}})
	if !denied.Explicit || denied.Allowed {
		t.Errorf("a Deny to everybody leaves services out: %+v", denied)
	}
}

// The User Guide's warning: under Deny, the account (and role) has to be named
// beside the principal.
func TestNotPrincipal(t *testing.T) {
	const resource = "arn:aws:ecr:eu-west-1:" + account + ":repository/web"
	allow := sources(t, Identity, said("Allow", "*", "*"))
	not := func(effect, names string) []Source {
		return sources(t, Resource, `{"Statement":{"Effect":"`+effect+`","Action":"*","NotPrincipal":{"AWS":[`+names+`]}}}`)
	}
	quoted := func(names ...string) string { return `"` + strings.Join(names, `","`) + `"` }
	accountRoot := "arn:aws:iam::" + account + ":root"
	for _, c := range []struct {
		name   string
		who    Principal
		policy []Source
		denied bool
	}{
		{"user and account", user, not("Deny", quoted(user.ARN, accountRoot)), false},
		{"user alone", user, not("Deny", quoted(user.ARN)), true},
		{"account alone", user, not("Deny", quoted(accountRoot)), true},
		{"session, role and account", role, not("Deny", quoted(role.ARN, role.RoleARN, account)), false},
		{"session and account", role, not("Deny", quoted(role.ARN, account)), true},
		{"root", root, not("Deny", quoted(accountRoot)), false},
		{"another", user, not("Deny", quoted("arn:aws:iam::"+account+":user/other", accountRoot)), true},
		{"everybody", user, not("Deny", quoted("*")), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Evaluate(&Policies{Identity: allow, Resource: c.policy}, &Request{Principal: c.who, Need: Need{Action: "ecr:PutImage", Resource: resource}})
			if d.Allowed == c.denied {
				t.Errorf("%+v", d)
			}
		})
	}
	r := &Request{Principal: user, Need: Need{Action: "ecr:PutImage", Resource: resource}}
	if d := Evaluate(&Policies{Resource: not("Allow", quoted(user.ARN))}, r); d.Allowed {
		t.Error("an Allow to others allows the one left out")
	}
	for _, who := range []Principal{tasks, oidc} {
		if d := EvaluateTrust(not("Allow", quoted(alien.ARN))[0].Document, &Request{Principal: who, Need: r.Need}); d.Allowed {
			t.Errorf("an Allow to all but another lets in %+v", who)
		}
	}
	if d := Evaluate(&Policies{Resource: not("Allow", quoted(alien.ARN))}, r); !d.Allowed {
		t.Error("an Allow to all but another does not allow")
	}
}

func TestActionsAndResources(t *testing.T) {
	const resource = "arn:aws:ecs:eu-west-1:" + account + ":service/web/api"
	for _, c := range []struct {
		members          string
		action, resource string
		want             bool
	}{
		{`"Action":"ecs:UpdateService","Resource":"*"`, "ecs:UpdateService", resource, true},
		{`"Action":"ECS:updateservice","Resource":"*"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:Update*","Resource":"*"`, "ecs:updateService", resource, true},
		{`"Action":"ecs:*Service","Resource":"*"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:?pdateService","Resource":"*"`, "ecs:UpdateService", resource, true},
		{`"Action":"*","Resource":"*"`, "ecs:UpdateService", resource, true},
		{`"Action":"*:*","Resource":"*"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:Update","Resource":"*"`, "ecs:UpdateService", resource, false},
		{`"Action":["ecr:*","ecs:*"],"Resource":"*"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:${x}","Resource":"*"`, "ecs:UpdateService", resource, false},
		{`"NotAction":"iam:*","Resource":"*"`, "ecs:UpdateService", resource, true},
		{`"NotAction":["iam:*","ecs:update*"],"Resource":"*"`, "ecs:UpdateService", resource, false},
		{`"NotAction":[],"Resource":"*"`, "ecs:UpdateService", resource, false},
		{`"Action":[],"Resource":"*"`, "ecs:UpdateService", resource, false},
		{`"Action":"ecs:*","Resource":"` + resource + `"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:*","Resource":"` + strings.ToUpper(resource) + `"`, "ecs:UpdateService", resource, false},
		{`"Action":"ecs:*","Resource":"arn:aws:ecs:*:service/web/*"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:*","Resource":"arn:*/api"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:*","Resource":"arn:aws:ecs:eu-west-?:` + account + `:service/web/*"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:*","Resource":"arn:aws:ecs:*:service/we?/api/*"`, "ecs:UpdateService", resource, false},
		{`"Action":"ecs:*","NotResource":"arn:aws:ecs:*:service/other/*"`, "ecs:UpdateService", resource, true},
		{`"Action":"ecs:*","NotResource":"arn:aws:ecs:*:service/web/*"`, "ecs:UpdateService", resource, false},
		{`"Action":"ecs:*","NotResource":[]`, "ecs:UpdateService", resource, false},
		{`"Action":"ecs:*","NotResource":"arn:aws:ecs:eu-west-1:1:service/${aws:PrincipalTag/none}"`, "ecs:UpdateService", resource, false},
		{`"Action":"ecs:*","Resource":"arn:aws:ecs:*"`, "ecs:ListClusters", "*", false},
		{`"Action":"ecs:*","Resource":"*"`, "ecs:ListClusters", "*", true},
		{`"Action":"ecs:*"`, "ecs:UpdateService", resource, false},
		{`"Action":"ecs:*","Resource":"*","Principal":"*"`, "ecs:UpdateService", resource, false},
	} {
		p := identity(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow",`+c.members+`}}`)
		if d := Evaluate(p, &Request{Principal: user, Need: Need{Action: c.action, Resource: c.resource}}); d.Allowed != c.want {
			t.Errorf("%s: %s on %s: %v", c.members, c.action, c.resource, d.Allowed)
		}
	}
}

func TestForeignResources(t *testing.T) {
	for resource, want := range map[string]bool{
		"*":                                false,
		"arn:aws:s3:::bucket":              false,
		"arn:aws:iam::aws:policy/X":        false,
		"arn:aws:ec2:eu-west-1::image/x":   false,
		"arn:aws:ecs":                      false,
		"arn:aws:ecs:r:123456789012:x":     false,
		"arn:aws:ecs:r:123456789013:x":     true,
		"arn:aws:iam::999999999999:user/x": true,
	} {
		if got := isForeign(account, resource); got != want {
			t.Errorf("%s: %v", resource, got)
		}
	}
	if isForeign("", "arn:aws:ecs:r:123456789013:x") {
		t.Error("for somebody without an account, something is foreign")
	}
}

func TestDecisionsNameTheirStatement(t *testing.T) {
	managed := []Source{{Kind: Identity, ARN: "arn:aws:iam::aws:policy/Admin", Name: "Admin", Document: parse(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"ecs:*","Resource":"*"},{"Effect":"Allow","Action":"ecr:*","Resource":"*"},{"Sid":"No","Effect":"Deny","Action":"ecr:Delete*","Resource":"*"}]}`)}}
	ask := func(action string) Decision {
		return Evaluate(&Policies{Identity: managed}, &Request{Principal: user, Need: Need{Action: action, Resource: "*"}})
	}
	for action, want := range map[string]Decision{
		"ecr:PutImage":         {true, true, Identity, "arn:aws:iam::aws:policy/Admin", "1"},
		"ecr:DeleteRepository": {false, true, Identity, "arn:aws:iam::aws:policy/Admin", "No"},
		"iam:CreateUser":       {By: Identity},
	} {
		if d := cmp.Diff(want, ask(action)); d != "" {
			t.Errorf("%s: %s", action, d)
		}
	}
}

func TestMessages(t *testing.T) {
	r := &Request{Principal: role, Need: Need{Action: "ecs:UpdateService", Resource: "arn:aws:ecs:eu-west-1:1:service/a/b"}}
	const begin = "User: arn:aws:sts::123456789012:assumed-role/app/web is not authorized to perform: ecs:UpdateService on resource: arn:aws:ecs:eu-west-1:1:service/a/b "
	for _, c := range []struct {
		d    Decision
		want string
	}{
		{Decision{By: Identity}, begin + "because no identity-based policy allows the ecs:UpdateService action"},
		{Decision{By: Boundary}, begin + "because no permissions boundary allows the ecs:UpdateService action"},
		{Decision{By: Session}, begin + "because no session policy allows the ecs:UpdateService action"},
		{Decision{By: Resource}, begin + "because no resource-based policy allows the ecs:UpdateService action"},
		{Decision{By: Trust}, begin + "because no role trust policy allows the ecs:UpdateService action"},
		{Decision{By: Identity, Explicit: true}, begin + "with an explicit deny in an identity-based policy"},
		{Decision{By: Boundary, Explicit: true}, begin + "with an explicit deny in a permissions boundary"},
		{Decision{By: Session, Explicit: true}, begin + "with an explicit deny in a session policy"},
		{Decision{By: Resource, Explicit: true}, begin + "with an explicit deny in a resource-based policy"},
		{Decision{By: Trust, Explicit: true}, begin + "with an explicit deny in the role trust policy"},
		{Decision{Allowed: true}, ""},
	} {
		if got := c.d.Message(r); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	web := &Request{Principal: oidc, Need: Need{Action: "sts:AssumeRoleWithWebIdentity"}}
	if got := (Decision{By: Trust}).Message(web); got != "Not authorized to perform sts:AssumeRoleWithWebIdentity" {
		t.Error(got)
	}
	nobody := &Request{Need: Need{Action: "a:b"}}
	if got := (Decision{By: Resource}).Message(nobody); got != "User: anonymous is not authorized to perform: a:b because no resource-based policy allows the a:b action" {
		t.Error(got)
	}
}

func TestSimulate(t *testing.T) {
	p := &Policies{
		Identity: sources(t, Identity, `{"Version":"2012-10-17","Statement":[
			{"Sid":"One","Effect":"Allow","Action":"s3:*","Resource":"*"},
			{"Sid":"Two","Effect":"Allow","Action":"s3:GetObject","Resource":"*"},
			{"Sid":"Three","Effect":"Allow","Action":"ec2:*","Resource":"arn:aws:ec2:r:1:x/${aws:username}","Condition":{"StringEquals":{"ec2:Owner":"me"}}}]}`),
		Boundary: sources(t, Boundary, said("Deny", "s3:Get*", "*"), said("Allow", "*", "*")),
		Session:  []Source{},
	}
	sim := Simulate(p, &Request{Principal: role, Need: Need{Action: "s3:GetObject", Resource: "*"}})
	var matched []string
	for _, m := range sim.Matched {
		matched = append(matched, string(m.Source.Kind)+" "+m.Source.Name+" "+m.Statement.Sid)
	}
	if d := cmp.Diff([]string{"identity-based policy a One", "identity-based policy a Two", "permissions boundary a DenyIt", "permissions boundary b AllowIt"}, matched); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"aws:username", "ec2:Owner"}, sim.Missing); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[Kind]Verdict{Identity: Allowed, Boundary: ExplicitDeny, Session: ImplicitDeny}, sim.ByKind); d != "" {
		t.Error(d)
	}
	if v := sim.Decision.Verdict(); v != ExplicitDeny {
		t.Error(v)
	}
	if at := sim.Matched[1].Statement.Start; at != (Position{3, 4}) {
		t.Errorf("%v", at)
	}
}

func TestCacheParsesOnce(t *testing.T) {
	var c Cache
	text := said("Allow", "a:b", "*")
	first, err := c.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Parse(text); again != first {
		t.Error("parsed twice")
	}
	if _, err := c.Parse("{"); err == nil {
		t.Error("no error")
	}
	for i := range cached + 10 {
		if _, err := c.Parse(said("Allow", "a:b", strings.Repeat("x", i%100)+string(rune('a'+i%26))+strings.Repeat("y", i/100))); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.docs) > cached {
		t.Errorf("%d documents are kept", len(c.docs))
	}
}

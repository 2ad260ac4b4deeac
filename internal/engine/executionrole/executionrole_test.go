package executionrole

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	iamapi "github.com/slipway-dev/slipway/internal/awsapi/iam"
	smapi "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	ssmapi "github.com/slipway-dev/slipway/internal/awsapi/ssm"
	"github.com/slipway-dev/slipway/internal/engine/iam"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/ssm"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

var caller = &operation.Caller{Account: "000000000000", Region: "eu-west-1", Kind: operation.Root, ARN: "arn:aws:iam::000000000000:root"}

// world is IAM, the parameters and the secrets of one engine.
type world struct {
	*iam.Service
	*Fetcher
	t   *testing.T
	env *operation.Env
}

// Allowed implements Roles as the engine's chain does.
func (w *world) Allowed(tx *state.Tx, c *operation.Caller, needs []operation.Need) string {
	policies := *w.Service.Policies(tx, c)
	for _, n := range needs {
		if n.Policy != "" {
			doc, err := policy.Parse([]byte(n.Policy))
			if err != nil {
				return err.Error()
			}
			policies.Resource = []policy.Source{{Kind: policy.Resource, Document: doc}}
		}
		r := &policy.Request{Principal: iam.Principal(c), Need: policy.Need{Action: n.Action, Resource: n.Resource, Keys: n.Keys}, Now: time.Now()}
		if d := policy.Evaluate(&policies, r); !d.Allowed {
			return d.Message(r)
		}
	}
	return ""
}

// hub is a registry that has what stands below "own/".
type hub struct{}

func (hub) Own(image string) bool             { return strings.HasPrefix(image, "own/") }
func (hub) Token(role, session string) string { return role + " as " + session }

func newWorld(t *testing.T) *world {
	var tables []state.AnyTable
	for _, of := range [][]state.AnyTable{iam.Tables, ssm.Tables, secretsmanager.Tables} {
		tables = append(tables, of...)
	}
	store := state.InMemory(tables...)
	t.Cleanup(func() { store.Close() })
	env := &operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: time.Now, Log: slog.New(slog.DiscardHandler), Account: caller.Account, Region: caller.Region}
	w := &world{Service: iam.New(env), t: t, env: env}
	w.Fetcher = &Fetcher{Roles: w, Images: hub{}, Parameters: ssm.New(env, func(string, string) (ssm.Image, bool) { return ssm.Image{}, false }), Secrets: secretsmanager.New(env, w)}
	return w
}

// role makes a role that a service may assume, with one statement.
func (w *world) role(name, trusted, statement string) string {
	w.t.Helper()
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"` + trusted + `"},"Action":"sts:AssumeRole"}}`
	out, err := w.CreateRole(w.t.Context(), caller, &iamapi.CreateRoleRequest{RoleName: &name, AssumeRolePolicyDocument: &trust})
	if err != nil {
		w.t.Fatal(err)
	}
	doc := `{"Version":"2012-10-17","Statement":` + statement + `}`
	if _, err := w.PutRolePolicy(w.t.Context(), caller, &iamapi.PutRolePolicyRequest{RoleName: &name, PolicyName: new("p"), PolicyDocument: &doc}); err != nil {
		w.t.Fatal(err)
	}
	return *out.Role.Arn
}

// secret makes a secret and gives its ARN and the version's id.
func (w *world) secret(name string, in smapi.CreateSecretRequest) (string, string) {
	w.t.Helper()
	in.Name, in.ClientRequestToken = &name, new(ids.UUID())
	out, err := w.Secrets.CreateSecret(w.t.Context(), caller, &in)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.ARN, *out.VersionId
}

const everything = `{"Effect":"Allow","Action":["ssm:GetParameters","secretsmanager:GetSecretValue"],"Resource":"*"}`

func TestEveryFormOfAReference(t *testing.T) {
	w := newWorld(t)
	who := Task{Scope: caller.Scope(), Role: w.role("execution", "ecs-tasks.amazonaws.com", everything), ID: "0123"}
	if _, err := w.Parameters.PutParameter(t.Context(), caller, &ssmapi.PutParameterRequest{Name: new("/app/key"), Value: new("k"), Type: "SecureString"}); err != nil {
		t.Fatal(err)
	}
	object, first := w.secret("app/db", smapi.CreateSecretRequest{SecretString: new(`{"password":"old","port":5432}`)})
	second, err := w.Secrets.PutSecretValue(t.Context(), caller, &smapi.PutSecretValueRequest{SecretId: &object, SecretString: new(`{"password":"new"}`), ClientRequestToken: new(ids.UUID())})
	if err != nil {
		t.Fatal(err)
	}
	binary, _ := w.secret("app/binary", smapi.CreateSecretRequest{SecretBinary: []byte{1}})
	const region = "arn:aws:ssm:eu-west-1:000000000000:parameter"
	for _, tt := range []struct{ from, want, fails string }{
		{from: "/app/key", want: "k"},
		{from: region + "/app/key", want: "k"},
		{from: "/app/none", fails: "unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /app/none"},
		{from: strings.Replace(region, "eu-west-1", "us-east-1", 1) + "/app/key", fails: "invalid ssm parameters"},
		{from: object, want: `{"password":"new"}`},
		{from: object[:len(object)-7], want: `{"password":"new"}`},
		{from: object + ":password::", want: "new"},
		{from: object + ":password:AWSPREVIOUS:", want: "old"},
		{from: object + ":password::" + first, want: "old"},
		{from: object + ":port:AWSPREVIOUS:" + first, want: "5432"},
		{from: object + ":::" + *second.VersionId, want: `{"password":"new"}`},
		{from: object + ":none::", fails: "retrieved secret from Secrets Manager did not contain json key none"},
		{from: object + ":password:AWSPENDING:", fails: "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: AWSPENDING"},
		{from: object + ":password", fails: "unexpected ARN format with parameters"},
		{from: strings.Replace(object, "app/db", "app/xx", 1), fails: "failed to fetch secret arn:aws:secretsmanager:eu-west-1:000000000000:secret:app/xx"},
		{from: binary, fails: "binary"},
		{from: "arn:aws:s3:::bucket/key", fails: "names neither"},
	} {
		got, err := w.Secret(t.Context(), w.env.Store.View(), who, tt.from)
		switch {
		case tt.fails == "" && (err != nil || got != tt.want):
			t.Errorf("%s: %q, %v; want %q", tt.from, got, err, tt.want)
		case tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails) || !strings.HasPrefix(err.Error(), "ResourceInitializationError: unable to pull secrets or registry auth: ")):
			t.Errorf("%s: %q, %v; want an error with %q", tt.from, got, err, tt.fails)
		}
	}
}

func TestTheRoleMustBeAllowed(t *testing.T) {
	w := newWorld(t)
	secret, _ := w.secret("db", smapi.CreateSecretRequest{SecretString: new("v")})
	if _, err := w.Parameters.PutParameter(t.Context(), caller, &ssmapi.PutParameterRequest{Name: new("/key"), Value: new("k"), Type: "String"}); err != nil {
		t.Fatal(err)
	}
	narrow := w.role("narrow", "ecs-tasks.amazonaws.com", `{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-west-1:000000000000:secret:db-??????"}`)
	stranger := w.role("stranger", "ec2.amazonaws.com", everything)
	read := func(role, from string) string {
		value, err := w.Secret(t.Context(), w.env.Store.View(), Task{Scope: caller.Scope(), Role: role, ID: "0123"}, from)
		if err != nil {
			return err.Error()
		}
		return value
	}
	if got := read(narrow, secret); got != "v" {
		t.Error(got)
	}
	want := "unable to retrieve secrets from ssm: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/narrow/0123 is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:000000000000:parameter/key"
	if got := read(narrow, "/key"); !strings.Contains(got, want) {
		t.Error(got)
	}
	for _, role := range []string{stranger, "arn:aws:iam::000000000000:role/none"} {
		if got := read(role, secret); !strings.HasPrefix(got, "ECS was unable to assume the role '"+role+"'") {
			t.Error(got)
		}
	}
	deny := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"` + narrow + `"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}}`
	if _, err := w.Secrets.PutResourcePolicy(t.Context(), caller, &smapi.PutResourcePolicyRequest{SecretId: &secret, ResourcePolicy: &deny}); err != nil {
		t.Fatal(err)
	}
	if got := read(narrow, secret); !strings.Contains(got, "with an explicit deny in a resource-based policy") {
		t.Error(got)
	}
}

func TestRegistryLogins(t *testing.T) {
	w := newWorld(t)
	who := Task{Scope: caller.Scope(), Role: w.role("execution", "ecs-tasks.amazonaws.com", everything), ID: "0123"}
	good, _ := w.secret("hub", smapi.CreateSecretRequest{SecretString: new(`{"username":"u","password":"p"}`)})
	bad, _ := w.secret("bad", smapi.CreateSecretRequest{SecretString: new(`u:p`)})
	if user, password, err := w.Registry(t.Context(), w.env.Store.View(), who, good); user != "u" || password != "p" || err != nil {
		t.Error(user, password, err)
	}
	if _, _, err := w.Registry(t.Context(), w.env.Store.View(), who, bad); err == nil || !strings.Contains(err.Error(), "unable to get registry auth from asm") {
		t.Error(err)
	}
}

func TestECRsLoginIsTheRoles(t *testing.T) {
	w := newWorld(t)
	may := w.role("may", "ecs-tasks.amazonaws.com", `{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}`)
	mayNot := w.role("may-not", "ecs-tasks.amazonaws.com", everything)
	for _, tt := range []struct {
		role, image string
		fargate     bool
		want, fails string
	}{
		{role: may, image: "own/web:1", want: may + " as 0123"},
		{role: mayNot, image: "elsewhere/web:1"},
		{role: mayNot, image: "own/web:1", fails: "CannotPullECRContainerError: AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/may-not/0123 is not authorized to perform: ecr:GetAuthorizationToken"},
		{role: mayNot, image: "own/web:1", fargate: true, fails: "unable to retrieve ecr registry auth: service call has been retried 3 time(s): AccessDeniedException"},
	} {
		_, password, err := w.Login(t.Context(), w.env.Store.View(), Task{caller.Scope(), tt.role, "0123", tt.fargate}, tt.image)
		if password != tt.want || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s of %s: %q, %v", tt.image, tt.role, password, err)
		}
	}
}

package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

var caller = &operation.Caller{Account: "000000000000", Region: "eu-west-1", ARN: "arn:aws:iam::000000000000:user/travis"}

// refusals refuse what their ARNs name.
type refusals []string

func (r refusals) Allowed(_ *state.Tx, _ *operation.Caller, needs []operation.Need) string {
	for _, n := range needs {
		if slices.ContainsFunc(r, func(s string) bool { return strings.Contains(n.Resource, s) }) {
			return "no " + n.Action
		}
	}
	return ""
}

type rig struct {
	*Service
	t   testing.TB
	now time.Time
}

func newRig(t testing.TB) *rig {
	r := &rig{t: t, now: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)}
	store := state.InMemory(Tables...)
	t.Cleanup(func() { store.Close() })
	r.Service = New(&operation.Env{Store: store, Vault: vault.New([32]byte{1}), Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler)}, refusals{"forbidden"})
	return r
}

func code(err error) string {
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// must calls an operation that is to succeed.
func must[In, Out any](t testing.TB, do func(context.Context, *operation.Caller, *In) (*Out, error), in *In) *Out {
	t.Helper()
	out, err := do(context.Background(), caller, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *rig) create(name, value string) *api.CreateSecretResponse {
	r.t.Helper()
	r.now = r.now.Add(time.Second)
	in := &api.CreateSecretRequest{Name: &name, ClientRequestToken: new(ids.UUID())}
	if value != "" {
		in.SecretString = &value
	}
	return must(r.t, r.CreateSecret, in)
}

func (r *rig) put(name, value string, labels ...string) string {
	r.t.Helper()
	r.now = r.now.Add(time.Second)
	return *must(r.t, r.PutSecretValue, &api.PutSecretValueRequest{SecretId: &name, SecretString: &value, ClientRequestToken: new(ids.UUID()), VersionStages: labels}).VersionId
}

func (r *rig) value(name, stage, version string) string {
	out, err := r.GetSecretValue(context.Background(), caller, &api.GetSecretValueRequest{SecretId: &name, VersionStage: optional(stage), VersionId: optional(version)})
	if err != nil {
		return code(err)
	}
	return *out.SecretString
}

func TestASecretIsFoundByNameARNAndPartialARN(t *testing.T) {
	r := newRig(t)
	a := *r.create("app/db", "one").ARN
	r.create("app/db-AbCdEf", "other") // looks like an ARN's end
	partial := a[:len(a)-suffixLength]
	for _, id := range []string{"app/db", a, partial} {
		if got := r.value(id, "", ""); got != "one" {
			t.Errorf("%s: %s", id, got)
		}
	}
	if got := r.value(partial+"-AbCdEf", "", ""); got != "other" {
		t.Errorf("a name that ends as an ARN does: %s", got)
	}
	for _, id := range []string{"app", a + "x", strings.Replace(a, "eu-west-1", "eu-west-2", 1), "arn:aws:ssm:eu-west-1:000000000000:secret:app/db"} {
		if got := r.value(id, "", ""); got != "ResourceNotFoundException" {
			t.Errorf("%s: %s", id, got)
		}
	}
}

func TestVersionsMoveTheirLabels(t *testing.T) {
	r := newRig(t)
	one := *r.create("s", "1").VersionId
	two := r.put("s", "2")
	pending := r.put("s", "3", "AWSPENDING")
	for stage, want := range map[string]string{"": "2", "AWSCURRENT": "2", "AWSPREVIOUS": "1", "AWSPENDING": "3", "none": "ResourceNotFoundException"} {
		if got := r.value("s", stage, ""); got != want {
			t.Errorf("%q: %s, want %s", stage, got, want)
		}
	}
	if got := r.value("s", "AWSCURRENT", one); got != "InvalidRequestException" {
		t.Error("a stage of another version:", got)
	}
	must(t, r.UpdateSecretVersionStage, &api.UpdateSecretVersionStageRequest{SecretId: new("s"), VersionStage: new("AWSCURRENT"), MoveToVersionId: &pending, RemoveFromVersionId: &two})
	want := map[string][]string{two: {"AWSPREVIOUS"}, pending: {"AWSPENDING", "AWSCURRENT"}}
	if diff := cmp.Diff(want, must(t, r.DescribeSecret, &api.DescribeSecretRequest{SecretId: new("s")}).VersionIdsToStages); diff != "" {
		t.Error(diff)
	}
	if n := len(must(t, r.ListSecretVersionIds, &api.ListSecretVersionIdsRequest{SecretId: new("s")}).Versions); n != 2 {
		t.Errorf("%d versions with labels, want 2", n)
	}
	all := must(t, r.ListSecretVersionIds, &api.ListSecretVersionIdsRequest{SecretId: new("s"), IncludeDeprecated: new(true)}).Versions
	if len(all) != 3 || *all[0].VersionId != pending {
		t.Errorf("%d versions, the newest first: %+v", len(all), all)
	}
}

func TestLabelsThatMayNotMove(t *testing.T) {
	r := newRig(t)
	one := *r.create("s", "1").VersionId
	two := r.put("s", "2", "AWSPENDING")
	for name, in := range map[string]*api.UpdateSecretVersionStageRequest{
		"current taken away":      {VersionStage: new("AWSCURRENT"), RemoveFromVersionId: &one},
		"not said where it is":    {VersionStage: new("AWSCURRENT"), MoveToVersionId: &two},
		"said to be elsewhere":    {VersionStage: new("AWSCURRENT"), MoveToVersionId: &two, RemoveFromVersionId: &two},
		"a version that is none":  {VersionStage: new("x"), MoveToVersionId: new(ids.UUID())},
		"neither here nor there":  {VersionStage: new("x")},
		"removed where it is not": {VersionStage: new("AWSPENDING"), RemoveFromVersionId: &one},
	} {
		in.SecretId = new("s")
		if _, err := r.UpdateSecretVersionStage(t.Context(), caller, in); code(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, r.UpdateSecretVersionStage, &api.UpdateSecretVersionStageRequest{SecretId: new("s"), VersionStage: new("AWSPENDING"), RemoveFromVersionId: &two})
	if got := r.value("s", "AWSPENDING", ""); got != "ResourceNotFoundException" {
		t.Error("the label is still somewhere:", got)
	}
}

// Whatever is attached in whatever order: a label is in one place, and what was
// current before is the previous one.
func TestAttachKeepsLabelsUnique(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var versions []Version
		for i := range rapid.IntRange(1, 6).Draw(t, "versions") {
			versions = append(versions, Version{ID: fmt.Sprint(i)})
		}
		for range rapid.IntRange(1, 20).Draw(t, "moves") {
			to := fmt.Sprint(rapid.IntRange(0, len(versions)-1).Draw(t, "to"))
			labels := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{current, "AWSPENDING", "blue"}), 1, 3, rapid.ID).Draw(t, "labels")
			before := staged(versions, current)
			frozen := fmt.Sprint(versions)
			after := attach(versions, to, labels...)
			if fmt.Sprint(versions) != frozen {
				t.Fatal("the versions given were changed")
			}
			if before != nil && slices.Contains(labels, current) && before.ID != to && staged(after, previous).ID != before.ID {
				t.Fatalf("previous is %s, was %s", staged(after, previous).ID, before.ID)
			}
			seen := map[string]int{}
			for _, v := range after {
				for _, l := range v.Stages {
					seen[l]++
				}
			}
			for l, n := range seen {
				if n != 1 {
					t.Fatalf("%s is on %d versions", l, n)
				}
			}
			for _, l := range labels {
				if staged(after, l).ID != to {
					t.Fatalf("%s is not on %s", l, to)
				}
			}
			versions = after
		}
	})
}

func TestARequestSentTwiceCountsOnce(t *testing.T) {
	r := newRig(t)
	token := ids.UUID()
	in := &api.CreateSecretRequest{Name: new("s"), SecretString: new("v"), ClientRequestToken: &token}
	first, second := must(t, r.CreateSecret, in), must(t, r.CreateSecret, in)
	if *first.ARN != *second.ARN || *second.VersionId != token {
		t.Error("the second made another:", *first.ARN, *second.ARN)
	}
	for name, in := range map[string]*api.CreateSecretRequest{
		"another value": {Name: new("s"), SecretString: new("w"), ClientRequestToken: &token},
		"another token": {Name: new("s"), SecretString: new("v"), ClientRequestToken: new(ids.UUID())},
	} {
		if _, err := r.CreateSecret(t.Context(), caller, in); code(err) != "ResourceExistsException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	put := &api.PutSecretValueRequest{SecretId: new("s"), SecretString: new("2"), ClientRequestToken: new(ids.UUID())}
	must(t, r.PutSecretValue, put)
	must(t, r.PutSecretValue, put)
	if n := len(must(t, r.ListSecretVersionIds, &api.ListSecretVersionIdsRequest{SecretId: new("s"), IncludeDeprecated: new(true)}).Versions); n != 2 {
		t.Errorf("%d versions, want 2", n)
	}
}

func TestUpdateKeepsWhatIsLeftOut(t *testing.T) {
	r := newRig(t)
	r.create("s", "1")
	if out := must(t, r.UpdateSecret, &api.UpdateSecretRequest{SecretId: new("s"), Description: new("d"), ClientRequestToken: new(ids.UUID())}); out.VersionId != nil {
		t.Error("a description made a version")
	}
	if out := must(t, r.UpdateSecret, &api.UpdateSecretRequest{SecretId: new("s"), SecretBinary: []byte{0, 1}, ClientRequestToken: new(ids.UUID())}); out.VersionId == nil {
		t.Error("a value made no version")
	}
	if d := must(t, r.DescribeSecret, &api.DescribeSecretRequest{SecretId: new("s")}); awsapi.V(d.Description) != "d" {
		t.Error("the description went with the value")
	}
	if got := must(t, r.GetSecretValue, &api.GetSecretValueRequest{SecretId: new("s")}); got.SecretString != nil || string(got.SecretBinary) != "\x00\x01" {
		t.Errorf("%+v", got)
	}
}

func TestTheFirstVersionIsCurrentWhateverItIsCalled(t *testing.T) {
	r := newRig(t)
	if out := r.create("s", ""); out.VersionId != nil {
		t.Error("a secret without a value has a version")
	}
	if got := r.value("s", "", ""); got != "ResourceNotFoundException" {
		t.Error(got)
	}
	r.put("s", "1", "blue")
	if got := r.value("s", "", ""); got != "1" {
		t.Error(got)
	}
}

func TestAValueIsSealed(t *testing.T) {
	r := newRig(t)
	r.create("s", "hunter2")
	for _, v := range Values.Everywhere(r.env.Store.View()) {
		if strings.Contains(string(v.Sealed), "hunter2") {
			t.Error("the row shows the value")
		}
	}
}

func TestDeletionHasAWindow(t *testing.T) {
	r := newRig(t)
	for name, in := range map[string]*api.DeleteSecretRequest{
		"too short": {RecoveryWindowInDays: new(6)}, "too long": {RecoveryWindowInDays: new(31)},
		"both": {RecoveryWindowInDays: new(7), ForceDeleteWithoutRecovery: new(true)},
	} {
		in.SecretId = new("s")
		if _, err := r.DeleteSecret(t.Context(), caller, in); code(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.create("s", "v")
	out := must(t, r.DeleteSecret, &api.DeleteSecretRequest{SecretId: new("s"), RecoveryWindowInDays: new(7)})
	if want := r.now.AddDate(0, 0, 7); !out.DeletionDate.Equal(want) {
		t.Errorf("goes %s, want %s", out.DeletionDate, want)
	}
	if got := r.value("s", "", ""); got != "InvalidRequestException" {
		t.Error("a deleted secret was read:", got)
	}
	if _, err := r.CreateSecret(t.Context(), caller, &api.CreateSecretRequest{Name: new("s")}); code(err) != "InvalidRequestException" {
		t.Error(err)
	}
	if n := len(must(t, r.ListSecrets, &api.ListSecretsRequest{}).SecretList); n != 0 {
		t.Error("a deleted secret is listed")
	}
	if l := must(t, r.ListSecrets, &api.ListSecretsRequest{IncludePlannedDeletion: new(true)}).SecretList; len(l) != 1 || l[0].DeletedDate == nil {
		t.Errorf("%+v", l)
	}
	must(t, r.RestoreSecret, &api.RestoreSecretRequest{SecretId: new("s")})
	if got := r.value("s", "", ""); got != "v" {
		t.Error(got)
	}
	must(t, r.DeleteSecret, &api.DeleteSecretRequest{SecretId: new("s")})
	must(t, r.DeleteSecret, &api.DeleteSecretRequest{SecretId: new("s"), ForceDeleteWithoutRecovery: new(true)})
	must(t, r.DeleteSecret, &api.DeleteSecretRequest{SecretId: new("s"), ForceDeleteWithoutRecovery: new(true)}) // as AWS: nothing to do is no error
	if n := Values.Len(r.env.Store.View(), caller.Scope()); n != 0 {
		t.Errorf("%d values are left", n)
	}
}

func TestTheControllerRemovesWhatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.env.Now = time.Now
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		for _, n := range []string{"kept", "seven", "thirty"} {
			r.create(n, "v")
		}
		must(t, r.DeleteSecret, &api.DeleteSecretRequest{SecretId: new("thirty")})
		must(t, r.DeleteSecret, &api.DeleteSecretRequest{SecretId: new("seven"), RecoveryWindowInDays: new(7)})
		names := func() (all []string) {
			for row := range Secrets.All(r.env.Store.View(), caller.Scope()) {
				all = append(all, row.Name)
			}
			return all
		}
		time.Sleep(7*day - time.Second)
		synctest.Wait()
		if got := names(); len(got) != 3 {
			t.Errorf("a second before its end it is gone: %v", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"kept", "thirty"}, names()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(23 * day)
		synctest.Wait()
		if diff := cmp.Diff([]string{"kept"}, names()); diff != "" {
			t.Error(diff)
		}
		stop()
		<-done
	})
}

func TestDeprecatedVersionsGoBeyondAHundred(t *testing.T) {
	r := newRig(t)
	r.create("s", "first")
	for i := range 120 {
		r.put("s", fmt.Sprint(i))
	}
	count := func() int {
		s, _ := Secrets.Get(r.env.Store.View(), caller.Scope(), "s")
		if n := Values.Len(r.env.Store.View(), caller.Scope()); n != len(s.Versions) {
			t.Errorf("%d values of %d versions", n, len(s.Versions))
		}
		return len(s.Versions)
	}
	if n := count(); n != 121 {
		t.Errorf("%d versions on the day they were made, want all 121", n)
	}
	r.now = r.now.Add(2 * day)
	r.put("s", "last")
	if n := count(); n != mostVersions {
		t.Errorf("%d versions, want %d", n, mostVersions)
	}
	if got := r.value("s", "AWSPREVIOUS", ""); got != "119" {
		t.Error(got)
	}
}

func TestFilters(t *testing.T) {
	r := newRig(t)
	make := func(name, description string, tags ...api.Tag) {
		r.now = r.now.Add(time.Second)
		must(t, r.CreateSecret, &api.CreateSecretRequest{Name: &name, Description: optional(description), Tags: tags})
	}
	make("prod/db", "The Database of production", api.Tag{Key: new("Env"), Value: new("prod")})
	make("prod/key", "a key", api.Tag{Key: new("Team"), Value: new("web")})
	make("test/db", "database")
	for _, tt := range []struct {
		key    api.FilterNameStringType
		values []string
		want   []string
	}{
		{"name", []string{"prod"}, []string{"prod/key", "prod/db"}},
		{"name", []string{"Prod"}, nil},
		{"name", []string{"prod", "test"}, []string{"test/db", "prod/key", "prod/db"}},
		{"name", []string{"!prod"}, []string{"test/db"}},
		{"description", []string{"the data"}, []string{"prod/db"}},
		{"tag-key", []string{"En"}, []string{"prod/db"}},
		{"tag-value", []string{"web"}, []string{"prod/key"}},
		{"all", []string{"DATABASE prod"}, []string{"prod/db"}},
		{"all", []string{"db"}, []string{"test/db", "prod/db"}},
		{"primary-region", []string{"eu-west"}, []string{"test/db", "prod/key", "prod/db"}},
		{"owning-service", []string{"rds"}, nil},
	} {
		var got []string
		for _, s := range must(t, r.ListSecrets, &api.ListSecretsRequest{Filters: []api.Filter{{Key: tt.key, Values: tt.values}}}).SecretList {
			got = append(got, *s.Name)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %v: %s", tt.key, tt.values, diff)
		}
	}
}

func TestListsInEveryOrderAndInPages(t *testing.T) {
	r := newRig(t)
	for _, n := range []string{"b", "a", "ab", "c"} {
		r.create(n, "")
	}
	for _, tt := range []struct {
		by    api.SortByType
		order api.SortOrderType
		want  []string
	}{
		{"", "", []string{"c", "ab", "a", "b"}},
		{"created-date", "asc", []string{"b", "a", "ab", "c"}},
		{"name", "asc", []string{"a", "ab", "b", "c"}},
		{"name", "desc", []string{"c", "b", "ab", "a"}},
		{"last-accessed-date", "asc", []string{"a", "ab", "b", "c"}},
	} {
		var got []string
		for token := (*string)(nil); ; {
			out := must(t, r.ListSecrets, &api.ListSecretsRequest{SortBy: tt.by, SortOrder: tt.order, MaxResults: new(1), NextToken: token})
			got = append(got, *out.SecretList[0].Name)
			if token = out.NextToken; token == nil {
				break
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s: %s", tt.by, tt.order, diff)
		}
	}
	if _, err := r.ListSecrets(t.Context(), caller, &api.ListSecretsRequest{NextToken: new("x")}); code(err) != "InvalidNextTokenException" {
		t.Error(err)
	}
}

func TestABatchAnswersForEachSecret(t *testing.T) {
	r := newRig(t)
	r.create("open", "v")
	r.create("forbidden", "v")
	out := must(t, r.BatchGetSecretValue, &api.BatchGetSecretValueRequest{SecretIdList: []string{"open", "forbidden", "missing"}})
	if len(out.SecretValues) != 1 || *out.SecretValues[0].SecretString != "v" {
		t.Errorf("%+v", out.SecretValues)
	}
	got := map[string]string{}
	for _, e := range out.Errors {
		got[*e.SecretId] = *e.ErrorCode
	}
	if diff := cmp.Diff(map[string]string{"forbidden": "AccessDeniedException", "missing": "ResourceNotFoundException"}, got); diff != "" {
		t.Error(diff)
	}
	out = must(t, r.BatchGetSecretValue, &api.BatchGetSecretValueRequest{Filters: []api.Filter{{Key: "name", Values: []string{"op"}}}})
	if len(out.SecretValues) != 1 {
		t.Errorf("%+v", out)
	}
}

func TestRandomPasswords(t *testing.T) {
	r := newRig(t)
	rapid.Check(t, func(t *rapid.T) {
		flip := func(name string) *bool { return new(rapid.Bool().Draw(t, name)) }
		in := &api.GetRandomPasswordRequest{
			ExcludeLowercase: flip("lower"), ExcludeUppercase: flip("upper"), ExcludeNumbers: flip("numbers"), ExcludePunctuation: flip("punctuation"), IncludeSpace: flip("space"),
			ExcludeCharacters: new("aA0!"), PasswordLength: new(rapid.IntRange(1, 100).Draw(t, "length")),
		}
		out, err := r.GetRandomPassword(context.Background(), caller, in)
		kinds, none := alphabets(in)
		if none != nil || *in.PasswordLength < len(kinds) {
			if code(err) != "InvalidParameterException" {
				t.Fatalf("impossible, and: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(*out.RandomPassword) != *in.PasswordLength {
			t.Fatalf("%d characters", len(*out.RandomPassword))
		}
		for _, k := range kinds {
			if !strings.ContainsAny(*out.RandomPassword, k) {
				t.Fatalf("%q has none of %q", *out.RandomPassword, k)
			}
		}
		if rest := strings.Trim(*out.RandomPassword, strings.Join(kinds, "")); rest != "" {
			t.Fatalf("%q was excluded", rest)
		}
	})
	if p := must(t, r.GetRandomPassword, &api.GetRandomPasswordRequest{}); len(*p.RandomPassword) != 32 {
		t.Error(*p.RandomPassword)
	}
}

const (
	toAccount = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}}`
	toAll     = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"secretsmanager:*","Resource":"*"}}`
	toOrg     = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"secretsmanager:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}}`
)

func TestResourcePolicies(t *testing.T) {
	r := newRig(t)
	r.create("s", "v")
	for _, tt := range []struct{ policy, want string }{
		{toAccount, ""}, {toOrg, ""}, {toAll, "PublicPolicyException"}, {`{`, "MalformedPolicyDocumentException"},
		{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}}`, "MalformedPolicyDocumentException"},
	} {
		_, err := r.PutResourcePolicy(t.Context(), caller, &api.PutResourcePolicyRequest{SecretId: new("s"), ResourcePolicy: &tt.policy, BlockPublicPolicy: new(true)})
		if got := code(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%s: %v, want %q", tt.policy, err, tt.want)
		}
		v := must(t, r.ValidateResourcePolicy, &api.ValidateResourcePolicyRequest{ResourcePolicy: &tt.policy})
		if *v.PolicyValidationPassed != (tt.want == "") {
			t.Errorf("%s: validation says %+v", tt.policy, v)
		}
	}
	must(t, r.PutResourcePolicy, &api.PutResourcePolicyRequest{SecretId: new("s"), ResourcePolicy: new(toAll)}) // public on purpose
	if p := must(t, r.GetResourcePolicy, &api.GetResourcePolicyRequest{SecretId: new("s")}).ResourcePolicy; awsapi.V(p) != toAll {
		t.Error(p)
	}
	if n := NeedOfValue(r.env.Store.View(), caller, "s", "", ""); n.Policy != toAll {
		t.Error("the policy is not asked")
	}
	must(t, r.DeleteResourcePolicy, &api.DeleteResourcePolicyRequest{SecretId: new("s")})
	if p := must(t, r.GetResourcePolicy, &api.GetResourcePolicyRequest{SecretId: new("s")}).ResourcePolicy; p != nil {
		t.Error(*p)
	}
}

func TestNeedsCarryTheDocumentedKeys(t *testing.T) {
	r := newRig(t)
	a := *r.create("s", "v").ARN
	must(t, r.TagResource, &api.TagResourceRequest{SecretId: new("s"), Tags: []api.Tag{{Key: new("env"), Value: new("x")}}})
	tx := r.env.Store.View()
	got := NeedOfValue(tx, caller, "s", "", "")
	want := operation.Need{Action: "secretsmanager:GetSecretValue", Resource: a, Keys: map[string][]string{
		"secretsmanager:SecretId": {a}, "secretsmanager:SecretPrimaryRegion": {"eu-west-1"}, "secretsmanager:VersionStage": {"AWSCURRENT"},
		"secretsmanager:ResourceTag/env": {"x"}, "aws:ResourceTag/env": {"x"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := NeedOfValue(tx, caller, "none", "", ""); n.Resource != "arn:aws:secretsmanager:eu-west-1:000000000000:secret:none-??????" {
		t.Error(n.Resource)
	}
	n := needsDelete(tx, caller, &api.DeleteSecretRequest{SecretId: new("s"), RecoveryWindowInDays: new(7)})[0]
	if n.Keys["secretsmanager:RecoveryWindowInDays"][0] != "7" || n.Keys["secretsmanager:ForceDeleteWithoutRecovery"][0] != "false" {
		t.Error(n.Keys)
	}
}

func TestWhatIsNotServedIsRefused(t *testing.T) {
	r := newRig(t)
	for name, in := range map[string]*api.CreateSecretRequest{
		"a type": {Type: new("SalesforceClientSecret")},
	} {
		in.Name = new("s")
		if _, err := r.CreateSecret(t.Context(), caller, in); code(err) != "InvalidRequestException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.CreateSecret(t.Context(), caller, &api.CreateSecretRequest{Name: new("with space")}); code(err) != "InvalidParameterException" {
		t.Error(err)
	}
}

func TestAnotherAccountNamesASecretByItsARN(t *testing.T) {
	r := newRig(t)
	a := *r.create("s", "v").ARN
	other := &operation.Caller{Account: "111111111111", Region: caller.Region, ARN: "arn:aws:iam::111111111111:user/guest"}
	out, err := r.GetSecretValue(t.Context(), other, &api.GetSecretValueRequest{SecretId: &a})
	if err != nil || *out.SecretString != "v" {
		t.Errorf("%+v %v", out, err)
	}
	if n := NeedOfValue(r.env.Store.View(), other, a, "", ""); n.Resource != a {
		t.Errorf("IAM is asked about %s", n.Resource)
	}
	if _, err := r.GetSecretValue(t.Context(), other, &api.GetSecretValueRequest{SecretId: new("s")}); code(err) != "ResourceNotFoundException" {
		t.Errorf("by its name it is the caller's own: %v", err)
	}
}

func TestConcurrentPutsLeaveOneCurrentVersion(t *testing.T) {
	r := newRig(t)
	r.create("s", "0")
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			_, err := r.PutSecretValue(context.Background(), caller, &api.PutSecretValueRequest{SecretId: new("s"), SecretString: new(fmt.Sprint(i)), ClientRequestToken: new(ids.UUID())})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s, _ := Secrets.Get(r.env.Store.View(), caller.Scope(), "s")
	if len(s.Versions) != 21 || countStages(s.Versions) != 2 || s.staged(current) == nil || s.staged(previous) == nil {
		t.Errorf("%d versions: %v", len(s.Versions), s.stages())
	}
}

func TestReplicasFollowTheirPrimary(t *testing.T) {
	r := newRig(t)
	one := *must(t, r.CreateSecret, &api.CreateSecretRequest{
		Name: new("s"), SecretString: new("1"), ClientRequestToken: new(ids.UUID()), AddReplicaRegions: []api.ReplicaRegionType{{Region: new("eu-west-2")}},
	}).ARN
	there := &operation.Caller{Account: caller.Account, Region: "eu-west-2", ARN: caller.ARN}
	read := func() string {
		out, err := r.GetSecretValue(t.Context(), there, &api.GetSecretValueRequest{SecretId: new("s")})
		if err != nil {
			return code(err)
		}
		return *out.SecretString
	}
	if got := read(); got != "1" {
		t.Error(got)
	}
	r.put("s", "2")
	must(t, r.TagResource, &api.TagResourceRequest{SecretId: new("s"), Tags: []api.Tag{{Key: new("k"), Value: new("v")}}})
	if got := read(); got != "2" {
		t.Error(got)
	}
	copied, err := r.DescribeSecret(t.Context(), there, &api.DescribeSecretRequest{SecretId: new("s")})
	if err != nil || *copied.PrimaryRegion != "eu-west-1" || len(copied.Tags) != 1 || *copied.ARN != strings.Replace(one, "eu-west-1", "eu-west-2", 1) {
		t.Errorf("%+v %v", copied, err)
	}
	if d := must(t, r.DescribeSecret, &api.DescribeSecretRequest{SecretId: new("s")}); *d.PrimaryRegion != "eu-west-1" || d.ReplicationStatus[0].Status != "InSync" {
		t.Errorf("%+v", d)
	}
	_, put := r.PutSecretValue(t.Context(), there, &api.PutSecretValueRequest{SecretId: new("s"), SecretString: new("x"), ClientRequestToken: new(ids.UUID())})
	_, deleted := r.DeleteSecret(t.Context(), there, &api.DeleteSecretRequest{SecretId: new("s")})
	_, whole := r.DeleteSecret(t.Context(), caller, &api.DeleteSecretRequest{SecretId: new("s")})
	for name, err := range map[string]error{"a replica written": put, "a replica deleted": deleted, "a primary deleted before its replicas": whole} {
		if code(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.StopReplicationToReplica(t.Context(), there, &api.StopReplicationToReplicaRequest{SecretId: new("s")}); err != nil {
		t.Fatal(err)
	}
	r.put("s", "3")
	if got := read(); got != "2" {
		t.Errorf("a secret of its own still follows: %s", got)
	}
	must(t, r.DeleteSecret, &api.DeleteSecretRequest{SecretId: new("s")})
}

func TestAReplicaDoesNotOverwriteUnasked(t *testing.T) {
	r := newRig(t)
	there := &operation.Caller{Account: caller.Account, Region: "eu-west-2", ARN: caller.ARN}
	if _, err := r.CreateSecret(t.Context(), there, &api.CreateSecretRequest{Name: new("s"), SecretString: new("theirs"), ClientRequestToken: new(ids.UUID())}); err != nil {
		t.Fatal(err)
	}
	r.create("s", "ours")
	to := []api.ReplicaRegionType{{Region: new("eu-west-2")}}
	if s := must(t, r.ReplicateSecretToRegions, &api.ReplicateSecretToRegionsRequest{SecretId: new("s"), AddReplicaRegions: to}).ReplicationStatus[0]; s.Status != "Failed" {
		t.Errorf("%+v", s)
	}
	read := func() string {
		out, err := r.GetSecretValue(t.Context(), there, &api.GetSecretValueRequest{SecretId: new("s")})
		if err != nil {
			return code(err)
		}
		return *out.SecretString
	}
	if got := read(); got != "theirs" {
		t.Error(got)
	}
	must(t, r.ReplicateSecretToRegions, &api.ReplicateSecretToRegionsRequest{SecretId: new("s"), AddReplicaRegions: to, ForceOverwriteReplicaSecret: new(true)})
	if got := read(); got != "ours" {
		t.Error(got)
	}
	must(t, r.RemoveRegionsFromReplication, &api.RemoveRegionsFromReplicationRequest{SecretId: new("s"), RemoveReplicaRegions: []string{"eu-west-2"}})
	if got := read(); got != "ResourceNotFoundException" {
		t.Error(got)
	}
	if n := Values.Len(r.env.Store.View(), there.Scope()); n != 0 {
		t.Errorf("%d values are left", n)
	}
}

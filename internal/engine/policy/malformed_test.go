package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// statement is a document of one statement, with an Effect, Action and Resource
// unless it is said otherwise.
func statement(members string) string {
	for _, d := range []struct{ name, value string }{
		{"Effect", `"Allow"`}, {"Action", `"s3:ListBucket"`}, {"Resource", `"arn:aws:s3:::example_bucket"`},
	} {
		if strings.Contains(members, `-`+d.name) {
			members = strings.Replace(members, `-`+d.name, "", 1)
			continue
		}
		if !strings.Contains(members, `"`+d.name+`"`) && !strings.Contains(members, `"Not`+d.name+`"`) {
			members = strings.TrimSuffix(fmt.Sprintf(`"%s":%s,%s`, d.name, d.value, members), ",")
		}
	}
	return `{"Version":"2012-10-17","Statement":{` + strings.ReplaceAll(strings.Trim(members, ","), ",,", ",") + `}}`
}

// What IAM answered to each when it was tried: the messages are AWS's.
func TestIAMRefusesIdentityPolicies(t *testing.T) {
	const legacy = "The policy failed legacy parsing"
	const syntax = "Syntax errors in policy."
	const vendor = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	for _, c := range []struct{ text, message string }{
		{"This is not a json document", syntax},
		{"", syntax},
		{"[]", syntax},
		{`{"Version":"2013-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, syntax},
		{`{"Version":"2012-10-17"}`, syntax},
		{`{"Version":"2012-10-17","Statement":["afd"]}`, syntax},
		{`{"Version":"2012-10-17","Statement":[]}`, syntax},
		{`{"Version":"2012-10-17","Id":[],"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, syntax},
		{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"},"Extra":1}`, syntax},
		{`{"Version":"2012-10-17","Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, syntax},
		{statement(`"Extra":"x"`), syntax},
		{statement(`"Effect":"invalid"`), syntax},
		{statement(`-Effect`), syntax},
		{statement(`"Effect":"denY"`), legacy},
		{statement(`"Sid":{}`), syntax},
		{statement(`"Action":"invalid"`), vendor},
		{statement(`"NotAction":""`), vendor},
		{statement(`"Action":"invalid",-Resource`), vendor},
		{statement(`"Action":"a a:ListBucket"`), "Vendor a a is not valid"},
		{statement(`"Action":"s3:List:Bucket"`), "Actions/Condition can contain only one colon."},
		{statement(`"Action":"s:3:ListBucket","Resource":"sdfsadf"`), `Resource sdfsadf must be in ARN format or "*".`},
		{statement(`"Resource":""`), `Resource  must be in ARN format or "*".`},
		{statement(`"Resource":["adf"]`), `Resource adf must be in ARN format or "*".`},
		{statement(`"Resource":"a:bsdfdsafsad"`), `Partition "bsdfdsafsad" is not valid for resource "arn:bsdfdsafsad:*:*:*:*".`},
		{statement(`"Resource":"a:b:cadfsdf"`), `Partition "b" is not valid for resource "arn:b:cadfsdf:*:*:*".`},
		{statement(`"Resource":"a:b:c:d:e:f:g:h"`), `Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".`},
		{statement(`"Resource":"aws:s3:::example_bucket"`), `Partition "s3" is not valid for resource "arn:s3:::example_bucket:*".`},
		{statement(`"Resource":["arn:error:s3:::example_bucket","arn:error:s3::example_bucket"]`), `Partition "error" is not valid for resource "arn:error:s3:::example_bucket".`},
		{statement(`-Resource`), "Policy statement must contain resources."},
		{statement(`"Resource":[]`), "Policy statement must contain resources."},
		{statement(`-Action`), "Policy statement must contain actions."},
		{statement(`"Action":[]`), "Policy statement must contain actions."},
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Deny"},{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, "Policy statement must contain actions."},
		{statement(`"Resource":"arn:aws:iam:::example_bucket"`), "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/."},
		{statement(`"Resource":"arn:aws:iam:us-east-1::example_bucket"`), "IAM resource arn:aws:iam:us-east-1::example_bucket cannot contain region information."},
		{statement(`"Resource":"arn:aws:s3:us-east-1::example_bucket"`), "Resource arn:aws:s3:us-east-1::example_bucket can not contain region information."},
		{statement(`"Resource":"arn:aws"`), "Resource vendor must be fully qualified and cannot contain regexes."},
		{statement(`"Resource":"arn:aws:s3::example_bucket"`), legacy},
		{statement(`-Action,"Resource":"arn:aws:s3::example_bucket"`), legacy},
		{statement(`"NotResource":"arn:aws:s3::example_bucket"`), legacy},
		{statement(`"Resource":"arn:aws::fdsasf"`), legacy},
		{statement(`"Resource":"arn:aws::::example_bucket"`), legacy},
		{statement(`"Resource":{"a":"arn:aws:s3:::x"}`), syntax},
		{statement(`"Resource":["adfdf",{}]`), syntax},
		{statement(`"NotResource":[],"Resource":"*"`), syntax},
		{statement(`"Action":[[]]`), syntax},
		{statement(`"NotAction":"s3:x","Action":[]`), syntax},
		{statement(`"Condition":[]`), syntax},
		{statement(`"Condition":"a"`), syntax},
		{statement(`"Condition":{"a":"b"}`), syntax},
		{statement(`"Condition":{"DateGreaterThan":[]}`), syntax},
		{statement(`"Condition":{"DateGreaterThan":{"a":{}}}`), syntax},
		{statement(`"Condition":{"x":{"a":"1"}}`), syntax},
		{statement(`"Condition":{"ForAnyValue::StringEqualsIfExists":{"a":"asf"}}`), syntax},
		{statement(`"Condition":{"NullIfExists":{"a":"true"}}`), syntax},
		{statement(`"Condition":{"DateGreaterThan":{"a":"sdfdsf"}}`), legacy},
		{statement(`"Condition":{"DateLessThanEquals":{"a":"234-13"}}`), legacy},
		{statement(`"Condition":{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.593194+1"}}`), legacy},
		{statement(`"Condition":{"DateLessThan":{"a":"9223372036854775808"}}`), legacy},
		{statement(`"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}`), legacy},
		{statement(`"Condition":{"NumericEquals":{"a":"NaN"}}`), legacy},
		{statement(`"Condition":{"Bool":{"a":"yes"}}`), legacy},
		{statement(`"Condition":{"BinaryEquals":{"a":"?"}}`), legacy},
		{`{"Version":"2012-10-17","Statement":[{"Sid":"sdf","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"sdf","Effect":"Allow"}]}`, "Statement IDs (SID) in a single policy must be unique."},
		{statement(`"Sid":"a b"`), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		{statement(`"Principal":"*"`), "Policy document should not specify a principal."},
		{" " + statement(``), legacy},
		{statement(`"Action":"s3:\u0000"`), syntax},
		{"{\"Version\":\"2012-10-17\xff\"}", syntax},
	} {
		_, err := ParseAs(Identity, []byte(c.text))
		var m *Malformed
		if !errors.As(err, &m) || m.Message != c.message {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.message)
		}
	}
}

func TestIAMTakesIdentityPolicies(t *testing.T) {
	for _, text := range []string{
		statement(``),
		statement(`"Action":"iam: asdf safdsf af "`),
		statement(`"Resource":["arn:aws:s3:::example_bucket","*"]`),
		statement(`"Action":"*","Resource":"*"`),
		statement(`"Action":"service-prefix:action-name"`),
		statement(`"Resource":"arn:aws:iam:::user/example_bucket"`),
		statement(`"Resource":"arn:aws:fdsasf"`),
		statement(`"Resource":"arn:aws:iam::123456789012:*"`),
		statement(`"Resource":"arn:aws:iam::123456789012:user/${aws:username}"`),
		statement(`"Resource":"arn:aws:invalid-service:us-east-1::example_bucket"`),
		statement(`"Condition":{}`),
		statement(`"Condition":{"a":{}}`),
		statement(`"Condition":{"DateGreaterThan":{}}`),
		statement(`"Condition":{"DateGreaterThan":{"a":[]}}`),
		statement(`"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"Department"}}`),
		statement(`"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2017-07-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2017-12-31"}}`),
		statement(`"Condition":{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"s3:max-keys":10}}`),
		statement(`"Sid":""`),
		statement(`"Sid":"dsfsdfsdfsdfsdfsadfsd"`),
		statement(`"NotAction":"s3:*","NotResource":"arn:aws:s3:::x"`),
		`{"Version":"2008-10-17","Id":"x","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`,
		`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`,
	} {
		if _, err := ParseAs(Identity, []byte(text)); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

func TestManagedPoliciesAreOfTheNewVersion(t *testing.T) {
	for _, version := range []string{``, `"Version":"2008-10-17",`} {
		d := parse(t, `{`+version+`"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)
		if err := d.ValidateManaged(); err == nil || err.Error() != "Policy document must be version 2012-10-17 or greater." {
			t.Errorf("%s: %v", version, err)
		}
		if err := d.ValidateIdentity(); err != nil {
			t.Errorf("%s inline: %v", version, err)
		}
	}
	if err := parse(t, statement(``)).ValidateManaged(); err != nil {
		t.Error(err)
	}
}

func TestIAMOnTrustPolicies(t *testing.T) {
	trust := func(members string) string {
		if !strings.Contains(members, `"Action"`) && !strings.Contains(members, "-Action") {
			members += `,"Action":"sts:AssumeRole"`
		}
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + strings.Trim(strings.Replace(members, "-Action", "", 1), ",") + `}]}`
	}
	for _, c := range []struct{ text, message string }{
		{trust(`"Principal":{"Service":"ecs-tasks.amazonaws.com"}`), ""},
		{trust(`"Sid":"","Principal":{"Service":["ecs.amazonaws.com","ec2.amazonaws.com"]}`), ""},
		{trust(`"Principal":{"AWS":"arn:aws:iam::123456789012:root"}`), ""},
		{trust(`"Principal":{"AWS":["123456789012","*","arn:aws:iam::123456789012:user/a/b","arn:aws:sts::123456789012:assumed-role/r/s","AIDAJQABLZS4A3QDU576Q"]}`), ""},
		{trust(`"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"`), ""},
		{trust(`"Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`), ""},
		{trust(`"Principal":{"AWS":"*"},"Action":"sts:*"`), ""},
		{"no json", "This policy contains invalid Json"},
		{`{"Version":"2012-10-17",}`, "This policy contains invalid Json"},
		{trust(``), "Missing required field Principal"},
		{trust(`"Principal":{}`), "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a statement with no principals!"},
		{trust(`"Principal":{"AWS":[]}`), "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a statement with no principals!"},
		{trust(`"Principal":"*"`), `AssumeRolepolicy contained an invalid principal: "STAR":"*".`},
		{trust(`"Principal":{"AWS":"arn:aws:iam::123456789012:user/*"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/*"`},
		{trust(`"Principal":{"AWS":"arn:aws:iam::12345678910:role/x"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::12345678910:role/x"`},
		{trust(`"Principal":{"AWS":"arn:aws:iam::123456789012:group/x"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:group/x"`},
		{trust(`"Principal":{"Service":"ecs-tasks"}`), `Invalid principal in policy: "SERVICE":"ecs-tasks"`},
		{trust(`"Principal":{"CanonicalUser":"79a59df900b949e55d96a1e698fbaced"}`), `Invalid principal in policy: "CanonicalUser":"79a59df900b949e55d96a1e698fbaced"`},
		{trust(`"Principal":{"AWS":"*"},"Resource":"*"`), "Has prohibited field Resource"},
		{trust(`"Principal":{"AWS":"*"},-Action`), "Missing required field Action"},
		{trust(`"Principal":{"AWS":"*"},"Action":"ecs:RunTask"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{trust(`"Principal":{"AWS":"*"},"Action":"*"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{trust(`"Principal":{"Nobody":"*"}`), "Syntax errors in policy."},
	} {
		_, err := ParseAs(Trust, []byte(c.text))
		message := ""
		if err != nil {
			message = err.(*Malformed).Message
		}
		if message != c.message {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.message)
		}
	}
}

func TestResourcePolicies(t *testing.T) {
	for _, c := range []struct{ text, message string }{
		{`{"Version":"2008-10-17","Statement":[{"Sid":"new statement","Effect":"Allow","Principal":"*","Action":["ecr:BatchGetImage"]}]}`, ""},
		{`{"Statement":[{"Effect":"Allow","Action":"ecr:*"}]}`, "Missing required field Principal"},
		{`{"Statement":[{"Effect":"Allow","Principal":"*"}]}`, "Missing required field Action"},
		{`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"pull"}]}`, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
	} {
		_, err := ParseAs(Resource, []byte(c.text))
		message := ""
		if err != nil {
			message = err.(*Malformed).Message
		}
		if message != c.message {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.message)
		}
	}
	if parse(t, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"a:b"}}`).NamesResources() {
		t.Error("a statement without a resource names one")
	}
}

func TestErrorsTellWhere(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [}\n}", `Syntax errors in policy. (3:17: invalid character '}' looking for beginning of value)`},
		{"{\n  \"Statement\": {\n    \"Sid\": \"Push\",\n    \"Effect\": \"Permit\"\n  }\n}", `Syntax errors in policy. (4:15, statement Push: Effect is Allow or Deny)`},
		{`{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*"},{"Effect":"Allow","Effect":"Deny"}]}`, `Syntax errors in policy. (1:82: "Effect" appears twice)`},
		{`{"Statement":{"Effect":"Allow","Condition":{"StringEqual":{"a":"b"}}}}`, `Syntax errors in policy. (1:45, statement 1: there is no condition operator "StringEqual")`},
		{"{\"Statement\":{\"Sid\":\"é\",\"Efect\":1}}", `Syntax errors in policy. (1:25, statement é: a statement has no element "Efect")`},
		{`{"Statement":{}} x`, `Syntax errors in policy. (1:18: text after the end of the document)`},
		{`{"Statement":`, `Syntax errors in policy. (1:14: the document ends too early)`},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
	_, err := ParseAs(Identity, []byte("{\"Version\":\"2012-10-17\",\n\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"a:b\",\"Resource\":\"*\"},\n  {\"Effect\":\"Allow\",\"Action\":\"a:b\"}]}"))
	if want := "Policy statement must contain resources. (3:3, statement 2)"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestStatementsKnowTheirPlace(t *testing.T) {
	d := parse(t, "{\n \"Statement\": [\n  {\"Effect\":\"Allow\",\n   \"Action\":\"a:b\"},\n  {\"Effect\":\"Deny\"}\n ]\n}")
	got := []Position{d.Statements[0].Start, d.Statements[0].End, d.Statements[1].Start, d.Statements[1].End}
	want := []Position{{3, 3}, {4, 19}, {5, 3}, {5, 20}}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"long":   `{"Id":"` + strings.Repeat("x", maxSize) + `"}`,
		"deep":   strings.Repeat(`{"Statement":`, maxDepth+1),
		"deeper": strings.Repeat(`[`, 100_000),
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("a %s document is taken", name)
		}
	}
}

func TestSizeCountsNoWhiteSpace(t *testing.T) {
	if n := Size("{ \"é\" :\n\t1 }"); n != 7 {
		t.Errorf("%d", n)
	}
}

func TestContextKeysOfADocument(t *testing.T) {
	d := parse(t, statement(`"Resource":"arn:aws:s3:::a/${aws:PrincipalTag/team, 'x'}/${AWS:username}",
		"Condition":{"StringEquals":{"aws:sourceip":"1","ecs:cluster":"${aws:userid}"},"ArnLike":{"AWS:SourceIp":"arn:aws:iam::*:user/${saml:sub}"}}`))
	if got, want := strings.Join(d.ContextKeys(), " "), "aws:PrincipalTag/team aws:SourceIp aws:userid aws:username ecs:cluster saml:sub"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPrincipalsOfADocument(t *testing.T) {
	d := parse(t, `{"Statement":[{"Effect":"Allow","Principal":{"AWS":["a","b"],"Service":"c"}},{"Effect":"Deny","NotPrincipal":{"Federated":"d"}},{"Effect":"Deny","Principal":"*"}]}`)
	if got, want := fmt.Sprint(d.Principals()), "[{AWS a} {AWS b} {Service c} {Federated d} {AWS *}]"; got != want {
		t.Errorf("%s", got)
	}
}

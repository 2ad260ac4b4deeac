package policy

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// applies tells whether a statement with the condition applies to a request.
func applies(t *testing.T, condition string, r Request) bool {
	t.Helper()
	r.Need.Action, r.Need.Resource = "s3:ListBucket", "arn:aws:s3:::example_bucket"
	if r.Principal.Account == "" {
		r.Principal = Principal{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/travis", UserName: "travis", UserID: "AIDA"}
	}
	return Evaluate(identity(t, statement(`"Condition":`+condition)), &r).Allowed
}

func TestConditionOperators(t *testing.T) {
	one := func(s string) []string { return []string{s} }
	for _, c := range []struct {
		condition string
		values    []string // of k; nil is an absent key
		want      bool
	}{
		{`{"StringEquals":{"k":"a"}}`, one("a"), true},
		{`{"StringEquals":{"k":"a"}}`, one("A"), false},
		{`{"StringEquals":{"K":"a"}}`, one("a"), true},
		{`{"StringEquals":{"k":["a","b"]}}`, one("b"), true},
		{`{"StringEquals":{"k":"a*"}}`, one("ab"), false},
		{`{"StringEquals":{"k":"a*"}}`, one("a*"), true},
		{`{"StringEquals":{"k":"a"}}`, nil, false},
		{`{"StringEquals":{"k":[]}}`, one("a"), false},
		{`{"StringNotEquals":{"k":"a"}}`, one("b"), true},
		{`{"StringNotEquals":{"k":"a"}}`, one("a"), false},
		{`{"StringNotEquals":{"k":["a","b"]}}`, one("b"), false},
		{`{"StringNotEquals":{"k":["a","b"]}}`, one("c"), true},
		{`{"StringNotEquals":{"k":"a"}}`, nil, true},
		{`{"StringEqualsIgnoreCase":{"k":"aB"}}`, one("Ab"), true},
		{`{"StringEqualsIgnoreCase":{"k":"É"}}`, one("é"), true},
		{`{"StringNotEqualsIgnoreCase":{"k":"aB"}}`, one("Ab"), false},
		{`{"StringLike":{"k":"a*c"}}`, one("abbc"), true},
		{`{"StringLike":{"k":"a?c"}}`, one("abc"), true},
		{`{"StringLike":{"k":"a?c"}}`, one("aéc"), true},
		{`{"StringLike":{"k":"a?c"}}`, one("abbc"), false},
		{`{"StringLike":{"k":"A*"}}`, one("abc"), false},
		{`{"StringLike":{"k":"*a*b*"}}`, one("xxaxxbxx"), true},
		{`{"StringLike":{"k":"*a*b*"}}`, one("xxbxxaxx"), false},
		{`{"StringLike":{"k":"*"}}`, one(""), true},
		{`{"StringLike":{"k":"*"}}`, nil, false},
		{`{"StringNotLike":{"k":"a*"}}`, one("abc"), false},
		{`{"StringNotLike":{"k":"a*"}}`, nil, true},
		{`{"StringEqualsIfExists":{"k":"a"}}`, nil, true},
		{`{"StringEqualsIfExists":{"k":"a"}}`, one("b"), false},
		{`{"StringNotEqualsIfExists":{"k":"a"}}`, nil, true},

		{`{"NumericEquals":{"k":"10"}}`, one("10.0"), true},
		{`{"NumericEquals":{"k":10}}`, one("10"), true},
		{`{"NumericEquals":{"k":"10"}}`, one("ten"), false},
		{`{"NumericNotEquals":{"k":"10"}}`, one("11"), true},
		{`{"NumericLessThan":{"k":"10"}}`, one("9.5"), true},
		{`{"NumericLessThan":{"k":"10"}}`, one("10"), false},
		{`{"NumericLessThanEquals":{"k":"10"}}`, one("10"), true},
		{`{"NumericGreaterThan":{"k":"-1"}}`, one("0"), true},
		{`{"NumericGreaterThanEquals":{"k":"1e3"}}`, one("1000"), true},
		{`{"NumericGreaterThanEquals":{"k":"1000"}}`, one("999"), false},

		{`{"DateEquals":{"k":"2026-03-14T12:00:00Z"}}`, one("2026-03-14T13:00:00+01:00"), true},
		{`{"DateEquals":{"k":"1773489600"}}`, one("2026-03-14T12:00:00Z"), true},
		{`{"DateNotEquals":{"k":"2026-03-14"}}`, one("2026-03-14T00:00:00Z"), false},
		{`{"DateLessThan":{"k":"2026-03-14"}}`, one("2026-03-13T23:59:59.9Z"), true},
		{`{"DateLessThan":{"k":"2026-03-14"}}`, one("2026-03-14"), false},
		{`{"DateLessThanEquals":{"k":"2026-03"}}`, one("2026-03-01T00:00Z"), true},
		{`{"DateGreaterThan":{"k":"2026-03-14"}}`, one("1773489601"), true},
		{`{"DateGreaterThanEquals":{"k":"2026-03-14T12:00:00"}}`, one("2026-03-14T11:59:59Z"), false},

		{`{"Bool":{"k":"true"}}`, one("TRUE"), true},
		{`{"Bool":{"k":true}}`, one("true"), true},
		{`{"Bool":{"k":"false"}}`, one("true"), false},
		{`{"Bool":{"k":"false"}}`, nil, false},
		{`{"BoolIfExists":{"k":"true"}}`, nil, true},

		{`{"BinaryEquals":{"k":"QmluYXJ5"}}`, one("QmluYXJ5"), true},
		{`{"BinaryEquals":{"k":"QmluYXJ5"}}`, one("QmluYXJ6"), false},

		{`{"IpAddress":{"k":"203.0.113.0/24"}}`, one("203.0.113.9"), true},
		{`{"IpAddress":{"k":"203.0.113.0/24"}}`, one("203.0.114.9"), false},
		{`{"IpAddress":{"k":"203.0.113.7/24"}}`, one("203.0.113.9"), true},
		{`{"IpAddress":{"k":"203.0.113.7"}}`, one("203.0.113.7"), true},
		{`{"IpAddress":{"k":"203.0.113.7"}}`, one("::ffff:203.0.113.7"), true},
		{`{"IpAddress":{"k":["10.0.0.0/8","2001:DB8:1234:5678::/64"]}}`, one("2001:db8:1234:5678::1"), true},
		{`{"IpAddress":{"k":"2001:db8::/32"}}`, one("10.0.0.1"), false},
		{`{"IpAddress":{"k":"0.0.0.0/0"}}`, one("not an address"), false},
		{`{"NotIpAddress":{"k":"10.0.0.0/8"}}`, one("10.1.2.3"), false},
		{`{"NotIpAddress":{"k":"10.0.0.0/8"}}`, one("11.1.2.3"), true},
		{`{"NotIpAddress":{"k":"10.0.0.0/8"}}`, nil, true},

		{`{"ArnEquals":{"k":"arn:aws:iam::*:role/app-*"}}`, one("arn:aws:iam::123456789012:role/app-web"), true},
		{`{"ArnLike":{"k":"arn:aws:someservice:*:111122223333:finance/*"}}`, one("arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"), false},
		{`{"StringLike":{"k":"arn:aws:someservice:*:111122223333:finance/*"}}`, one("arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"), true},
		{`{"ArnLike":{"k":"arn:aws:logs:*:*:log-group:*"}}`, one("arn:aws:logs:eu-west-1:1:log-group:a:log-stream:b"), true},
		{`{"ArnLike":{"k":"*"}}`, one("arn:aws:s3:::x"), true},
		{`{"ArnLike":{"k":"arn:aws:s3"}}`, one("arn:aws:s3:::x"), false},
		{`{"ArnNotEquals":{"k":"arn:aws:s3:::x"}}`, one("arn:aws:s3:::x"), false},
		{`{"ArnNotLike":{"k":"arn:aws:s3:::x*"}}`, one("arn:aws:s3:::y"), true},
		{`{"ArnNotLike":{"k":"arn:aws:s3:::x*"}}`, nil, true},

		{`{"Null":{"k":"true"}}`, nil, true},
		{`{"Null":{"k":"true"}}`, one("a"), false},
		{`{"Null":{"k":"false"}}`, one("a"), true},
		{`{"Null":{"k":"false"}}`, one(""), true},
		{`{"Null":{"k":false}}`, nil, false},
		{`{"Null":{"k":["true","false"]}}`, nil, true},
		{`{"Null":{"k":"true"}}`, []string{}, true},

		// "Single-valued vs. multivalued context keys".
		{`{"ForAllValues:StringEquals":{"k":["a","b"]}}`, []string{"a", "b"}, true},
		{`{"ForAllValues:StringEquals":{"k":["a","b"]}}`, []string{"a", "c"}, false},
		{`{"ForAllValues:StringEquals":{"k":"a"}}`, nil, true},
		{`{"ForAllValues:StringEquals":{"k":"a"}}`, one(""), true},
		{`{"ForAllValues:StringNotEquals":{"k":["a","b"]}}`, []string{"c", "d"}, true},
		{`{"ForAllValues:StringNotEquals":{"k":["a","b"]}}`, []string{"c", "a"}, false},
		{`{"ForAllValues:StringNotEquals":{"k":"a"}}`, nil, true},
		{`{"ForAnyValue:StringEquals":{"k":["a","b"]}}`, []string{"c", "b"}, true},
		{`{"ForAnyValue:StringEquals":{"k":["a","b"]}}`, []string{"c", "d"}, false},
		{`{"ForAnyValue:StringEquals":{"k":"a"}}`, nil, false},
		{`{"ForAnyValue:StringEqualsIfExists":{"k":"a"}}`, nil, true},
		{`{"ForAnyValue:StringNotEquals":{"k":["a","b"]}}`, []string{"a", "b"}, false},
		{`{"ForAnyValue:StringNotEquals":{"k":["a","b"]}}`, []string{"a", "c"}, true},
		{`{"ForAnyValue:StringNotEquals":{"k":"a"}}`, nil, false},
		{`{"ForAnyValue:StringLike":{"k":"a*"}}`, []string{"b", "ab"}, true},
		{`{"ForAllValues:ArnLike":{"k":"arn:aws:s3:::*"}}`, []string{"arn:aws:s3:::a", "arn:aws:s3:::b"}, true},

		// Several operators and keys all have to hold.
		{`{"StringLike":{"k":"a*"},"StringNotEquals":{"k":"ab"}}`, one("ac"), true},
		{`{"StringLike":{"k":"a*"},"StringNotEquals":{"k":"ab"}}`, one("ab"), false},
		{`{"StringEquals":{"k":"a","other":"b"}}`, one("a"), false},
		{`{}`, nil, true},
		{`{"Anything":{}}`, nil, true},
	} {
		r := Request{}
		if c.values != nil {
			r.Need.Keys = map[string][]string{"k": c.values}
		}
		if got := applies(t, c.condition, r); got != c.want {
			t.Errorf("%s with %q: %v", c.condition, c.values, got)
		}
	}
}

func TestPolicyVariables(t *testing.T) {
	user := Principal{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/travis", UserName: "travis", UserID: "AIDAT",
		Tags: map[string]string{"Team": "web", "stars": "*", "odd": "a\x00b"}}
	role := Principal{Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/r/s", RoleARN: "arn:aws:iam::123456789012:role/r", UserID: "AROAR:s"}
	for _, c := range []struct {
		version, resource string
		who               Principal
		asked             string
		want              bool
	}{
		{version2012, "arn:aws:s3:::home/${aws:username}/*", user, "arn:aws:s3:::home/travis/x", true},
		{version2012, "arn:aws:s3:::home/${AWS:UserName}/*", user, "arn:aws:s3:::home/travis/x", true},
		{version2012, "arn:aws:s3:::home/${aws:username}/*", user, "arn:aws:s3:::home/other/x", false},
		{version2012, "arn:aws:s3:::home/${aws:username}/*", role, "arn:aws:s3:::home//x", false},
		{version2012, "arn:aws:s3:::home/${aws:username, 'guest'}/*", role, "arn:aws:s3:::home/guest/x", true},
		{version2012, "arn:aws:s3:::home/${aws:username, 'guest'}/*", user, "arn:aws:s3:::home/guest/x", false},
		{version2012, "arn:aws:s3:::home/${aws:userid}/*", role, "arn:aws:s3:::home/AROAR:s/x", true},
		{version2012, "arn:aws:s3:::${aws:PrincipalTag/team}", user, "arn:aws:s3:::web", true},
		{version2012, "arn:aws:s3:::${aws:PrincipalTag/none}", user, "arn:aws:s3:::", false},
		// A value's characters are themselves.
		{version2012, "arn:aws:s3:::${aws:PrincipalTag/stars}", user, "arn:aws:s3:::anything", false},
		{version2012, "arn:aws:s3:::${aws:PrincipalTag/stars}", user, "arn:aws:s3:::*", true},
		{version2012, "arn:aws:s3:::${aws:PrincipalTag/odd}", user, "arn:aws:s3:::axxb", false},
		{version2012, "arn:aws:s3:::a${*}b${?}${$}c", user, "arn:aws:s3:::a*b?$c", true},
		{version2012, "arn:aws:s3:::a${*}", user, "arn:aws:s3:::abc", false},
		{version2012, "arn:aws:s3:::a$*", user, "arn:aws:s3:::a$b", true},
		{version2012, "arn:aws:s3:::a${unclosed", user, "arn:aws:s3:::a${unclosed", true},
		// Only in the last part, and only in the new version.
		{version2012, "arn:aws:s3::${aws:PrincipalAccount}:x", user, "arn:aws:s3::123456789012:x", false},
		{version2008, "arn:aws:s3:::${aws:username}", user, "arn:aws:s3:::travis", false},
		{version2008, "arn:aws:s3:::${aws:username}", user, "arn:aws:s3:::${aws:username}", true},
	} {
		p := identity(t, fmt.Sprintf(`{"Version":%q,"Statement":{"Effect":"Allow","Action":"s3:*","Resource":%q}}`, c.version, c.resource))
		r := &Request{Principal: c.who, Need: Need{Action: "s3:GetObject", Resource: c.asked}}
		if d := Evaluate(p, r); d.Allowed != c.want {
			t.Errorf("%s %s for %s on %s: %v", c.version, c.resource, c.who.ARN, c.asked, d.Allowed)
		}
	}
	for _, c := range []struct {
		condition string
		value     string
		want      bool
	}{
		{`{"StringEquals":{"k":"${aws:username}"}}`, "travis", true},
		{`{"StringEquals":{"k":"x-${aws:username}-${aws:PrincipalTag/Team}"}}`, "x-travis-web", true},
		{`{"StringLike":{"k":"${aws:username}/*"}}`, "travis/a", true},
		{`{"StringEqualsIgnoreCase":{"k":"${aws:username}"}}`, "TRAVIS", true},
		{`{"StringEquals":{"k":"${aws:PrincipalTag/none}"}}`, "", false},
		{`{"StringNotEquals":{"k":"${aws:PrincipalTag/none}"}}`, "x", true}, // nothing equals null
		{`{"StringNotEquals":{"k":"${aws:username}"}}`, "travis", false},
		{`{"ArnEquals":{"k":"arn:aws:iam::*:user/${aws:username}"}}`, "arn:aws:iam::1:user/travis", true},
		{`{"ArnEquals":{"k":"arn:aws:iam::${aws:PrincipalAccount}:user/*"}}`, "arn:aws:iam::123456789012:user/x", true},
		{`{"Bool":{"k":"${b, 'true'}"}}`, "true", true},
		{`{"StringEquals":{"k":"${many}"}}`, "a", false}, // several values are none
	} {
		r := Request{Principal: user, Need: Need{Keys: map[string][]string{"k": {c.value}, "many": {"a", "b"}}}}
		if got := applies(t, c.condition, r); got != c.want {
			t.Errorf("%s with %q: %v", c.condition, c.value, got)
		}
	}
}

func TestDerivedKeys(t *testing.T) {
	user := Principal{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/a/travis", UserName: "travis", UserID: "AIDAT", Tags: map[string]string{"Team": "web"}}
	role := Principal{Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/r/s", RoleARN: "arn:aws:iam::123456789012:role/x/r", UserID: "AROAR:s"}
	root := Principal{Account: "123456789012", ARN: "arn:aws:iam::123456789012:root", UserID: "123456789012", Root: true}
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		who       Principal
		condition string
		want      bool
	}{
		{user, `{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/a/travis"}}`, true},
		{role, `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/x/r"}}`, true},
		{role, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:sts::*"}}`, false},
		{role, `{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}`, true},
		{user, `{"StringEquals":{"aws:PrincipalType":"User"}}`, true},
		{role, `{"StringEquals":{"aws:PrincipalType":"AssumedRole"}}`, true},
		{role, `{"StringEquals":{"aws:userid":"AROAR:s"}}`, true},
		{role, `{"Null":{"aws:username":"true"}}`, true},
		{user, `{"StringEquals":{"AWS:USERNAME":"travis"}}`, true},
		{user, `{"StringEquals":{"aws:PrincipalTag/Team":"web"}}`, true},
		{user, `{"StringEquals":{"aws:principaltag/TEAM":"web"}}`, true},
		{user, `{"Null":{"aws:PrincipalTag/Other":"true"}}`, true},
		{user, `{"Bool":{"aws:PrincipalIsAWSService":"false"}}`, true},
		{user, `{"DateEquals":{"aws:CurrentTime":"2026-03-14T12:00:00Z"}}`, true},
		{user, `{"NumericEquals":{"aws:EpochTime":"1773489600"}}`, true},
		{user, `{"DateLessThan":{"aws:EpochTime":"2026-03-14T12:00:01Z"}}`, true},
		{user, `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, true},
		{user, `{"Null":{"aws:ResourceAccount":"true"}}`, true}, // a bucket's ARN has none
		{user, `{"Bool":{"aws:ViaAWSService":"false"}}`, true},
		{user, `{"Bool":{"aws:SecureTransport":"true"}}`, true},
		{user, `{"Bool":{"AWS:securetransport":"true"}}`, true},
	} {
		r := Request{Principal: c.who, Now: at, SourceIP: netip.MustParseAddr("::ffff:192.0.2.1"),
			Context: map[string][]string{"aws:SecureTransport": {"true"}}}
		if got := applies(t, c.condition, r); got != c.want {
			t.Errorf("%s of %s: %v", c.condition, c.who.ARN, got)
		}
	}
	// The root user is not held by identity-based policies; ask its keys alone.
	e := evaluation{request: &Request{Principal: root}}
	for name, want := range map[string]string{"aws:PrincipalType": "Account", "aws:userid": "123456789012", "aws:PrincipalArn": root.ARN} {
		if v := e.values(newKey(name)); v.len() != 1 || v.at(0) != want {
			t.Errorf("root's %s is %+v", name, v)
		}
	}
	for _, name := range []string{"aws:CurrentTime", "aws:SourceIp", "aws:username"} {
		if v := e.values(newKey(name)); v.len() != 0 {
			t.Errorf("%s is there: %+v", name, v)
		}
	}
}

package policy

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"
)

// FuzzParse feeds documents: none may crash, each error is a Malformed, and what
// parses can be evaluated, the same way twice and as a simulation.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"push.json", "deploy.json"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		``, `{}`, `[`, `{"Statement":[]}`, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		statement(`"Resource":["arn:aws:s3:::a/${aws:username}/*","arn:aws:s3:::${*}${?}${$}${a, 'b'}${"]`),
		statement(`"Condition":{"ForAllValues:StringLikeIfExists":{"aws:TagKeys":["a*",1,true]},"Null":{"k":"false"},"DateLessThan":{"aws:CurrentTime":"2026-01-01"}}`),
		statement(`"Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::1"]},"ArnLike":{"aws:PrincipalArn":"arn:*:${aws:userid}:*"},"BinaryEquals":{"k":"QQ=="}}`),
		saidTo("Deny", "s3:*", `{"AWS":["*","123456789012"],"Service":"ecs.amazonaws.com","Federated":[],"CanonicalUser":"x"}`),
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"},"NotAction":"s3:Get?","NotResource":"arn:aws:s3:::*/x"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text)
		var m *Malformed
		if err != nil {
			if !errors.As(err, &m) || m.Message == "" || m.Error() == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		for _, k := range []Kind{Identity, Trust, Resource} {
			if _, err := ParseAs(k, text); err != nil && !errors.As(err, &m) {
				t.Fatalf("as %s: %#v", k, err)
			}
		}
		all := []Source{{Kind: Identity, Document: d}}
		for _, who := range []Principal{user, role, root, alien, tasks, oidc, {}} {
			r := &Request{
				Principal: who, Need: Need{Action: "s3:GetObject", Resource: "arn:aws:s3:::a/travis/b", Keys: map[string][]string{"aws:TagKeys": {"a", "b"}, "k": {"QQ=="}}},
				Context: map[string][]string{"aws:SecureTransport": {"true"}}, Now: time.Unix(1773489600, 0), SourceIP: netip.MustParseAddr("10.0.0.1"),
			}
			p := &Policies{Identity: all, Boundary: all, Session: all, Resource: all}
			first := Evaluate(p, r)
			if again := Evaluate(p, r); again != first {
				t.Fatalf("%+v, then %+v", first, again)
			}
			if sim := Simulate(p, r); sim.Decision != first {
				t.Fatalf("%+v, simulated %+v", first, sim.Decision)
			}
		}
		EvaluateTrust(d, &Request{Principal: tasks, Need: Need{Action: "sts:AssumeRole"}})
	})
}

package signature

import (
	"strings"
	"testing"
)

func BenchmarkVerify(b *testing.B) {
	s := signer{key: session, region: "eu-west-1", service: "ecs", at: noon}
	for _, c := range []struct{ name, body string }{
		{"256B", strings.Repeat("x", 256)},
		{"16KiB", strings.Repeat("x", 16<<10)},
	} {
		r := s.signed("POST", "/", c.body, "Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DescribeServices")
		body := []byte(c.body)
		b.Run(c.name, func(b *testing.B) {
			v := verifier(noon)
			b.ReportAllocs()
			for b.Loop() {
				if _, failure := v.Verify(r, body); failure != nil {
					b.Fatal(failure)
				}
			}
		})
	}
}

// BenchmarkVerifyDeriving is what a request costs whose signing key is not kept.
func BenchmarkVerifyDeriving(b *testing.B) {
	r := signer{key: travis, region: "eu-west-1", service: "ecs", at: noon}.signed("POST", "/", "")
	v := verifier(noon)
	for b.Loop() {
		v.derived.keys = nil
		if _, failure := v.Verify(r, nil); failure != nil {
			b.Fatal(failure)
		}
	}
}

func BenchmarkScope(b *testing.B) {
	r := signer{key: travis, region: "eu-west-1", service: "ecs", at: noon}.signed("POST", "/", "")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, _, ok := Scope(r); !ok {
			b.Fatal("no scope")
		}
	}
}

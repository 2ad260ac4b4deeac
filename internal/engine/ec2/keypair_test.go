package ec2

import (
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
)

func TestKeyPairsThatEC2Makes(t *testing.T) {
	r := newRig(t)
	for typ, want := range map[api.KeyType]struct{ fingerprint, header string }{
		"":        {`^([0-9a-f]{2}:){19}[0-9a-f]{2}$`, "-----BEGIN RSA PRIVATE KEY-----"},
		"ed25519": {`^[A-Za-z0-9+/]{43}=$`, "-----BEGIN OPENSSH PRIVATE KEY-----"},
	} {
		name := "key-" + string(typ)
		k := must[api.KeyPair](r, "CreateKeyPair", &api.CreateKeyPairRequest{KeyName: &name, KeyType: typ})
		if !regexp.MustCompile(want.fingerprint).MatchString(*k.KeyFingerprint) || !strings.HasPrefix(*k.KeyMaterial, want.header) {
			t.Errorf("%s: %s, %.40s", typ, *k.KeyFingerprint, *k.KeyMaterial)
		}
		signer, err := ssh.ParsePrivateKey([]byte(*k.KeyMaterial))
		if err != nil {
			t.Fatal(err)
		}
		shown := must[api.DescribeKeyPairsResult](r, "DescribeKeyPairs", &api.DescribeKeyPairsRequest{KeyNames: []string{name}, IncludePublicKey: new(true)}).KeyPairs[0]
		public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(*shown.PublicKey))
		if err != nil || string(public.Marshal()) != string(signer.PublicKey().Marshal()) {
			t.Errorf("%s: the public key is not the private one's: %v", typ, err)
		}
		r.refused("InvalidKeyPair.Duplicate", "already exists", "CreateKeyPair", &api.CreateKeyPairRequest{KeyName: &name})
	}
	must[api.DeleteKeyPairResult](r, "DeleteKeyPair", &api.DeleteKeyPairRequest{KeyName: new("key-")})
	must[api.DeleteKeyPairResult](r, "DeleteKeyPair", &api.DeleteKeyPairRequest{KeyName: new("key-")})
	r.refused("InvalidKeyPair.NotFound", "The key pair 'key-' does not exist", "DescribeKeyPairs", &api.DescribeKeyPairsRequest{KeyNames: []string{"key-"}})
}

// Keys of this test only; the fingerprints are what ssh-keygen and openssl say
// of them (ssh-keygen -l -E sha256; openssl rsa -pubin -outform DER | openssl md5 -c).
const (
	testEd25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIATEI45qpaKTuWubEbq/LhtPWEZvl3DFuBNl8ptm55OT"
	testRSA     = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDJ1AaFh3J4DPiRUZvgnA9Q6ZOKsF6WdQq7BR1VoZUxpsNrN1Vqx6suYbX5xt//As2WLwlBoQCv0EPfE6eSpZsnIwS13a3PhlaK9o4dvmMJgUF8t5nuNQUUk29VT57P5U8E/Fms3185JM5aQCEoLYIoLbBrA1fz18g7Ow5elVWiJvhSAdLfOexJtA3l3GLkynp8oCRkfE2ljASfjGLjt+VI+Pv0FP6muTjnmrhUyxhlRyX9maGBytwlQSDL4q4cMVIqXQiXTe2eYsIm3BwM1hKaaU4wE8f5T74j6m9B/UbNGtpjNbFy6MRfdvPWZ/SXIYFLAq8QceSTQtT3ytSprKOz"
)

func TestKeyPairsThatUsersBring(t *testing.T) {
	r := newRig(t)
	blob := strings.Fields(testRSA)[1]
	rfc4716 := "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"a\\\nb\"\n" + blob[:70] + "\n" + blob[70:] + "\n---- END SSH2 PUBLIC KEY ----\n"
	for name, tt := range map[string]struct{ material, fingerprint string }{
		"ed25519": {testEd25519 + " me@here", "42RyM/nhsGg3wFQMeC2zaxm0QeMVeiD04iYQiIrG59I="},
		"openssh": {testRSA + " me@here\n", "a1:aa:d8:fe:e6:64:50:65:87:59:4d:0d:f9:b1:f9:02"},
		"rfc4716": {rfc4716, "a1:aa:d8:fe:e6:64:50:65:87:59:4d:0d:f9:b1:f9:02"},
		"der":     {"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAydQGhYdyeAz4kVGb4JwPUOmTirBelnUKuwUdVaGVMabDazdVaserLmG1+cbf/wLNli8JQaEAr9BD3xOnkqWbJyMEtd2tz4ZWivaOHb5jCYFBfLeZ7jUFFJNvVU+ez+VPBPxZrN9fOSTOWkAhKC2CKC2wawNX89fIOzsOXpVVoib4UgHS3znsSbQN5dxi5Mp6fKAkZHxNpYwEn4xi47flSPj79BT+prk455q4VMsYZUcl/ZmhgcrcJUEgy+KuHDFSKl0Il03tnmLCJtwcDNYSmmlOMBPH+U++I+pvQf1GzRraYzWxcujEX3bz1mf0lyGBSwKvEHHkk0LU98rUqayjswIDAQAB", "a1:aa:d8:fe:e6:64:50:65:87:59:4d:0d:f9:b1:f9:02"},
	} {
		k := must[api.ImportKeyPairResult](r, "ImportKeyPair", &api.ImportKeyPairRequest{KeyName: &name, PublicKeyMaterial: []byte(tt.material)})
		if *k.KeyFingerprint != tt.fingerprint {
			t.Errorf("%s: %s, want %s", name, *k.KeyFingerprint, tt.fingerprint)
		}
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("x")})
	for _, bad := range []string{"", "ssh-rsa", "hello", base64.StdEncoding.EncodeToString([]byte("hello")), string(private)} {
		r.refused("InvalidKey.Format", "Key is not in valid OpenSSH public key format", "ImportKeyPair", &api.ImportKeyPairRequest{KeyName: new("bad"), PublicKeyMaterial: []byte(bad)})
	}
}

func FuzzParsePublic(f *testing.F) {
	f.Add(testEd25519)
	f.Add(testRSA)
	f.Add("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \\\n\n---- END SSH2 PUBLIC KEY ----")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := importKey([]byte(text))
		if err == nil && (k.public == "" || k.fingerprint == "" || k.typ == "") {
			t.Errorf("%q was taken as %+v", text, k)
		}
	})
}

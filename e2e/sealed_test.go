package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No secret stands in the clear in any file of the data folder: not in the
// database, its write-ahead log, the run file or the engine's own log.
func TestSecretsAreSealedOnDisk(t *testing.T) {
	t.Parallel()
	p, data := foreground(t, "--simulate")
	c, ctx := p.Client(), t.Context()
	_, token, err := p.Secrets(data)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"the Cloudflare token": token, "a root key given by hand": c.Secret, "a parameter": "parameter-in-the-clear", "a secret": "secret-in-the-clear", "its second version": "version-in-the-clear"}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var user struct {
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	ok(c.Query(ctx, "iam", "2010-05-08", "CreateUser", nil, "UserName", "travis"))
	ok(c.Query(ctx, "iam", "2010-05-08", "CreateAccessKey", &user, "UserName", "travis"))
	var session struct {
		Secret string `xml:"GetSessionTokenResult>Credentials>SecretAccessKey"`
		Token  string `xml:"GetSessionTokenResult>Credentials>SessionToken"`
	}
	ok(c.Query(ctx, "sts", "2011-06-15", "GetSessionToken", &session))
	secrets["an access key's secret"], secrets["a session's secret"], secrets["a session's token"] = user.Secret, session.Secret, session.Token
	ok(c.JSON(ctx, "ssm", "AmazonSSM.PutParameter", map[string]any{"Name": "/p", "Type": "SecureString", "Value": secrets["a parameter"]}, nil))
	ok(c.JSON(ctx, "secretsmanager", "secretsmanager.CreateSecret", map[string]any{"Name": "s", "ClientRequestToken": strings.Repeat("1", 32), "SecretString": secrets["a secret"]}, nil))
	ok(c.JSON(ctx, "secretsmanager", "secretsmanager.PutSecretValue", map[string]any{"SecretId": "s", "ClientRequestToken": strings.Repeat("2", 32), "SecretBinary": base64.StdEncoding.EncodeToString([]byte(secrets["its second version"]))}, nil))
	certFile, keyFile := selfSigned(t, "shop.example.test", 1)
	certificate, err := os.ReadFile(certFile)
	ok(err)
	key, err := os.ReadFile(keyFile)
	ok(err)
	ok(c.JSON(ctx, "acm", "CertificateManager.ImportCertificate", map[string]any{"Certificate": certificate, "PrivateKey": key}, nil))
	block, _ := pem.Decode(key)
	secrets["a private key"] = string(block.Bytes)
	// An empty one would be found in no file.
	for what, secret := range secrets {
		if len(secret) < 16 {
			t.Fatalf("%s is %q", what, secret)
		}
	}
	inTheClear(t, data, secrets)
	ok(p.Stop())
	inTheClear(t, data, secrets)
}

// inTheClear looks for the secrets, and for their base64, in every file but the
// vault's key.
func inTheClear(t *testing.T, data string, secrets map[string]string) {
	t.Helper()
	looked := 0
	err := filepath.WalkDir(data, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		looked += len(text)
		for what, secret := range secrets {
			for shift := range 3 { // base64 of it, wherever in a longer text it begins
				coded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), secret...))
				if bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(coded[4:len(coded)-4])) {
					t.Errorf("%s stands in %s", what, file)
					break
				}
			}
		}
		return nil
	})
	if err != nil || looked < 10_000 {
		t.Fatalf("looked at %d bytes: %v", looked, err)
	}
}

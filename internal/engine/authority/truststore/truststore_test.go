package truststore

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/engine/authority"
)

// anchors are two real ones.
func anchors(t *testing.T) (list []Anchor, ca string) {
	t.Helper()
	a, err := authority.Open(authority.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"demo.windingtree.com", "www.example.org"} {
		if _, err := a.Issue(authority.Request{Names: []string{name}, Key: authority.P256}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := authority.Anchors(filepath.Dir(a.RootFile()))
	if err != nil {
		t.Fatal(err)
	}
	for _, anchor := range all {
		list = append(list, Anchor{anchor.Name, anchor.File})
	}
	return list, a.RootFile()
}

// machine is a made-up machine: folders below a root, and commands that are
// written down.
func machine(t *testing.T, system string, dirs ...string) (Options, *[]string) {
	t.Helper()
	o := Options{Root: t.TempDir(), Home: t.TempDir(), OS: system}
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(o.Root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var ran []string
	o.Run = func(_ context.Context, argv []string) ([]byte, error) {
		ran = append(ran, strings.Join(argv, " "))
		return nil, nil
	}
	o.Look = func(string) (string, error) { return "", nil }
	return o, &ran
}

// files lists what is below a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func apply(t *testing.T, changes []Change, err error) {
	t.Helper()
	for _, c := range changes {
		if err == nil {
			err = c.Apply(t.Context())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestSystemStores(t *testing.T) {
	list, ca := anchors(t)
	tests := []struct {
		why, dir, command string
	}{
		{"Debian", "usr/local/share/ca-certificates", "update-ca-certificates"},
		{"Fedora", "etc/pki/ca-trust/source/anchors", "update-ca-trust extract"},
		{"Arch", "etc/ca-certificates/trust-source/anchors", "trust extract-compat"},
		{"SUSE", "usr/share/pki/trust/anchors", "update-ca-certificates"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			o, ran := machine(t, "linux", tt.dir)
			o.Registries, o.RegistryCA = []string{"10.0.0.1:4611"}, ca
			foreign := filepath.Join(o.Root, tt.dir, "company.crt")
			if err := os.WriteFile(foreign, []byte("theirs"), 0o600); err != nil {
				t.Fatal(err)
			}
			changes, err := Install(o, list)
			if got := files(t, o.Root); len(got) != 1 {
				t.Errorf("planning wrote %v", got)
			}
			apply(t, changes, err)
			want := []string{"etc/docker/certs.d/10.0.0.1:4611/slipway-ca.crt", tt.dir + "/company.crt", tt.dir + "/slipway-example.org.crt", tt.dir + "/slipway-windingtree.com.crt"}
			got := files(t, o.Root)
			slices.Sort(want)
			slices.Sort(got)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("after installing (-want +got):\n%s", d)
			}
			// What was announced is what happened.
			var announced []string
			for _, c := range changes {
				for _, s := range c.Steps {
					if s.Write != "" {
						announced = append(announced, strings.TrimPrefix(s.Write, o.Root+"/"))
					}
				}
			}
			if len(announced) != len(want)-1 {
				t.Errorf("announced %v, wrote %v", announced, got)
			}
			changes, err = Remove(o)
			apply(t, changes, err)
			if d := cmp.Diff([]string{tt.dir + "/company.crt"}, files(t, o.Root)); d != "" {
				t.Errorf("after removing (-want +got):\n%s", d)
			}
			if d := cmp.Diff([]string{tt.command, tt.command}, *ran); d != "" {
				t.Errorf("commands (-want +got):\n%s", d)
			}
			// A second removal finds nothing to do.
			changes, err = Remove(o)
			if err != nil || len(changes) != 1 || len(changes[0].Steps) != 0 || changes[0].Skipped == "" {
				t.Errorf("removing again: %+v, %v", changes, err)
			}
		})
	}
}

func TestKeychain(t *testing.T) {
	list, _ := anchors(t)
	o, ran := machine(t, "darwin")
	changes, err := Install(o, list)
	apply(t, changes, err)
	want := []string{
		"security add-trusted-cert -d -r trustRoot -p ssl -k /Library/Keychains/System.keychain " + list[0].File,
		"security add-trusted-cert -d -r trustRoot -p ssl -k /Library/Keychains/System.keychain " + list[1].File,
	}
	if d := cmp.Diff(want, *ran); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	*ran = nil
	o.Run = func(_ context.Context, argv []string) ([]byte, error) {
		*ran = append(*ran, strings.Join(argv, " "))
		return []byte("SHA-256 hash: 99\nSHA-1 hash: AB12\nkeychain: x\nSHA-1 hash: CD34\n"), nil
	}
	changes, err = Remove(o)
	apply(t, changes, err)
	want = []string{
		"security find-certificate -a -c Slipway anchor for  -Z /Library/Keychains/System.keychain",
		"security delete-certificate -Z AB12 -t /Library/Keychains/System.keychain",
		"security delete-certificate -Z CD34 -t /Library/Keychains/System.keychain",
	}
	if d := cmp.Diff(want, *ran); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestNothingToInstallInto(t *testing.T) {
	list, _ := anchors(t)
	o, _ := machine(t, "linux")
	changes, err := Install(o, list)
	if err != nil || len(changes) != 2 || changes[0].Skipped == "" || changes[1].Skipped == "" {
		t.Errorf("%+v, %v", changes, err)
	}
	if err := os.MkdirAll(filepath.Join(o.Home, ".pki/nssdb"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Home, ".pki/nssdb/cert9.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Look = func(string) (string, error) { return "", exec.ErrNotFound }
	changes, err = Install(o, list)
	if err != nil || len(changes) != 2 || !strings.Contains(changes[1].Skipped, "libnss3-tools") {
		t.Errorf("without certutil: %+v, %v", changes, err)
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	list, _ := anchors(t)
	o, _ := machine(t, "linux", "usr/local/share/ca-certificates")
	o.Run = func(context.Context, []string) ([]byte, error) {
		return []byte("no room\n"), errors.New("exit status 1")
	}
	changes, err := Install(o, list)
	if err != nil {
		t.Fatal(err)
	}
	if err := changes[0].Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "update-ca-certificates: exit status 1: no room") {
		t.Errorf("a command that fails: %v", err)
	}
	if err := denied(&os.PathError{Op: "open", Path: "/x", Err: os.ErrPermission}); !strings.Contains(err.Error(), "sudo") {
		t.Errorf("a refusal: %v", err)
	}
}

// TestNSS has certutil itself keep the databases of a browser's user.
func TestNSS(t *testing.T) {
	if _, err := exec.LookPath("certutil"); err != nil {
		t.Skip("SKIP: certutil is not installed (Debian: libnss3-tools)")
	}
	list, _ := anchors(t)
	o := Options{Root: t.TempDir(), Home: t.TempDir(), OS: "linux"}
	var dbs []string
	for _, dir := range []string{".pki/nssdb", ".mozilla/firefox/abc.default-release"} {
		db := filepath.Join(o.Home, dir)
		dbs = append(dbs, "sql:"+db)
		if err := os.MkdirAll(db, 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("certutil", "-N", "--empty-password", "-d", "sql:"+db).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	listed := func(db string) string {
		out, err := exec.Command("certutil", "-L", "-d", db).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	for range 2 { // installing again changes nothing
		changes, err := Install(o, list)
		apply(t, changes, err)
		for _, db := range dbs {
			if out := listed(db); strings.Count(out, "slipway-windingtree.com") != 1 || strings.Count(out, "slipway-example.org") != 1 || strings.Count(out, "C,,") != 2 {
				t.Errorf("%s after installing:\n%s", db, out)
			}
		}
	}
	changes, err := Remove(o)
	apply(t, changes, err)
	for _, db := range dbs {
		if out := listed(db); strings.Contains(out, prefix) {
			t.Errorf("%s after removing:\n%s", db, out)
		}
	}
}

// TestDebian runs Debian's own update-ca-certificates on folders below a root.
func TestDebian(t *testing.T) {
	update, err := exec.LookPath("update-ca-certificates")
	if err != nil {
		t.Skip("SKIP: update-ca-certificates is not installed (Debian: ca-certificates)")
	}
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIP: openssl is not installed")
	}
	list, _ := anchors(t)
	o, _ := machine(t, "linux", "usr/local/share/ca-certificates", "etc/ssl/certs", "usr/share/ca-certificates", "etc/ca-certificates/update.d")
	in := func(path string) string { return filepath.Join(o.Root, path) }
	if err := os.WriteFile(in("etc/ca-certificates.conf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Run = func(ctx context.Context, argv []string) ([]byte, error) {
		if !slices.Equal(argv, []string{"update-ca-certificates"}) {
			return nil, errors.New("another command: " + strings.Join(argv, " "))
		}
		return exec.CommandContext(ctx, update, "--certsconf", in("etc/ca-certificates.conf"), "--certsdir", in("usr/share/ca-certificates"),
			"--localcertsdir", in("usr/local/share/ca-certificates"), "--etccertsdir", in("etc/ssl/certs"), "--hooksdir", in("etc/ca-certificates/update.d")).CombinedOutput()
	}
	trusted := func() bool {
		out, err := exec.Command(openssl, "verify", "-no-CAfile", "-no-CAstore", "-CApath", in("etc/ssl/certs"), list[0].File).CombinedOutput()
		return err == nil && strings.Contains(string(out), "OK")
	}
	if trusted() {
		t.Fatal("trusted before it is installed")
	}
	changes, err := Install(o, list)
	apply(t, changes, err)
	if !trusted() {
		t.Error("not trusted after it is installed")
	}
	changes, err = Remove(o)
	apply(t, changes, err)
	if trusted() {
		t.Error("trusted after it is removed")
	}
}

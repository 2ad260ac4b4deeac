package registry

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tool is a client's program with an environment of its own.
type tool struct {
	t    *testing.T
	path string
	env  []string
}

func newTool(t *testing.T, name string, env ...string) *tool {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIP: %s is not installed", name)
	}
	return &tool{t, path, append(os.Environ(), env...)}
}

func (c *tool) try(stdin []byte, args ...string) (string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Env, cmd.Stdin = c.env, bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c *tool) run(stdin []byte, args ...string) string {
	c.t.Helper()
	out, err := c.try(stdin, args...)
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", filepath.Base(c.path), strings.Join(args, " "), err, out)
	}
	return out
}

// refused wants the command to fail with a message.
func (c *tool) refused(message string, args ...string) {
	c.t.Helper()
	out, err := c.try(nil, args...)
	if err == nil || !strings.Contains(out, message) {
		c.t.Errorf("%s %s: %v\n%s\nwant %q", filepath.Base(c.path), strings.Join(args, " "), err, out, message)
	}
}

// archive is a tar of one file.
func archive(content []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: int64(len(content))}); err != nil {
		panic(err)
	}
	w.Write(content)
	w.Close()
	return b.Bytes()
}

// ecrLike has a repository app that has immutable tags, one user, and nothing
// else.
func ecrLike(t *testing.T) *fixture {
	return start(t, Options{
		Exists:    func(_ context.Context, r Repository) bool { return r.Name == "team/app" },
		Immutable: func(_ context.Context, _ Repository, tag string) bool { return tag != "latest" },
		Authorize: func(_ context.Context, c Credentials, access []Access) (string, error) {
			switch {
			case c == Credentials{"AWS", "secret"}:
				return "root", nil
			case c != Credentials{"AWS", "readonly"}:
				return "", Unauthorized()
			}
			for _, a := range access {
				if a.Action == "ecr:InitiateLayerUpload" || a.Action == "ecr:PutImage" {
					return "", Denied("User: arn:aws:iam::000000000000:user/r is not authorized to perform: " + a.Action)
				}
			}
			return "reader", nil
		},
	})
}

// TestDocker has a real daemon push and pull, with no configuration of its own.
func TestDocker(t *testing.T) {
	f := ecrLike(t)
	docker := newTool(t, "docker", "DOCKER_CONFIG="+t.TempDir())
	if out, err := docker.try(nil, "version", "--format", "{{.Server.Version}}"); err != nil {
		t.Skipf("SKIP: no Docker daemon answers: %s", out)
	}
	image := func(ref string, content []byte) string {
		uri := f.host + "/" + ref
		docker.run(archive(content), "import", "--change", "LABEL slipway-test=registry", "-", uri)
		t.Cleanup(func() { docker.try(nil, "rmi", "--force", uri) })
		return uri
	}
	v1 := image("team/app:v1", random(300_000))
	docker.refused("no basic auth credentials", "push", v1)
	docker.refused("401 Unauthorized", "login", "--username", "AWS", "--password", "wrong", f.host)
	docker.run([]byte("readonly"), "login", "--username", "AWS", "--password-stdin", f.host)
	docker.refused("denied: User: arn:aws:iam::000000000000:user/r is not authorized to perform: ecr:InitiateLayerUpload", "push", v1)
	docker.run([]byte("secret"), "login", "--username", "AWS", "--password-stdin", f.host)
	docker.refused("name unknown: The repository with name 'elsewhere' does not exist in the registry with id '000000000000'", "push", image("elsewhere:v1", nil))

	out := docker.run(nil, "push", v1)
	stored, err := f.Image(repo("team/app"), "v1")
	if err != nil || !strings.Contains(out, "digest: "+stored.Digest) {
		t.Errorf("docker pushed\n%s\nstored is %+v, %v", out, stored, err)
	}
	docker.run(nil, "push", v1) // the same again
	docker.refused("tag invalid: The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten because the repository is immutable.",
		"push", image("team/app:v1", []byte("another")))

	docker.run(nil, "rmi", "--force", v1)
	docker.run(nil, "pull", v1)
	docker.run(nil, "pull", f.host+"/team/app@"+stored.Digest)
	t.Cleanup(func() { docker.try(nil, "rmi", "--force", f.host+"/team/app@"+stored.Digest) })
	if label := docker.run(nil, "inspect", "--format", `{{index .Config.Labels "slipway-test"}}`, v1); strings.TrimSpace(label) != "registry" {
		t.Errorf("what was pulled is not what was pushed: %s", label)
	}
	docker.refused("manifest unknown: Requested image not found", "pull", f.host+"/team/app:none")
	// The default scope by its full name, too.
	full := f.host + "/" + account + "/" + region + "/team/app:v1"
	docker.run(nil, "pull", full)
	t.Cleanup(func() { docker.try(nil, "rmi", "--force", full) })
}

// TestSkopeo copies in all forms that it knows.
func TestSkopeo(t *testing.T) {
	f := ecrLike(t)
	dir := t.TempDir()
	skopeo := newTool(t, "skopeo", "HOME="+dir, "TMPDIR="+dir)
	policy := filepath.Join(dir, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	// An OCI layout on the disk is the source.
	source := layout(t, filepath.Join(dir, "source"), archive(random(200_000)))
	to := func(tag string) string { return "docker://" + f.host + "/team/app:" + tag }
	copyTo := func(args ...string) []string {
		return append([]string{"--policy", policy, "copy", "--dest-tls-verify=false", "--src-tls-verify=false"}, args...)
	}
	skopeo.run(nil, copyTo("--dest-creds", "AWS:secret", "oci:"+source, to("oci"))...)
	skopeo.run(nil, copyTo("--dest-creds", "AWS:secret", "--format", "v2s2", "oci:"+source, to("docker"))...)
	skopeo.run(nil, copyTo("--dest-creds", "AWS:secret", "--src-creds", "AWS:secret", to("oci"), to("copied"))...)
	for tag, mediaType := range map[string]string{
		"oci": "application/vnd.oci.image.manifest.v1+json", "docker": "application/vnd.docker.distribution.manifest.v2+json", "copied": "application/vnd.oci.image.manifest.v1+json",
	} {
		i, err := f.Image(repo("team/app"), tag)
		if err != nil || i.MediaType != mediaType {
			t.Errorf("%s is %+v, %v", tag, i, err)
		}
		var inspected struct{ Digest string }
		out := skopeo.run(nil, "inspect", "--tls-verify=false", "--creds", "AWS:readonly", to(tag))
		if err := json.Unmarshal([]byte(out), &inspected); err != nil || inspected.Digest != i.Digest {
			t.Errorf("skopeo inspects %s as %s, %v; stored is %s", tag, inspected.Digest, err, i.Digest)
		}
		skopeo.run(nil, copyTo("--src-creds", "AWS:readonly", to(tag), "oci:"+filepath.Join(dir, "back-"+tag))...)
	}
	skopeo.refused("manifest unknown", "inspect", "--tls-verify=false", "--creds", "AWS:secret", to("none"))
	skopeo.refused("The repository with name 'none' does not exist", copyTo("--dest-creds", "AWS:secret", "oci:"+source, "docker://"+f.host+"/none:v1")...)
	skopeo.refused("not authorized to perform: ecr:InitiateLayerUpload", copyTo("--dest-creds", "AWS:readonly", "oci:"+layout(t, filepath.Join(dir, "other"), archive([]byte("x"))), to("denied"))...)
	skopeo.refused("unauthorized", "inspect", "--tls-verify=false", "--no-creds", to("oci"))
	skopeo.run(nil, "delete", "--tls-verify=false", "--creds", "AWS:secret", to("copied"))
	if images, err := f.Images(repo("team/app")); err != nil || len(images) != 1 {
		t.Errorf("after deleting the OCI image: %+v, %v", images, err)
	}
}

// layout writes an OCI layout with an image of one layer.
func layout(t *testing.T, dir string, layer []byte) string {
	t.Helper()
	put := func(b []byte) map[string]any {
		d := digestOf(b)
		file := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(d, "sha256:"))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return map[string]any{"digest": d, "size": len(b)}
	}
	typed := func(m map[string]any, mediaType string) map[string]any { m["mediaType"] = mediaType; return m }
	config := typed(put(marshal(map[string]any{"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(layer)}}})),
		"application/vnd.oci.image.config.v1+json")
	manifest := put(marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
		"layers": []any{typed(put(layer), "application/vnd.oci.image.layer.v1.tar")}}))
	for name, v := range map[string]any{
		"oci-layout": map[string]string{"imageLayoutVersion": "1.0.0"},
		"index.json": map[string]any{"schemaVersion": 2, "manifests": []any{typed(manifest, "application/vnd.oci.image.manifest.v1+json")}},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), marshal(v), 0o600); err != nil {
			t.Fatal(fmt.Errorf("writing a layout: %w", err))
		}
	}
	return dir
}

// TestPodman has Podman push and pull, with storage of its own and no daemon.
func TestPodman(t *testing.T) {
	f := ecrLike(t)
	dir := t.TempDir()
	podman := newTool(t, "podman", "XDG_RUNTIME_DIR="+filepath.Join(dir, "run"), "REGISTRY_AUTH_FILE="+filepath.Join(dir, "auth.json"))
	own := []string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "runroot"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"}
	do := func(stdin []byte, args ...string) string { return podman.run(stdin, append(own, args...)...) }
	uri := f.host + "/team/app:v1"
	do(archive(random(100_000)), "import", "--change", "LABEL slipway-test=podman", "-", uri)
	podman.refused("invalid username/password", append(own, "login", "--tls-verify=false", "--username", "AWS", "--password", "wrong", f.host)...)
	do([]byte("secret"), "login", "--tls-verify=false", "--username", "AWS", "--password-stdin", f.host)
	do(nil, "push", "--tls-verify=false", uri)
	stored, err := f.Image(repo("team/app"), "v1")
	if err != nil || stored.Digest == "" {
		t.Fatalf("stored is %+v, %v", stored, err)
	}
	do(nil, "rmi", "--force", uri)
	do(nil, "pull", "--tls-verify=false", f.host+"/team/app@"+stored.Digest)
	if label := do(nil, "inspect", "--format", `{{index .Labels "slipway-test"}}`, f.host+"/team/app@"+stored.Digest); strings.TrimSpace(label) != "podman" {
		t.Errorf("what was pulled is not what was pushed: %s", label)
	}
	do(archive([]byte("another")), "import", "-", uri)
	podman.refused("immutable", append(own, "push", "--tls-verify=false", uri)...)
}

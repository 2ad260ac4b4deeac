package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A backup that is made while others write is a data folder: an engine started on
// it has what was acknowledged before, and the same keys.
func TestABackupIsADataFolder(t *testing.T) {
	t.Parallel()
	e := start(t, "--simulate")
	e.must("ecs", "create-cluster", "--cluster-name", "before")
	e.must("ssm", "put-parameter", "--name", "/secret", "--type", "SecureString", "--value", "hunter2")
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			cmd := exec.Command("aws", "ecs", "create-cluster", "--cluster-name", "meanwhile")
			cmd.Env = e.env
			if err := cmd.Run(); err != nil {
				done <- err
				return
			}
		}
	}()
	file := filepath.Join(t.TempDir(), "backup.tar")
	if out, err := exec.Command(e.binary, "engine", "backup", "--data", e.data, file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error("a writer was disturbed:", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if out, err := exec.Command(e.binary, "engine", "backup", "--data", e.data, file).CombinedOutput(); err == nil || !strings.Contains(string(out), "is not written over") {
		t.Errorf("a second backup into the file: %v: %s", err, out)
	}

	restored := &engine{t: t, binary: e.binary, data: t.TempDir()}
	if out, err := exec.Command("tar", "-xf", file, "-C", restored.data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	restored.begin("--simulate")
	if got := restored.must("ecs", "describe-clusters", "--clusters", "before", "--query", "clusters[].status"); got != "ACTIVE" {
		t.Errorf("the cluster is %q", got)
	}
	if got := restored.must("ssm", "get-parameter", "--name", "/secret", "--with-decryption", "--query", "Parameter.Value"); got != "hunter2" {
		t.Errorf("the secret is %q", got)
	}
}

// With its disk full the engine refuses writes by name and answers reads; with room
// it goes on, and what it refused is not there.
func TestAFullDataFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIP: a small disk can be mounted by root only")
	}
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=16m", "slipway-test", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "--lazy", disk).Run() }) // the engine may be about to end
	e := &engine{t: t, binary: binary(t), data: filepath.Join(disk, "data")}
	e.begin("--simulate")
	e.must("ecs", "create-cluster", "--cluster-name", "before")
	filler := filepath.Join(disk, "filler")
	fillUp(t, filler)
	refused := ""
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} { // the log may have room for the first
		if refused = e.aws("ecs", "register-task-definition", "--family", name, "--container-definitions",
			`[{"name":"a","image":"b","memory":64,"environment":[{"name":"X","value":"`+strings.Repeat("x", 30_000)+`"}]}]`, "--query", "taskDefinition.family"); refused != name {
			break
		}
	}
	if !strings.Contains(refused, "ServiceUnavailable") || !strings.Contains(refused, "Look at the disk of the engine's data folder") {
		t.Errorf("a write: %s", refused)
	}
	if got := e.must("ecs", "list-clusters", "--query", "length(clusterArns)"); got != "1" {
		t.Errorf("%s clusters are read", got)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	e.must("ecs", "create-cluster", "--cluster-name", "after")
	if got := e.must("ecs", "list-clusters", "--query", "length(clusterArns)"); got != "2" {
		t.Errorf("%s clusters", got)
	}
}

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// terraform runs Terraform in a copy of a configuration.
type terraform struct {
	*engine
	dir string
}

func (e *engine) terraform(t *testing.T, configuration string) *terraform {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("SKIP: terraform is not installed")
	}
	tf := &terraform{e, t.TempDir()}
	tf.mirror(t)
	if err := os.CopyFS(tf.dir, os.DirFS(configuration)); err != nil {
		t.Fatal(err)
	}
	if out, code := tf.run("init", "-input=false"); code != 0 {
		t.Skipf("SKIP: the AWS provider is neither in the plugin mirror nor to be had: %s", out)
	}
	return tf
}

// mirror has Terraform take the AWS provider from a folder called tf-plugins,
// where the machine has one, and else from the registry.
func (tf *terraform) mirror(t *testing.T) {
	t.Helper()
	home, _ := os.UserHomeDir()
	text := "disable_checkpoint = true\n"
	for _, dir := range []string{os.Getenv("TF_PLUGIN_DIR"), "/opt/tf-plugins", "/srv/tf-plugins", "/usr/share/tf-plugins", "/usr/local/share/tf-plugins", filepath.Join(home, "tf-plugins")} {
		if _, err := os.Stat(filepath.Join(dir, "registry.terraform.io")); dir != "" && err == nil {
			text += fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\n", dir)
			break
		}
	}
	if err := os.WriteFile(filepath.Join(tf.dir, "terraformrc"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run gives the output and the exit code.
func (tf *terraform) run(args ...string) (string, int) {
	cmd := exec.Command("terraform", append([]string{args[0], "-no-color"}, args[1:]...)...)
	cmd.Dir, cmd.Env = tf.dir, append(tf.env[:len(tf.env):len(tf.env)], "TF_IN_AUTOMATION=1", "AWS_REGION=eu-west-1", "TF_CLI_CONFIG_FILE="+filepath.Join(tf.dir, "terraformrc"))
	out, _ := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), cmd.ProcessState.ExitCode()
}

// What Terraform has made it finds as it made it, and takes away.
func TestTerraformsSecondPlanIsEmpty(t *testing.T) {
	t.Parallel() // it waits most of the time
	configurations, err := filepath.Glob("testdata/terraform/*")
	if err != nil || len(configurations) == 0 {
		t.Fatal(configurations, err)
	}
	e := start(t, "--simulate")
	for _, configuration := range configurations {
		t.Run(filepath.Base(configuration), func(t *testing.T) {
			tf := e.terraform(t, configuration)
			if out, code := tf.run("apply", "-auto-approve", "-input=false"); code != 0 {
				t.Fatalf("apply: %s", out)
			}
			if out, code := tf.run("plan", "-detailed-exitcode", "-input=false"); code != 0 {
				t.Errorf("the second plan: %s", out)
			}
			if out, code := tf.run("destroy", "-auto-approve", "-input=false"); code != 0 {
				t.Errorf("destroy: %s", out)
			}
		})
	}
}

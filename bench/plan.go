package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const services = 200

// planning measures a plan over 200 services of which nothing has changed: how many
// API calls it takes, and how long, beside Terraform, which gets 200 services and
// their task definitions on the same engine, and nothing of load balancers, names
// and certificates.
func planning(ctx context.Context, b *bench) ([]row, error) {
	dir, err := os.MkdirTemp("", "slipway-planning-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var file strings.Builder
	file.WriteString("app: many\nimage: docker.io/library/none:1\nservices:\n")
	for i := range services {
		fmt.Fprintf(&file, "  s%03d: { memory: 16, count: 0", i)
		if i < 90 { // a load balancer has a hundred rules
			fmt.Fprintf(&file, ", port: 8000, host: h%d.slipway.test, paths: [\"/%d/*\"]", i/30, i)
		}
		file.WriteString(" }\n")
	}
	file.WriteString("environments:\n  playground: { on: engine, branch: main, cluster: many }\ncluster: { name: many, size: { min: 0, max: 2 } }\n")
	if err := os.WriteFile(filepath.Join(dir, "slipway.yaml"), []byte(file.String()), 0o644); err != nil {
		return nil, err
	}
	s := shell{ctx: ctx, dir: dir, env: append(os.Environ(), "SLIPWAY_DATA="+filepath.Join(dir, "data"), "SLIPWAY_ACCOUNT=", "AWS_ENDPOINT_URL=")}
	defer s.run(b.binary, "engine", "stop")
	for _, c := range [][]string{
		{b.binary, "engine", "start", "--simulate", "--port", "0", "--http", "0", "--https", "0", "--dns", "0", "--registry", "0"},
		{b.binary, "env", "up", "playground"}, {b.binary, "deploy", "playground", "--tag", "v1"},
	} {
		if err := s.run(c[0], c[1:]...); err != nil {
			return nil, err
		}
	}
	theirs, missing := terraform(s, b.binary)
	var ours, peer []time.Duration
	var calls int
	for range 5 {
		begun := time.Now()
		out, err := s.output(b.binary, "plan", "playground")
		if err != nil {
			return nil, err
		}
		ours = append(ours, time.Since(begun))
		if m := regexp.MustCompile(`; (\d+) API calls`).FindStringSubmatch(out); m != nil {
			fmt.Sscan(m[1], &calls)
		}
		if missing == nil {
			took, err := theirs.timed("terraform", "plan", "-detailed-exitcode", "-input=false")
			if err != nil {
				return nil, err
			}
			peer = append(peer, took)
		}
	}
	timed := row{what: "the same, command to its end", ours: milliseconds(median(ours))}
	if missing != nil {
		timed.theirs = missing.Error()
	} else {
		timed.theirs, timed.ratio = "terraform "+milliseconds(median(peer)), float64(median(ours))/float64(median(peer))
	}
	return []row{{what: "slipway plan over 200 services", ours: fmt.Sprintf("%d calls", calls), target: "≤ 100 calls", verdict: judge(calls > 0 && calls <= 100)}, timed}, nil
}

// terraform makes as many services with Terraform, in a cluster of its own on the
// engine, and gives where to plan; or why it cannot.
func terraform(s shell, binary string) (shell, error) {
	if _, err := exec.LookPath("terraform"); err != nil {
		return s, fmt.Errorf("no terraform")
	}
	exports, err := s.output(binary, "engine", "env")
	if err != nil {
		return s, err
	}
	tf := shell{ctx: s.ctx, dir: filepath.Join(s.dir, "terraform"), env: append(s.env[:len(s.env):len(s.env)], "TF_IN_AUTOMATION=1", "AWS_REGION=eu-west-1")}
	for line := range strings.Lines(exports) {
		tf.env = append(tf.env, strings.TrimPrefix(strings.TrimSpace(line), "export "))
	}
	rc := "disable_checkpoint = true\n"
	home, _ := os.UserHomeDir()
	for _, dir := range []string{os.Getenv("TF_PLUGIN_DIR"), "/opt/tf-plugins", "/srv/tf-plugins", "/usr/share/tf-plugins", "/usr/local/share/tf-plugins", filepath.Join(home, "tf-plugins")} {
		if _, err := os.Stat(filepath.Join(dir, "registry.terraform.io")); dir != "" && err == nil {
			rc += fmt.Sprintf("provider_installation {\n  filesystem_mirror { path = %q }\n}\n", dir)
			break
		}
	}
	tf.env = append(tf.env, "TF_CLI_CONFIG_FILE="+filepath.Join(tf.dir, "terraformrc"))
	for name, text := range map[string]string{"terraformrc": rc, "main.tf": fmt.Sprintf(manyServices, services)} {
		if err := os.MkdirAll(tf.dir, 0o755); err != nil {
			return tf, err
		}
		if err := os.WriteFile(filepath.Join(tf.dir, name), []byte(text), 0o600); err != nil {
			return tf, err
		}
	}
	if tf.run("terraform", "init", "-input=false") != nil {
		return tf, fmt.Errorf("no AWS provider")
	}
	return tf, tf.run("terraform", "apply", "-auto-approve", "-input=false")
}

const manyServices = `provider "aws" {
  region                      = "eu-west-1"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_credentials_validation = true
}

resource "aws_ecs_cluster" "many" { name = "terraform" }

resource "aws_ecs_task_definition" "s" {
  count  = %[1]d
  family = "s${count.index}"
  container_definitions = jsonencode([{ name = "s", image = "docker.io/library/none:1", memory = 16, essential = true }])
}

resource "aws_ecs_service" "s" {
  count           = %[1]d
  name            = "s${count.index}"
  cluster         = aws_ecs_cluster.many.id
  task_definition = aws_ecs_task_definition.s[count.index].arn
  desired_count   = 0
}
`

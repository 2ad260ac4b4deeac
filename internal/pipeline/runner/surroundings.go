package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/pipeline/shim"
	"github.com/slipway-dev/slipway/internal/pipeline/travis"
)

// world is what surrounds the jobs of a run.
type world struct {
	scratch, shims string
	daemon         []string // variables that lead to the Docker daemon
}

// surround sets up the shims and finds the daemon.
func (r *run) surround(ctx context.Context, scratch string) (*world, error) {
	w := &world{scratch: scratch}
	secrets := []string{r.Engine.SecretKey, r.Engine.CloudflareToken}
	for _, v := range r.Settings {
		secrets = append(secrets, v)
	}
	r.mask = newMask(secrets)
	w.daemon = daemon(ctx)
	if r.Binary == "" {
		return w, nil
	}
	w.shims = filepath.Join(scratch, "shims")
	if err := os.Mkdir(w.shims, 0o755); err != nil {
		return nil, fmt.Errorf("making a folder for the shims: %w", err)
	}
	tools := map[string]string{}
	for _, name := range shim.Names {
		tools[name] = shim.Find(name, os.Getenv("PATH"))
	}
	return w, shim.Install(w.shims, r.Binary, shim.Config{Registry: r.Engine.Registry, Account: r.Engine.Account, Region: r.Engine.Region, Tools: tools, UserBase: userBase()})
}

// userBase is where the user's own Python packages are.
func userBase() string {
	if base := os.Getenv("PYTHONUSERBASE"); base != "" {
		return base
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local")
}

// passed are variables of the caller's that a job has too: they lead to the
// network and to the daemon, and say nothing else.
var passed = []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR", "DOCKER_BUILDKIT"}

// daemon is the variables that lead to the daemon which the user's docker uses:
// the job has another configuration, in which the context is not.
func daemon(ctx context.Context) []string {
	var env []string
	for _, name := range []string{"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	if os.Getenv("DOCKER_HOST") != "" || shim.Find("docker", os.Getenv("PATH")) == "" {
		return env
	}
	out, err := exec.CommandContext(ctx, "docker", "context", "inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}").Output()
	name, host, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err == nil && ok && name != "default" {
		env = append(env, "DOCKER_HOST="+host)
	}
	return env
}

// place is a job's folders.
type place struct{ home, build, docker string }

// place makes a job's folders, new.
func (w *world) place(number, slug string) (*place, error) {
	root := filepath.Join(w.scratch, "job-"+number)
	p := &place{home: filepath.Join(root, "travis"), docker: filepath.Join(root, "docker")}
	p.build = filepath.Join(p.home, "build", filepath.FromSlash(slug))
	for _, dir := range []string{p.build, p.docker} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the job's folders: %w", err)
		}
	}
	home, _ := os.UserHomeDir()
	plugins := filepath.Join(cmp.Or(os.Getenv("DOCKER_CONFIG"), filepath.Join(home, ".docker")), "cli-plugins")
	if _, err := os.Stat(plugins); err == nil {
		if err := os.Symlink(plugins, filepath.Join(p.docker, "cli-plugins")); err != nil {
			return nil, fmt.Errorf("linking docker's plugins: %w", err)
		}
	}
	return p, nil
}

// environment is a job's variables: nothing of the caller's but PATH and what
// leads to the network and the daemon.
func (r *run) environment(w *world, p *place, j *travis.SelectedJob) []string {
	path := os.Getenv("PATH")
	if w.shims != "" {
		path = w.shims + ":" + path
	}
	env := map[string]string{
		"PATH": path, "HOME": p.home, "USER": "travis", "LOGNAME": "travis", "SHELL": "/bin/bash", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb",
		"DOCKER_CONFIG": p.docker, "GIT_TERMINAL_PROMPT": "0", "npm_config_update_notifier": "false", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
	}
	for _, name := range passed {
		if v := os.Getenv(name); v != "" {
			env[name] = v
		}
	}
	for _, kv := range w.daemon {
		name, v, _ := strings.Cut(kv, "=")
		env[name] = v
	}
	maps.Copy(env, r.aws())
	maps.Copy(env, r.defaults(p, j))
	maps.Copy(env, r.Settings)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// aws leads the names of AWS to the engine.
func (r *run) aws() map[string]string {
	e := r.Engine
	return map[string]string{
		"AWS_ENDPOINT_URL": e.Endpoint, "AWS_ACCESS_KEY_ID": e.AccessKeyID, "AWS_SECRET_ACCESS_KEY": e.SecretKey, "AWS_DEFAULT_REGION": e.Region,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
		"SLIPWAY_ACCOUNT": e.Account, "SLIPWAY_CA": e.CA, "SLIPWAY_HTTP": e.HTTP, "SLIPWAY_HTTPS": e.HTTPS, "SLIPWAY_DNS": e.DNS, "SLIPWAY_REGISTRY": e.Registry,
		"CLOUDFLARE_BASE_URL": e.CloudflareURL, "CLOUDFLARE_API_TOKEN": e.CloudflareToken,
	}
}

// defaults are Travis's default variables.
func (r *run) defaults(p *place, j *travis.SelectedJob) map[string]string {
	secure := "false"
	if len(r.Settings) > 0 {
		secure = "true"
	}
	env := map[string]string{
		"CI": "true", "TRAVIS": "true", "CONTINUOUS_INTEGRATION": "true", "DEBIAN_FRONTEND": "noninteractive", "HAS_JOSH_K_SEAL_OF_APPROVAL": "true",
		"RAILS_ENV": "test", "RACK_ENV": "test", "MERB_ENV": "test",
		"TRAVIS_BRANCH": r.src.branch, "TRAVIS_TAG": r.src.tag, "TRAVIS_COMMIT": r.src.commit, "TRAVIS_COMMIT_MESSAGE": r.src.message, "TRAVIS_COMMIT_RANGE": "",
		"TRAVIS_BUILD_DIR": p.build, "TRAVIS_BUILD_ID": "1", "TRAVIS_BUILD_NUMBER": "1", "TRAVIS_JOB_ID": strings.TrimPrefix(j.Number, "1."), "TRAVIS_JOB_NUMBER": j.Number,
		"TRAVIS_REPO_SLUG": r.src.slug, "TRAVIS_EVENT_TYPE": "push", "TRAVIS_OS_NAME": "linux", "TRAVIS_CPU_ARCH": runtime.GOARCH,
		"TRAVIS_PULL_REQUEST": "false", "TRAVIS_PULL_REQUEST_BRANCH": "", "TRAVIS_PULL_REQUEST_SHA": "", "TRAVIS_PULL_REQUEST_SLUG": "",
		"TRAVIS_SECURE_ENV_VARS": secure, "TRAVIS_SUDO": "false", "TRAVIS_ALLOW_FAILURE": fmt.Sprint(j.AllowFailure),
		"TRAVIS_BUILD_STAGE_NAME": j.Stage, "TRAVIS_JOB_NAME": j.Name, "TRAVIS_LANGUAGE": j.Language, "TRAVIS_OSX_IMAGE": "",
	}
	for key, name := range map[string]string{"node_js": "NODE", "python": "PYTHON", "rvm": "RUBY", "go": "GO", "php": "PHP", "jdk": "JDK", "rust": "RUST", "perl": "PERL", "scala": "SCALA", "dart": "DART"} {
		if v := j.Versions[key]; v != "" {
			env["TRAVIS_"+name+"_VERSION"] = v
		}
	}
	return env
}

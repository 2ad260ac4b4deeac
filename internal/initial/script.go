package initial

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// invocation is how a pipeline starts a deploy script.
type invocation struct {
	script string // relative to the repository
	params []string
	vars   map[string]string
	branch string
	file   string // where it is started, and the line there
	line   int
}

// environment is the name of the environment that an invocation means: its first
// parameter, a variable, or the branch.
func (i *invocation) environment() string {
	if len(i.params) > 0 && environmentName.MatchString(i.params[0]) {
		return i.params[0]
	}
	for _, name := range []string{"ENVIRONMENT", "ENV", "STAGE", "DEPLOY_ENV", "WT_CONFIG"} {
		if v := i.vars[name]; environmentName.MatchString(v) {
			return v
		}
	}
	if _, name, ok := strings.Cut(i.branch, "release/"); ok && environmentName.MatchString(name) {
		return name
	}
	return ""
}

// run is a script followed for one environment.
type run struct {
	env, branch string
	source      *source
	region      string
	cluster     string // with marks
	host        string // shown by a cache purge
	tasks       []*deployment
	notes       []note
}

// deployment is one task definition that a script registers, and its service.
type deployment struct {
	*run
	service, family, count string // with marks
	containers             []map[string]any
	definition             map[string]any // what register-task-definition says besides
}

// source is a file of the repository.
type source struct {
	name string
	text string
}

func (d *run) note(needle, text string) {
	d.notes = append(d.notes, note{d.source.name, lineOf(d.source.text, needle), text})
}

func (d *run) noteAt(line int, text string) {
	d.notes = append(d.notes, note{d.source.name, line, text})
}

// followed follows the script as the invocation starts it.
func followed(dir string, script *source, i *invocation, env string) *run {
	d := &run{env: env, branch: i.branch, source: script}
	params := make([]string, len(i.params))
	for n, p := range i.params {
		params[n] = marked(p, env)
	}
	vars := map[string]string{}
	for k, v := range i.vars {
		vars[k] = marked(v, env)
	}
	calls, err := follow(dir, script.name, script.text, params, vars)
	if err != nil {
		d.notes = append(d.notes, note{script.name, 0, "it can't be read as a shell script: " + err.Error()})
		return d
	}
	for _, c := range calls {
		d.call(dir, c)
	}
	return d
}

func marked(value, env string) string {
	if value == env {
		return markEnv(value)
	}
	return value
}

func (d *run) call(dir string, c call) {
	operation, rest := awsCall(c.args)
	f := flags(rest)
	if region := cmp.Or(f["region"], c.vars["AWS_DEFAULT_REGION"], c.vars["AWS_REGION"]); operation != "" && !strings.Contains(region, passOpen) {
		d.region = cmp.Or(d.region, plain(region))
	}
	switch operation {
	case "ecs register-task-definition":
		d.register(dir, f, c.line)
	case "ecs update-service", "ecs create-service":
		d.update(f, c.line)
	case "ecs run-task":
		d.noteAt(c.line, "a task is run beside the service: write it as a job (jobs: in slipway.yaml)")
	}
	d.besides(operation, c)
}

// register begins a task.
func (d *run) register(dir string, f map[string]string, line int) {
	task := &deployment{run: d}
	task.read(dir, f, line)
	d.tasks = append(d.tasks, task)
}

// update finds the task that a service is told to run: the one of that family,
// or the last.
func (d *run) update(f map[string]string, line int) {
	d.cluster = cmp.Or(d.cluster, d.known(f["cluster"], "the cluster", line))
	var task *deployment
	family, _, _ := strings.Cut(f["task-definition"], ":")
	for _, t := range d.tasks {
		if t.service == "" || t.family == family {
			task = t
		}
		if t.family == family {
			break
		}
	}
	if task == nil {
		task = &deployment{run: d, family: d.known(family, "the family", line)}
		d.tasks = append(d.tasks, task)
	}
	task.service = cmp.Or(task.service, d.known(cmp.Or(f["service"], f["service-name"]), "the service's name", line))
	task.count = cmp.Or(task.count, d.known(f["desired-count"], "the count", line))
	for _, name := range []string{"deployment-configuration", "network-configuration", "health-check-grace-period-seconds", "capacity-provider-strategy"} {
		if f[name] != "" {
			d.noteAt(line, "--"+name+" is not carried over")
		}
	}
}

// known is a value that the repository shows; one that CI has is noted.
func (d *run) known(value, called string, line int) string {
	names, _ := passed(value)
	if names == nil {
		return value
	}
	d.once(line, called+" comes from CI's $"+strings.Join(names, ", $")+": write it by hand")
	return ""
}

// besides notes commands that have no place in slipway.yaml.
func (d *run) besides(operation string, c call) {
	line := plain(strings.Join(c.args, " "))
	switch {
	case c.args[0] == "sleep" || operation == "ecs wait" || strings.HasPrefix(operation, "ecs wait"):
		d.once(c.line, "the wait is left out: slipway deploy waits for the truth itself")
	case c.args[0] == "curl" && strings.Contains(line, "purge_cache"):
		d.host = cmp.Or(d.host, purged(line))
		d.once(c.line, "the cache purge is not carried over: run it after slipway deploy")
	case c.args[0] == "curl":
		d.once(c.line, "the request that curl sends is not carried over: run it after slipway deploy")
	case c.args[0] == "now" || c.args[0] == "vercel" || c.args[0] == "gh-pages" || c.args[0] == "ssh" || c.args[0] == "rsync" || c.args[0] == "scp" || c.args[0] == "supervisorctl":
		d.once(c.line, c.args[0]+" deploys to something that is not ECS: it is left out")
	case c.args[0] == "jq" || c.args[0] == "envsubst" || c.args[0] == "sed" || c.args[0] == "python" || c.args[0] == "node":
		d.once(c.line, c.args[0]+" is not run here: what the script makes with it is unknown")
	case c.args[0] == "ecs-deploy" || c.args[0] == "ecs-cli" || c.args[0] == "ecspresso" || c.args[0] == "copilot":
		d.once(c.line, c.args[0]+" is not followed: write what it deploys by hand")
	}
}

func (d *run) once(line int, text string) {
	for _, n := range d.notes {
		if n.line == line && n.text == text {
			return
		}
	}
	d.noteAt(line, text)
}

// read reads a task definition from the options.
func (d *deployment) read(dir string, f map[string]string, line int) {
	d.family = d.known(f["family"], "the family", line)
	d.definition = map[string]any{}
	if in := f["cli-input-json"]; in != "" {
		if wrong := d.decode(dir, in, &d.definition); wrong != "" {
			d.noteAt(line, "the task definition can't be read: "+wrong)
			return
		}
		d.family = cmp.Or(d.family, text(d.definition["family"]))
		all, _ := d.definition["containerDefinitions"].([]any)
		for _, c := range all {
			if m, ok := c.(map[string]any); ok {
				d.containers = append(d.containers, m)
			}
		}
	}
	for option, member := range map[string]string{"task-role-arn": "taskRoleArn", "execution-role-arn": "executionRoleArn", "network-mode": "networkMode", "cpu": "cpu", "memory": "memory", "requires-compatibilities": "requiresCompatibilities"} {
		if f[option] != "" {
			d.definition[member] = f[option]
		}
	}
	if f["volumes"] != "" {
		d.noteAt(line, "--volumes is not carried over: write volumes by hand")
	}
	if in := f["container-definitions"]; in != "" {
		d.containers = nil
		if wrong := d.decode(dir, in, &d.containers); wrong != "" {
			d.noteAt(line, "the container definitions can't be read: "+wrong)
		}
	}
}

// decode reads an option's JSON, or the file that it names.
func (d *deployment) decode(dir, in string, out any) string {
	if name, ok := strings.CutPrefix(in, "file://"); ok {
		source, err := readIn(dir, strings.TrimPrefix(plain(name), "./"))
		if err != nil {
			return "there is no " + plain(name) + " in the repository; the script makes it"
		}
		in = string(source)
	}
	decoder := json.NewDecoder(strings.NewReader(in))
	decoder.UseNumber()
	if err := decoder.Decode(out); err != nil {
		return err.Error()
	}
	return ""
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}

// purged is the host whose cache a request to Cloudflare purges.
func purged(line string) string {
	for _, m := range anyURL.FindAllStringSubmatch(line, -1) {
		if !strings.HasSuffix(m[1], "cloudflare.com") {
			return strings.ToLower(m[1])
		}
	}
	return ""
}

var anyURL = lazyregexp.New(`https?://([A-Za-z0-9.-]+\.[A-Za-z]+)`)

package initial

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// definition is what a deployment becomes in slipway.yaml.
type definition struct {
	env   string
	image *settings
	// service are the keys of the service; names are judged against app later.
	service           *settings
	names             map[string]string // family, name, container, repository, tag, log.group, log.prefix
	region, account   string
	branch, cluster   string
	secrets           []plainSecret
	foreign           bool
	port, memory, cpu string
}

// plainSecret is a variable of a task definition that looks like a secret.
type plainSecret struct {
	name string
	from string // the variable of CI, "" where the script has the value itself
	note note
}

func (d *deployment) define() *definition {
	def := &definition{env: d.env, image: newSettings(), service: newSettings(), names: map[string]string{}, region: d.region, branch: d.branch, cluster: plain(d.cluster)}
	t := func(s string) string { return template(s, d.env) }
	def.names["family"], def.names["name"] = t(d.family), t(cmp.Or(d.service, d.family))
	if len(d.containers) == 0 {
		return def
	}
	c := d.containers[0]
	if len(d.containers) > 1 {
		d.note(strconv.Quote(text(d.containers[1]["name"])), "the task has several containers; only the first is carried over: write containers by hand")
	}
	d.reference(def, text(c["image"]))
	def.names["container"] = t(text(c["name"]))
	d.size(def, c)
	d.ports(def, c)
	def.service.set("command", d.list(c["command"]))
	def.service.set("entrypoint", d.list(c["entryPoint"]))
	if user := text(c["user"]); user != "" {
		def.service.set("user", scalar(t(user)))
	}
	d.variables(def, c)
	d.log(def, c)
	d.roles(def)
	d.rest(c)
	if d.count != "" && d.count != "1" {
		def.service.set("count", plain(d.count))
	}
	return def
}

func (d *deployment) reference(def *definition, image string) {
	r := parseReference(image)
	def.account = r.account
	def.region = cmp.Or(def.region, r.region)
	repository := template(r.name, d.env)
	if !r.ecr {
		repository = cmp.Or(r.host, "docker.io") + "/" + repository
		if r.host == "" && !strings.Contains(r.name, "/") {
			repository = "docker.io/library/" + r.name
		}
		def.foreign = true
	}
	def.names["repository"] = repository
	tag := template(r.tag, d.env)
	if names, _ := passed(image); names != nil {
		d.note("$"+names[0], "the image's reference takes $"+strings.Join(names, ", $")+" from CI: write image.tag by hand, with {tag} or {commit}")
		tag = ""
	}
	if tag != "" && !strings.Contains(tag, "{tag}") && !strings.Contains(tag, "{commit}") {
		d.note(plain(r.tag), "the image's tag "+tag+" is the same for every release: slipway gives each release its own")
		tag = ""
	}
	def.names["tag"] = tag
}

func (d *deployment) size(def *definition, c map[string]any) {
	def.cpu = text(c["cpu"])
	if def.cpu != "0" {
		def.service.set("cpu", def.cpu)
	}
	soft, hard := text(c["memoryReservation"]), text(c["memory"])
	def.memory = cmp.Or(soft, hard)
	switch {
	case soft != "" && hard != "":
		def.service.set("memory", "{ soft: "+soft+", hard: "+hard+" }")
	case hard != "":
		def.service.set("memory", "{ hard: "+hard+" }")
	default:
		def.service.set("memory", soft)
	}
}

func (d *deployment) ports(def *definition, c map[string]any) {
	all, _ := c["portMappings"].([]any)
	for i, p := range all {
		m, _ := p.(map[string]any)
		if i > 0 {
			d.note(text(m["containerPort"]), "port "+text(m["containerPort"])+" is not carried over: a container takes traffic on one")
			continue
		}
		def.port = text(m["containerPort"])
		def.service.set("port", def.port)
		if h := text(m["hostPort"]); h != "0" {
			def.service.set("host-port", h)
		}
		if p := text(m["protocol"]); p != "" && p != "tcp" {
			d.note(p, "the protocol "+p+" is not carried over: the load balancer speaks tcp")
		}
	}
}

func (d *deployment) list(v any) string {
	all, _ := v.([]any)
	var list []string
	for _, w := range all {
		list = append(list, template(text(w), d.env))
	}
	return words(list)
}

// secretName and secretValue are what a secret looks like.
var (
	secretName  = lazyregexp.New(`(?i)(KEY|SECRET|PASSWORD|PASSWD|PASS$|TOKEN|CREDENTIAL|PRIVATE|MNEMONIC|DSN|SALT)`)
	secretValue = lazyregexp.New(`^(AKIA[0-9A-Z]{16}|[0-9a-fA-F]{32,}|[A-Za-z0-9+/]{40}|gh[pousr]_\w{36,}|xox[bp]-.*)$|://[^/:@\s]+:[^@/\s]+@`)
)

func (d *deployment) variables(def *definition, c map[string]any) {
	all, _ := c["environment"].([]any)
	for _, v := range all {
		m, _ := v.(map[string]any)
		name, value := plain(text(m["name"])), text(m["value"])
		d.variable(def, name, value)
	}
	from, _ := c["secrets"].([]any)
	for _, v := range from {
		m, _ := v.(map[string]any)
		name, value := plain(text(m["name"])), template(text(m["valueFrom"]), d.env)
		if !strings.HasPrefix(value, "arn:") {
			value = "ssm:" + value
		}
		def.service.set("secrets."+name, scalar(value))
	}
}

func (d *deployment) variable(def *definition, name, value string) {
	ci, alone := passed(value)
	key := "variables." + name
	switch {
	case alone:
		def.service.set(key, "{ from: "+ci[0]+" }")
	case ci != nil:
		d.note(name, name+" is put together with $"+strings.Join(ci, ", $")+" from CI: write it by hand")
		return
	default:
		def.service.set(key, scalar(template(value, d.env)))
		if value == "" {
			def.service.set(key, `""`)
		}
	}
	if !secretName.MatchString(name) && !secretValue.MatchString(plain(value)) {
		return
	}
	s := plainSecret{name: name, note: note{d.source.name, lineOf(d.source.text, name), "passes " + name + " in plain text"}}
	if alone {
		s.from = ci[0]
	}
	if value != "" {
		def.secrets = append(def.secrets, s)
	}
}

func (d *deployment) log(def *definition, c map[string]any) {
	l, _ := c["logConfiguration"].(map[string]any)
	if l == nil {
		def.names["log"] = "none"
		return
	}
	if driver := text(l["logDriver"]); driver != "awslogs" {
		d.note("logDriver", "the log driver "+driver+" is not carried over")
		def.names["log"] = "none"
		return
	}
	options, _ := l["options"].(map[string]any)
	def.names["log.group"] = template(text(options["awslogs-group"]), d.env)
	def.names["log.prefix"] = template(text(options["awslogs-stream-prefix"]), d.env)
	for _, k := range slices.Sorted(maps.Keys(options)) {
		switch k {
		case "awslogs-group", "awslogs-stream-prefix", "awslogs-create-group":
		case "awslogs-region":
			if r := plain(text(options[k])); r != d.region && d.region != "" {
				d.note(k, "logs go to another region, "+r+": that is not carried over")
			}
		default:
			d.note(k, "the log option "+k+" is not carried over")
		}
	}
}

func (d *deployment) roles(def *definition) {
	for _, role := range []struct{ member, key string }{{"taskRoleArn", "roles.task"}, {"executionRoleArn", "roles.execution"}} {
		if name := text(d.definition[role.member]); name != "" {
			def.service.set(role.key, scalar(template(name, d.env)))
		}
	}
	if mode := text(d.definition["networkMode"]); mode != "" && mode != "bridge" {
		d.note(mode, "the network mode "+mode+" is not carried over: tasks on instances share the bridge, on Fargate each has its own address")
	}
	if text(d.definition["requiresCompatibilities"]) == "FARGATE" {
		def.service.set("capacity", "fargate")
	}
	if cpu, memory := text(d.definition["cpu"]), text(d.definition["memory"]); cpu != "" && memory != "" {
		def.service.set("task", "{ cpu: "+cpu+", memory: "+memory+" }")
	}
}

// carried are the members of a container definition that slipway.yaml has.
var carried = strings.Fields("name image cpu memory memoryReservation portMappings environment secrets command entryPoint user logConfiguration essential")

func (d *deployment) rest(c map[string]any) {
	for _, member := range slices.Sorted(maps.Keys(c)) {
		if !slices.Contains(carried, member) && !emptyList(c[member]) {
			d.note(member, member+" is not carried over")
		}
	}
}

func emptyList(v any) bool {
	l, ok := v.([]any)
	return ok && len(l) == 0
}

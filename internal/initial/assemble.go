package initial

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// file is the slipway.yaml before it is written out.
type file struct {
	r              *repository
	app            string
	image, service *settings
	several        map[string]*settings // by key, where a script deploys several services
	keys           []string
	environments   []*environment
	secrets        []plainSecret
	notes          []note
	port, cpu      string
	memory         string
}

// environment is one of the file's.
type environment struct {
	name, branch, region, account, cluster, host string
	image, service                               *settings
	several                                      map[string]*settings
	keys                                         []string
	serviceNames                                 []string
}

// assemble puts together what the runs say; without any, what the Dockerfile does.
func (r *repository) assemble() *file {
	f := &file{r: r, notes: r.notes, several: map[string]*settings{}}
	if len(r.runs) == 0 {
		return f.fresh()
	}
	all := map[*run][]*definition{}
	var every []*definition
	for _, d := range r.runs {
		for _, t := range d.tasks {
			all[d] = append(all[d], t.define())
		}
		every = append(every, all[d]...)
	}
	f.app = r.appName(every)
	many := slices.ContainsFunc(r.runs, func(d *run) bool { return len(d.tasks) > 1 })
	for _, d := range r.runs {
		f.environments = append(f.environments, f.environmentOf(d, all[d], many))
		f.notes = append(f.notes, d.notes...)
	}
	f.share()
	f.exposed()
	return f
}

// environmentOf is one run as an environment.
func (f *file) environmentOf(d *run, defs []*definition, many bool) *environment {
	e := &environment{name: d.env, branch: d.branch, region: cmp.Or(d.region, f.r.region), cluster: plain(d.cluster), host: d.host, image: newSettings(), service: newSettings(), several: map[string]*settings{}}
	for i, def := range defs {
		key := ""
		if many {
			key = def.key(i)
			e.keys = append(e.keys, key)
		}
		f.names(def, key)
		f.images(def, key)
		e.region, e.account = cmp.Or(e.region, def.region), cmp.Or(e.account, def.account)
		f.secrets = append(f.secrets, def.secrets...)
		f.port, f.cpu, f.memory = cmp.Or(f.port, def.port), cmp.Or(f.cpu, def.cpu), cmp.Or(f.memory, def.memory)
		if f.r.options.SSM {
			f.ssm(def.service)
		}
		e.serviceNames = append(e.serviceNames, strings.ReplaceAll(def.names["name"], "{env}", def.env))
		if many {
			if len(def.image.keys) == 1 && def.image.values["repository"] == f.app {
				def.image.drop("repository") // the application's own
			}
			for _, k := range def.image.keys {
				def.service.set("image."+k, def.image.values[k])
			}
			e.several[key] = def.service
			continue
		}
		e.image, e.service = def.image, def.service
	}
	return e
}

// key is what a service of several is called: its container's name.
func (def *definition) key(i int) string {
	if k := appOf(base(def.names["container"])); def.names["container"] != "" {
		return k
	}
	return "service-" + strconv.Itoa(i+1)
}

// share moves what all environments have alike to the top.
func (f *file) share() {
	var images, services []*settings
	several := map[string][]*settings{}
	for _, e := range f.environments {
		images, services = append(images, e.image), append(services, e.service)
		for _, key := range e.keys {
			if several[key] == nil {
				f.keys = append(f.keys, key)
			}
			several[key] = append(several[key], e.several[key])
		}
	}
	f.image, f.service = common(images), common(services)
	for key, all := range several {
		if len(all) < len(f.environments) {
			f.keys = slices.DeleteFunc(f.keys, func(k string) bool { return k == key })
			continue
		}
		f.several[key] = common(all)
	}
}

// fresh is a repository that no script deploys yet.
func (f *file) fresh() *file {
	r := f.r
	f.app = appOf(cmp.Or(r.packageName, filepath.Base(r.dir)))
	f.image, f.service = newSettings(), newSettings()
	if r.dockerfile.port != 0 {
		f.port = strconv.Itoa(r.dockerfile.port)
		f.service.set("port", f.port)
	}
	f.service.set("health", scalarOr(r.dockerfile.health))
	host := f.app + ".test"
	if f.port == "" {
		host = ""
	}
	f.environments = []*environment{{name: "playground", branch: r.checkedOut("release/playground"), host: host, region: r.region, serviceNames: []string{"playground-" + f.app}, image: newSettings(), service: newSettings()}}
	if !r.hasDocker {
		f.notes = append(f.notes, note{text: "there is no Dockerfile: slipway builds the image from one"})
	} else if f.port == "" {
		f.notes = append(f.notes, note{"Dockerfile", 0, "it has no EXPOSE: add port to service, if it takes requests"})
	}
	return f
}

// checkedOut is the branch that is checked out, where the one that an environment
// has by default is not there: whoever begins has only one.
func (r *repository) checkedOut(usual string) string {
	head, err := readIn(r.dir, ".git/HEAD")
	branch, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/")
	if err != nil || !ok {
		return ""
	}
	for _, ref := range []string{"refs/heads/" + usual, "refs/remotes/origin/" + usual} {
		packed, _ := readIn(r.dir, ".git/packed-refs")
		if _, err := readIn(r.dir, ".git/"+ref); err == nil || strings.Contains(string(packed), " "+ref+"\n") {
			return ""
		}
	}
	return branch
}

func scalarOr(s string) string {
	if s == "" {
		return ""
	}
	return scalar(s)
}

var notApp = lazyregexp.New(`[^a-z0-9]+`)

// appOf makes an application's name of any other.
func appOf(s string) string {
	s = strings.Trim(notApp.ReplaceAllString(strings.ToLower(s), "-"), "-")
	s = strings.TrimLeft(s, "0123456789-")
	if len(s) < 2 {
		return "app"
	}
	return s
}

// base is a name without the environment before or behind it.
func base(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "{env}-"), "{env}_")
	return strings.TrimSuffix(strings.TrimSuffix(s, "-{env}"), "_{env}")
}

// appName is the name that most of the names on AWS are made of; it makes the
// shortest file.
func (r *repository) appName(defs []*definition) string {
	count := map[string]int{}
	var order []string
	for _, def := range defs {
		for _, n := range []string{"family", "name", "container", "repository"} {
			b := base(def.names[n])
			b = b[strings.LastIndexByte(b, '/')+1:]
			if b == "" || appOf(b) != b || strings.Contains(b, "{") {
				continue
			}
			if count[b] == 0 {
				order = append(order, b)
			}
			count[b]++
		}
	}
	if len(order) == 0 {
		return appOf(cmp.Or(r.packageName, filepath.Base(r.dir)))
	}
	return slices.MaxFunc(order, func(a, b string) int {
		return cmp.Or(cmp.Compare(count[a], count[b]), -cmp.Compare(slices.Index(order, a), slices.Index(order, b)))
	})
}

// names sets those that slipway would choose otherwise.
func (f *file) names(def *definition, key string) {
	n := def.names
	own := func(setting, value, fallback string) {
		if value != "" && value != fallback {
			def.service.set(setting, scalar(value))
		}
	}
	name := strings.TrimSuffix("{env}-"+f.app+"-"+key, "-")
	own("name", n["name"], name)
	own("family", n["family"], cmp.Or(n["name"], name))
	own("container", n["container"], cmp.Or(key, f.app))
	own("log", n["log"], "")
	own("log.group", n["log.group"], def.cluster)
	if n["log.group"] != "" {
		own("log.prefix", n["log.prefix"], cmp.Or(n["family"], n["name"]))
	}
}

// images sets what of the image slipway would choose otherwise, and how it is built.
func (f *file) images(def *definition, key string) {
	tag, repository := def.names["tag"], def.names["repository"]
	b := f.build(def)
	if def.foreign && b == nil {
		def.image.set("reference", scalar(repository+":"+cmp.Or(tag, "{tag}")))
		return
	}
	if fallback := strings.TrimSuffix(f.app+"-"+key, "-"); repository != "" && repository != fallback {
		def.image.set("repository", scalar(repository))
	}
	if b != nil {
		f.built(def, b)
	}
	switch {
	case tag == "" || tag == "{tag}-{env}":
	case !strings.Contains(tag, "{env}") && !strings.Contains(tag, def.env):
		def.image.set("per", "release")
		if tag != "{tag}" {
			def.image.set("tag", scalar(tag))
		}
	default:
		def.image.set("tag", scalar(tag))
	}
}

// build is the docker build of CI whose image the environment runs.
func (f *file) build(def *definition) *build {
	want := strings.ReplaceAll(def.names["tag"], "{env}", def.env)
	name := strings.ReplaceAll(def.names["repository"], "{env}", def.env)
	for _, b := range f.r.builds {
		for _, n := range b.names {
			ref := parseReference(plain(n))
			full := ref.name
			if ref.host != "" && !ref.ecr {
				full = ref.host + "/" + full
			} else if def.foreign {
				full = "docker.io/" + full
			}
			if full == name && (ref.tag == want || want == "") {
				return b
			}
		}
	}
	return nil
}

func (f *file) built(def *definition, b *build) {
	if b.context != "." && b.context != "./" {
		def.image.set("context", scalar(strings.TrimPrefix(b.context, "./")))
	}
	f.dockerfile(def, b)
	def.image.set("target", scalarOr(b.target))
	for _, k := range slices.Sorted(maps.Keys(b.args)) {
		v := b.args[k]
		if ci, _ := passed(v); ci != nil {
			f.notes = append(f.notes, note{".travis.yml", b.line, "the build argument " + k + " takes $" + strings.Join(ci, ", $") + " from CI: write it by hand"})
			continue
		}
		if plain(v) == def.env {
			v = "{env}"
		} else {
			v = template(v, def.env)
		}
		def.image.set("args."+k, scalar(v))
	}
	for _, n := range b.names {
		if ref := parseReference(plain(n)); ref.tag == "latest" {
			f.note(note{".travis.yml", b.line, "the image is pushed as latest, too: slipway pushes a release's own tag only"})
		}
	}
}

func (f *file) note(n note) {
	if !slices.Contains(f.notes, n) {
		f.notes = append(f.notes, n)
	}
}

// dockerfile is given to docker relative to the repository, and to slipway
// relative to the context.
func (f *file) dockerfile(def *definition, b *build) {
	name := strings.TrimPrefix(b.dockerfile, "./")
	if context := strings.Trim(strings.TrimPrefix(b.context, "."), "/"); context != "" && name != "" {
		inside, ok := strings.CutPrefix(name, context+"/")
		if !ok {
			f.note(note{".travis.yml", b.line, "the Dockerfile " + name + " is outside the context " + context + ": move it there"})
		}
		name = inside
	}
	if name != "Dockerfile" {
		def.image.set("dockerfile", scalarOr(name))
	}
}

// ssm makes secrets of the variables that look like some.
func (f *file) ssm(s *settings) {
	for _, secret := range f.secrets {
		if _, ok := s.values["variables."+secret.name]; ok {
			s.drop("variables." + secret.name)
			s.set("secrets."+secret.name, scalar("ssm:/{env}/"+strings.ReplaceAll(strings.ToLower(secret.name), "_", "-")))
		}
	}
}

// exposed compares the Dockerfile's port with the script's.
func (f *file) exposed() {
	if p := f.r.dockerfile.port; p != 0 && f.port != "" && strconv.Itoa(p) != f.port {
		f.note(note{"Dockerfile", f.r.dockerfile.portLine, "it exposes " + strconv.Itoa(p) + ", but the script's task listens on " + f.port + ", which is what was written"})
	}
}

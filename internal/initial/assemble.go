package initial

import (
	"cmp"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// file is the slipway.yaml before it is written out.
type file struct {
	r              *repository
	app            string
	image, service *settings
	reference      string // an image that others make
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
	serviceName                                  string
}

// assemble puts together what the deployments say; without any, what the
// Dockerfile does.
func (r *repository) assemble() *file {
	f := &file{r: r, notes: r.notes}
	var defs []*definition
	for _, d := range r.deployments {
		defs = append(defs, d.define())
	}
	if len(defs) == 0 {
		return f.fresh()
	}
	f.app = r.appName(defs)
	var images, services []*settings
	for i, def := range defs {
		f.names(def)
		f.images(def)
		f.notes = append(f.notes, def.notes...)
		f.secrets = append(f.secrets, def.secrets...)
		f.environments = append(f.environments, &environment{
			name: def.env, branch: def.branch, region: cmp.Or(def.region, r.region), account: def.account, cluster: def.cluster,
			host: r.deployments[i].host, image: def.image, service: def.service, serviceName: strings.ReplaceAll(def.names["name"], "{env}", def.env),
		})
		images, services = append(images, def.image), append(services, def.service)
		f.port, f.cpu, f.memory = cmp.Or(f.port, def.port), cmp.Or(f.cpu, def.cpu), cmp.Or(f.memory, def.memory)
	}
	if r.options.SSM {
		f.ssm(services)
	}
	f.image, f.service = common(images), common(services)
	f.exposed()
	return f
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
	f.environments = []*environment{{name: "playground", host: host, region: r.region, serviceName: "playground-" + f.app, image: newSettings(), service: newSettings()}}
	if !r.hasDocker {
		f.notes = append(f.notes, note{text: "there is no Dockerfile: slipway builds the image from one"})
	} else if f.port == "" {
		f.notes = append(f.notes, note{"Dockerfile", 0, "it has no EXPOSE: add port to service, if it takes requests"})
	}
	return f
}

func scalarOr(s string) string {
	if s == "" {
		return ""
	}
	return scalar(s)
}

var notApp = regexp.MustCompile(`[^a-z0-9]+`)

// appOf makes an application's name of any other.
func appOf(s string) string {
	s = strings.Trim(notApp.ReplaceAllString(strings.ToLower(s), "-"), "-")
	s = strings.TrimLeft(s, "0123456789-")
	return cmp.Or(s, "app")
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
func (f *file) names(def *definition) {
	n := def.names
	own := func(key, value, fallback string) {
		if value != "" && strings.ReplaceAll(value, "{app}", f.app) != fallback {
			def.service.set(key, scalar(value))
		}
	}
	own("name", n["name"], "{env}-"+f.app)
	own("family", n["family"], cmp.Or(n["name"], "{env}-"+f.app))
	own("container", n["container"], f.app)
	own("log", n["log"], "")
	own("log.group", n["log.group"], def.cluster)
	if n["log.group"] != "" {
		own("log.prefix", n["log.prefix"], cmp.Or(n["family"], n["name"]))
	}
}

// images sets what of the image slipway would choose otherwise, and how it is built.
func (f *file) images(def *definition) {
	tag, repository := def.names["tag"], def.names["repository"]
	b := f.build(def)
	if def.foreign && b == nil {
		f.reference = repository + ":" + cmp.Or(tag, "{tag}")
		def.image.set("reference", scalar(f.reference))
		return
	}
	if repository != "" && repository != f.app {
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
	if b.dockerfile != "" && b.dockerfile != "Dockerfile" {
		def.image.set("dockerfile", scalar(strings.TrimPrefix(b.dockerfile, "./")))
	}
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

// ssm makes secrets of the variables that look like some.
func (f *file) ssm(services []*settings) {
	for _, s := range services {
		for _, secret := range f.secrets {
			if _, ok := s.values["variables."+secret.name]; ok {
				s.drop("variables." + secret.name)
				s.set("secrets."+secret.name, scalar("ssm:/{env}/"+strings.ReplaceAll(strings.ToLower(secret.name), "_", "-")))
			}
		}
	}
}

// exposed compares the Dockerfile's port with the script's.
func (f *file) exposed() {
	if p := f.r.dockerfile.port; p != 0 && f.port != "" && strconv.Itoa(p) != f.port {
		f.note(note{"Dockerfile", f.r.dockerfile.portLine, "it exposes " + strconv.Itoa(p) + ", but the script's task listens on " + f.port + ", which is what was written"})
	}
}

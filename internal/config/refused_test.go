package config

import (
	"errors"
	"strings"
	"testing"
)

// refusal is a file with one mistake in it.
type refusal struct {
	name string
	// yaml is the whole file, or what stands at SERVICE, ENV, TOP or IMAGE of the
	// usual one, whose lines it keeps.
	at, yaml string
	// want are the whole messages, a line each.
	want string
	// both is whether the JSON Schema can see it, too.
	both bool
}

// source is the file. Line 2 is the image's, line 3 the service's, line 5 the
// environment's, line 6 the rest.
func (r refusal) source() string {
	if r.at == "" {
		return r.yaml
	}
	parts := map[string]string{"IMAGE": "{}", "SERVICE": "{ port: 8000 }", "ENV": "{}", "TOP": ""}
	parts[r.at] = r.yaml
	return "app: demo\nimage: " + parts["IMAGE"] + "\nservice: " + parts["SERVICE"] + "\nenvironments:\n  playground: " + parts["ENV"] + "\n" + parts["TOP"] + "\n"
}

var refused = []refusal{
	// keys
	{"unknown key, nearly right", "SERVICE", "{ prot: 8000 }", `3:12: unknown key "prot"; did you mean "port"?`, true},
	{"unknown key that belongs elsewhere", "TOP", "account: \"029479441096\"", `6:1: unknown key "account" in file; it belongs to environment, dns`, true},
	{"unknown key", "SERVICE", "{ task: { zebra: 1 } }", `3:20: unknown key "zebra"; known are cpu, memory`, true},
	{"key twice", "SERVICE", "{ port: 1, port: 2 }", `3:21: the key "port" is there twice; the first is in line 3`, false},
	{"key twice, nested in a map", "SERVICE", "{ variables: { A: a, A: b } }", `3:31: the key "A" is there twice; the first is in line 3`, false},
	{"app missing", "", "service: { port: 1 }\nenvironments: { a: {} }\n", `1:1: app is missing: the application's name; all other names start from it; for example: app: wt-demo-app`, true},
	{"environments missing", "", "app: aa\nservice: { port: 1 }\n", `1:1: environments is missing: the places that the application runs in, by name; for example: environments: { playground: { on: engine, host: demo.example.com } }`, true},
	{"no environment", "", "app: aa\nservice: { port: 1 }\nenvironments: {}\n", `3:15: environments has none; for example: playground: { on: engine, host: demo.example.com }`, false},
	{"no service", "", "app: aa\nenvironments: { a: {} }\n", `1:1: there is no service; for example: service: { port: 8000 }`, false},
	{"key that is no word", "", "app: aa\n? [x]\n: 1\n", `3:1: found an invalid key for this map`, false},

	// types
	{"text for a number", "SERVICE", "{ port: http }", `3:18: port takes a number from 1 to 65535, not text "http"; for example: port: 8000`, true},
	{"quoted number", "SERVICE", `{ port: "8000" }`, `3:18: port takes a number from 1 to 65535, not text "8000"; for example: port: 8000`, true},
	{"number out of range", "SERVICE", "{ port: 70000 }", `3:18: port takes a number from 1 to 65535, not 70000; for example: port: 8000`, true},
	{"huge number", "SERVICE", "{ port: 99999999999999999999 }", `3:18: port takes a number from 1 to 65535, not 99999999999999999999; for example: port: 8000`, true},
	{"fraction for a number", "SERVICE", "{ count: 1.5 }", `3:19: count takes a number from 0 to 5000, not a number "1.5"; for example: count: 3`, true},
	{"list for a number", "SERVICE", "{ port: [1] }", `3:18: port takes a number from 1 to 65535, not a list; for example: port: 8000`, true},
	{"nothing for a number", "SERVICE", "{ port: }", `3:17: port takes a number from 1 to 65535, not nothing; for example: port: 8000`, true},
	{"list for a dict", "SERVICE", "[a]", `3:10: service takes keys with values, not a list; for example: service: { port: 8000, health: / }`, true},
	{"text for the file", "", "hello\n", `1:1: the file takes keys with values, not text`, true},
	{"number for text", "SERVICE", "{ name: 12 }", `3:18: name takes text, not a number; in quotes it is text: "12"`, true},
	{"version-like number for text", "TOP", "dns: { zone: 1.10 }", `6:14: zone takes text, not a number; in quotes it is text: "1.10"`, true},
	{"flag for text", "SERVICE", "{ user: true }", `3:18: user takes text, not true or false; in quotes it is text: "true"`, true},
	{"yes for a flag", "TOP", "dns: { proxied: yes }", `6:17: proxied takes true or false, not the text "yes"; write proxied: true`, true},
	{"quoted flag", "TOP", `dns: { proxied: "off" }`, `6:17: proxied takes true or false, not the text "off"; write proxied: false`, true},
	{"other text for a flag", "TOP", `dns: { proxied: orange }`, `6:17: proxied takes true or false, not "orange"; for example: proxied: true`, true},
	{"memory as a list", "SERVICE", "{ memory: [1] }", `3:20: memory takes a number from 4 to 1000000, or keys with values, not a list; for example: memory: 128`, true},
	{"health as a number", "SERVICE", "{ health: 8 }", `3:20: health takes text, not a number; in quotes it is text: "8"`, true},
	{"empty list", "ENV", "{ host: [] }", `5:23: host is an empty list; for example: host: demo.example.com`, true},
	{"list in a list", "ENV", "{ host: [[a.b]] }", `5:24: host takes text, not a list; for example: host: demo.example.com`, true},
	{"variable as a list", "SERVICE", "{ variables: { A: [1] } }", `3:28: A takes text, a number, true or false, or { from: INFURA_API_KEY }, not a list`, true},
	{"variable without a value", "SERVICE", "{ variables: { A: } }", `3:25: A has no value; for example: A: ""`, false},
	{"variable removed that was not there", "ENV", "{ service: { variables: { A: ~ } } }", `5:41: A has no value; for example: A: ""`, false},

	// values
	{"word", "ENV", "{ on: amazon }", `5:21: on takes one of engine, aws, not "amazon"; for example: on: aws`, true},
	{"word, nearly", "SERVICE", "{ capacity: fargat }", `3:22: capacity takes one of ec2, fargate; did you mean fargate?`, true},
	{"app's name", "", "app: My App\nservice: {}\nenvironments: { a: {} }\n", `1:6: app "My App" is not right: two or more lowercase letters, digits and single hyphens, a letter first; for example: app: wt-demo-app`, true},
	{"environment's name", "", "app: aa\nservice: {}\nenvironments: { Play_ground: {} }\n", `3:17: "Play_ground" is no name for a environment: lowercase letters, digits and single hyphens, a letter first`, true},
	{"account as a number", "ENV", "{ on: aws, account: 123456789012, region: eu-west-1, cluster: c }", `5:35: account has to stand in quotes: account: "123456789012"; without them YAML reads a number, an octal one when it starts with 0`, true},
	{"account as an octal number", "ENV", "{ on: aws, account: 012345670123, region: eu-west-1, cluster: c }", `5:35: account has to stand in quotes: account: "012345670123"; without them YAML reads a number, an octal one when it starts with 0`, true},
	{"account that only looks octal", "ENV", "{ on: aws, account: 029479441096, region: eu-west-1, cluster: c }", `5:35: account has to stand in quotes: account: "029479441096"; without them YAML reads a number, an octal one when it starts with 0`, false},
	{"account with hyphens", "ENV", `{ on: aws, account: "0294-7944-1096", region: eu-west-1, cluster: c }`, `5:35: account "0294-7944-1096" is not right: the 12 digits of an AWS account, in quotes; for example: account: "029479441096"`, true},
	{"region", "ENV", `{ region: Ireland }`, `5:25: region "Ireland" is not right: a region's name; for example: region: eu-west-1`, true},
	{"host as a URL", "ENV", `{ host: "https://demo.example.com/" }`, `5:23: host "https://demo.example.com/" is not right: a host's name alone: no https://, no port, no path; for example: host: demo.example.com`, true},
	{"host that is an address", "ENV", `{ host: 192.0.2.1 }`, `5:23: host "192.0.2.1" is not right: a host's name alone: no https://, no port, no path; for example: host: demo.example.com`, true},
	{"host without a dot", "ENV", `{ host: localhost }`, `5:23: host "localhost" is not right: a host's name alone: no https://, no port, no path; for example: host: demo.example.com`, true},
	{"path", "SERVICE", `{ port: 1, host: a.b, paths: api }`, `3:39: paths "api" is not right: a path that starts with /, with * and ? as wildcards, 128 characters at most; for example: paths: [/api/*]`, true},
	{"duration without unit", "SERVICE", `{ drain: 5 }`, `3:19: drain takes a duration from 0s to 1h with its unit, not "5"; for example: drain: 30s`, true},
	{"duration with a strange unit", "SERVICE", `{ drain: 5 sec }`, `3:19: drain takes a duration from 0s to 1h with its unit, not "5 sec"; for example: drain: 30s`, true},
	{"duration out of range", "SERVICE", `{ health: { interval: 2s } }`, `3:32: interval takes a duration from 5s to 5m, not 2s; for example: interval: 10s`, false},
	{"status", "SERVICE", `{ health: { status: 2xx } }`, `3:30: status "2xx" is not right: codes as "200", "200,302" or "200-299"; for example: status: 200-299`, true},
	{"retention", "SERVICE", `{ log: { retention: 31 } }`, `3:30: retention takes one of 1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653, not 31; for example: retention: 30`, true},
	{"target group's name", "SERVICE", `{ target-group: a-name-of-more-than-thirty-two-letters }`, `3:26: target-group "a-name-of-more-than-thirty-two-letters" is not right: letters, digits and hyphens, 32 at most, no hyphen at either end; for example: target-group: "{env}-demo-tg"`, true},
	{"target group's name with a hyphen at its end", "SERVICE", `{ target-group: demo- }`, `3:26: target-group "demo-" is not right: letters, digits and hyphens, 32 at most, no hyphen at either end; for example: target-group: "{env}-demo-tg"`, true},
	{"target group's name once filled in", "SERVICE", `{ target-group: "{env}-a-name-of-many-letters" }`, `3:26: target-group "playground-a-name-of-many-letters" is not right in playground: letters, digits and hyphens, 32 at most, no hyphen at either end`, false},
	{"repository in capitals", "IMAGE", `{ repository: Demo }`, `2:22: repository "Demo" is not right: two or more lowercase letters, digits, and single . _ - / between them; for example: repository: docker.io/windingtree/explorer`, true},
	{"secret's source", "SERVICE", `{ secrets: { A: vault/a } }`, `3:26: A "vault/a" is not right: ssm:/path/name, secretsmanager:name, secretsmanager:name:key or an ARN`, true},
	{"variable's name", "SERVICE", `{ variables: { "A B": x } }`, `3:25: "A B" is no name for a variable: letters, digits, underscores, dots and hyphens, no digit first`, true},
	{"cidr", "TOP", `cluster: { name: c, cidr: 10.0.0.0/8 }`, `6:27: cidr "10.0.0.0/8" is not right: a network from /16 to /24; for example: cidr: 10.20.0.0/16`, true},
	{"schedule's look", "TOP", `jobs: { a: { command: a, schedule: "@daily" } }`, `6:36: schedule "@daily" is not right: rate(5 minutes) or cron(0 3 * * ? *); for example: schedule: cron(0 3 * * ? *)`, true},

	// placeholders
	{"unknown placeholder", "SERVICE", `{ variables: { A: "{environment}" } }`, `3:28: unknown placeholder {environment}; known are {env}, {app}, {tag} and {commit}. A brace as such is written {{`, false},
	{"unknown placeholder, nearly", "SERVICE", `{ variables: { A: "{ENV}" } }`, `3:28: unknown placeholder {ENV}; did you mean {env}? A brace as such is written {{`, false},
	{"tag in a name", "SERVICE", `{ name: "{tag}" }`, "3:18: {tag} is known only at a deploy: it can stand in image tags and references, build arguments, variables and commands; for example: tag: \"{tag}-{env}\"", false},

	{"app of one letter", "", "app: a\nservice: {}\nenvironments: { e: }\n", `1:6: app "a" is not right: two or more lowercase letters, digits and single hyphens, a letter first; for example: app: wt-demo-app`, true},

	// what belongs together
	{"account on aws", "ENV", `{ on: aws, region: eu-west-1, cluster: c }`, `5:3: playground runs on aws and has no account: no other than the one named is ever touched; for example: account: "029479441096"`, false},
	{"region on aws", "ENV", `{ on: aws, account: "029479441096", cluster: c }`, `5:3: playground runs on aws and has no region; for example: region: eu-west-1`, false},
	{"cluster on aws", "ENV", `{ on: aws, account: "029479441096", region: eu-west-1 }`, `5:3: playground runs on aws and has no cluster; for example: cluster: shared-docker-cluster-t3`, false},
	{"same tag for every release", "IMAGE", `{ tag: latest }`, `2:15: tag "latest" is the same for every release: it has neither {tag} nor {commit}; for example: tag: "{tag}-{env}"`, false},
	{"one image with an environment in its tag", "IMAGE", `{ per: release, tag: "{tag}-{env}" }`, `2:29: tag "{tag}-{env}" is another one in each environment, but the image is one per release; for example: tag: "{tag}"`, false},
	{"reference with a build", "IMAGE", `{ reference: "nginx:1", context: api }`, `2:32: image.context is of an image that is built here, but image.reference names one that others make`, false},
	{"two images of one name", "TOP", `services: { a: {}, b: { image: { context: api, repository: demo } } }`, `6:48: the image of b would overwrite another: both are demo:{tag}-playground; for example: repository: demo-b`, false},
	{"context outside", "IMAGE", `{ context: ../other }`, `2:19: context "../other" leaves the repository; for example: context: api`, false},
	{"same host twice", "TOP", "services: { a: { port: 1, host: x.y }, b: { port: 1, host: X.y } }", "6:54: x.y leads to playground's a (line 6) already", false},
	{"timeout as long as the interval", "SERVICE", `{ health: { timeout: 5s } }`, `3:31: health.timeout 5s is not less than health.interval 5s; for example: timeout: 2s`, false},
	{"scale upside down", "SERVICE", `{ scale: { min: 3, max: 2, cpu: 50 } }`, `3:19: scale.min 3 is more than scale.max 2; for example: scale: { min: 2, max: 10, cpu: 60 }`, false},
	{"scale by nothing", "SERVICE", `{ scale: { max: 2 } }`, `3:19: scale says no load to follow: cpu, memory or requests; for example: scale: { min: 2, max: 10, cpu: 60 }`, false},
	{"count outside scale", "SERVICE", `{ count: 5, scale: { max: 2, cpu: 50 } }`, `3:19: count 5 is outside scale's 1 to 2`, false},
	{"memory upside down", "SERVICE", `{ memory: { soft: 256, hard: 128 } }`, `3:20: memory.soft 256 is more than memory.hard 128; for example: memory: { soft: 128, hard: 256 }`, false},
	{"deploy that can't move", "SERVICE", `{ deploy: { max: 150 } }`, `3:20: no deploy could ever move: with 1 of 1 task, min 100 % lets none stop and max 150 % lets none start; for example: deploy: { min: 100, max: 200 }`, false},
	{"Fargate size", "SERVICE", `{ capacity: fargate, task: { cpu: 256, memory: 4096 } }`, `3:37: Fargate has no size of 256 CPU units and 4096 MiB; for example: task: { cpu: 512, memory: 4096 }`, false},
	{"folder on Fargate", "SERVICE", `{ capacity: fargate, volumes: { d: { host: /d } } }`, `3:40: volume d is a folder of the instance; Fargate has none`, false},
	{"stop on Fargate", "SERVICE", `{ capacity: fargate, stop: 1s }`, `3:37: Fargate gives a container at least 2s to stop, not 1s; for example: stop: 2s`, false},
	{"host without a port", "SERVICE", `{ host: a.b }`, `3:12: a host leads to the service, but no container has a port; for example: port: 8000`, false},
	{"mount without a volume", "SERVICE", `{ mounts: { /d: d } }`, `3:26: there is no volume "d"; for example: volumes: { d: {} }`, false},
	{"variable and secret", "SERVICE", `{ variables: { A: a }, secrets: { A: "ssm:/a" } }`, `3:47: A is both a variable and a secret`, false},
	{"port beside containers", "SERVICE", `{ port: 80, containers: { a: {} } }`, `3:12: with several containers, port belongs to one of them: containers.a.port`, false},
	{"two ports", "SERVICE", `{ containers: { a: { port: 1 }, b: { port: 2 } } }`, `3:24: a and b each have a port; one container of a service takes its traffic`, false},
	{"none essential", "SERVICE", `{ containers: { a: { essential: false } } }`, `3:24: no container is essential: one has to be what the task ends with`, false},
	{"command for a shell", "SERVICE", `{ command: "a | b" }`, `3:21: the command "a | b" needs a shell for "|": name it; for example: [sh, -c, "a | b"]`, false},
	{"rate's plural", "TOP", `jobs: { a: { command: a, schedule: rate(1 minutes) } }`, `6:36: schedule rate(1 minutes) has to be spelled rate(1 minute) or rate(5 minutes); for example: schedule: cron(0 3 * * ? *)`, false},
	{"cron of five fields", "TOP", `jobs: { a: { command: a, schedule: cron(0 3 * * *) } }`, `6:36: schedule cron(0 3 * * *) has 5 fields; AWS takes six: minutes, hours, day of month, month, day of week, year; for example: schedule: cron(0 3 * * ? *)`, false},
	{"cron with two days", "TOP", `jobs: { a: { command: a, schedule: cron(0 3 * * * *) } }`, `6:36: schedule cron(0 3 * * * *) needs ? as day of month or as day of week, and not as both; for example: schedule: cron(0 3 * * ? *)`, false},
	{"job of no service", "TOP", `jobs: { a: { command: a, service: b } }`, `6:35: there is no service "b"`, false},
	{"size upside down", "TOP", `cluster: { name: c, size: { min: 3, max: 2 } }`, `6:27: size.min 3 is more than size.max 2; for example: size: { min: 1, max: 4 }`, false},
	{"too many conditions", "SERVICE", `{ port: 1, host: a.b, paths: [/1, /2, /3, /4, /5] }`, `3:21: 5 paths and a host are more than the 5 conditions that a rule can have`, false},

	{"job without a command", "TOP", `jobs: { a: { schedule: rate(1 day) } }`, `6:9: job a has no command; for example: command: [./migrate]`, false},
	{"scale without max", "SERVICE", `{ scale: { cpu: 50 } }`, `3:19: scale has no max; for example: scale: { min: 2, max: 10, cpu: 60 }`, false},
	{"mount without a volume's name", "SERVICE", `{ mounts: { /d: { read-only: true } } }`, `3:22: /d says no volume; for example: /d: data`, false},

	// YAML
	{"unknown alias", "SERVICE", `*nope`, `3:10: there is no anchor &nope above`, false},
	{"tag", "SERVICE", `{ name: !!binary abc }`, `3:18: the tag !!binary is not known`, false},
	{"two documents", "TOP", "---\napp: other", `7:1: a second document; a file has one, without ---`, false},
	{"empty", "", "# nothing\n", `1:1: the file is empty; for example: app: my-app`, false},
	{"tab", "", "app: aa\n\tservice: b\n", "2:1: found character '\t' that cannot start any token", false},
	{"bracket that does not end", "", "app: [a\n", `1:6: sequence end token ']' not found`, false},
	{"binary", "", "app: \xff\x00\n", `1:1: the file is not UTF-8 text`, false},
	{"deep", "", "app: " + strings.Repeat("[", 5000) + "\n", `1:1: the file nests deeper than 100 levels`, false},
}

func TestRefusals(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f", []byte(c.source()), noVariables)
			var found Errors
			if !errors.As(err, &found) {
				t.Fatalf("not refused: %v", err)
			}
			got := strings.ReplaceAll("\n"+err.Error(), "\nf:", "\n")[1:]
			if got != c.want {
				t.Errorf("in\n%s\n got %s\nwant %s", c.source(), got, c.want)
			}
		})
	}
}

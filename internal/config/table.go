package config

import "time"

// The table. The order of keys is that of the reference page.

var fileShape = &shape{kind: dict, name: "file", doc: "The top of the file.", keys: []*key{
	{name: "app", shape: plainOf(appName), what: "The application's name; all other names start from it.", example: "wt-demo-app", required: true},
	{name: "image", shape: imageShape, what: "How the application's image is built and named, or an image that others make.", example: "{ args: { WT_CONFIG: \"{env}\" } }", fallback: "built from ./Dockerfile"},
	{name: "service", shape: serviceShape, what: "The service; with services, what each of them gets.", example: "{ port: 8000, health: / }"},
	{name: "services", shape: servicesShape, what: "Several services of one repository, by name; each is a task of its own.", example: "{ api: { port: 8000 }, worker: { command: [./worker] } }"},
	{name: "jobs", shape: jobsShape, what: "Tasks that run on demand or on a schedule, by name.", example: "{ migrate: { command: [./migrate] } }"},
	{name: "environments", shape: environmentsShape, what: "The places that the application runs in, by name.", example: "{ playground: { on: engine, host: demo.example.com } }", required: true},
	{name: "cluster", shape: clusterShape, what: "The shared environment, where this repository also owns it.", example: "{ name: shared-docker-cluster-t3, instance: t3.small }"},
	{name: "dns", shape: dnsShape, what: "Who answers for the hosts' names.", example: "cloudflare", fallback: "cloudflare"},
}}

var environmentsShape = mapOf("environment", envName, environmentShape)

var servicesShape = mapOf("service", keyName, serviceShape)

var jobsShape = mapOf("job", keyName, jobShape)

var environmentShape = &shape{kind: dict, name: "environment", empty: true, doc: "One place that the application runs in. What it says about image, service, services, jobs, cluster and dns is laid over what the top of the file says: keys merge, lists and values replace.", keys: []*key{
	{name: "on", shape: words("engine", "aws"), what: "Where: the engine on this machine, or AWS.", example: "aws", fallback: "engine"},
	{name: "account", shape: plainOf(accountID), what: "The AWS account; no other is ever read or changed. Required on aws.", example: `"029479441096"`},
	{name: "region", shape: plainOf(regionName), what: "The AWS region. Required on aws.", example: "eu-west-1", fallback: "eu-west-1 on the engine"},
	{name: "branch", shape: textOf(branchName), what: "The branch whose last tag runs here.", example: "release/production", fallback: "release/{env}"},
	{name: "prereleases", shape: flagOf(), what: "Whether a pre-release such as v1.3.0-rc.1 counts as the branch's last tag.", example: "false", fallback: "true"},
	{name: "host", shape: oneOrMore(textOf(hostName)), what: "The host names of the one service that has a port.", example: "demo.example.com"},
	{name: "cluster", shape: clusterShape, what: "The cluster to run on, by name; or what of it to adopt.", example: "shared-docker-cluster-t3", fallback: "the cluster at the top of the file; on the engine, slipway"},
	{name: "image", shape: imageShape, what: "What is different about the image here.", example: "{ args: { DEBUG: \"1\" } }"},
	{name: "service", shape: serviceShape, what: "What is different about the service here; with services, about each.", example: "{ count: 3 }"},
	{name: "services", shape: servicesShape, what: "What is different about single services here.", example: "{ api: { count: 3 } }"},
	{name: "jobs", shape: jobsShape, what: "Jobs that are different, or only there, in this environment.", example: "{ report: { schedule: rate(1 day) } }"},
	{name: "dns", shape: dnsShape, what: "What is different about names here.", example: "route53"},
}}

var imageShape = &shape{kind: dict, name: "image", short: "reference", doc: "An image that the repository builds. A text in its place is an image that others make.", keys: []*key{
	{name: "reference", shape: lateOf(imageReference), what: "An image that others make: nothing is built or pushed.", example: "docker.io/library/nginx:1.27"},
	{name: "context", shape: textOf(filePath), what: "The folder that is sent to the builder.", example: "api", fallback: "."},
	{name: "dockerfile", shape: textOf(filePath), what: "The Dockerfile, relative to the context.", example: "Dockerfile.production", fallback: "Dockerfile"},
	{name: "target", shape: textOf(anyText), what: "The build stage to stop at.", example: "runtime", fallback: "the last"},
	{name: "args", shape: mapOf("build argument", argName, &shape{kind: text, late: true, coerce: true, removes: true}), what: "Build arguments: docker build --build-arg.", example: "{ WT_CONFIG: \"{env}\" }"},
	{name: "per", shape: words("environment", "release"), what: "environment: an image for each environment and tag; release: one for a tag, promoted from environment to environment.", example: "release", fallback: "environment"},
	{name: "repository", shape: textOf(repositoryName), what: "The repository's name in the account's registry; with a host before it, on another registry.", example: "docker.io/windingtree/explorer", fallback: "{app}"},
	{name: "tag", shape: lateOf(imageTag), what: "The image's tag.", example: `"{tag}"`, fallback: "{tag}-{env}; {tag} for an image per release"},
}}

var serviceShape = &shape{kind: dict, name: "service", empty: true, doc: "One service: a task that is kept running, and how requests get there.", keys: append([]*key{
	{name: "name", shape: textOf(ecsName), what: "The ECS service's name.", example: "\"{env}-update-api\"", fallback: "{env}-{app}, with the service's key behind where there are several"},
	{name: "family", shape: textOf(ecsName), what: "The task definition's family.", example: "\"{env}-{app}\"", fallback: "the service's name"},
	{name: "target-group", shape: textOf(groupName), what: "The target group's name.", example: "\"{env}-demo-tg\"", fallback: "the service's name and -tg, shortened to 32 characters"},
	{name: "container", shape: textOf(ecsName), what: "The container's name, where there is only one.", example: "web", fallback: "{app}; the service's key where there are several"},
	{name: "host", shape: oneOrMore(textOf(hostName)), what: "The host names that lead here; * and ? are wildcards.", example: "[demo.example.com, www.example.com]"},
	{name: "paths", shape: oneOrMore(textOf(pathPattern)), what: "Only these paths of the hosts lead here.", example: "[/api/*]", fallback: "all"},
	{name: "priority", shape: numberOf(1, 50000), what: "The listener rule's priority.", example: "20", fallback: "a free one"},
	{name: "rules", shape: listOf(ruleShape), what: "More rules that lead here, each with its hosts and paths.", example: "[{ host: www.example.com, paths: [/shop/*] }]"},
	{name: "protocol", shape: words("http", "https", "grpc", "http2"), what: "What the container speaks.", example: "grpc", fallback: "http"},
	{name: "health", shape: healthShape, what: "The health check's path, or all of it.", example: "/healthz", fallback: "/"},
	{name: "drain", shape: spanOf(0, time.Hour), what: "How long requests in flight may take when a task leaves.", example: "30s", fallback: "5s"},
	{name: "count", shape: numberOf(0, 5000), what: "How many tasks run.", example: "3", fallback: "1; scale.min with scale"},
	{name: "scale", shape: scaleShape, what: "Lets the number of tasks follow the load.", example: "{ min: 2, max: 10, cpu: 60 }"},
	{name: "capacity", shape: words("ec2", "fargate"), what: "Runs on the cluster's instances, or on Fargate.", example: "fargate", fallback: "ec2"},
	{name: "task", shape: taskShape, what: "CPU and memory of the whole task.", example: "{ cpu: 256, memory: 512 }", fallback: "on ec2 what the containers say; on fargate the smallest size that holds them"},
	{name: "exec", shape: flagOf(), what: "Whether slipway exec may enter the containers (ECS Exec); without roles.task a role is made that allows it.", example: "true", fallback: "as it is; off for a new service"},
	{name: "roles", shape: rolesShape, what: "The roles of the task.", example: "{ task: wt-demo-app }"},
	{name: "log", shape: logShape, what: "Where containers log to: a CloudWatch log group; none for Docker's own.", example: "none", fallback: "the group named as the cluster"},
	{name: "volumes", shape: mapOf("volume", ecsName, volumeShape), what: "Storage that the task's containers share, by name.", example: "{ data: { host: /srv/data } }"},
	{name: "deploy", shape: deployShape, what: "The limits of a deploy.", example: "{ min: 50, max: 200 }"},
	{name: "containers", shape: mapOf("container", ecsName, containerShape), what: "Several containers in one task, by name; the one with a port takes the traffic.", example: "{ web: { port: 8000 }, cache: { image: \"docker.io/library/redis:7\" } }"},
}, containerKeys...)}

var ruleShape = &shape{kind: dict, name: "rule", doc: "One more rule of the listener.", keys: []*key{
	{name: "host", shape: oneOrMore(textOf(hostName)), what: "The host names.", example: "www.example.com", required: true},
	{name: "paths", shape: oneOrMore(textOf(pathPattern)), what: "The paths.", example: "[/shop/*]", fallback: "all"},
	{name: "priority", shape: numberOf(1, 50000), what: "The rule's priority.", example: "30", fallback: "a free one"},
}}

var healthShape = &shape{kind: dict, name: "health", short: "path", doc: "The health check of the target group. A text in its place is the path.", keys: []*key{
	{name: "path", shape: textOf(healthPath), what: "What is asked for.", example: "/healthz", fallback: "/"},
	{name: "status", shape: &shape{kind: text, rule: statusCodes, plain: true, or: numberOf(200, 499)}, what: "The status codes that are healthy.", example: "200-299", fallback: "200"},
	{name: "interval", shape: spanOf(5*time.Second, 300*time.Second), what: "Time between checks.", example: "10s", fallback: "5s"},
	{name: "timeout", shape: spanOf(2*time.Second, 120*time.Second), what: "How long an answer may take; less than the interval.", example: "2s", fallback: "2s"},
	{name: "healthy", shape: numberOf(2, 10), what: "Checks in a row that make a target healthy.", example: "2", fallback: "2"},
	{name: "unhealthy", shape: numberOf(2, 10), what: "Checks in a row that make it unhealthy.", example: "3", fallback: "2"},
	{name: "grace", shape: spanOf(0, 24*time.Hour), what: "How long after its start a task isn't stopped for failing checks.", example: "60s", fallback: "0s"},
	{name: "command", shape: commandShape, what: "A command that is run in the container as its own health check.", example: "[CMD, /healthcheck]"},
}}

var commandShape = oneOrMore(lateOf(anyText))

var scaleShape = &shape{kind: dict, name: "scale", doc: "Target tracking: the number of tasks follows the load between two counts.", keys: []*key{
	{name: "min", shape: numberOf(0, 5000), what: "The fewest tasks.", example: "2", fallback: "1"},
	{name: "max", shape: numberOf(1, 5000), what: "The most tasks; required.", example: "10"},
	{name: "cpu", shape: numberOf(1, 100), what: "Average CPU to keep, percent of what is reserved.", example: "60"},
	{name: "memory", shape: numberOf(1, 100), what: "Average memory to keep, percent.", example: "75"},
	{name: "requests", shape: numberOf(1, 1000000), what: "Requests per minute and target to keep.", example: "1000"},
}}

var taskShape = &shape{kind: dict, name: "task", doc: "The size of the whole task.", keys: []*key{
	{name: "cpu", shape: numberOf(128, 196608), what: "CPU units; 1024 are a core.", example: "256"},
	{name: "memory", shape: numberOf(4, 1000000), what: "Memory in MiB.", example: "512"},
}}

var rolesShape = &shape{kind: dict, name: "roles", doc: "The roles of a task.", keys: []*key{
	{name: "task", shape: textOf(roleName), what: "What the application may do in AWS.", example: "wt-demo-app"},
	{name: "execution", shape: textOf(roleName), what: "What pulls images, reads secrets and writes logs.", example: "ecsTaskExecutionRole", fallback: "made when secrets or logs need it"},
}}

var logShape = &shape{kind: dict, name: "log", short: "group", doc: "A log group. A text in its place is the group's name; none leaves logs where Docker puts them.", keys: []*key{
	{name: "group", shape: textOf(logGroup), what: "The log group's name, or none.", example: "shared-docker-cluster-t3", fallback: "the cluster's name"},
	{name: "prefix", shape: textOf(logGroup), what: "What the streams' names start with.", example: "\"{env}-{app}\"", fallback: "the family"},
	{name: "retention", shape: &shape{kind: number, numbers: retentions}, what: "Days that events are kept.", example: "30", fallback: "as the group has it; 30 for a new one"},
}}

var volumeShape = &shape{kind: dict, name: "volume", doc: "Storage for a task.", empty: true, keys: []*key{
	{name: "host", shape: textOf(hostPath), what: "A folder of the instance.", example: "/srv/data", fallback: "lives as long as the task"},
}}

var deployShape = &shape{kind: dict, name: "deploy", doc: "The limits of a deploy.", keys: []*key{
	{name: "min", shape: numberOf(0, 100), what: "Percent of the count that has to stay healthy.", example: "50", fallback: "100; 0 with a fixed host-port"},
	{name: "max", shape: numberOf(100, 200), what: "Percent of the count that may run meanwhile.", example: "150", fallback: "200; 100 with a fixed host-port"},
	{name: "timeout", shape: spanOf(10*time.Second, 3*time.Hour), what: "When a deploy counts as failed.", example: "10m", fallback: "by the time budget"},
	{name: "rollback", shape: flagOf(), what: "Whether a failed deploy goes back to what served before.", example: "false", fallback: "true"},
}}

// containerKeys are those of a container, and of a service that has only one.
var containerKeys = []*key{
	{name: "image", shape: imageShape, what: "An image of its own, or one that others make.", example: "docker.io/library/redis:7", fallback: "the application's"},
	{name: "port", shape: numberOf(1, 65535), what: "The port that the container listens on; without one it takes no traffic.", example: "8000"},
	{name: "host-port", shape: numberOf(0, 65535), what: "A fixed port of the instance; only one such task fits on each.", example: "80", fallback: "0: a free one"},
	{name: "cpu", shape: numberOf(0, 196608), what: "CPU units; 1024 are a core.", example: "128", fallback: "0"},
	{name: "memory", shape: memoryShape, what: "Memory in MiB: the soft limit, or both.", example: "128", fallback: "128"},
	{name: "command", shape: commandShape, what: "The command, a list of words; a text is split as a shell would.", example: "[node, server.js]", fallback: "the image's"},
	{name: "entrypoint", shape: commandShape, what: "The entry point.", example: "[/sbin/tini, --]", fallback: "the image's"},
	{name: "variables", shape: mapOf("variable", variableName, variableShape), what: "Environment variables. Numbers, true and false become text exactly as written; nothing (~) removes what is inherited.", example: "{ LOG_LEVEL: info }"},
	{name: "secrets", shape: mapOf("variable", variableName, &shape{kind: text, rule: secretSource, removes: true}), what: "Environment variables from SSM parameters or Secrets Manager.", example: "{ INFURA_API_KEY: \"ssm:/{env}/infura-api-key\" }"},
	{name: "stop", shape: spanOf(0, 120*time.Second), what: "How long a container may take to stop after SIGTERM.", example: "30s", fallback: "10s"},
	{name: "user", shape: textOf(userName), what: "The user that it runs as.", example: "1000:1000", fallback: "the image's"},
	{name: "mounts", shape: mapOf("path", hostPath, mountShape), what: "Volumes, by the path where the container sees them.", example: "{ /data: data }"},
}

var variableShape = &shape{kind: text, late: true, coerce: true, removes: true, or: &shape{kind: dict, name: "passed variable", doc: "A variable whose value is that of a variable where slipway runs, as CI passes it. It stands in the task definition for all to read: better keep it as a secret.", keys: []*key{
	{name: "from", shape: plainOf(variableName), what: "The variable where slipway runs.", example: "INFURA_API_KEY", required: true},
}}}

var memoryShape = &shape{kind: dict, name: "memory", short: "soft", doc: "Memory in MiB. A number in its place is the soft limit.", keys: []*key{
	{name: "soft", shape: numberOf(4, 1000000), what: "What is reserved.", example: "128"},
	{name: "hard", shape: numberOf(4, 1000000), what: "What the container is killed at.", example: "256"},
}}

var mountShape = &shape{kind: dict, name: "mount", short: "volume", doc: "A volume in a container. A text in its place is the volume's name.", keys: []*key{
	{name: "volume", shape: textOf(ecsName), what: "The volume's name; required.", example: "data"},
	{name: "read-only", shape: flagOf(), what: "Whether the container may only read.", example: "true", fallback: "false"},
}}

var containerShape = &shape{kind: dict, name: "container", doc: "One of several containers of a task.", keys: append([]*key{
	{name: "essential", shape: flagOf(), what: "Whether the task ends with it.", example: "false", fallback: "true"},
	{name: "health", shape: &shape{kind: dict, name: "container health", doc: "The container's own health check.", keys: []*key{
		{name: "command", shape: commandShape, what: "The command that is run in the container.", example: "[CMD, /healthcheck]"},
	}}, what: "The container's own health check.", example: "{ command: [CMD, /healthcheck] }"},
}, containerKeys...)}

var jobShape = &shape{kind: dict, name: "job", doc: "A task that runs to its end, from a service's task definition.", keys: []*key{
	{name: "command", shape: commandShape, what: "The command; required.", example: "[./migrate, --all]"},
	{name: "schedule", shape: plainOf(schedule), what: "When it runs, as EventBridge has it, in UTC.", example: "cron(0 3 * * ? *)", fallback: "on demand: slipway run ENV --job JOB"},
	{name: "service", shape: plainOf(keyName), what: "The service whose task definition it runs.", example: "api", fallback: "the only one"},
	{name: "container", shape: textOf(ecsName), what: "The container that runs the command.", example: "web", fallback: "the first"},
}}

var clusterShape = &shape{kind: dict, name: "cluster", short: "name", doc: "A cluster and the network around it. A text in its place is the cluster's name. At the top of the file it is owned: slipway env up makes and keeps it. In an environment it is used as it is, and vpc, load-balancer, listener, subnets and security-groups name what was made by hand where it can't be found from the cluster.", keys: []*key{
	{name: "name", shape: textOf(ecsName), what: "The cluster's name.", example: "shared-docker-cluster-t3"},
	{name: "own", shape: flagOf(), what: "Whether slipway makes and keeps it.", example: "true", fallback: "true at the top of the file and on the engine"},
	{name: "instance", shape: plainOf(instanceType), what: "The instances' type.", example: "t3.small", fallback: "t3.small"},
	{name: "size", shape: sizeShape, what: "How many instances.", example: "{ min: 1, max: 4 }", fallback: "{ min: 1, max: 4 }"},
	{name: "insights", shape: flagOf(), what: "Container Insights.", example: "true", fallback: "false"},
	{name: "cidr", shape: plainOf(cidrBlock), what: "The network of a VPC that is made.", example: "10.20.0.0/16", fallback: "10.0.0.0/16"},
	{name: "spread", shape: flagOf(), what: "Lets services go to a second load balancer when the first is full.", example: "true", fallback: "false"},
	{name: "vpc", shape: textOf(awsName), what: "A VPC to use: its id or name.", example: "vpc-0ab12cd34ef56ab78"},
	{name: "subnets", shape: listOf(textOf(awsName)), what: "Subnets to use: ids or names.", example: "[subnet-0ab1, subnet-0cd2]"},
	{name: "load-balancer", shape: textOf(awsName), what: "A load balancer to use: its name or ARN.", example: "shared-balancer"},
	{name: "listener", shape: &shape{kind: text, rule: listenerName, plain: true, or: numberOf(1, 65535)}, what: "Its HTTPS listener: port or ARN.", example: "443", fallback: "443"},
	{name: "security-groups", shape: groupsShape, what: "Security groups to use: ids or names.", example: "{ balancer: [sg-0ab1], instances: [sg-0cd2] }"},
}}

var sizeShape = &shape{kind: dict, name: "size", doc: "How many instances.", keys: []*key{
	{name: "min", shape: numberOf(0, 1000), what: "The fewest.", example: "1", fallback: "1"},
	{name: "max", shape: numberOf(1, 1000), what: "The most.", example: "4", fallback: "4, or min when that is more"},
}}

var groupsShape = &shape{kind: dict, name: "security groups", doc: "The two security groups of a shared environment.", keys: []*key{
	{name: "balancer", shape: listOf(textOf(awsName)), what: "The load balancer's.", example: "[sg-0ab1]"},
	{name: "instances", shape: listOf(textOf(awsName)), what: "The instances'.", example: "[sg-0cd2]"},
}}

var dnsShape = &shape{kind: dict, name: "dns", short: "provider", doc: "Who answers for the hosts' names. A text in its place is the provider.", keys: []*key{
	{name: "provider", shape: words("cloudflare", "route53", "none"), what: "Where records are written; none tells which ones to write by hand.", example: "route53", fallback: "cloudflare"},
	{name: "zone", shape: plainOf(awsName), what: "The zone's name or id.", example: "example.com", fallback: "the longest that fits the host"},
	{name: "account", shape: plainOf(awsName), what: "The Cloudflare account's id, where the token sees several.", example: "0ab1c2d3e4f5"},
	{name: "proxied", shape: flagOf(), what: "Whether Cloudflare stands in front.", example: "true", fallback: "false"},
}}

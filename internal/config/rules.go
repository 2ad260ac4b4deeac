package config

import (
	"time"
)

// The rules of names, each with the page that it comes from.
var (
	// CreateRepository asks for two characters.
	appName = newRule(`^[a-z]([-_]?[a-z0-9])+$`, "two or more lowercase letters, digits and single hyphens, a letter first")
	envName = newRule(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`, "lowercase letters, digits and single hyphens, a letter first")
	keyName = newRule(`^[a-z][a-z0-9]*([-_][a-z0-9]+)*$`, "lowercase letters, digits and single hyphens, a letter first")

	// CreateService, RegisterTaskDefinition, CreateCluster, ContainerDefinition.name
	ecsName = newRule(`^[A-Za-z0-9_-]{1,255}$`, "letters, digits, hyphens and underscores, 255 at most")
	// CreateTargetGroup: 32 characters, no hyphen at either end.
	groupName = newRule(`^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$`, "letters, digits and hyphens, 32 at most, no hyphen at either end")
	// CreateRepository's pattern, with a registry's host before it when the image is elsewhere.
	repositoryName = newRule(`^([A-Za-z0-9.-]+(:[0-9]+)?/)?([a-z0-9]+([._-]+[a-z0-9]+)*/)*[a-z0-9]([._-]*[a-z0-9])+$`, "two or more lowercase letters, digits, and single . _ - / between them")
	imageTag       = newRule(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`, "letters, digits, . _ and -, 128 at most")
	imageReference = newRule(`^[^\s]+$`, "an image reference without blanks")
	// The host-header condition: 128 characters, * and ? as wildcards, letters after the last dot.
	hostName = newRule(`^([A-Za-z0-9*?]([A-Za-z0-9*?-]*[A-Za-z0-9*?])?\.)+[A-Za-z]+$`, "a host's name alone: no https://, no port, no path")
	// The path-pattern condition: 128 characters.
	pathPattern = newRule("^/[A-Za-z0-9_.$/~\"'@:+&*?-]{0,127}$", "a path that starts with /, with * and ? as wildcards, 128 characters at most")
	healthPath  = newRule(`^/\S*$`, "a path that starts with /")
	// Matcher.HttpCode
	statusCodes = newRule(`^[2-4][0-9]{2}((,[2-4][0-9]{2})*|-[2-4][0-9]{2})$`, `codes as "200", "200,302" or "200-299"`)

	variableName = newRule(`^[A-Za-z_][A-Za-z0-9_.-]*$`, "letters, digits, underscores, dots and hyphens, no digit first")
	argName      = newRule(`^[A-Za-z_][A-Za-z0-9_]*$`, "letters, digits and underscores, no digit first")
	secretSource = newRule(`^(ssm:/?[A-Za-z0-9_./{}-]+|secretsmanager:[A-Za-z0-9/_+=.@{}-]+(:[^:\s]+)?|arn:aws[a-z-]*:(ssm|secretsmanager):\S+)$`,
		"ssm:/path/name, secretsmanager:name, secretsmanager:name:key or an ARN")

	accountID  = newRule(`^[0-9]{12}$`, "the 12 digits of an AWS account, in quotes")
	regionName = newRule(`^[a-z]{2}(-[a-z]+)+-[0-9]$`, "a region's name")
	branchName = newRule(`^[^\s~^:?*\[\\]+$`, "a branch's name")
	filePath   = newRule(`^[^/\x00][^\x00]*$`, "a path within the repository, relative to slipway.yaml")
	hostPath   = newRule(`^/[^\x00]*$`, "an absolute path")
	anyText    = newRule(`\S`, "not empty")

	instanceType = newRule(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`, "an EC2 instance type")
	cidrBlock    = newRule(`^([0-9]{1,3}\.){3}[0-9]{1,3}/(1[6-9]|2[0-4])$`, "a network from /16 to /24")
	awsName      = newRule(`^\S.{0,254}$`, "a name or an id")
	roleName     = newRule(`^([A-Za-z0-9+=,.@_-]{1,64}|arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+)$`, "a role's name or ARN")
	logGroup     = newRule(`^[A-Za-z0-9_/.#-]{1,512}$`, "letters, digits and _ / . # -")
	userName     = newRule(`^[A-Za-z0-9_.:-]+$`, "user, uid, user:group or uid:gid")
	schedule     = newRule(`^(rate|cron)\(.+\)$`, "rate(5 minutes) or cron(0 3 * * ? *)")
	listenerName = newRule(`^([0-9]{1,5}|arn:aws[a-z-]*:elasticloadbalancing:\S+)$`, "a listener's port in quotes, or its ARN")
	duration     = newRule(`^[0-9]+(h([0-9]+m)?([0-9]+s)?|m([0-9]+s)?|s)$`, "a duration with its unit")
)

// retentions are the days that CloudWatch Logs can keep events: PutRetentionPolicy.
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func words(w ...string) *shape { return &shape{kind: text, words: w, plain: true} }

func textOf(r *rule) *shape { return &shape{kind: text, rule: r} }

func plainOf(r *rule) *shape { return &shape{kind: text, rule: r, plain: true} }

func lateOf(r *rule) *shape { return &shape{kind: text, rule: r, late: true} }

func numberOf(least, most int) *shape { return &shape{kind: number, min: least, max: most} }

func flagOf() *shape { return &shape{kind: boolean} }

func listOf(each *shape) *shape { return &shape{kind: list, each: each} }

// oneOrMore is a text, or a list of them.
func oneOrMore(each *shape) *shape {
	one := *each
	one.or = listOf(each)
	return &one
}

func spanOf(least, most time.Duration) *shape {
	return &shape{kind: text, rule: duration, span: &span{least, most}, plain: true}
}

// mapOf is a dict with free keys.
func mapOf(called string, names *rule, each *shape) *shape {
	return &shape{kind: dict, called: called, names: names, each: each}
}

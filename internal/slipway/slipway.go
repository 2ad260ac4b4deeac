// Package slipway is the nouns of the deploy wing: what an application's
// slipway.yaml asks for, resolved for one environment, and what a deploy
// reports. It is plain data on the standard library; config makes it, plan
// compares it, cloud applies it, report shows it.
package slipway

import "time"

// Stack is an application's file, resolved: every environment complete, all
// overrides and placeholders applied but {tag} and {commit}, which Expand fills
// in at a deploy.
type Stack struct {
	// App is the application's name.
	App string
	// File is the path it was read from, and Dir the folder of the repository.
	File, Dir string
	// Environments are in the file's order.
	Environments []Environment
	At           Positions
}

// Environment is one place that the application runs in.
type Environment struct {
	Name string
	// On is where: "engine" or "aws".
	On string
	// Account is the only account that may be touched ("" is any, on the engine).
	Account string
	Region  string
	// Branch is the git branch whose last tag runs here.
	Branch string
	// Stable leaves pre-releases out: v1.3.0-rc.1 is not the branch's last tag.
	Stable bool
	// Image is the application's own image; Images are those that single
	// services or containers build besides, by Image.Key.
	Image    Image
	Images   []Image
	Services []Service
	Jobs     []Job
	Cluster  Cluster
	DNS      DNS
	At       Positions
}

// Image is how an image is built and named.
type Image struct {
	// Key is "" for the application's own, else the service's or container's
	// key in the file.
	Key string
	// Build is whether the repository builds it; else Repository and Tag name
	// an image that others make.
	Build      bool
	Context    string // folder, relative to the file
	Dockerfile string // relative to the context
	Target     string // build stage; "" is the last
	// Args are templates for Expand.
	Args map[string]string
	// Repository is the registry repository's name, or host and name
	// ("docker.io/windingtree/explorer") for an image on a registry that is
	// not the account's.
	Repository string
	// Tag is the image's tag with {tag} and {commit} in it: "{tag}-playground".
	Tag string
	// PerEnvironment is whether each environment has an image of its own; else
	// one image is built for a tag and promoted.
	PerEnvironment bool
	At             Positions
}

// Service is one ECS service: one task definition, some hosts.
type Service struct {
	// Key is the service's name in the file ("" when the file has only one).
	Key string
	// Name is the ECS service's, Family the task definition's.
	Name, Family string
	TargetGroup  string
	// Containers are in the file's order, but the first is the one that takes
	// traffic.
	Containers []Container
	// Hosts and Paths are those of the first rule.
	Hosts []string
	Paths []string
	// Priority is the first rule's; 0: a free one is found.
	Priority int
	// Rules are all rules of the listener that lead here, each within the
	// balancer's limit of five conditions.
	Rules    []Rule
	Port     int    // 0: takes no traffic
	Protocol string // "http", "https", "grpc" or "http2", to the container
	Health   Health
	Drain    time.Duration
	Count    int
	Scale    *Scale
	// Capacity is "ec2" or "fargate".
	Capacity string
	// CPU (units) and Memory (MiB) of the task; on EC2 0 means the containers'.
	CPU, Memory int
	TaskRole    string
	// Exec lets people enter its containers; nil leaves it as it is.
	Exec          *bool
	ExecutionRole string
	// LogGroup is "" where containers log as Docker's default does.
	LogGroup         string
	LogPrefix        string
	LogRetentionDays int // 0: as the group has it
	Volumes          []Volume
	MinHealthy, Most int // percent
	// Timeout is how long a deploy may take until it counts as failed; 0: as
	// long as its time budget says.
	Timeout time.Duration
	// Rollback is whether a failed deploy goes back by itself.
	Rollback bool
	At       Positions
	Line     int // in the file
}

// Rule is one rule of the listener.
type Rule struct {
	Hosts, Paths []string
	Priority     int // 0: a free one is found
	At           Position
}

// Container is one container of a task.
type Container struct {
	Name string
	// Image is a reference to an image that others make, as a template for
	// Expand; "" is one that this repository builds.
	Image string
	// Build is the Image.Key of the image it runs when Image is "".
	Build string
	// Command and Entrypoint are templates for Expand, word by word.
	Command    []string
	Entrypoint []string
	CPU        int
	// MemorySoft and MemoryHard are MiB; 0 is none.
	MemorySoft, MemoryHard int
	// Variables are templates for Expand.
	Variables map[string]string
	// Unset are variables that the file passes on from where slipway runs, and
	// that aren't set there: variable to the name there. A deploy without them
	// would drop them, so it has to be refused.
	Unset map[string]string
	// Passed are the names of all variables that the file passes on, set or not.
	Passed []string
	// Secrets are environment variables from SSM or Secrets Manager: an ARN, a
	// parameter's name, or "secretsmanager:name[:key]".
	Secrets   map[string]string
	Port      int
	HostPort  int      // 0: a free one
	Health    []string // container health check command: CMD-SHELL or CMD first
	Stop      time.Duration
	User      string
	Essential bool
	Mounts    []Mount
	At        Positions
}

// Volume is storage that a service's containers share. HostPath is a folder of
// the machine; "" lives as long as the task.
type Volume struct{ Name, HostPath string }

// Mount puts a volume into a container.
type Mount struct {
	Volume, Path string
	ReadOnly     bool
}

// Health is a target group's health check.
type Health struct {
	Path               string
	Status             string // "200" or "200-299"
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int
	Grace              time.Duration
}

// Scale is target tracking between two counts.
type Scale struct {
	Min, Max int
	// CPU and Memory are percent, Requests are per minute and target; 0 is none.
	CPU, Memory, Requests int
}

// Job is a task that runs on demand or on a schedule.
type Job struct {
	Name      string
	Service   string // Key of the service whose task definition it runs
	Container string // "" is the first
	// Command is a template for Expand, word by word.
	Command  []string
	Schedule string // "rate(…)" or "cron(…)"; "" is on demand
	At       Positions
}

// Cluster is the shared environment that services run in. VPC, LoadBalancer,
// Listener, Subnets and the security groups are names or ids of what was made
// by others and is used as it is; "" is found or, when Owned, made.
type Cluster struct {
	Name string
	// Owned tells that this file also creates it. Implied is an ownership that
	// the file doesn't state: on the engine a cluster that isn't there is made,
	// and one that others made there is used as it is.
	Owned, Implied    bool
	Instance          string
	Min, Max          int
	Insights          bool
	VPC, LoadBalancer string
	// Listener is the HTTPS listener: its ARN or its port.
	Listener string
	Subnets  []string
	// SecurityGroups are the instances', BalancerSecurityGroups the balancer's.
	SecurityGroups, BalancerSecurityGroups []string
	CIDR                                   string
	// Spread lets services go to a second load balancer when the first is full.
	// Nth is the one that this run's go to, from 1; 0 is the first as well.
	Spread bool
	Nth    int
	At     Positions
}

// DNS is who answers for the hosts' names.
type DNS struct {
	// Provider is "cloudflare", "route53" or "none".
	Provider string
	// Zone is the zone's name or id; "" is the longest that fits the host.
	Zone string
	// Account is the Cloudflare account's id; "" is the only one.
	Account string
	Proxied bool
	At      Positions
}

// Package slipway is the nouns of the deploy wing: what an application's
// slipway.yaml asks for, resolved for one environment, and what a deploy
// reports. It is plain data on the standard library; config makes it, plan
// compares it, cloud applies it, report shows it.
package slipway

import "time"

// Stack is an application's file, resolved: every environment complete, all
// overrides and placeholders applied but {tag} and {commit}.
type Stack struct {
	// App is the application's name.
	App string
	// File is the path it was read from, and Dir the folder of the repository.
	File, Dir    string
	Environments []Environment
}

// Environment is one place that the application runs in.
type Environment struct {
	Name string
	// On is where: "engine" or "aws".
	On string
	// Account is the only account that may be touched ("" on the engine).
	Account string
	Region  string
	// Branch is the git branch whose last tag runs here.
	Branch   string
	Image    Image
	Services []Service
	Jobs     []Job
	Cluster  Cluster
	DNS      DNS
}

// Image is how the application's image is built and named.
type Image struct {
	Context    string // folder, relative to the file
	Dockerfile string // relative to the context
	Target     string // build stage; "" is the last
	Args       map[string]string
	// Repository is the registry repository's name, or a whole reference for
	// an image on a registry that is not the account's.
	Repository string
	// Tag is the image's tag with {tag} and {commit} in it: "{tag}-playground".
	Tag string
	// PerEnvironment is whether each environment has an image of its own.
	PerEnvironment bool
}

// Service is one ECS service: one task definition, some hosts.
type Service struct {
	// Key is the service's name in the file ("" when the file has only one).
	Key string
	// Name is the ECS service's, Family the task definition's.
	Name, Family string
	TargetGroup  string
	Containers   []Container // the first is the one that takes traffic
	Hosts        []string
	Paths        []string
	Priority     int // of the listener's rule; 0: a free one is found
	Port         int // 0: takes no traffic
	Protocol     string
	Health       Health
	Drain        time.Duration
	Count        int
	Scale        *Scale
	// Capacity is "ec2" or "fargate".
	Capacity string
	// CPU (units) and Memory (MiB) of the task; on EC2 0 means the containers'.
	CPU, Memory      int
	TaskRole         string
	ExecutionRole    string
	LogGroup         string
	LogPrefix        string
	LogRetentionDays int
	Volumes          []Volume
	MinHealthy, Most int // percent
	Line             int // in the file
}

// Container is one container of a task.
type Container struct {
	Name string
	// Image is "" for the application's own.
	Image      string
	Command    []string
	Entrypoint []string
	CPU        int
	// MemorySoft and MemoryHard are MiB; 0 is none.
	MemorySoft, MemoryHard int
	Variables              map[string]string
	// Secrets are environment variables from SSM or Secrets Manager: an ARN or
	// a parameter's name.
	Secrets   map[string]string
	Port      int
	HostPort  int
	Health    []string // container health check command
	Stop      time.Duration
	User      string
	Essential bool
	Mounts    []Mount
}

// Volume is storage that a service's containers share.
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
	Service   string // whose task definition it runs
	Container string
	Command   []string
	Schedule  string // "" is on demand
}

// Cluster is the shared environment that services run in.
type Cluster struct {
	Name string
	// Owned tells that this file also creates it.
	Owned                   bool
	Instance                string
	Min, Max                int
	Insights                bool
	VPC, LoadBalancer       string
	Subnets, SecurityGroups []string
	CIDR                    string
	Spread                  bool // a second load balancer when the first is full
}

// DNS is who answers for the hosts' names.
type DNS struct {
	// Provider is "cloudflare", "route53" or "none".
	Provider string
	Proxied  bool
}

// Position is a place in the file, for messages.
type Position struct {
	File         string
	Line, Column int
}

package slipway

import "maps"

// Kind is a kind of resource that Slipway looks after.
type Kind string

// The kinds, in the words of the consoles.
const (
	KindVPC              Kind = "vpc"
	KindGateway          Kind = "internet gateway"
	KindSubnet           Kind = "subnet"
	KindRoutes           Kind = "route table"
	KindSecurityGroup    Kind = "security group"
	KindLoadBalancer     Kind = "load balancer"
	KindListener         Kind = "listener"
	KindCluster          Kind = "cluster"
	KindInstanceProfile  Kind = "instance profile"
	KindLaunchTemplate   Kind = "launch template"
	KindAutoScalingGroup Kind = "auto scaling group"
	KindCapacityProvider Kind = "capacity provider"
	KindCapacity         Kind = "capacity" // a cluster's providers and a group's size
	KindLogGroup         Kind = "log group"
	KindRepository       Kind = "repository"
	KindCertificate      Kind = "certificate"
	KindProof            Kind = "validation record" // of a certificate
	KindAttachment       Kind = "listener certificate"
	KindTargetGroup      Kind = "target group"
	KindRule             Kind = "rule"
	KindRecord           Kind = "dns record"
	KindRole             Kind = "role"
	KindService          Kind = "service"
	KindScaling          Kind = "scaling"
	KindSchedule         Kind = "schedule" // a rule that runs a job, and its target
	KindScheduleRole     Kind = "schedule role"
)

// ID names a resource within an environment: kind and name.
type ID struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

func (id ID) String() string { return string(id.Kind) + " " + id.Name }

// Settings are a resource's settings as a person would name them, flat:
// "health path" → "/", "variables.LOG_LEVEL" → "info". What is wanted and what
// is seen are written alike, so that a difference is a key with two values.
type Settings map[string]string

// Set sets each key of more in s.
func (s Settings) Set(more Settings) { maps.Copy(s, more) }

// Resource is one resource as the file wants it.
type Resource struct {
	ID
	// Settings are only those that the file decides. What else the resource has
	// is left as it is.
	Settings Settings `json:"settings,omitempty"`
	// Fixed are the settings that can't be changed in place.
	Fixed []string `json:"fixed,omitempty"`
	// After are the resources that have to be there before.
	After []ID `json:"after,omitempty"`
	// Phase is the line that a report shows it under.
	Phase string `json:"phase"`
	// Service is the name of the ECS service it belongs to; "" is the environment.
	Service string `json:"service,omitempty"`
	// At is where in the file a setting is written; "" is the whole resource.
	At map[string]Position `json:"at,omitempty"`
	// Adopted resources were made by others: their settings are only shown.
	Adopted bool `json:"adopted,omitempty"`
}

// Seen is one resource as the account has it.
type Seen struct {
	// Ref is its ARN, or its id where the API takes ids.
	Ref string `json:"ref"`
	// Settings are what could be read; a key that is missing is unset.
	Settings Settings `json:"settings,omitempty"`
	// Mark is what Slipway wrote on it when it set it last ("" for a resource
	// made by others): where a setting differs from the file and the mark still
	// says the file's value, somebody else changed it.
	Mark string `json:"mark,omitempty"`
	// Foreign tells that another tool has put something in its place since.
	Foreign bool `json:"foreign,omitempty"`
	// Status is the API's word for a resource that is not simply there
	// ("provisioning", "PENDING_VALIDATION").
	Status string `json:"status,omitempty"`
	// Behind is the ARN of the load balancer that a target group hangs on.
	Behind string `json:"behind,omitempty"`
}

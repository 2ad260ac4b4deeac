package slipway

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Observed is what an account has of one environment.
type Observed struct {
	Account, Region string
	// Resources are those that the environment wants and that are there.
	Resources map[ID]Seen
	// Instances are the cluster's container instances, the roomiest first.
	Instances []InstanceRoom
	// Running is what each service runs, by its ECS name.
	Running map[string]Running
	// Rules, Certificates and TargetGroups count what the load balancer has against
	// its quotas.
	Rules, Certificates, TargetGroups Quota
	// Notes are what an adopted environment has that deviates from the rules that
	// Slipway keeps in its own.
	Notes []string
}

// Quota is how much of an allowance is used.
type Quota struct {
	Used  int `json:"used"`
	Limit int `json:"limit"`
}

// Running is what a service runs.
type Running struct {
	// Revision is the task definition's ARN.
	Revision string `json:"revision"`
	// Tag and Commit are the release's, Image the reference that it was started from.
	Tag     string `json:"tag"`
	Commit  string `json:"commit,omitempty"`
	Image   string `json:"image"`
	Desired int    `json:"desired"`
	Tasks   int    `json:"tasks"`
	// Deployments are the rollouts in progress, the newest first.
	Deployments []Deployment `json:"deployments,omitempty"`
}

// Deployment is one rollout of a service, as ECS tells of it.
type Deployment struct {
	ID           string    `json:"id"`
	Status       string    `json:"status"`
	Revision     string    `json:"revision"`
	RolloutState string    `json:"rolloutState"`
	Reason       string    `json:"reason,omitempty"`
	Desired      int       `json:"desired"`
	Running      int       `json:"running"`
	Pending      int       `json:"pending"`
	FailedTasks  int       `json:"failedTasks"`
	Since        time.Time `json:"since"`
}

// Returning tells that the service is on its way back: what its newest rollout
// starts was registered before what it replaces.
func (r Running) Returning() bool {
	if len(r.Deployments) == 0 || r.Deployments[0].RolloutState != "IN_PROGRESS" {
		return false
	}
	to := r.Deployments[0].Revision
	return slices.ContainsFunc(r.Deployments[1:], func(d Deployment) bool { return Earlier(to, d.Revision) })
}

// Earlier tells whether a revision, an ARN or its family:number, was registered
// before another of the same family.
func Earlier(revision, other string) bool {
	family, number, _ := strings.Cut(path.Base(revision), ":")
	same, than, _ := strings.Cut(path.Base(other), ":")
	n, wrong := strconv.Atoi(number)
	m, err := strconv.Atoi(than)
	return wrong == nil && err == nil && family == same && n < m
}

// Survey is what the instances of a cluster that others made are like.
type Survey struct {
	Instances, Zones int
	// VPC is where the instances are.
	VPC string
	// Open are what security groups of the instances let in from everywhere.
	Open []Opening
	// OldMetadata are the instances that answer IMDSv1.
	OldMetadata []string
	// Denied is why nothing could be looked at.
	Denied string
}

// Opening is what a security group lets in from everywhere: "tcp 22", "all".
type Opening struct{ Group, What string }

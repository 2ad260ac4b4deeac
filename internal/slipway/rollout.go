package slipway

// Rollout is a service's latest rollout, of a service that no file describes.
type Rollout struct {
	Cluster, Service string
	Deployment       Deployment
	TargetGroups     []string
	// What the task definition says.
	Images              []string
	Checked             bool // a container has a health check
	LogGroup, LogPrefix string
}

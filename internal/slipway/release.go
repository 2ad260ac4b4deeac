package slipway

// Release is one version of an application: what is built, started and rolled
// back to.
type Release struct {
	Tag, Commit string
	// Images are the references to start, by Image.Key, digest included:
	// "host/wt-demo-app:v1.2.0-playground@sha256:…".
	Images map[string]string
}

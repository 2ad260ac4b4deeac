package slipway

import "time"

// Release is one version of an application: what is built, started and rolled
// back to.
type Release struct {
	Tag, Commit string
	// Images are the references to start, by Image.Key, digest included:
	// "host/wt-demo-app:v1.2.0-playground@sha256:…".
	Images map[string]string
}

// Past is one revision that was registered.
type Past struct {
	Revision string    `json:"revision"`
	Tag      string    `json:"tag"`
	Commit   string    `json:"commit,omitempty"`
	Image    string    `json:"image"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	// Current tells that the service runs it.
	Current bool `json:"current"`
	// Failed tells that it was deployed and did not come up.
	Failed bool `json:"failed,omitempty"`
}

// Line is one line that a container wrote.
type Line struct {
	At        time.Time `json:"at"`
	Container string    `json:"container"`
	Task      string    `json:"task"`
	Text      string    `json:"text"`
}

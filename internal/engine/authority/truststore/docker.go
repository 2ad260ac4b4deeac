package truststore

import (
	"fmt"
	"os"
	"path/filepath"
)

// certsD is Docker's folder of certificates for single registries.
const certsD = "etc/docker/certs.d"

func (o *Options) installDocker() ([]Change, error) {
	if len(o.Registries) == 0 {
		return nil, nil
	}
	ca, err := os.ReadFile(o.RegistryCA)
	if err != nil {
		return nil, fmt.Errorf("reading the registries' certificate: %w", err)
	}
	c := Change{Store: "Docker"}
	for _, host := range o.Registries {
		c.Steps = append(c.Steps, Step{Write: filepath.Join(o.Root, certsD, host, prefix+"ca.crt"), Content: ca})
	}
	return []Change{c}, nil
}

func (o *Options) removeDocker() []Change {
	files, _ := filepath.Glob(filepath.Join(o.Root, certsD, "*", prefix+"ca.crt")) // the pattern is well formed
	if len(files) == 0 {
		return nil
	}
	c := Change{Store: "Docker"}
	for _, f := range files {
		// The registry's folder goes too, unless it holds more.
		c.Steps = append(c.Steps, Step{Remove: f}, Step{Remove: filepath.Dir(f), MayFail: true})
	}
	return []Change{c}
}

package writers

import (
	"errors"
	"slices"
)

// writeGitHub writes a workflow of our own: what starts it, and its jobs.
func writeGitHub(p *pipeline, existing []byte) ([]byte, error) {
	const file = ".github/workflows/slipway.yml"
	old, err := blocks(existing, file)
	if err != nil {
		return nil, err
	}
	if len(existing) == 0 {
		existing = []byte("name: slipway\n" + begin("github") + "\n" + end + "\npermissions: {}\njobs:\n  " + begin("github") + "\n  " + end + "\n")
		if old, err = blocks(existing, file); err != nil {
			return nil, err
		}
	}
	if len(old) != 2 {
		return nil, errors.New(file + " was not written by slipway ci write; move it away first")
	}
	for i, name := range slices.Backward([]string{"github-on.yml", "github-jobs.yml"}) {
		text, err := render(name, old[i].indent, p)
		if err != nil {
			return nil, err
		}
		existing = replace(existing, old[i], block(old[i].indent, "github", text))
	}
	return existing, nil
}

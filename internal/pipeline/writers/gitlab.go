package writers

import (
	"bytes"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// writeGitLab puts our jobs at the end of the file, in the stages that it has.
func writeGitLab(p *pipeline, existing []byte) ([]byte, error) {
	const file = ".gitlab-ci.yml"
	old, err := blocks(existing, file)
	if err != nil {
		return nil, err
	}
	if p.BuildStage, p.DeployStage, err = stages(existing, file); err != nil {
		return nil, err
	}
	text, err := render("gitlab-ci.yml", "", p)
	if err != nil {
		return nil, err
	}
	ours := block("", "gitlab", text)
	if len(old) > 0 {
		return replace(existing, old[0], ours), nil
	}
	if len(existing) > 0 {
		existing = append(bytes.TrimRight(existing, "\n"), "\n\n"...)
	}
	return append(existing, ours...), nil
}

// stages are those that our jobs belong to: build and deploy, or the first and
// the last where a file has its own.
func stages(existing []byte, file string) (build, deploy string, err error) {
	build, deploy = "build", "deploy"
	n, err := topKey(existing, file, "stages")
	if err != nil || n == nil {
		return build, deploy, err
	}
	list, ok := n.Value.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		return build, deploy, nil
	}
	var names []string
	for _, v := range list.Values {
		if s, ok := v.(*ast.StringNode); ok {
			names = append(names, s.Value)
		}
	}
	if len(names) == 0 {
		return build, deploy, nil
	}
	if !slices.Contains(names, build) {
		build = names[0]
	}
	if !slices.Contains(names, deploy) {
		deploy = names[len(names)-1]
	}
	return build, deploy, nil
}

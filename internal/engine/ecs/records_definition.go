package ecs

import (
	"fmt"
	"strconv"

	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/tagging"
)

// Family counts the revisions of a family of task definitions. It outlives
// them: a number is never given twice.
type Family struct {
	Name string
	// Last is the last number given, Latest the highest ACTIVE revision (0: none).
	Last, Latest int
}

// Families are the families by name.
var Families = state.NewTable("ecs.family", func(f *Family) string { return f.Name })

// Definition is one revision of a task definition, normalised as it is
// described.
type Definition struct {
	Family   string
	Revision int
	// Body is what RegisterTaskDefinition answered, with its present status.
	Body *api.TaskDefinition
	Tags tagging.Set `json:",omitzero"`
}

// Definitions are the task definitions, a family's revisions in their order. A
// space sorts before everything that a family's name may have.
var Definitions = state.NewTable("ecs.task-definition", func(d *Definition) string { return definitionKey(d.Family, d.Revision) })

func definitionKey(family string, revision int) string {
	return fmt.Sprintf("%s %010d", family, revision)
}

// DefinitionARN is the name of a revision.
func DefinitionARN(scope state.Scope, family string, revision int) string {
	return arn.New("ecs", scope, "task-definition/"+family+":"+strconv.Itoa(revision))
}

// DefinitionOf is the task definition with the ARN.
func DefinitionOf(tx *state.Tx, scope state.Scope, arn string) (*Definition, bool) {
	family, revision, ok := splitDefinition(arn)
	if !ok || revision == 0 {
		return nil, false
	}
	return Definitions.Get(tx, scope, definitionKey(family, revision))
}

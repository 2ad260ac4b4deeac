package ecs

import (
	"cmp"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// name is what clusters, services, families and containers may be called.
var name = lazyregexp.New(`^[A-Za-z0-9_-]+$`)

// last is what follows the kind in an ARN, or the reference itself where it is
// no ARN; ok is false for the ARN of something else.
func last(ref, kind string) (rest string, ok bool) {
	if !strings.HasPrefix(ref, "arn:") {
		return ref, ref != ""
	}
	a, is := arn.Parse(ref)
	if !is {
		return "", false
	}
	return a.After(kind + "/")
}

// clusterName is the name of the cluster that a request refers to, the default
// one when it refers to none.
func clusterName(ref *string) string {
	rest, ok := last(cmp.Or(awsapi.V(ref), "default"), "cluster")
	if !ok {
		return awsapi.V(ref) // no cluster is called so
	}
	return rest
}

// cluster is the active cluster that a request refers to.
func cluster(tx *state.Tx, scope state.Scope, ref *string) (*Cluster, error) {
	c, ok := Clusters.Get(tx, scope, clusterName(ref))
	switch {
	case !ok || foreign(scope, ref):
		return nil, api.ClusterNotFoundException("Cluster not found.")
	case c.Status == Inactive:
		return nil, api.ClusterNotFoundException("The referenced cluster was inactive.")
	}
	return c, nil
}

// foreign tells whether an ARN is of another account or region.
func foreign(scope state.Scope, ref *string) bool {
	a, ok := arn.Parse(awsapi.V(ref))
	return ok && a.Scope() != scope
}

// inCluster is the id or name in a reference to something in a cluster, with or
// without the cluster's name before it; ok is false when it is in another one.
func inCluster(ref, kind, cluster string) (id string, ok bool) {
	rest, ok := last(ref, kind)
	if !ok {
		return "", false
	}
	in, id, nested := strings.Cut(rest, "/")
	if !nested {
		return rest, true
	}
	return id, in == cluster
}

// service is the service that a request refers to, in whatever state.
func service(tx *state.Tx, scope state.Scope, cluster, ref string) (*ServiceRow, bool) {
	id, ok := inCluster(ref, "service", cluster)
	if !ok || foreign(scope, &ref) {
		return nil, false
	}
	return Services.Get(tx, scope, key(cluster, id))
}

// task is the task that a request refers to.
func task(tx *state.Tx, scope state.Scope, cluster, ref string) (*Task, bool) {
	id, ok := inCluster(ref, "task", cluster)
	if !ok || foreign(scope, &ref) {
		return nil, false
	}
	return Tasks.Get(tx, scope, key(cluster, id))
}

// instance is the container instance that a request refers to.
func instance(tx *state.Tx, scope state.Scope, cluster, ref string) (*Instance, bool) {
	id, ok := inCluster(ref, "container-instance", cluster)
	if !ok || foreign(scope, &ref) {
		return nil, false
	}
	return Instances.Get(tx, scope, key(cluster, id))
}

// missing is the failure of a describe call for what is not there: named by the
// ARN that it would have.
func missing(scope state.Scope, kind, cluster, ref string) api.Failure {
	if !strings.HasPrefix(ref, "arn:") {
		if cluster != "" {
			ref = key(cluster, ref)
		}
		ref = arn.New("ecs", scope, kind+"/"+ref)
	}
	return api.Failure{Arn: new(ref), Reason: new("MISSING")}
}

// includes tells whether an optional part was asked for.
func includes[T ~string](asked []T, part T) bool {
	for _, a := range asked {
		if a == part {
			return true
		}
	}
	return false
}

// text is a pointer to the text, nil for none: absent members stay absent.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

package ecs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ecs"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func needsCreateCluster(tx *state.Tx, c *operation.Caller, in *api.CreateClusterRequest) []operation.Need {
	a := ask(tx, c)
	called := new(cmp.Or(awsapi.V(in.ClusterName), "default"))
	n := a.cluster("CreateCluster", called)
	keys(n.Keys).with(in.Tags).set("ecs:capacity-provider", texts(in.CapacityProviders, func(p string) string { return providerARN(a.scope, providerName(p)) })...)
	return append([]operation.Need{n}, a.tagging(c, "CreateCluster", n.Resource, in.Tags)...)
}

// texts is the texts made of others.
func texts(in []string, one func(string) string) []string {
	var out []string
	for _, s := range in {
		out = append(out, one(s))
	}
	return out
}

func needsPutProviders(tx *state.Tx, c *operation.Caller, in *api.PutClusterCapacityProvidersRequest) []operation.Need {
	a := ask(tx, c)
	n := a.cluster("PutClusterCapacityProviders", in.Cluster)
	keys(n.Keys).set("ecs:capacity-provider", texts(in.CapacityProviders, func(p string) string { return providerARN(a.scope, providerName(p)) })...)
	return []operation.Need{n}
}

func needsCreateProvider(tx *state.Tx, c *operation.Caller, in *api.CreateCapacityProviderRequest) []operation.Need {
	a := ask(tx, c)
	n := a.provider("CreateCapacityProvider", *in.Name)
	keys(n.Keys).with(in.Tags)
	all := append([]operation.Need{n}, a.tagging(c, "CreateCapacityProvider", n.Resource, in.Tags)...)
	if g := in.AutoScalingGroupProvider; g != nil && strings.HasPrefix(awsapi.V(g.AutoScalingGroupArn), "arn:") {
		// ECS tags the group with the caller's permissions (developer guide, Auto
		// Scaling group capacity providers).
		all = append(all, operation.Need{Action: "autoscaling:CreateOrUpdateTags", Resource: *g.AutoScalingGroupArn})
	}
	return all
}

func needsRegisterInstance(tx *state.Tx, c *operation.Caller, in *api.RegisterContainerInstanceRequest) []operation.Need {
	a := ask(tx, c)
	n := a.cluster("RegisterContainerInstance", in.Cluster)
	keys(n.Keys).with(in.Tags)
	return append([]operation.Need{n}, a.tagging(c, "RegisterContainerInstance", a.named("container-instance", in.Cluster, "*"), in.Tags)...)
}

// needsAttributes is the needs of PutAttributes and DeleteAttributes: on each
// instance that is named.
func needsAttributes[In any](action string, parts func(*In) (*string, []api.Attribute)) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		a := ask(tx, c)
		cluster, attributes := parts(in)
		var all []operation.Need
		for _, x := range attributes {
			all = append(all, a.instance(action, cluster, cmp.Or(awsapi.V(x.TargetId), "*")))
		}
		return all
	}
}

func needsRegisterDefinition(tx *state.Tx, c *operation.Caller, in *api.RegisterTaskDefinitionRequest) []operation.Need {
	a := ask(tx, c)
	k := keys{}.with(in.Tags)
	for _, compatibility := range in.RequiresCompatibilities {
		k["ecs:compute-compatibility"] = append(k["ecs:compute-compatibility"], string(compatibility))
	}
	privileged := slices.ContainsFunc(in.ContainerDefinitions, func(c api.ContainerDefinition) bool { return yes(c.Privileged) })
	cpu, _ := size(in.Cpu, "cpu", "vcpu")
	memory, _ := size(in.Memory, "memory", "gb")
	k.flag("ecs:privileged", privileged).set("ecs:task-cpu", awsapi.V(cpu)).set("ecs:task-memory", awsapi.V(memory))
	n := need("RegisterTaskDefinition", arn.New("ecs", a.scope, "task-definition/"+*in.Family+":*"), k)
	all := append([]operation.Need{n}, a.passing(tasksService, in.TaskRoleArn, in.ExecutionRoleArn)...)
	return append(all, a.tagging(c, "RegisterTaskDefinition", n.Resource, in.Tags)...)
}

// network sets the keys of a network configuration.
func (k keys) network(n *api.NetworkConfiguration) keys {
	if n == nil || n.AwsvpcConfiguration == nil {
		return k
	}
	v := n.AwsvpcConfiguration
	return k.set("ecs:subnet", v.Subnets...).flag("ecs:auto-assign-public-ip", v.AssignPublicIp == api.AssignPublicIpEnabled)
}

// defined are the keys of the task definition that a service is to have.
func (a asked) defined(k keys, ref *string) keys {
	if ref == nil {
		return k
	}
	d, ok := definition(a.tx, a.scope, *ref)
	if !ok {
		return k.set("ecs:task-definition", definitionRef(a.scope, *ref))
	}
	b := d.Body
	return k.set("ecs:task-definition", *b.TaskDefinitionArn).set("ecs:task-cpu", awsapi.V(b.Cpu)).set("ecs:task-memory", awsapi.V(b.Memory))
}

func needsCreateService(tx *state.Tx, c *operation.Caller, in *api.CreateServiceRequest) []operation.Need {
	a := ask(tx, c)
	n := a.service("CreateService", in.Cluster, *in.ServiceName)
	k := keys(n.Keys).with(in.Tags).network(in.NetworkConfiguration).set("ecs:capacity-provider", a.providers(in.CapacityProviderStrategy)...)
	k.flag("ecs:enable-execute-command", yes(in.EnableExecuteCommand)).flag("ecs:enable-ecs-managed-tags", yes(in.EnableECSManagedTags))
	k.flag("ecs:enable-ebs-volumes", len(in.VolumeConfigurations) > 0).flag("ecs:enable-vpc-lattice", len(in.VpcLatticeConfigurations) > 0)
	k.flag("ecs:enable-service-connect", in.ServiceConnectConfiguration != nil && yes(in.ServiceConnectConfiguration.Enabled))
	k.set("ecs:propagate-tags", string(cmp.Or(in.PropagateTags, api.PropagateTagsNone)))
	a.defined(k, in.TaskDefinition)
	all := append([]operation.Need{n}, a.passing("ecs.amazonaws.com", in.Role)...)
	return append(all, a.tagging(c, "CreateService", n.Resource, in.Tags)...)
}

// needsUpdateService: only what the request changes has a key.
func needsUpdateService(tx *state.Tx, c *operation.Caller, in *api.UpdateServiceRequest) []operation.Need {
	a := ask(tx, c)
	n := a.service("UpdateService", in.Cluster, *in.Service)
	k := keys(n.Keys).network(in.NetworkConfiguration).set("ecs:capacity-provider", a.providers(in.CapacityProviderStrategy)...)
	k.given("ecs:enable-execute-command", in.EnableExecuteCommand).given("ecs:enable-ecs-managed-tags", in.EnableECSManagedTags)
	k.set("ecs:propagate-tags", string(in.PropagateTags))
	if in.VolumeConfigurations != nil {
		k.flag("ecs:enable-ebs-volumes", len(in.VolumeConfigurations) > 0)
	}
	if in.VpcLatticeConfigurations != nil {
		k.flag("ecs:enable-vpc-lattice", len(in.VpcLatticeConfigurations) > 0)
	}
	if in.ServiceConnectConfiguration != nil {
		k.given("ecs:enable-service-connect", in.ServiceConnectConfiguration.Enabled)
	}
	a.defined(k, in.TaskDefinition)
	return []operation.Need{n}
}

// roles are those that a task gets: its own, or the definition's.
func (a asked) roles(ref *string, o *api.TaskOverride) []*string {
	var task, execution *string
	if d, ok := definition(a.tx, a.scope, awsapi.V(ref)); ok {
		task, execution = d.Body.TaskRoleArn, d.Body.ExecutionRoleArn
	}
	if o != nil {
		task, execution = firstText(o.TaskRoleArn, task), firstText(o.ExecutionRoleArn, execution)
	}
	return []*string{task, execution}
}

func needsRunTask(tx *state.Tx, c *operation.Caller, in *api.RunTaskRequest) []operation.Need {
	a := ask(tx, c)
	k := a.inside(in.Cluster).with(in.Tags).set("ecs:capacity-provider", a.providers(in.CapacityProviderStrategy)...)
	k.flag("ecs:enable-execute-command", yes(in.EnableExecuteCommand)).flag("ecs:enable-ebs-volumes", len(in.VolumeConfigurations) > 0)
	all := append([]operation.Need{a.definition("RunTask", in.TaskDefinition, k)}, a.passing(tasksService, a.roles(in.TaskDefinition, in.Overrides)...)...)
	return append(all, a.tagging(c, "RunTask", a.named("task", in.Cluster, "*"), in.Tags)...)
}

func needsStartTask(tx *state.Tx, c *operation.Caller, in *api.StartTaskRequest) []operation.Need {
	a := ask(tx, c)
	k := a.inside(in.Cluster).with(in.Tags)
	k.set("ecs:container-instances", texts(in.ContainerInstances, func(ref string) string { return a.named("container-instance", in.Cluster, ref) })...)
	k.flag("ecs:enable-execute-command", yes(in.EnableExecuteCommand)).flag("ecs:enable-ebs-volumes", len(in.VolumeConfigurations) > 0)
	all := append([]operation.Need{a.definition("StartTask", in.TaskDefinition, k)}, a.passing(tasksService, a.roles(in.TaskDefinition, in.Overrides)...)...)
	return append(all, a.tagging(c, "StartTask", a.named("task", in.Cluster, "*"), in.Tags)...)
}

func needsExecute(tx *state.Tx, c *operation.Caller, in *api.ExecuteCommandRequest) []operation.Need {
	a := ask(tx, c)
	container := awsapi.V(in.Container)
	if t, ok := task(tx, a.scope, clusterName(in.Cluster), *in.Task); ok && container == "" && len(t.Containers) == 1 {
		container = t.Containers[0].Name
	}
	all := []operation.Need{a.cluster("ExecuteCommand", in.Cluster), a.task("ExecuteCommand", in.Cluster, *in.Task)}
	for _, n := range all {
		keys(n.Keys).set("ecs:cluster", a.clusterARN(in.Cluster)).set("ecs:task", a.named("task", in.Cluster, *in.Task)).set("ecs:container-name", container)
	}
	return all
}

func needsListTasks(tx *state.Tx, c *operation.Caller, in *api.ListTasksRequest) []operation.Need {
	return []operation.Need{ask(tx, c).instance("ListTasks", in.Cluster, cmp.Or(awsapi.V(in.ContainerInstance), "*"))}
}

func needsListServices(tx *state.Tx, c *operation.Caller, in *api.ListServicesRequest) []operation.Need {
	return []operation.Need{need("ListServices", "*", ask(tx, c).inside(in.Cluster))}
}

func needsByNamespace(_ *state.Tx, _ *operation.Caller, in *api.ListServicesByNamespaceRequest) []operation.Need {
	return []operation.Need{need("ListServicesByNamespace", "*", keys{}.set("ecs:namespace", *in.Namespace))}
}

func needsDescribeProviders(tx *state.Tx, c *operation.Caller, in *api.DescribeCapacityProvidersRequest) []operation.Need {
	a := ask(tx, c)
	if len(in.CapacityProviders) == 0 {
		return []operation.Need{need("DescribeCapacityProviders", "*", keys{})}
	}
	return each(in.CapacityProviders, func(ref string) operation.Need { return a.provider("DescribeCapacityProviders", ref) })
}

func needsDescribeClusters(tx *state.Tx, c *operation.Caller, in *api.DescribeClustersRequest) []operation.Need {
	a := ask(tx, c)
	if len(in.Clusters) == 0 {
		return []operation.Need{a.cluster("DescribeClusters", nil)}
	}
	return each(in.Clusters, func(ref string) operation.Need { return a.cluster("DescribeClusters", &ref) })
}

// history is the needs on a service's deployments or revisions: on the service
// and on each of them.
func history[In any](action, kind string, refs func(*In) []string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		a := ask(tx, c)
		var all []operation.Need
		for _, ref := range refs(in) {
			rest, _ := last(ref, kind)
			cluster, rest, _ := strings.Cut(rest, "/")
			called, _, _ := strings.Cut(rest, "/")
			svc := a.service(action, &cluster, called)
			all = append(all, svc, need(action, ref, a.inside(&cluster).set("ecs:service", svc.Resource)))
		}
		return all
	}
}

// existing is the need on a resource that is named by its ARN, with its tags.
func existing(action string, tx *state.Tx, c *operation.Caller, ref string) operation.Need {
	k := keys{}
	if r, err := resource(tx, c.Scope(), ref); err == nil {
		k.of(r.tags)
	}
	return need(action, ref, k)
}

func needsTag(tx *state.Tx, c *operation.Caller, in *api.TagResourceRequest) []operation.Need {
	n := existing("TagResource", tx, c, *in.ResourceArn)
	keys(n.Keys).with(in.Tags)
	return []operation.Need{n}
}

func needsUntag(tx *state.Tx, c *operation.Caller, in *api.UntagResourceRequest) []operation.Need {
	n := existing("UntagResource", tx, c, *in.ResourceArn)
	keys(n.Keys).set("aws:TagKeys", in.TagKeys...)
	return []operation.Need{n}
}

func needsListTags(tx *state.Tx, c *operation.Caller, in *api.ListTagsForResourceRequest) []operation.Need {
	return []operation.Need{existing("ListTagsForResource", tx, c, *in.ResourceArn)}
}

// settingNeed is the need of an operation on an account setting.
func settingNeed[In any](action string, name func(*In) api.SettingName) operation.Needs[In] {
	return func(_ *state.Tx, _ *operation.Caller, in *In) []operation.Need {
		return []operation.Need{need(action, "*", keys{}.set("ecs:account-setting", string(name(in))))}
	}
}

// onCluster is the needs of an operation on a cluster.
func onCluster[In any](action string, ref func(*In) *string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		return []operation.Need{ask(tx, c).cluster(action, ref(in))}
	}
}

// named is what a request names in a cluster.
type named struct {
	cluster *string
	refs    []string
}

// onServices, onTasks and onInstances are the needs on what a request names.
func onServices[In any](action string, of func(*In) named) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		n := of(in)
		return each(n.refs, func(ref string) operation.Need { return ask(tx, c).service(action, n.cluster, ref) })
	}
}

func onTasks[In any](action string, of func(*In) named) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		n := of(in)
		return each(n.refs, func(ref string) operation.Need { return ask(tx, c).task(action, n.cluster, ref) })
	}
}

func onInstances[In any](action string, of func(*In) named) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		n := of(in)
		return each(n.refs, func(ref string) operation.Need { return ask(tx, c).instance(action, n.cluster, ref) })
	}
}

func onProvider[In any](action string, ref func(*In) string) operation.Needs[In] {
	return func(tx *state.Tx, c *operation.Caller, in *In) []operation.Need {
		return []operation.Need{ask(tx, c).provider(action, ref(in))}
	}
}

func needsDeleteDefinitions(tx *state.Tx, c *operation.Caller, in *api.DeleteTaskDefinitionsRequest) []operation.Need {
	return each(in.TaskDefinitions, func(ref string) operation.Need {
		return ask(tx, c).definition("DeleteTaskDefinitions", &ref, keys{})
	})
}

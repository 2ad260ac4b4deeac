package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/iam"
	"github.com/slipway-dev/slipway/internal/engine/arn"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// linkedPath begins the path of service-linked roles and of their policies.
const linkedPath = "/aws-service-role/"

// linkedKind is a kind of service-linked role, as the services' own guides
// describe theirs ("Using service-linked roles for …"). The description is that
// of a role which the service itself makes.
type linkedKind struct {
	service, role, policy, description string
	// suffix tells that there may be several, told apart by a suffix.
	suffix bool
}

var linkedKinds = []linkedKind{
	{service: "acm.amazonaws.com", role: "AWSServiceRoleForCertificateManager", policy: "CertificateManagerServiceRolePolicy"},
	{service: "autoscaling.amazonaws.com", role: "AWSServiceRoleForAutoScaling", policy: "AutoScalingServiceRolePolicy", suffix: true,
		description: "Default Service-Linked Role enables access to AWS Services and Resources used or managed by Auto Scaling"},
	{service: "custom-resource.application-autoscaling.amazonaws.com", role: "AWSServiceRoleForApplicationAutoScaling_CustomResource", policy: "AWSApplicationAutoScalingCustomResourcePolicy"},
	{service: "ec2.application-autoscaling.amazonaws.com", role: "AWSServiceRoleForApplicationAutoScaling_EC2SpotFleetRequest", policy: "AWSApplicationAutoscalingEC2SpotFleetRequestPolicy"},
	{service: "ec2fleet.amazonaws.com", role: "AWSServiceRoleForEC2Fleet", policy: "AWSEC2FleetServiceRolePolicy"},
	{service: "ecr.amazonaws.com", role: "AWSServiceRoleForECRTemplate", policy: "ECRTemplateServiceRolePolicy"},
	{service: "ecs-compute.amazonaws.com", role: "AWSServiceRoleForECSCompute", policy: "AmazonECSComputeServiceRolePolicy"},
	{service: "ecs.amazonaws.com", role: "AWSServiceRoleForECS", policy: "AmazonECSServiceRolePolicy",
		description: "Role to enable Amazon ECS to manage your cluster."},
	{service: "ecs.application-autoscaling.amazonaws.com", role: "AWSServiceRoleForApplicationAutoScaling_ECSService", policy: "AWSApplicationAutoscalingECSServicePolicy"},
	{service: "elasticache.amazonaws.com", role: "AWSServiceRoleForElastiCache", policy: "ElastiCacheServiceRolePolicy"},
	{service: "elasticloadbalancing.amazonaws.com", role: "AWSServiceRoleForElasticLoadBalancing", policy: "AWSElasticLoadBalancingServiceRolePolicy",
		description: "Allows ELB to call AWS services on your behalf."},
	{service: "events.amazonaws.com", role: "AWSServiceRoleForCloudWatchEvents", policy: "CloudWatchEventsServiceRolePolicy"},
	{service: "pullthroughcache.ecr.amazonaws.com", role: "AWSServiceRoleForECRPullThroughCache", policy: "AWSECRPullThroughCache_ServiceRolePolicy"},
	{service: "rds.amazonaws.com", role: "AWSServiceRoleForRDS", policy: "AmazonRDSServiceRolePolicy"},
	{service: "replication.ecr.amazonaws.com", role: "AWSServiceRoleForECRReplication", policy: "ECRReplicationServiceRolePolicy"},
	{service: "spot.amazonaws.com", role: "AWSServiceRoleForEC2Spot", policy: "AWSEC2SpotServiceRolePolicy"},
	{service: "spotfleet.amazonaws.com", role: "AWSServiceRoleForEC2SpotFleet", policy: "AWSEC2SpotFleetServiceRolePolicy"},
	{service: "ssm.amazonaws.com", role: "AWSServiceRoleForAmazonSSM", policy: "AmazonSSMServiceRolePolicy",
		description: "Provides access to AWS Resources managed or used by Amazon SSM."},
}

func linkedKindOf(service string) (linkedKind, bool) {
	i := slices.IndexFunc(linkedKinds, func(k linkedKind) bool { return k.service == service })
	if i < 0 {
		return linkedKind{}, false
	}
	return linkedKinds[i], true
}

// linkedName is the name of the role that CreateServiceLinkedRole makes.
func linkedName(service, suffix string) string {
	k, ok := linkedKindOf(service)
	if !ok {
		return ""
	}
	if suffix != "" {
		return k.role + "_" + suffix
	}
	return k.role
}

func (s *Service) linkedRole(k linkedKind, name, description string) *Role {
	return &Role{
		Name: name, Path: linkedPath + k.service + "/", ID: uniqueID("AROA"), Created: s.now(),
		Description: description, MaxSession: defaultSession, Service: k.service,
		Trust:  fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":[%q]}}]}`, k.service),
		Grants: Grants{Attached: []string{managedPrefix[:len(managedPrefix)-1] + linkedPath + k.policy}},
	}
}

// EnsureLinkedRole makes the service-linked role of a service if there is none
// yet, as services do when they first need theirs. The service must be one that
// is known here: "ecs.amazonaws.com".
func (s *Service) EnsureLinkedRole(tx *state.Tx, scope state.Scope, service string) *Role {
	k, ok := linkedKindOf(service)
	if !ok {
		panic("iam: no service-linked role is known of " + service)
	}
	if r, ok := roles.Get(tx, scope.Global(), fold(k.role)); ok {
		return r
	}
	r := s.linkedRole(k, k.role, k.description)
	roles.Put(tx, scope.Global(), r)
	return r
}

// UseLinkedRole notes that a resource needs the service's role, so that it
// cannot be deleted.
func UseLinkedRole(tx *state.Tx, scope state.Scope, service, resource string) {
	linked.Put(tx, scope.Global(), &LinkedUse{Role: linkedName(service, ""), Resource: resource})
}

// ReleaseLinkedRole notes that a resource does not need the service's role any
// more.
func ReleaseLinkedRole(tx *state.Tx, scope state.Scope, service, resource string) {
	linked.Delete(tx, scope.Global(), fold(linkedName(service, ""))+" "+resource)
}

// CreateServiceLinkedRole makes the role of a service.
func (s *Service) CreateServiceLinkedRole(_ context.Context, c *operation.Caller, in *api.CreateServiceLinkedRoleRequest) (*api.CreateServiceLinkedRoleResponse, error) {
	scope := c.Global()
	k, ok := linkedKindOf(*in.AWSServiceName)
	if !ok {
		return nil, api.InvalidInputException("Service-linked roles of %s are not known to the engine.", *in.AWSServiceName)
	}
	suffix := awsapi.V(in.CustomSuffix)
	if suffix != "" && !k.suffix {
		return nil, api.InvalidInputException("Custom suffix is not allowed for %s", k.service)
	}
	r := s.linkedRole(k, linkedName(k.service, suffix), awsapi.V(in.Description))
	err := s.env.Store.Update(func(tx *state.Tx) error {
		if roles.Has(tx, scope, fold(r.Name)) {
			return api.InvalidInputException("Service role name %s has been taken in this account, please try a different suffix.", r.Name)
		}
		roles.Put(tx, scope, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateServiceLinkedRoleResponse{Role: r.brief(s.env.Store.View(), scope)}, nil
}

// DeleteServiceLinkedRole deletes the role of a service, if nothing needs it. AWS
// does so by and by; here the task is over at once, and says how it went.
func (s *Service) DeleteServiceLinkedRole(_ context.Context, c *operation.Caller, in *api.DeleteServiceLinkedRoleRequest) (*api.DeleteServiceLinkedRoleResponse, error) {
	scope := c.Global()
	var task *deletion
	err := s.env.Store.Update(func(tx *state.Tx) error {
		r, err := findRole(tx, scope, *in.RoleName)
		if err != nil {
			return err
		}
		if r.Service == "" {
			return api.InvalidInputException("The role %s is not a service-linked role.", r.Name)
		}
		task = &deletion{ID: "task" + r.Path + r.Name + "/" + ids.UUID(), Role: r.Name}
		for u := range linked.Prefix(tx, scope, fold(r.Name)+" ") {
			task.Uses = append(task.Uses, u.Resource)
		}
		if len(task.Uses) == 0 {
			roles.Delete(tx, scope, fold(r.Name))
			uses.Delete(tx, everywhere, r.ID)
		}
		deletions.Put(tx, scope, task)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteServiceLinkedRoleResponse{DeletionTaskId: new(task.ID)}, nil
}

// GetServiceLinkedRoleDeletionStatus tells how a deletion went.
func (s *Service) GetServiceLinkedRoleDeletionStatus(_ context.Context, c *operation.Caller, in *api.GetServiceLinkedRoleDeletionStatusRequest) (*api.GetServiceLinkedRoleDeletionStatusResponse, error) {
	task, ok := deletions.Get(s.env.View(c), c.Global(), *in.DeletionTaskId)
	switch {
	case !ok:
		return nil, api.NoSuchEntityException("Deletion task %s cannot be found.", *in.DeletionTaskId)
	case len(task.Uses) == 0:
		return &api.GetServiceLinkedRoleDeletionStatusResponse{Status: api.DeletionTaskStatusTypeSucceeded}, nil
	}
	return &api.GetServiceLinkedRoleDeletionStatusResponse{
		Status: api.DeletionTaskStatusTypeFailed,
		Reason: &api.DeletionTaskFailureReasonType{
			Reason:        new("The following resource(s) must be deleted: " + strings.Join(task.Uses, ", ") + "."),
			RoleUsageList: usageByRegion(task.Uses),
		},
	}, nil
}

// usageByRegion groups the resources that hold a role by their region.
func usageByRegion(arns []string) []api.RoleUsageType {
	var list []api.RoleUsageType
	for _, name := range arns {
		region := regionOf(name)
		i := slices.IndexFunc(list, func(u api.RoleUsageType) bool { return *u.Region == region })
		if i < 0 {
			i, list = len(list), append(list, api.RoleUsageType{Region: new(region)})
		}
		list[i].Resources = append(list[i].Resources, name)
	}
	return list
}

// roleOfTask is the ARN of the role in a deletion task's id:
// "task/aws-service-role/SERVICE/ROLE/UUID".
func roleOfTask(scope state.Scope, id string) string {
	path := strings.TrimPrefix(id, "task")
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		path = path[:i]
	}
	return arn.New("iam", scope, "role"+path)
}

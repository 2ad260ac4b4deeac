package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	satypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// undo is one removal: what it removes, and how.
type undo struct {
	id slipway.ID
	do func(context.Context) error
}

// DestroyServices removes an environment's services and what is theirs alone, in
// the order that AWS wants. Images and logs are kept on purpose. Observe comes
// before.
func (a *Account) DestroyServices(ctx context.Context, w *Work) error {
	env, n := w.Env, plan.Of(w.Env)
	var list []undo
	for i := range env.Services {
		svc := &env.Services[i]
		s := plan.For(svc)
		for _, id := range a.schedulesOf(svc) {
			list = append(list, undo{id, func(ctx context.Context) error { return a.removeSchedule(ctx, id.Name) }})
		}
		list = append(list, a.undoScheduleRole(svc))
		if svc.Scale != nil {
			list = append(list, undo{s.Scaling(), func(ctx context.Context) error { return a.removeScaling(ctx, env, svc) }})
		}
		list = append(list, undo{s.Service(), func(ctx context.Context) error { return a.removeService(ctx, env, svc) }})
		for j := range svc.Rules {
			list = append(list, undo{s.Rule(j), func(ctx context.Context) error {
				_, err := a.elb.DeleteRule(ctx, &elb.DeleteRuleInput{RuleArn: aws.String(a.Ref(s.Rule(j)))})
				return err
			}})
			for _, host := range svc.Rules[j].Hosts {
				list = append(list,
					undo{plan.Record(host), func(ctx context.Context) error { return a.removeRecord(ctx, env, host) }},
					undo{plan.Attachment(host), func(ctx context.Context) error { return a.detach(ctx, n, host) }},
					undo{plan.Certificate(host), func(ctx context.Context) error {
						err := a.removeCertificate(ctx, a.Ref(plan.Certificate(host)))
						if is(err, "ResourceInUseException") { // the listener's default goes with the listener
							return nil
						}
						return err
					}})
			}
		}
		list = append(list,
			undo{s.TargetGroup(), func(ctx context.Context) error { return a.removeTargetGroup(ctx, s.TargetGroup()) }},
			undo{s.ExecutionRole(), func(ctx context.Context) error { return a.removeRole(ctx, s.ExecutionRole().Name) }})
	}
	return a.undo(ctx, w, list)
}

// DestroyEnvironment removes what services share. It comes after Unused and
// DestroyServices.
func (a *Account) DestroyEnvironment(ctx context.Context, w *Work) error {
	env, n := w.Env, plan.Of(w.Env)
	others, err := a.besides(ctx, env)
	if err != nil {
		return err
	}
	var list []undo
	for i := range others {
		n := plan.Of(&others[i])
		list = append(list, undo{n.Balancer(), func(ctx context.Context) error { return a.removeBalancer(ctx, n) }})
	}
	return a.undo(ctx, w, append(list, []undo{
		{n.Capacity(), func(ctx context.Context) error { return a.removeCapacity(ctx, env) }},
		{n.Provider(), func(ctx context.Context) error { return a.removeProvider(ctx, n) }},
		{n.Group(), func(ctx context.Context) error { return a.removeGroup(ctx, n.Group().Name) }},
		{n.Cluster(), func(ctx context.Context) error { return a.removeCluster(ctx, env) }},
		{n.Template(), func(ctx context.Context) error {
			_, err := a.ec2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: aws.String(a.Ref(n.Template()))})
			return err
		}},
		{n.Profile(), func(ctx context.Context) error { return a.removeProfile(ctx, n.Profile().Name) }},
		{n.Balancer(), func(ctx context.Context) error { return a.removeBalancer(ctx, n) }},
		{n.InstanceGroup(), func(ctx context.Context) error { return a.removeSecurityGroup(ctx, n.InstanceGroup()) }},
		{n.BalancerGroup(), func(ctx context.Context) error { return a.removeSecurityGroup(ctx, n.BalancerGroup()) }},
		{n.Subnets()[0], func(ctx context.Context) error { return a.removeSubnet(ctx, n.Subnets()[0]) }},
		{n.Subnets()[1], func(ctx context.Context) error { return a.removeSubnet(ctx, n.Subnets()[1]) }},
		{n.Gateway(), func(ctx context.Context) error { return a.removeGateway(ctx, n) }},
		{n.VPC(), func(ctx context.Context) error {
			return a.free(ctx, func(ctx context.Context) error {
				_, err := a.ec2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: aws.String(a.Ref(n.VPC()))})
				return err
			})
		}},
	}...))
}

// undo removes one thing after the other; what is not there, or was made by
// others, is passed over.
func (a *Account) undo(ctx context.Context, w *Work, list []undo) error {
	for _, u := range list {
		if a.Ref(u.id) == "" || a.adopted(w.Env, u.id) {
			continue
		}
		start := time.Now()
		err := u.do(ctx)
		if err != nil && vanished(err) {
			err = nil // by a call whose answer was lost, or by somebody else
		}
		now := time.Now()
		e := slipway.Event{Time: now, Phase: "destroy", Step: u.id.String(), State: slipway.Done, Text: "removed", Elapsed: now.Sub(start)}
		if err != nil {
			err = fmt.Errorf("%s: %w", u.id, plain(err))
			e.State, e.Text = slipway.Failed, err.Error()
		}
		w.Sink(e)
		if err != nil {
			return err
		}
		a.mu.Lock()
		delete(a.seen.Resources, u.id)
		a.mu.Unlock()
	}
	return nil
}

// vanished tells that what was to be removed is not there any more.
func vanished(err error) bool {
	return unknown(err) || strings.Contains(says(err), "does not exist") || is(err, "ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException", "ObjectNotFoundException")
}

// adopted tells what is never removed, since others made it.
func (a *Account) adopted(env *slipway.Environment, id slipway.ID) bool {
	c := env.Cluster
	switch id.Kind {
	case slipway.KindVPC, slipway.KindSubnet, slipway.KindGateway, slipway.KindRoutes:
		return c.VPC != ""
	case slipway.KindLoadBalancer, slipway.KindListener:
		return c.LoadBalancer != "" || !c.Owned
	}
	return false
}

// free repeats a removal while what used the thing is still going: instances and
// the load balancer's interfaces outlive the calls that delete them.
func (a *Account) free(ctx context.Context, call func(context.Context) error) error {
	return a.insist(ctx, "what uses it going away", 20*time.Minute, func(err error) bool {
		return is(err, "DependencyViolation", "ResourceInUse", "ResourceInUseException", "InvalidGroup.InUse", "ScalingActivityInProgress", "ScalingActivityInProgressFault",
			"ResourceInUseFault", "ClusterContainsContainerInstancesException", "ClusterContainsServicesException", "ClusterContainsTasksException", "ClusterContainsCapacityProviderException",
			"UpdateInProgressException", "DeleteConflict", "ConflictException")
	}, call)
}

func (a *Account) removeService(ctx context.Context, env *slipway.Environment, svc *slipway.Service) error {
	_, err := a.ecs.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: &env.Cluster.Name, Service: &svc.Name, Force: aws.Bool(true)})
	if err != nil && !vanished(err) {
		return err
	}
	return a.until(ctx, "tasks of "+svc.Name+" ending", 20*time.Minute, func(ctx context.Context) (bool, error) {
		out, err := a.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &env.Cluster.Name, Services: []string{svc.Name}})
		if err != nil {
			return false, err
		}
		for _, s := range out.Services {
			if aws.ToString(s.Status) != "INACTIVE" {
				return false, nil
			}
		}
		return true, nil
	})
}

func (a *Account) removeScaling(ctx context.Context, env *slipway.Environment, svc *slipway.Service) error {
	_, err := a.scaling.DeregisterScalableTarget(ctx, &scaling.DeregisterScalableTargetInput{ServiceNamespace: satypes.ServiceNamespaceEcs,
		ResourceId: aws.String(scalingID(env, svc.Name)), ScalableDimension: satypes.ScalableDimensionECSServiceDesiredCount})
	return err
}

func (a *Account) removeTargetGroup(ctx context.Context, id slipway.ID) error {
	return a.free(ctx, func(ctx context.Context) error {
		_, err := a.elb.DeleteTargetGroup(ctx, &elb.DeleteTargetGroupInput{TargetGroupArn: aws.String(a.Ref(id))})
		return err
	})
}

// removeRecord removes a host's name where it still leads to this load balancer.
func (a *Account) removeRecord(ctx context.Context, env *slipway.Environment, host string) error {
	lb, _ := a.look(plan.Of(env).Balancer())
	have, err := a.dns.Find(ctx, host, "CNAME")
	if err != nil {
		return err
	}
	for _, r := range have {
		if r.Content == dns.Bare(lb.Settings["dns name"]) {
			if err := a.dns.Remove(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// detach takes a certificate off the listener. The listener's default one goes
// with the listener.
func (a *Account) detach(ctx context.Context, n plan.Names, host string) error {
	listener, ok := a.look(n.HTTPS())
	certificate := a.Ref(plan.Attachment(host))
	if !ok || listener.Settings["certificate"] == certificate {
		return nil
	}
	_, err := a.elb.RemoveListenerCertificates(ctx, &elb.RemoveListenerCertificatesInput{ListenerArn: &listener.Ref,
		Certificates: []elbtypes.Certificate{{CertificateArn: &certificate}}})
	return err
}

// removeCertificate removes a certificate that Slipway requested, unless it is
// still in use. It leaves the record that proves the domain: other certificates
// of the name need the same one.
func (a *Account) removeCertificate(ctx context.Context, arn string) error {
	tags, err := a.acm.ListTagsForCertificate(ctx, &acm.ListTagsForCertificateInput{CertificateArn: &arn})
	if is(err, "ResourceNotFoundException") {
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(tags.Tags, func(t acmtypes.Tag) bool { return aws.ToString(t.Key) == tagCluster }) {
		return nil // somebody else's
	}
	_, err = a.acm.DeleteCertificate(ctx, &acm.DeleteCertificateInput{CertificateArn: &arn})
	return err
}

// removeRole removes a role with its policies. One that is not there any more was
// taken off by a call whose answer was lost; the role itself is still to go.
func (a *Account) removeRole(ctx context.Context, name string) error {
	attached, err := a.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	if err != nil {
		return err
	}
	for _, p := range attached.AttachedPolicies {
		if _, err := a.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: p.PolicyArn}); err != nil && !is(err, "NoSuchEntity") {
			return err
		}
	}
	inline, err := a.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return err
	}
	for _, p := range inline.PolicyNames {
		if _, err := a.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &p}); err != nil && !is(err, "NoSuchEntity") {
			return err
		}
	}
	_, err = a.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
	return err
}

func (a *Account) removeProfile(ctx context.Context, name string) error {
	if _, err := a.iam.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &name, RoleName: &name}); err != nil && !is(err, "NoSuchEntity") {
		return err
	}
	if _, err := a.iam.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: &name}); err != nil && !is(err, "NoSuchEntity") {
		return err
	}
	return a.removeRole(ctx, name)
}

// gone tells that an Auto Scaling group is not there: its API has no code for it.
func gone(err error) bool { return err != nil && strings.Contains(says(err), "not found") }

package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// removeCapacity empties the group while its capacity provider still lives: it
// is the provider that lets drained instances go.
func (a *Account) removeCapacity(ctx context.Context, env *slipway.Environment) error {
	n := plan.Of(env)
	name := n.Group().Name
	empty := func(ctx context.Context) error {
		_, err := a.groups.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &name, MinSize: aws.Int32(0), DesiredCapacity: aws.Int32(0)})
		if gone(err) {
			return nil
		}
		return err
	}
	if err := empty(ctx); err != nil {
		return err
	}
	err := a.until(ctx, "instances of "+name+" ending", 20*time.Minute, func(ctx context.Context) (bool, error) {
		out, err := a.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
		if err != nil || len(out.AutoScalingGroups) == 0 {
			return err == nil, err
		}
		var protected []string
		for _, i := range out.AutoScalingGroups[0].Instances {
			if aws.ToBool(i.ProtectedFromScaleIn) {
				protected = append(protected, aws.ToString(i.InstanceId))
			}
			if i.LifecycleState == "Terminating:Wait" { // nobody else will let it go
				a.complete(ctx, name, aws.ToString(i.InstanceId))
			}
		}
		if len(protected) > 0 {
			_, err := a.groups.SetInstanceProtection(ctx, &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: &name, InstanceIds: protected[:min(len(protected), 50)], ProtectedFromScaleIn: aws.Bool(false)})
			if err != nil && (strings.Contains(says(err), "is not in InService") || strings.Contains(says(err), "is not part of Auto Scaling group")) {
				err = nil // it is going, or gone, since this was read
			}
			return false, errors.Join(err, empty(ctx))
		}
		return len(out.AutoScalingGroups[0].Instances) == 0, nil
	})
	if err != nil {
		return err
	}
	return a.free(ctx, func(ctx context.Context) error {
		_, err := a.ecs.PutClusterCapacityProviders(ctx, &ecs.PutClusterCapacityProvidersInput{Cluster: &env.Cluster.Name, CapacityProviders: []string{}, DefaultCapacityProviderStrategy: []ecstypes.CapacityProviderStrategyItem{}})
		return err
	})
}

// complete lets an instance go that waits in the draining hook with no task left.
func (a *Account) complete(ctx context.Context, group, instance string) {
	a.groups.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{AutoScalingGroupName: &group, InstanceId: &instance,
		LifecycleHookName: aws.String("ecs-managed-draining-termination-hook"), LifecycleActionResult: aws.String("CONTINUE")})
}

func (a *Account) removeProvider(ctx context.Context, n plan.Names) error {
	name := n.Provider().Name
	err := a.free(ctx, func(ctx context.Context) error {
		_, err := a.ecs.DeleteCapacityProvider(ctx, &ecs.DeleteCapacityProviderInput{CapacityProvider: &name})
		return err
	})
	if err != nil {
		return err
	}
	return a.until(ctx, "capacity provider going", 20*time.Minute, func(ctx context.Context) (bool, error) {
		out, err := a.ecs.DescribeCapacityProviders(ctx, &ecs.DescribeCapacityProvidersInput{CapacityProviders: []string{name}})
		if err != nil {
			return is(err, "ClientException"), nil
		}
		for _, p := range out.CapacityProviders {
			if p.UpdateStatus == ecstypes.CapacityProviderUpdateStatusDeleteFailed {
				return false, fmt.Errorf("capacity provider %s: %s", name, aws.ToString(p.UpdateStatusReason))
			}
			if p.Status == ecstypes.CapacityProviderStatusActive {
				return false, nil
			}
		}
		return true, nil
	})
}

func (a *Account) removeGroup(ctx context.Context, name string) error {
	err := a.free(ctx, func(ctx context.Context) error {
		_, err := a.groups.DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: &name, ForceDelete: aws.Bool(true)})
		return err
	})
	if gone(err) {
		return nil
	}
	return err
}

func (a *Account) removeCluster(ctx context.Context, env *slipway.Environment) error {
	return a.free(ctx, func(ctx context.Context) error {
		instances, err := a.ecs.ListContainerInstances(ctx, &ecs.ListContainerInstancesInput{Cluster: &env.Cluster.Name})
		if err != nil {
			return err
		}
		for _, arn := range instances.ContainerInstanceArns { // ended ones stay registered a while
			if _, err := a.ecs.DeregisterContainerInstance(ctx, &ecs.DeregisterContainerInstanceInput{Cluster: &env.Cluster.Name, ContainerInstance: &arn, Force: aws.Bool(true)}); err != nil && !unknown(err) {
				return err
			}
		}
		_, err = a.ecs.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: &env.Cluster.Name})
		return err
	})
}

func (a *Account) removeBalancer(ctx context.Context, n plan.Names) error {
	lb := a.Ref(n.Balancer())
	listeners, err := a.elb.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &lb})
	if err != nil {
		return err
	}
	if _, err := a.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerArn: &lb}); err != nil && !unknown(err) {
		return err
	}
	for _, l := range listeners.Listeners { // what each serves by default nobody could remove before
		for _, c := range l.Certificates {
			err = errors.Join(err, a.free(ctx, func(ctx context.Context) error {
				return a.removeCertificate(ctx, aws.ToString(c.CertificateArn))
			}))
		}
	}
	return err
}

func (a *Account) removeSecurityGroup(ctx context.Context, id slipway.ID) error {
	return a.free(ctx, func(ctx context.Context) error {
		_, err := a.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: aws.String(a.Ref(id))})
		return err
	})
}

func (a *Account) removeSubnet(ctx context.Context, id slipway.ID) error {
	return a.free(ctx, func(ctx context.Context) error {
		_, err := a.ec2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: aws.String(a.Ref(id))})
		return err
	})
}

func (a *Account) removeGateway(ctx context.Context, n plan.Names) error {
	id, vpc := a.Ref(n.Gateway()), a.Ref(n.VPC())
	err := a.free(ctx, func(ctx context.Context) error {
		_, err := a.ec2.DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: &id, VpcId: &vpc})
		if is(err, "Gateway.NotAttached") {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.free(ctx, func(ctx context.Context) error {
		_, err := a.ec2.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &id})
		return err
	})
}

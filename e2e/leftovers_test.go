package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Deploys leave no container, port, network, descriptor or goroutine behind,
// whether they are of containers on the bridge or with addresses of their own.
// `SLIPWAY_DEPLOYS=1000 go test -timeout 60m -run TestDeploysLeaveNothing ./e2e/`
// makes a thousand.
func TestDeploysLeaveNothing(t *testing.T) {
	s := probeSite(t)
	modes := []types.NetworkMode{types.NetworkModeBridge, types.NetworkModeAwsvpc, types.NetworkModeBridge, types.NetworkModeAwsvpc, types.NetworkModeBridge, types.NetworkModeAwsvpc}
	listener := ""
	for i, mode := range modes {
		name := fmt.Sprintf("s%d", i)
		kind := map[types.NetworkMode]string{types.NetworkModeBridge: "instance", types.NetworkModeAwsvpc: "ip"}[mode]
		group := s.targetGroup(name, 0, "--target-type", kind)
		if listener == "" {
			listener = s.listen(group)
		} else {
			s.must("elbv2", "create-rule", "--listener-arn", listener, "--priority", fmt.Sprint(i), "--conditions", "Field=path-pattern,Values=/"+name, "--actions", "Type=forward,TargetGroupArn="+group)
		}
		in := &ecs.CreateServiceInput{
			Cluster: &s.cluster, ServiceName: &name, TaskDefinition: aws.String(s.revision(t, name, mode, 0)), DesiredCount: aws.Int32(1),
			LoadBalancers: []types.LoadBalancer{{TargetGroupArn: &group, ContainerName: aws.String("probe"), ContainerPort: aws.Int32(8000)}},
		}
		if mode == types.NetworkModeAwsvpc {
			in.NetworkConfiguration, in.LaunchType = s.vpcConfiguration(), types.LaunchTypeFargate
		}
		if _, err := s.ecs.CreateService(context.Background(), in); err != nil {
			t.Fatal(err)
		}
		s.stable(name)
	}
	before, began := s.footprint(), time.Now()
	var all sync.WaitGroup
	for i, mode := range modes {
		all.Go(func() {
			name := fmt.Sprintf("s%d", i)
			for n := i; n < deploys(t); n += len(modes) {
				if err := s.redeploy(name, s.revision(t, name, mode, n+1)); err != nil {
					t.Errorf("deploy %d of %s: %v", n, name, err)
					return
				}
			}
		})
	}
	all.Wait()
	s.leavesNothing(before)
	t.Logf("%d deploys in %v", deploys(t), time.Since(began).Round(time.Second))
	if got := s.must("ec2", "describe-network-interfaces", "--filters", "Name=requester-id,Values=amazon-ecs", "--query", "length(NetworkInterfaces)"); got != "3" {
		t.Errorf("three tasks have interfaces, and %s are there", got)
	}
}

// revision registers a revision of the probe that waits.
func (s *site) revision(t *testing.T, family string, mode types.NetworkMode, n int) string {
	c := s.probe("serve", ":8000", fmt.Sprint(n))
	c.PortMappings = []types.PortMapping{{ContainerPort: aws.Int32(8000)}}
	in := &ecs.RegisterTaskDefinitionInput{Family: &family, NetworkMode: mode, ContainerDefinitions: []types.ContainerDefinition{c}}
	if mode == types.NetworkModeAwsvpc {
		in.Cpu, in.Memory, in.RequiresCompatibilities = aws.String("256"), aws.String("512"), []types.Compatibility{types.CompatibilityFargate}
	}
	out, err := s.ecs.RegisterTaskDefinition(context.Background(), in)
	if err != nil {
		t.Error(err)
		return ""
	}
	return *out.TaskDefinition.TaskDefinitionArn
}

// redeploy moves a service on and waits until only the new revision runs.
func (s *site) redeploy(name, definition string) error {
	if _, err := s.ecs.UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &s.cluster, Service: &name, TaskDefinition: &definition}); err != nil {
		return err
	}
	return ecs.NewServicesStableWaiter(s.ecs, func(o *ecs.ServicesStableWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 100*time.Millisecond
	}).Wait(context.Background(), &ecs.DescribeServicesInput{Cluster: &s.cluster, Services: []string{name}}, 3*time.Minute)
}

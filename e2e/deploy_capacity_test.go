package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// fleet is a cluster whose instances come and go with a capacity provider, on an
// engine that simulates containers.
type fleet struct{ *engine }

// newFleet makes the cluster "web" with the capacity provider "fleet" on an empty
// Auto Scaling group of t3.small, which has room for two of its tasks.
func newFleet(t *testing.T) *fleet {
	f := &fleet{start(t, "--simulate")}
	subnets := strings.Join(strings.Fields(f.must("ec2", "describe-subnets", "--query", "Subnets[].SubnetId"))[:2], ",")
	f.must("iam", "create-role", "--role-name", "instance", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	f.must("iam", "create-instance-profile", "--instance-profile-name", "instance")
	f.must("iam", "add-role-to-instance-profile", "--instance-profile-name", "instance", "--role-name", "instance")
	ami := f.must("ssm", "get-parameter", "--name", "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id", "--query", "Parameter.Value")
	f.must("ec2", "create-launch-template", "--launch-template-name", "instance", "--launch-template-data", fmt.Sprintf(
		`{"ImageId":%q,"InstanceType":"t3.small","IamInstanceProfile":{"Name":"instance"},"UserData":"IyEvYmluL2Jhc2gKZWNobyBFQ1NfQ0xVU1RFUj13ZWIgPj4gL2V0Yy9lY3MvZWNzLmNvbmZpZwo="}`, ami))
	f.must("autoscaling", "create-auto-scaling-group", "--auto-scaling-group-name", "fleet", "--launch-template", "LaunchTemplateName=instance",
		"--min-size", "0", "--max-size", "4", "--vpc-zone-identifier", subnets, "--new-instances-protected-from-scale-in")
	arn := f.must("autoscaling", "describe-auto-scaling-groups", "--query", "AutoScalingGroups[0].AutoScalingGroupARN")
	f.must("ecs", "create-cluster", "--cluster-name", "web")
	f.must("ecs", "create-capacity-provider", "--name", "fleet", "--auto-scaling-group-provider",
		"autoScalingGroupArn="+arn+",managedScaling={status=ENABLED,targetCapacity=100,instanceWarmupPeriod=1},managedTerminationProtection=ENABLED,managedDraining=ENABLED")
	f.must("ecs", "put-cluster-capacity-providers", "--cluster", "web", "--capacity-providers", "fleet", "--default-capacity-provider-strategy", "capacityProvider=fleet,weight=1")
	f.must("ecs", "register-task-definition", "--family", "web", "--container-definitions",
		`[{"name":"web","image":"web:1","memory":800,"healthCheck":{"command":["CMD","true"]}}]`)
	return f
}

// eventually waits until a call answers what is wanted.
func (e *engine) eventually(want string, args ...string) {
	e.t.Helper()
	got := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = e.aws(args...); got == want {
			return
		}
	}
	e.t.Fatalf("aws %s:\n got %s\nwant %s", strings.Join(args, " "), got, want)
}

func (f *fleet) counts(want string) {
	f.t.Helper()
	f.eventually(want, "ecs", "describe-services", "--cluster", "web", "--services", "web", "--query", "services[0].[runningCount,pendingCount,length(deployments)]")
}

func (f *fleet) instances(want string) {
	f.t.Helper()
	f.eventually(want, "ecs", "describe-clusters", "--clusters", "web", "--query", "clusters[0].registeredContainerInstancesCount")
	f.eventually(want, "autoscaling", "describe-auto-scaling-groups", "--query", "length(AutoScalingGroups[0].Instances)")
}

func TestACapacityProviderGrowsFromZeroAndShrinksToZero(t *testing.T) {
	t.Parallel() // it waits most of the time
	f := newFleet(t)
	if got := f.must("autoscaling", "describe-lifecycle-hooks", "--auto-scaling-group-name", "fleet", "--query", "LifecycleHooks[].[LifecycleHookName,LifecycleTransition]"); got != "ecs-managed-draining-termination-hook\tautoscaling:EC2_INSTANCE_TERMINATING" {
		t.Errorf("hooks: %s", got)
	}
	f.must("ecs", "create-service", "--cluster", "web", "--service-name", "web", "--task-definition", "web", "--desired-count", "3")
	f.counts("3\t0\t1")
	f.instances("2")
	// An instance with tasks is protected from scale-in.
	if got := f.must("autoscaling", "describe-auto-scaling-instances", "--query", "AutoScalingInstances[].ProtectedFromScaleIn"); got != "True\tTrue" {
		t.Errorf("protection: %s", got)
	}
	f.must("ecs", "update-service", "--cluster", "web", "--service", "web", "--desired-count", "7")
	f.counts("7\t0\t1")
	f.instances("4")
	f.must("ecs", "update-service", "--cluster", "web", "--service", "web", "--desired-count", "0")
	f.counts("0\t0\t1")
	f.instances("0")
}

// A lost instance's tasks stop in AWS's words and are placed again elsewhere.
func TestALostInstancesTasksArePlacedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must("ecs", "create-service", "--cluster", "web", "--service-name", "web", "--task-definition", "web", "--desired-count", "4")
	f.counts("4\t0\t1")
	f.instances("2")
	victim := strings.Fields(f.must("autoscaling", "describe-auto-scaling-instances", "--query", "AutoScalingInstances[].InstanceId"))[0]
	f.must("ec2", "terminate-instances", "--instance-ids", victim)
	f.eventually("2", "ecs", "list-tasks", "--cluster", "web", "--desired-status", "STOPPED", "--query", "length(taskArns)")
	stopped := strings.Fields(f.must("ecs", "list-tasks", "--cluster", "web", "--desired-status", "STOPPED", "--query", "taskArns"))
	for _, task := range stopped {
		f.eventually("STOPPED\tTerminationNotice\tHost EC2 (instance "+victim+") terminated.",
			"ecs", "describe-tasks", "--cluster", "web", "--tasks", task, "--query", "tasks[0].[lastStatus,stopCode,stoppedReason]")
	}
	f.counts("4\t0\t1")
	f.instances("2")
	if got := f.must("ecs", "describe-container-instances", "--cluster", "web", "--container-instances", f.must("ecs", "list-container-instances", "--cluster", "web", "--query", "containerInstanceArns[0]"), "--query", "containerInstances[0].ec2InstanceId"); got == victim {
		t.Error("the lost instance is still in the cluster")
	}
}

// An instance refresh replaces every instance, and none before its tasks run
// elsewhere.
func TestAnInstanceRefreshDrains(t *testing.T) {
	t.Parallel() // it waits most of the time
	f := newFleet(t)
	f.must("ecs", "create-service", "--cluster", "web", "--service-name", "web", "--task-definition", "web", "--desired-count", "4")
	f.counts("4\t0\t1")
	f.instances("2")
	old := f.must("autoscaling", "describe-auto-scaling-instances", "--query", "sort(AutoScalingInstances[].InstanceId)")
	f.must("autoscaling", "start-instance-refresh", "--auto-scaling-group-name", "fleet", "--preferences", `{"MinHealthyPercentage":50,"InstanceWarmup":0,"ScaleInProtectedInstances":"Refresh"}`)
	f.eventually("Successful", "autoscaling", "describe-instance-refreshes", "--auto-scaling-group-name", "fleet", "--query", "InstanceRefreshes[0].Status")
	f.counts("4\t0\t1")
	now := f.must("autoscaling", "describe-auto-scaling-instances", "--query", "sort(AutoScalingInstances[].InstanceId)")
	for _, id := range strings.Fields(old) {
		if strings.Contains(now, id) {
			t.Errorf("%s was not replaced", id)
		}
	}
	reasons := f.must("ecs", "list-tasks", "--cluster", "web", "--desired-status", "STOPPED", "--query", "taskArns")
	got := f.must(append([]string{"ecs", "describe-tasks", "--cluster", "web", "--query", "tasks[].stopCode", "--tasks"}, strings.Fields(reasons)...)...)
	for _, code := range strings.Fields(got) {
		if code != "ServiceSchedulerInitiated" {
			t.Errorf("a task was not replaced by the scheduler: %s", got)
		}
	}
}

// DRAINING by hand is honoured, too, and a service that may not lose a task waits
// until there is room elsewhere.
func TestADrainingInstanceIsEmptied(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.must("ecs", "create-service", "--cluster", "web", "--service-name", "web", "--task-definition", "web", "--desired-count", "2")
	f.counts("2\t0\t1")
	f.instances("1")
	row := f.must("ecs", "list-container-instances", "--cluster", "web", "--query", "containerInstanceArns[0]")
	f.must("ecs", "update-container-instances-state", "--cluster", "web", "--container-instances", row, "--status", "DRAINING")
	f.eventually("0\t0", "ecs", "describe-container-instances", "--cluster", "web", "--container-instances", row, "--query", "containerInstances[0].[runningTasksCount,pendingTasksCount]")
	f.counts("2\t0\t1")
}

package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// AddInstance makes the cluster's group one instance larger than it is, beyond
// the file's size too, and waits until it has joined. RemoveInstance undoes it; a
// run that ends before leaves a group that is larger than the file says, which
// the next one sees.
func (a *Account) AddInstance(ctx context.Context, env *slipway.Environment) error {
	group, err := a.group(ctx, env)
	if err != nil {
		return err
	}
	if err := a.observeInstances(ctx, env.Cluster.Name); err != nil {
		return err
	}
	want := a.joined() + 1
	size := aws.Int32(max(aws.ToInt32(group.DesiredCapacity), int32(len(group.Instances))) + 1)
	_, err = a.groups.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group.AutoScalingGroupName,
		MaxSize: aws.Int32(max(aws.ToInt32(group.MaxSize), *size)), DesiredCapacity: size})
	if err != nil {
		return fmt.Errorf("adding an instance: %w", plain(err))
	}
	return a.until(ctx, "one more instance joining cluster "+env.Cluster.Name, 15*time.Minute, func(ctx context.Context) (bool, error) {
		err := a.observeInstances(ctx, env.Cluster.Name)
		return a.joined() >= want, err
	})
}

// RemoveInstance takes an instance without tasks away while there are more than
// the file wants at most, and gives the group the file's size. It says which; ""
// is none, because each still has tasks.
func (a *Account) RemoveInstance(ctx context.Context, env *slipway.Environment) (string, error) {
	gone, err := a.idle(ctx, env)
	if errors.Is(err, errLimit) {
		return "", nil // it has tasks; the next run looks again
	}
	if err != nil {
		return "", err
	}
	group, err := a.group(ctx, env)
	if err != nil {
		return "", err
	}
	if gone != "" {
		// Managed draining moves what may have been placed there meanwhile.
		fewer := int(aws.ToInt32(group.DesiredCapacity)) > env.Cluster.Max
		_, err = a.groups.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: &gone, ShouldDecrementDesiredCapacity: &fewer})
		if err != nil {
			return "", fmt.Errorf("removing instance %s: %w", gone, plain(err))
		}
	}
	_, err = a.groups.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group.AutoScalingGroupName, MaxSize: aws.Int32(int32(env.Cluster.Max))})
	if err != nil {
		return gone, fmt.Errorf("giving the group its size: %w", plain(err))
	}
	return gone, nil
}

func (a *Account) group(ctx context.Context, env *slipway.Environment) (*astypes.AutoScalingGroup, error) {
	name := plan.Of(env).Group().Name
	out, err := a.groups.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil {
		return nil, fmt.Errorf("reading Auto Scaling group %s: %w", name, plain(err))
	}
	if len(out.AutoScalingGroups) == 0 {
		return nil, fmt.Errorf("there is no Auto Scaling group %s to add an instance to", name)
	}
	return &out.AutoScalingGroups[0], nil
}

// joined is how many instances take tasks.
func (a *Account) joined() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, i := range a.seen.Instances {
		if i.Connected && !i.Draining {
			n++
		}
	}
	return n
}

// idle waits for an instance of those that are too many to have no task: one look
// may be older than the task that was just placed there, so it has to be seen
// without one for longer than reads lag. "" is that there are not too many.
func (a *Account) idle(ctx context.Context, env *slipway.Environment) (which string, err error) {
	since := map[string]time.Time{}
	err = a.until(ctx, "an instance without tasks", 2*time.Minute, func(ctx context.Context) (bool, error) {
		if err := a.observeInstances(ctx, env.Cluster.Name); err != nil {
			return false, err
		}
		if a.joined() <= env.Cluster.Max {
			return true, nil
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, i := range a.seen.Instances {
			switch begun, ok := since[i.ID]; {
			case i.Tasks > 0 || i.Draining || !i.Connected:
				delete(since, i.ID)
			case !ok:
				since[i.ID] = time.Now()
			case time.Since(begun) > a.lag():
				which = i.ID
			}
		}
		return which != "", nil
	})
	return which, err
}

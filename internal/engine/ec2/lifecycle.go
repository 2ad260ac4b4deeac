package ec2

import (
	"context"
	"net/netip"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// How long changes take here, and how long what is gone is still told. On AWS an
// instance boots in some 16 s; here it has nothing to boot.
const (
	bootTakes = 500 * time.Millisecond
	stopTakes = 500 * time.Millisecond
	natTakes  = 500 * time.Millisecond
	checks    = 2 * time.Second // from running to passed status checks
	detached  = 3 * time.Second // how long an interface's attachment is told after its end
	lingers   = time.Hour
)

func change(was, is api.InstanceStateName, id string) api.InstanceStateChange {
	return api.InstanceStateChange{InstanceId: &id, PreviousState: showState(was), CurrentState: showState(is)}
}

func userInitiated(now time.Time) string {
	return "User initiated (" + now.UTC().Format("2006-01-02 15:04:05") + " GMT)"
}

// StartInstances has stopped instances run again.
func (s *Service) StartInstances(_ context.Context, c *operation.Caller, in *api.StartInstancesRequest) (*api.StartInstancesResult, error) {
	out := &api.StartInstancesResult{StartingInstances: []api.InstanceStateChange{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		all, err := several(tx, c.Scope(), in.InstanceIds)
		if err != nil {
			return err
		}
		for _, i := range all {
			is := i.State
			switch i.State {
			case api.InstanceStateNameRunning, api.InstanceStateNamePending:
			case api.InstanceStateNameStopped:
				is = api.InstanceStateNamePending
				start(tx, c.Scope(), i, s.env.Now())
			default:
				return awsapi.Errorf("IncorrectInstanceState", 400, "The instance '%s' is not in a state from which it can be started.", i.ID)
			}
			out.StartingInstances = append(out.StartingInstances, change(i.State, is, i.ID))
		}
		return nil
	})
}

func start(tx *state.Tx, scope state.Scope, i *Instance, now time.Time) {
	Instances.Change(tx, scope, i.ID, func(i *Instance) {
		i.Want, i.State, i.Since, i.Launched = api.InstanceStateNameRunning, api.InstanceStateNamePending, now, now
		i.Reason, i.Cause = "", nil
	})
	if p, ok := PrimaryInterface(tx, scope, i.ID); ok && p.AutoPublic {
		if _, has := publicAddress(tx, scope, p, p.PrivateIP); !has {
			at := publicIP(tx, scope)
			Interfaces.Change(tx, scope, p.ID, func(p *Interface) { p.PublicIP = at })
		}
	}
}

// StopInstances has running instances stop.
func (s *Service) StopInstances(_ context.Context, c *operation.Caller, in *api.StopInstancesRequest) (*api.StopInstancesResult, error) {
	out := &api.StopInstancesResult{StoppingInstances: []api.InstanceStateChange{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		all, err := several(tx, c.Scope(), in.InstanceIds)
		if err != nil {
			return err
		}
		for _, i := range all {
			is := i.State
			switch i.State {
			case api.InstanceStateNameStopped, api.InstanceStateNameStopping:
			case api.InstanceStateNameRunning:
				if i.Options.NoStop {
					return awsapi.Errorf("OperationNotPermitted", 400, "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", i.ID)
				}
				is = api.InstanceStateNameStopping
				send(tx, c.Scope(), i.ID, api.InstanceStateNameStopped, is, s.env.Now())
			default:
				return awsapi.Errorf("IncorrectInstanceState", 400, "The instance '%s' is not in a state from which it can be stopped.", i.ID)
			}
			out.StoppingInstances = append(out.StoppingInstances, change(i.State, is, i.ID))
		}
		return nil
	})
}

// send sends an instance on its way to stopped or terminated.
func send(tx *state.Tx, scope state.Scope, id string, want, is api.InstanceStateName, now time.Time) {
	Instances.Change(tx, scope, id, func(i *Instance) {
		i.Want, i.State, i.Since, i.Reason = want, is, now, userInitiated(now)
		i.Cause = &api.StateReason{Code: new("Client.UserInitiatedShutdown"), Message: new("Client.UserInitiatedShutdown: User initiated shutdown")}
	})
}

// TerminateInstances has instances go for good: all of them, or none when one is
// protected.
func (s *Service) TerminateInstances(_ context.Context, c *operation.Caller, in *api.TerminateInstancesRequest) (*api.TerminateInstancesResult, error) {
	out := &api.TerminateInstancesResult{TerminatingInstances: []api.InstanceStateChange{}}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		all, err := several(tx, c.Scope(), in.InstanceIds)
		if err != nil {
			return err
		}
		for _, i := range all {
			if i.Options.NoTerminate && i.Want != api.InstanceStateNameTerminated {
				return awsapi.Errorf("OperationNotPermitted", 400, "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
			}
		}
		for _, i := range all {
			is := Terminate(tx, c.Scope(), i.ID, s.env.Now())
			out.TerminatingInstances = append(out.TerminatingInstances, change(i.State, is, i.ID))
		}
		return nil
	})
}

// Terminate has an instance go for good, whatever its protection, and tells its
// state then, "" when there is no such instance. Autoscaling calls it.
func Terminate(tx *state.Tx, scope state.Scope, id string, now time.Time) api.InstanceStateName {
	i, ok := Instances.Get(tx, scope, id)
	switch {
	case !ok:
		return ""
	case i.Want == api.InstanceStateNameTerminated:
		return i.State
	}
	send(tx, scope, id, api.InstanceStateNameTerminated, api.InstanceStateNameShuttingDown, now)
	return api.InstanceStateNameShuttingDown
}

// RebootInstances reboots instances: nothing of them is seen to change.
func (s *Service) RebootInstances(_ context.Context, c *operation.Caller, in *api.RebootInstancesRequest) (*awsapi.Empty, error) {
	all, err := several(s.env.Store.View(), c.Scope(), in.InstanceIds)
	for _, i := range all {
		if i.State == api.InstanceStateNameTerminated || i.State == api.InstanceStateNameShuttingDown {
			return nil, awsapi.Errorf("IncorrectInstanceState", 400, "The instance '%s' is not in a state from which it can be rebooted.", i.ID)
		}
	}
	return &awsapi.Empty{}, err
}

// next is the state of an instance at an instant, and when to look again; gone
// tells that even its record is to go.
func (i *Instance) next(now time.Time) (to api.InstanceStateName, at time.Time, gone bool) {
	after := func(d time.Duration, to api.InstanceStateName) (api.InstanceStateName, time.Time, bool) {
		if due := i.Since.Add(d); now.Before(due) {
			return i.State, due, false
		}
		return to, time.Time{}, false
	}
	switch i.State {
	case api.InstanceStateNamePending:
		return after(bootTakes, api.InstanceStateNameRunning)
	case api.InstanceStateNameStopping:
		return after(stopTakes, api.InstanceStateNameStopped)
	case api.InstanceStateNameShuttingDown:
		return after(stopTakes, api.InstanceStateNameTerminated)
	case api.InstanceStateNameTerminated:
		due := i.Since.Add(lingers)
		return i.State, due, !now.Before(due)
	}
	return i.State, time.Time{}, false
}

// advance takes an instance to its next state, with what that means for its
// interfaces and volumes.
func (i *Instance) advance(tx *state.Tx, scope state.Scope, to api.InstanceStateName, now time.Time) {
	switch to {
	case api.InstanceStateNameStopped:
		if p, ok := PrimaryInterface(tx, scope, i.ID); ok && p.PublicIP.IsValid() {
			Interfaces.Change(tx, scope, p.ID, func(p *Interface) { p.PublicIP = netip.Addr{} })
		}
	case api.InstanceStateNameTerminated:
		release(tx, scope, i.ID, now)
	}
	Instances.Change(tx, scope, i.ID, func(i *Instance) {
		i.State, i.Since = to, now
		if to == api.InstanceStateNameRunning {
			i.Booted, i.Cause = now, nil
		}
		if to == api.InstanceStateNameTerminated {
			i.Profile = nil
		}
	})
}

// release deletes what goes with a terminated instance and detaches the rest.
func release(tx *state.Tx, scope state.Scope, id string, now time.Time) {
	for n := range interfacesOn.Get(tx, scope, id) {
		if n.Attachment.DeleteOnTermination {
			DeleteInterface(tx, scope, n.ID)
			continue
		}
		Interfaces.Change(tx, scope, n.ID, func(n *Interface) { n.detach(now) })
	}
	for v := range volumesOn.Get(tx, scope, id) {
		if v.Mount.DeleteOnTermination {
			drop(tx, scope, Volumes, v.ID)
			continue
		}
		Volumes.Change(tx, scope, v.ID, func(v *Volume) { v.Mount = nil })
	}
}

package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// RunInstances launches instances.
func (s *Service) RunInstances(_ context.Context, c *operation.Caller, in *api.RunInstancesRequest) (*api.Reservation, error) {
	data, err := reshape[api.RequestLaunchTemplateData](in)
	if err != nil {
		return nil, err
	}
	data.RamDiskId = in.RamdiskId
	r := LaunchRequest{
		Template: in.LaunchTemplate, Data: data, Subnet: awsapi.V(in.SubnetId), PrivateIP: awsapi.V(in.PrivateIpAddress),
		Min: *in.MinCount, Max: *in.MaxCount, Token: awsapi.V(in.ClientToken), Now: s.env.Now(),
	}
	var out api.Reservation
	err = s.env.Store.Update(func(tx *state.Tx) error {
		id, err := s.once(tx, c.Scope(), "RunInstances", in.ClientToken, in, func() (string, error) {
			all, err := LaunchInstances(tx, c.Scope(), r)
			if err != nil {
				return "", err
			}
			return all[0].Reservation, nil
		})
		if err != nil {
			return err
		}
		out = showReservation(tx, c.Scope(), id, reservedIn(tx, c.Scope(), id))
		return nil
	})
	return &out, err
}

// reservedIn are the instances of a reservation, in the order of their launch.
func reservedIn(tx *state.Tx, scope state.Scope, id string) []*Instance {
	return slices.SortedFunc(instancesIn.Get(tx, scope, id), func(a, b *Instance) int { return a.Index - b.Index })
}

func sortMappings(m []api.InstanceBlockDeviceMapping) {
	slices.SortFunc(m, func(a, b api.InstanceBlockDeviceMapping) int { return strings.Compare(*a.DeviceName, *b.DeviceName) })
}

// instanceView is an instance as filters see it: with what only the reservation
// or the row tells.
type instanceView struct {
	api.Instance
	row   *Instance
	owner string
}

func showView(tx *state.Tx, scope state.Scope, i *Instance) instanceView {
	return instanceView{showInstance(tx, scope, i), i, scope.Account}
}

var instanceListing = &listing[Instance, instanceView]{
	table: Instances, kind: instanceKind, show: showView, alone: true,
	tags:   func(i *instanceView) []api.Tag { return i.Tags },
	fields: instanceFields,
}

// DescribeInstances tells instances, by reservation; those too that were
// terminated less than an hour ago.
func (s *Service) DescribeInstances(_ context.Context, c *operation.Caller, in *api.DescribeInstancesRequest) (*api.DescribeInstancesResult, error) {
	page, next, err := instanceListing.describe(s.env.View(c), c.Scope(), query{in.InstanceIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &api.DescribeInstancesResult{Reservations: []api.Reservation{}, NextToken: next}
	at := map[string]int{}
	for _, i := range page {
		n, ok := at[i.row.Reservation]
		if !ok {
			n = len(out.Reservations)
			at[i.row.Reservation] = n
			out.Reservations = append(out.Reservations, api.Reservation{ReservationId: &i.row.Reservation, OwnerId: &c.Account, RequesterId: first(i.row.Requester), Groups: []api.GroupIdentifier{}})
		}
		out.Reservations[n].Instances = append(out.Reservations[n].Instances, i.Instance)
	}
	for _, r := range out.Reservations {
		slices.SortFunc(r.Instances, func(a, b api.Instance) int { return *a.AmiLaunchIndex - *b.AmiLaunchIndex })
	}
	return out, nil
}

// several finds the rows of ids, all of them or an error that names the missing.
func several(tx *state.Tx, scope state.Scope, ids []string) ([]*Instance, error) {
	var all []*Instance
	var missing []string
	for _, id := range ids {
		if i, ok := Instances.Get(tx, scope, id); !ok {
			missing = append(missing, id)
		} else if !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	switch {
	case len(missing) > 0:
		return nil, instanceKind.notFound(missing...)
	case len(all) == 0:
		return nil, missingParameter("InstanceId")
	}
	return all, nil
}

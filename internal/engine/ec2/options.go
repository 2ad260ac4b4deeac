package ec2

import (
	"context"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// set puts an instance whose options have been changed.
func (s *Service) set(c *operation.Caller, id *string, change func(o *Options) error) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		i, err := find(tx, c.Scope(), Instances, instanceKind, id)
		if err != nil {
			return err
		}
		if i.Want == api.InstanceStateNameTerminated {
			return awsapi.Errorf("IncorrectInstanceState", 400, "The instance '%s' is not in a valid state for this operation.", i.ID)
		}
		changed := *i
		if err := change(&changed.Options); err != nil {
			return err
		}
		Instances.Put(tx, c.Scope(), &changed)
		return nil
	})
}

// ModifyInstanceMetadataOptions changes how an instance's metadata are reached.
func (s *Service) ModifyInstanceMetadataOptions(_ context.Context, c *operation.Caller, in *api.ModifyInstanceMetadataOptionsRequest) (*api.ModifyInstanceMetadataOptionsResult, error) {
	out := &api.ModifyInstanceMetadataOptionsResult{InstanceId: in.InstanceId}
	return out, s.set(c, in.InstanceId, func(o *Options) error {
		if n := in.HttpPutResponseHopLimit; n != nil && (*n < 1 || *n > 64) {
			return invalidValue("Value (%d) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64.", *n)
		}
		m := &o.Metadata
		m.HttpEndpoint, m.HttpTokens = or(in.HttpEndpoint, m.HttpEndpoint), or(in.HttpTokens, m.HttpTokens)
		m.InstanceMetadataTags = or(in.InstanceMetadataTags, m.InstanceMetadataTags)
		if in.HttpPutResponseHopLimit != nil {
			m.HttpPutResponseHopLimit = in.HttpPutResponseHopLimit
		}
		pending := *m
		pending.State = api.InstanceMetadataOptionsStatePending
		out.InstanceMetadataOptions = &pending
		return nil
	})
}

// ModifyInstanceMaintenanceOptions changes how an instance recovers.
func (s *Service) ModifyInstanceMaintenanceOptions(_ context.Context, c *operation.Caller, in *api.ModifyInstanceMaintenanceOptionsRequest) (*api.ModifyInstanceMaintenanceOptionsResult, error) {
	out := &api.ModifyInstanceMaintenanceOptionsResult{InstanceId: in.InstanceId}
	return out, s.set(c, in.InstanceId, func(o *Options) error {
		o.Recovery, o.RebootMigration = or(in.AutoRecovery, o.Recovery), or(in.RebootMigration, o.RebootMigration)
		out.AutoRecovery, out.RebootMigration = o.Recovery, o.RebootMigration
		return nil
	})
}

// ModifyPrivateDnsNameOptions changes how an instance is named.
func (s *Service) ModifyPrivateDnsNameOptions(_ context.Context, c *operation.Caller, in *api.ModifyPrivateDnsNameOptionsRequest) (*api.ModifyPrivateDnsNameOptionsResult, error) {
	return &api.ModifyPrivateDnsNameOptionsResult{Return: new(true)}, s.set(c, in.InstanceId, func(o *Options) error {
		o.Names.HostnameType = or(in.PrivateDnsHostnameType, o.Names.HostnameType)
		if in.EnableResourceNameDnsARecord != nil {
			o.Names.EnableResourceNameDnsARecord = in.EnableResourceNameDnsARecord
		}
		return nil
	})
}

// ModifyInstanceCapacityReservationAttributes changes the preference for
// reserved capacity, of which there is none here.
func (s *Service) ModifyInstanceCapacityReservationAttributes(_ context.Context, c *operation.Caller, in *api.ModifyInstanceCapacityReservationAttributesRequest) (*api.ModifyInstanceCapacityReservationAttributesResult, error) {
	return &api.ModifyInstanceCapacityReservationAttributesResult{Return: new(true)}, s.set(c, in.InstanceId, func(o *Options) error {
		o.Capacity = or(in.CapacityReservationSpecification.CapacityReservationPreference, o.Capacity)
		return nil
	})
}

// monitor turns detailed monitoring of instances on or off.
func (s *Service) monitor(c *operation.Caller, ids []string, on bool, shown api.MonitoringState) ([]api.InstanceMonitoring, error) {
	all := []api.InstanceMonitoring{}
	err := s.env.Store.Update(func(tx *state.Tx) error {
		rows, err := several(tx, c.Scope(), ids)
		for _, i := range rows {
			Instances.Change(tx, c.Scope(), i.ID, func(i *Instance) { i.Options.Monitored = on })
			all = append(all, api.InstanceMonitoring{InstanceId: &i.ID, Monitoring: &api.Monitoring{State: shown}})
		}
		return err
	})
	return all, err
}

// MonitorInstances turns detailed monitoring on.
func (s *Service) MonitorInstances(_ context.Context, c *operation.Caller, in *api.MonitorInstancesRequest) (*api.MonitorInstancesResult, error) {
	all, err := s.monitor(c, in.InstanceIds, true, api.MonitoringStatePending)
	return &api.MonitorInstancesResult{InstanceMonitorings: all}, err
}

// UnmonitorInstances turns detailed monitoring off.
func (s *Service) UnmonitorInstances(_ context.Context, c *operation.Caller, in *api.UnmonitorInstancesRequest) (*api.UnmonitorInstancesResult, error) {
	all, err := s.monitor(c, in.InstanceIds, false, api.MonitoringStateDisabling)
	return &api.UnmonitorInstancesResult{InstanceMonitorings: all}, err
}

// DescribeInstanceCreditSpecifications tells how burstable instances spend credits.
// Without ids it tells the unlimited ones only, as EC2 does.
func (s *Service) DescribeInstanceCreditSpecifications(_ context.Context, c *operation.Caller, in *api.DescribeInstanceCreditSpecificationsRequest) (*api.DescribeInstanceCreditSpecificationsResult, error) {
	tx := s.env.View(c)
	all := []api.InstanceCreditSpecification{}
	if len(in.InstanceIds) > 0 {
		rows, err := several(tx, c.Scope(), in.InstanceIds)
		if err != nil {
			return nil, err
		}
		for _, i := range rows {
			if t, _ := catalog.InstanceTypeOf(i.Type); !t.Burstable {
				return nil, awsapi.Errorf("InvalidParameterCombination", 400, "The instance %s is not a burstable performance instance.", i.ID)
			}
			all = append(all, api.InstanceCreditSpecification{InstanceId: &i.ID, CpuCredits: &i.Options.Credits})
		}
	} else {
		for i := range Instances.All(tx, c.Scope()) {
			if i.Options.Credits == "unlimited" {
				all = append(all, api.InstanceCreditSpecification{InstanceId: &i.ID, CpuCredits: &i.Options.Credits})
			}
		}
	}
	f := fields[api.InstanceCreditSpecification]{"instance-id": str(func(i *api.InstanceCreditSpecification) *string { return i.InstanceId })}
	page, next, err := pick(all, f, in.Filters, in.MaxResults, in.NextToken, func(i *api.InstanceCreditSpecification) string { return *i.InstanceId })
	return &api.DescribeInstanceCreditSpecificationsResult{InstanceCreditSpecifications: page, NextToken: next}, err
}

// ModifyInstanceCreditSpecification changes how burstable instances spend
// credits, one by one.
func (s *Service) ModifyInstanceCreditSpecification(_ context.Context, c *operation.Caller, in *api.ModifyInstanceCreditSpecificationRequest) (*api.ModifyInstanceCreditSpecificationResult, error) {
	out := &api.ModifyInstanceCreditSpecificationResult{
		SuccessfulInstanceCreditSpecifications:   []api.SuccessfulInstanceCreditSpecificationItem{},
		UnsuccessfulInstanceCreditSpecifications: []api.UnsuccessfulInstanceCreditSpecificationItem{},
	}
	return out, s.env.Store.Update(func(tx *state.Tx) error {
		for _, w := range in.InstanceCreditSpecifications {
			if code, message := respend(tx, c.Scope(), w); code != "" {
				out.UnsuccessfulInstanceCreditSpecifications = append(out.UnsuccessfulInstanceCreditSpecifications, api.UnsuccessfulInstanceCreditSpecificationItem{
					InstanceId: w.InstanceId, Error: &api.UnsuccessfulInstanceCreditSpecificationItemError{Code: code, Message: &message},
				})
				continue
			}
			out.SuccessfulInstanceCreditSpecifications = append(out.SuccessfulInstanceCreditSpecifications, api.SuccessfulInstanceCreditSpecificationItem{InstanceId: w.InstanceId})
		}
		return nil
	})
}

func respend(tx *state.Tx, scope state.Scope, w api.InstanceCreditSpecificationRequest) (api.UnsuccessfulInstanceCreditSpecificationErrorCode, string) {
	i, ok := Instances.Get(tx, scope, awsapi.V(w.InstanceId))
	if !ok {
		return api.UnsuccessfulInstanceCreditSpecificationErrorCodeInvalidInstanceIDNotFound, "The instance ID '" + awsapi.V(w.InstanceId) + "' does not exist"
	}
	t, _ := catalog.InstanceTypeOf(i.Type)
	credits := awsapi.V(w.CpuCredits)
	if !t.Burstable || credits != "standard" && credits != "unlimited" {
		return api.UnsuccessfulInstanceCreditSpecificationErrorCodeInstanceCreditSpecificationNotSupported, "The credit option '" + credits + "' is not supported for the instance type " + i.Type
	}
	Instances.Change(tx, scope, i.ID, func(i *Instance) { i.Options.Credits = credits })
	return "", ""
}

package ec2

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// showStatus is an instance's status checks at an instant.
func showStatus(scope state.Scope, i *Instance, now time.Time) api.InstanceStatus {
	z, _ := catalog.ZoneOf(scope.Region, i.Zone)
	status, check := api.SummaryStatusNotApplicable, api.StatusType("")
	if i.State == api.InstanceStateNameRunning {
		status, check = api.SummaryStatusOk, api.StatusTypePassed
		if now.Before(i.Booted.Add(checks)) {
			status, check = api.SummaryStatusInitializing, api.StatusTypeInitializing
		}
	}
	summary := &api.InstanceStatusSummary{Status: status}
	disks := &api.EbsStatusSummary{Status: status}
	if check != "" {
		summary.Details = []api.InstanceStatusDetails{{Name: api.StatusNameReachability, Status: check}}
		disks.Details = []api.EbsStatusDetails{{Name: api.StatusNameReachability, Status: check}}
	}
	return api.InstanceStatus{
		InstanceId: &i.ID, AvailabilityZone: &z.Name, AvailabilityZoneId: &z.ID, InstanceState: showState(i.State), InstanceStatus: summary, SystemStatus: summary,
		AttachedEbsStatus: disks, Operator: &api.OperatorResponse{Managed: new(false)},
	}
}

var statusFields = fields[api.InstanceStatus]{
	"availability-zone":            str(func(i *api.InstanceStatus) *string { return i.AvailabilityZone }),
	"availability-zone-id":         str(func(i *api.InstanceStatus) *string { return i.AvailabilityZoneId }),
	"event.code":                   never[api.InstanceStatus],
	"event.description":            never[api.InstanceStatus],
	"event.instance-event-id":      never[api.InstanceStatus],
	"event.not-after":              never[api.InstanceStatus],
	"event.not-before":             never[api.InstanceStatus],
	"event.not-before-deadline":    never[api.InstanceStatus],
	"instance-state-code":          number(func(i *api.InstanceStatus) *int { return i.InstanceState.Code }),
	"instance-state-name":          func(i *api.InstanceStatus) []string { return []string{string(i.InstanceState.Name)} },
	"instance-status.reachability": func(i *api.InstanceStatus) []string { return reachable(i.InstanceStatus) },
	"instance-status.status":       func(i *api.InstanceStatus) []string { return []string{string(i.InstanceStatus.Status)} },
	"operator.managed":             no[api.InstanceStatus],
	"operator.principal":           never[api.InstanceStatus],
	"system-status.reachability":   func(i *api.InstanceStatus) []string { return reachable(i.SystemStatus) },
	"system-status.status":         func(i *api.InstanceStatus) []string { return []string{string(i.SystemStatus.Status)} },
	"attached-ebs-status.status":   func(i *api.InstanceStatus) []string { return []string{string(i.AttachedEbsStatus.Status)} },
}

func reachable(s *api.InstanceStatusSummary) (all []string) {
	for _, d := range s.Details {
		all = append(all, string(d.Status))
	}
	return all
}

// DescribeInstanceStatus tells the status of running instances, or of all.
func (s *Service) DescribeInstanceStatus(_ context.Context, c *operation.Caller, in *api.DescribeInstanceStatusRequest) (*api.DescribeInstanceStatusResult, error) {
	now := s.env.Now()
	l := &listing[Instance, api.InstanceStatus]{
		table: Instances, kind: instanceKind, alone: true, fields: statusFields,
		tags: func(*api.InstanceStatus) []api.Tag { return nil },
		show: func(_ *state.Tx, scope state.Scope, i *Instance) api.InstanceStatus { return showStatus(scope, i, now) },
	}
	filters := in.Filters
	if !awsapi.V(in.IncludeAllInstances) {
		filters = append(filters[:len(filters):len(filters)], api.Filter{Name: new("instance-state-name"), Values: []string{"running"}})
	}
	page, next, err := l.describe(s.env.View(c), c.Scope(), query{in.InstanceIds, filters, in.MaxResults, in.NextToken})
	return &api.DescribeInstanceStatusResult{InstanceStatuses: page, NextToken: next}, err
}

// GetConsoleOutput tells what there is to tell in a console's place.
func (s *Service) GetConsoleOutput(_ context.Context, c *operation.Caller, in *api.GetConsoleOutputRequest) (*api.GetConsoleOutputResult, error) {
	tx := s.env.View(c)
	i, err := find(tx, c.Scope(), Instances, instanceKind, in.InstanceId)
	if err != nil {
		return nil, err
	}
	t, _ := catalog.InstanceTypeOf(i.Type)
	var b strings.Builder
	line := func(at time.Time, format string, args ...any) {
		fmt.Fprintf(&b, "[%s] slipway: %s\n", at.UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
	}
	line(i.Launched, "instance %s launched: a share of %d vCPU and %d MiB of the machine that the engine runs on (%s)", i.ID, t.VCPUs, t.Memory, i.Type)
	if i.UserData != "" {
		line(i.Launched, "user data is read for the ECS agent's settings; it is not executed")
	}
	if !i.Booted.IsZero() {
		line(i.Booted, "running")
	}
	if i.State != api.InstanceStateNameRunning && i.State != api.InstanceStateNamePending {
		line(i.Since, "%s", i.State)
	}
	return &api.GetConsoleOutputResult{InstanceId: &i.ID, Timestamp: &i.Since, Output: new(base64.StdEncoding.EncodeToString([]byte(b.String())))}, nil
}

// GetPasswordData tells the password of a Windows instance; here there are none.
func (s *Service) GetPasswordData(_ context.Context, c *operation.Caller, in *api.GetPasswordDataRequest) (*api.GetPasswordDataResult, error) {
	i, err := find(s.env.View(c), c.Scope(), Instances, instanceKind, in.InstanceId)
	if err != nil {
		return nil, err
	}
	return &api.GetPasswordDataResult{InstanceId: &i.ID, PasswordData: new(""), Timestamp: &i.Launched}, nil
}

package ec2

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/ec2"
	"github.com/slipway-dev/slipway/internal/engine/ec2/catalog"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

func is(b bool) *api.AttributeBooleanValue { return &api.AttributeBooleanValue{Value: &b} }

func value(s string) *api.AttributeValue { return &api.AttributeValue{Value: first(s)} }

// DescribeInstanceAttribute tells one attribute of an instance.
func (s *Service) DescribeInstanceAttribute(_ context.Context, c *operation.Caller, in *api.DescribeInstanceAttributeRequest) (*api.InstanceAttribute, error) {
	tx := s.env.View(c)
	i, err := find(tx, c.Scope(), Instances, instanceKind, in.InstanceId)
	if err != nil {
		return nil, err
	}
	out := &api.InstanceAttribute{InstanceId: &i.ID}
	switch in.Attribute {
	case api.InstanceAttributeNameInstanceType:
		out.InstanceType = value(i.Type)
	case api.InstanceAttributeNameKernel:
		out.KernelId = value("")
	case api.InstanceAttributeNameRamdisk:
		out.RamdiskId = value("")
	case api.InstanceAttributeNameUserData:
		out.UserData = value(i.UserData)
	case api.InstanceAttributeNameDisableApiTermination:
		out.DisableApiTermination = is(i.Options.NoTerminate)
	case api.InstanceAttributeNameDisableApiStop:
		out.DisableApiStop = is(i.Options.NoStop)
	case api.InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		out.InstanceInitiatedShutdownBehavior = value(string(i.Options.Shutdown))
	case api.InstanceAttributeNameRootDeviceName:
		out.RootDeviceName = value(catalog.RootDevice)
	case api.InstanceAttributeNameBlockDeviceMapping:
		out.BlockDeviceMappings = showInstance(tx, c.Scope(), i).BlockDeviceMappings
	case api.InstanceAttributeNameProductCodes:
		out.ProductCodes = []api.ProductCode{}
	case api.InstanceAttributeNameSourceDestCheck, api.InstanceAttributeNameGroupSet:
		p, _ := PrimaryInterface(tx, c.Scope(), i.ID)
		p = orEmpty(p)
		out.SourceDestCheck = is(!p.Unchecked)
		if in.Attribute == api.InstanceAttributeNameGroupSet {
			out.SourceDestCheck, out.Groups = nil, showGroups(tx, c.Scope(), p.Groups)
		}
	case api.InstanceAttributeNameEbsOptimized:
		out.EbsOptimized = is(i.Options.EBSOptimized)
	case api.InstanceAttributeNameSriovNetSupport:
		out.SriovNetSupport = value("simple")
	case api.InstanceAttributeNameEnaSupport:
		out.EnaSupport = is(true)
	case api.InstanceAttributeNameEnclaveOptions:
		out.EnclaveOptions = &api.EnclaveOptions{Enabled: new(false)}
	}
	return out, nil
}

// attributed turns the form Attribute=…, Value=… into the members of their own.
func attributed(in *api.ModifyInstanceAttributeRequest) (*api.ModifyInstanceAttributeRequest, error) {
	if in.Attribute == "" {
		return in, nil
	}
	if in.Value == nil {
		return nil, missingParameter("value")
	}
	out := *in
	var flag **api.AttributeBooleanValue
	switch in.Attribute {
	case api.InstanceAttributeNameInstanceType:
		out.InstanceType = value(*in.Value)
	case api.InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		out.InstanceInitiatedShutdownBehavior = value(*in.Value)
	case api.InstanceAttributeNameUserData:
		b, err := base64.StdEncoding.DecodeString(*in.Value)
		if err != nil {
			return nil, awsapi.Errorf("InvalidUserData.Malformed", 400, "Invalid BASE64 encoding of user data.")
		}
		out.UserData = &api.BlobAttributeValue{Value: b}
	case api.InstanceAttributeNameDisableApiTermination:
		flag = &out.DisableApiTermination
	case api.InstanceAttributeNameDisableApiStop:
		flag = &out.DisableApiStop
	case api.InstanceAttributeNameSourceDestCheck:
		flag = &out.SourceDestCheck
	case api.InstanceAttributeNameEbsOptimized:
		flag = &out.EbsOptimized
	default:
		return nil, unserved("Modifying the attribute %s of an instance", in.Attribute)
	}
	if flag != nil {
		on, err := strconv.ParseBool(*in.Value)
		if err != nil {
			return nil, invalidValue("Value (%s) for parameter value is invalid. Must be true or false.", *in.Value)
		}
		*flag = is(on)
	}
	return &out, nil
}

// ModifyInstanceAttribute changes one attribute of an instance.
func (s *Service) ModifyInstanceAttribute(_ context.Context, c *operation.Caller, in *api.ModifyInstanceAttributeRequest) (*awsapi.Empty, error) {
	in, err := attributed(in)
	if err != nil {
		return nil, err
	}
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		i, err := find(tx, c.Scope(), Instances, instanceKind, in.InstanceId)
		if err != nil {
			return err
		}
		if i.Want == api.InstanceStateNameTerminated {
			return awsapi.Errorf("IncorrectInstanceState", 400, "The instance '%s' is not in a valid state for this operation.", i.ID)
		}
		changed := *i
		if err := changed.modify(in); err != nil {
			return err
		}
		Instances.Put(tx, c.Scope(), &changed)
		if err := modifyNetwork(tx, c.Scope(), &changed, in); err != nil {
			return err
		}
		return modifyMounts(tx, c.Scope(), &changed, in.BlockDeviceMappings)
	})
}

func (i *Instance) modify(in *api.ModifyInstanceAttributeRequest) error {
	if (in.InstanceType != nil || in.UserData != nil || in.EbsOptimized != nil) && i.State != api.InstanceStateNameStopped {
		return awsapi.Errorf("IncorrectInstanceState", 400, "The instance '%s' is not in the 'stopped' state.", i.ID)
	}
	if in.InstanceType != nil {
		t, ok := catalog.InstanceTypeOf(awsapi.V(in.InstanceType.Value))
		if !ok || t.Arch != i.Arch && t.Name != catalog.Host {
			return invalidValue("Invalid value '%s' for InstanceType.", awsapi.V(in.InstanceType.Value))
		}
		i.Type, i.Options.Cores, i.Options.Threads = t.Name, max(1, t.VCPUs/t.Threads), t.Threads
	}
	if in.UserData != nil {
		i.UserData = base64.StdEncoding.EncodeToString(in.UserData.Value)
	}
	if in.EbsOptimized != nil {
		i.Options.EBSOptimized = awsapi.V(in.EbsOptimized.Value)
	}
	if in.DisableApiTermination != nil {
		i.Options.NoTerminate = awsapi.V(in.DisableApiTermination.Value)
	}
	if in.DisableApiStop != nil {
		i.Options.NoStop = awsapi.V(in.DisableApiStop.Value)
	}
	if in.InstanceInitiatedShutdownBehavior != nil {
		b := api.ShutdownBehavior(awsapi.V(in.InstanceInitiatedShutdownBehavior.Value))
		if b != api.ShutdownBehaviorStop && b != api.ShutdownBehaviorTerminate {
			return invalidValue("Invalid value '%s' for instanceInitiatedShutdownBehavior.", b)
		}
		i.Options.Shutdown = b
	}
	return nil
}

// modifyNetwork changes what belongs to an instance's eth0.
func modifyNetwork(tx *state.Tx, scope state.Scope, i *Instance, in *api.ModifyInstanceAttributeRequest) error {
	if in.Groups == nil && in.SourceDestCheck == nil {
		return nil
	}
	p, ok := PrimaryInterface(tx, scope, i.ID)
	if !ok {
		return awsapi.Errorf("IncorrectInstanceState", 400, "The instance '%s' has no network interface.", i.ID)
	}
	changed := *p
	if in.SourceDestCheck != nil {
		changed.Unchecked = !awsapi.V(in.SourceDestCheck.Value)
	}
	if in.Groups != nil {
		var err error
		if changed.Groups, err = checkGroups(tx, scope, i.VPC, in.Groups); err != nil {
			return err
		}
	}
	Interfaces.Put(tx, scope, &changed)
	return nil
}

// modifyMounts changes whether volumes go with the instance.
func modifyMounts(tx *state.Tx, scope state.Scope, i *Instance, list []api.InstanceBlockDeviceMappingSpecification) error {
	mounted := slices.Collect(volumesOn.Get(tx, scope, i.ID))
	for _, m := range list {
		at := slices.IndexFunc(mounted, func(v *Volume) bool { return v.Mount.Device == awsapi.V(m.DeviceName) })
		if at < 0 {
			return awsapi.Errorf("InvalidInstanceAttributeValue", 400, "No device is currently mapped at %s", awsapi.V(m.DeviceName))
		}
		if m.Ebs == nil || m.Ebs.DeleteOnTermination == nil {
			continue
		}
		Volumes.Change(tx, scope, mounted[at].ID, func(v *Volume) {
			mount := *v.Mount
			mount.DeleteOnTermination = *m.Ebs.DeleteOnTermination
			v.Mount = &mount
		})
	}
	return nil
}

// ResetInstanceAttribute puts an attribute back to its default.
func (s *Service) ResetInstanceAttribute(_ context.Context, c *operation.Caller, in *api.ResetInstanceAttributeRequest) (*awsapi.Empty, error) {
	if in.Attribute != api.InstanceAttributeNameSourceDestCheck {
		return nil, unserved("Resetting the attribute %s of an instance", in.Attribute)
	}
	return &awsapi.Empty{}, s.env.Store.Update(func(tx *state.Tx) error {
		i, err := find(tx, c.Scope(), Instances, instanceKind, in.InstanceId)
		if err != nil {
			return err
		}
		return modifyNetwork(tx, c.Scope(), i, &api.ModifyInstanceAttributeRequest{SourceDestCheck: is(true)})
	})
}

package ec2

import "github.com/slipway-dev/slipway/internal/awsapi"

// Errors that many operations answer, in EC2's words.

func invalidValue(format string, args ...any) error {
	return awsapi.Errorf("InvalidParameterValue", 400, format, args...)
}

func invalidCombination(format string, args ...any) error {
	return awsapi.Errorf("InvalidParameterCombination", 400, format, args...)
}

func missingParameter(name string) error {
	return awsapi.Errorf("MissingParameter", 400, "The request must contain the parameter %s", name)
}

// dependent is the refusal to delete what others need.
func dependent(noun, id string) error {
	return awsapi.Errorf("DependencyViolation", 400, "The %s '%s' has dependencies and cannot be deleted.", noun, id)
}

// unserved is the refusal of what the engine cannot honour.
func unserved(format string, args ...any) error {
	return awsapi.Errorf("UnsupportedOperation", 400, format+" is not served by the slipway engine", args...)
}

var dryRun = awsapi.Errorf("DryRunOperation", 412, "Request would have succeeded, but DryRun flag is set.")

package sts

import "github.com/slipway-dev/slipway/internal/awsapi"

func invalid(format string, args ...any) error {
	return awsapi.Errorf("ValidationError", 400, format, args...)
}

func invalidValue(format string, args ...any) error {
	return awsapi.Errorf("InvalidParameterValue", 400, format, args...)
}

func denied(format string, args ...any) error {
	return awsapi.Errorf("AccessDenied", 403, format, args...)
}

// noMFA refuses a code of a device that cannot be there: the engine has none.
func noMFA(serial, code *string) error {
	if serial == nil && code == nil {
		return nil
	}
	return denied("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
}

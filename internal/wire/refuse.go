package wire

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// refusal words what an input breaks, as the service does.
func refusal(svc *awsapi.Service, op *awsapi.Operation, found []violation) *awsapi.Error {
	switch svc.Name {
	case "ec2":
		return refuseEC2(&found[0])
	case "ecs":
		return refuseECS(op, found)
	case "ecr":
		return awsapi.Errorf("InvalidParameterException", 400, "%s", refuseECR(&found[0]))
	case "iam":
		return refuseIAM(found)
	case "logs":
		return awsapi.Errorf("InvalidParameterException", 400, "%s", sentence(found))
	}
	if svc.Protocol == "query" {
		return awsapi.Errorf("ValidationError", 400, "%s", sentence(found))
	}
	return awsapi.Errorf("ValidationException", 400, "%s", sentence(found))
}

// sentence is what most services say: "2 validation errors detected: Value ”
// at 'logGroupName' failed to satisfy constraint: Member must …; Value …".
func sentence(found []violation) string {
	var out strings.Builder
	out.WriteString("1 validation error")
	if len(found) > 1 {
		out.Reset()
		out.WriteString(strconv.Itoa(len(found)) + " validation errors")
	}
	out.WriteString(" detected: ")
	for i := range found {
		x := &found[i]
		if i > 0 {
			out.WriteString("; ")
		}
		switch {
		case x.kind == missing:
			out.WriteString("Value null")
		case x.shape.Sensitive:
			out.WriteString("Value")
		default:
			out.WriteString("Value '" + x.value + "'")
		}
		out.WriteString(" at '" + x.path + "' failed to satisfy constraint: Member " + x.must())
	}
	return out.String()
}

// must is the constraint that is broken.
func (x *violation) must() string {
	switch x.kind {
	case missing:
		return "must not be null"
	case notInEnum:
		return "must satisfy enum value set: [" + strings.Join(x.shape.Enum, ", ") + "]"
	case notInPattern:
		return "must satisfy regular expression pattern: " + x.shape.Pattern
	case tooShort:
		return "must have length greater than or equal to " + bound(x.bound)
	case tooLong:
		return "must have length less than or equal to " + bound(x.bound)
	case tooSmall:
		return "must have value greater than or equal to " + bound(x.bound)
	}
	return "must have value less than or equal to " + bound(x.bound)
}

func bound(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// refuseECR: "Invalid parameter at 'repositoryName' failed to satisfy
// constraint: 'must have length greater than or equal to 2'".
func refuseECR(x *violation) string {
	must := x.must()
	if x.kind == notInPattern {
		must = "must satisfy regular expression '" + x.shape.Pattern + "'"
	}
	return "Invalid parameter at '" + x.path + "' failed to satisfy constraint: '" + must + "'"
}

// refuseEC2: "The request must contain the parameter GroupDescription", "Invalid
// value 't3.nano' for InstanceType.".
func refuseEC2(x *violation) *awsapi.Error {
	switch x.kind {
	case missing:
		return awsapi.Errorf("MissingParameter", 400, "The request must contain the parameter %s", x.path)
	case notInEnum:
		return awsapi.Errorf("InvalidParameterValue", 400, "Invalid value '%s' for %s.", x.value, x.path)
	}
	return awsapi.Errorf("InvalidParameterValue", 400, "Value (%s) for parameter %s is invalid. It %s.", x.value, x.path, x.must())
}

// refuseECS: ECS says of a missing member "Family can not be blank.", "Container
// list cannot be empty." or "Container.name should not be null or empty.", with
// another code when a task definition is registered; of the rest what most say.
func refuseECS(op *awsapi.Operation, found []violation) *awsapi.Error {
	code := "InvalidParameterException"
	if op.Name == "RegisterTaskDefinition" {
		code = "ClientException"
	}
	x := &found[0]
	switch {
	case x.kind == notInEnum && x.shape.Name == "LogDriver":
		return awsapi.Errorf(code, 400, "%s is not a valid log driver. Must be one of [%s]", x.value, strings.Join(x.shape.Enum, ","))
	case x.kind != missing:
		return awsapi.Errorf(code, 400, "%s", sentence(found))
	case strings.Contains(x.path, "."):
		return awsapi.Errorf(code, 400, "%s.%s should not be null or empty.", strings.TrimSuffix(x.owner.Name, "Definition"), x.member.Name)
	case x.member.Name == "containerDefinitions":
		return awsapi.Errorf(code, 400, "Container list cannot be empty.")
	case x.shape.Kind == awsapi.List:
		return awsapi.Errorf(code, 400, "%s cannot be empty.", words(x.member.Name))
	}
	return awsapi.Errorf(code, 400, "%s can not be blank.", words(x.member.Name))
}

// words spells a member's name: taskDefinition → Task Definition.
func words(name string) string {
	var out strings.Builder
	for i, r := range upperFirst(name) {
		if i > 0 && unicode.IsUpper(r) {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return out.String()
}

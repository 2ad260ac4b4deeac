package slipway

import "strings"

// SecretFrom is what a task definition's valueFrom says for a secret of the
// file: parameters by name, Secrets Manager's secrets by ARN. A
// secret is found without the six random characters at the end of its ARN, too.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
func SecretFrom(value, region, account string) string {
	rest, ok := strings.CutPrefix(value, "secretsmanager:")
	if !ok {
		return value
	}
	name, key, hasKey := strings.Cut(rest, ":")
	arn := "arn:" + partition(region) + ":secretsmanager:" + region + ":" + account + ":secret:" + name
	if hasKey {
		arn += ":" + key + "::"
	}
	return arn
}

// IsParameter tells whether a secret's source is a parameter's name.
func IsParameter(from string) bool {
	return !strings.HasPrefix(from, "arn:") && !strings.HasPrefix(from, "secretsmanager:")
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

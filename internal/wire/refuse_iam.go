package wire

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// iamSentences are what IAM says of names, paths and documents, by the pattern
// that they break. It looks at these only when nothing else is wrong.
var iamSentences = map[string]string{
	`[\w+=,.@-]+`: "It must contain only alphanumeric characters and/or the following: +=,.@_-",
	`(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`: "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
	`((/[A-Za-z0-9\.,\+@=_-]+)*)/`:            "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
	`[\u0009\u000A\u000D\u0020-\u00FF]+`:      "It must contain only printable ASCII characters.",
}

// refuseIAM: "1 validation error detected: Value at 'versionId' failed to
// satisfy constraint: Member must …". Since 2026 IAM does not repeat the value.
func refuseIAM(found []violation) *awsapi.Error {
	var lines []string
	for i := range found {
		if x := &found[i]; x.kind != notInPattern || iamSentences[x.shape.Pattern] == "" {
			lines = append(lines, "Value at '"+x.path+"' failed to satisfy constraint: Member "+x.must())
		}
	}
	switch len(lines) {
	case 0:
		return awsapi.Errorf("ValidationError", 400, "The specified value for %s is invalid. %s", found[0].path, iamSentences[found[0].shape.Pattern])
	case 1:
		return awsapi.Errorf("ValidationError", 400, "1 validation error detected: %s", lines[0])
	}
	return awsapi.Errorf("ValidationError", 400, "%s", strconv.Itoa(len(lines))+" validation errors detected: "+strings.Join(lines, "; "))
}

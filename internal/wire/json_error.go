package wire

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/awsapi"
)

// jsonError writes an error of the JSON protocol. AWS writes message with a
// small or a capital m, by service; every SDK takes both.
func jsonError(e *awsapi.Error) []byte {
	b := append([]byte(`{"__type":`), appendString(nil, e.Code)...)
	b = append(b, `,"message":`...)
	b = appendString(b, e.Message)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		value, err := json.Marshal(e.Fields[name])
		if err != nil {
			continue
		}
		b = append(b, ',')
		b = appendString(b, name)
		b = append(append(b, ':'), value...)
	}
	return append(b, '}')
}

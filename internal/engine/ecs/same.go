package ecs

import "encoding/json"

// same tells whether two parts of a request or a row say the same: whether they
// would be written the same.
func same[T any](a, b T) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// Package wire is how AWS's APIs are spelled over HTTP: JSON 1.1, query and
// EC2's query, requests in and answers and errors out. It is driven by the
// facts in awsapi; no service knows of it and it knows no service, but for the
// few words in which services differ when they refuse an input (validate.go).
//
// The engine's chain calls Route, then Decode, then Encode or EncodeError.
package wire

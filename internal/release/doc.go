// Package release takes one version of an application to where it serves: finds
// the tag, builds and pushes its image, starts it, waits for the truth, and says
// why where it does not come up. Everything it does to an account goes through
// cloud; the commands call it.
package release

// Package cloud is the deploy wing's hands: it reads what an account has of an
// environment (Observe) and carries a plan's steps out (Apply), one file for
// each kind of resource. It is the only user of the AWS SDK, and does not know
// whether AWS, the engine or another control plane answers. It holds no state:
// what exists is found by name and tag.
package cloud

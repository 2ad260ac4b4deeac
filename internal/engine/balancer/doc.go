// Package balancer is the data plane of Application Load Balancers on one
// machine: it accepts connections, terminates TLS, matches rules, picks targets,
// checks their health, drains them, and forwards requests.
//
// Its caller, a controller, hands over a complete [Config] in plain nouns;
// [Balancer.Apply] makes it true by difference: sockets open and close, a new
// immutable route table is swapped in by one atomic pointer, and requests under
// way finish on what they began with. What the balancer observes (the health of
// targets, drained ones, one entry a request for the access log) flows back
// through the functions in [Options] and the snapshots [Balancer.Health] and
// [Balancer.Metrics].
//
// It knows no API, no store and no container engine, and it holds no state
// beyond its memory.
//
// # Shape
//
// A socket accepts connections for one bind address. A front reads requests
// from a connection and makes an exchange of each. The route table maps the
// exchange to a listener and a rule. A forward action picks a target group, then
// a target, and claims the target in the same step: from then on a drain waits
// for the exchange. An upstream carries the exchange to the target. Fronts,
// router, picker, drain and log do not know each other's insides.
//
// Behaviour follows the Application Load Balancer user guide; comments cite its
// pages by name.
package balancer

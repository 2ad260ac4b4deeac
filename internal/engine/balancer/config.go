package balancer

import (
	"crypto/tls"
	"net/netip"
	"time"
)

// Config is the complete desired picture. It is immutable once handed to Apply.
type Config struct {
	// LoadBalancers in the order they were created: on a shared bind address
	// the oldest answers for hosts that no other claims.
	LoadBalancers []LoadBalancer
	TargetGroups  []TargetGroup
	Certificates  []Certificate
}

// LoadBalancer is one Application Load Balancer.
type LoadBalancer struct {
	ID         string // unique; the ARN
	Name       string // as the access log writes it: app/my-load-balancer/50dc6c495c0c9188
	DNSName    string // a request for this host is always this load balancer's
	Listeners  []Listener
	Attributes Attributes
	// AccessLog says where its access log goes; entries carry it. "" is no log.
	AccessLog string
	// Published maps a port that a redirect names to the port at which this
	// machine serves it, where the two differ; nil leaves redirects alone.
	Published map[uint16]uint16
}

// Attributes are a load balancer's attributes; zero values are AWS's defaults.
type Attributes struct {
	IdleTimeout        time.Duration // idle_timeout.timeout_seconds; 0 is 60 s
	ClientKeepAlive    time.Duration // client_keep_alive.seconds; 0 is 3600 s
	ConnectTimeout     time.Duration // not adjustable on AWS; 0 is 10 s
	DisableHTTP2       bool          // routing.http2.enabled = false
	Desync             DesyncMode    // routing.http.desync_mitigation_mode; "" is defensive
	DropInvalidHeaders bool          // routing.http.drop_invalid_header_fields.enabled
	PreserveHost       bool          // routing.http.preserve_host_header.enabled
	XForwardedFor      XFFMode       // routing.http.xff_header_processing.mode; "" is append
	XFFClientPort      bool          // routing.http.xff_client_port.enabled
	TLSHeaders         bool          // routing.http.x_amzn_tls_version_and_cipher_suite.enabled
}

// DesyncMode says what becomes of requests that servers might frame differently.
type DesyncMode string

// The desync mitigation modes.
const (
	Defensive DesyncMode = "defensive"
	Strictest DesyncMode = "strictest"
	Monitor   DesyncMode = "monitor"
)

// XFFMode says what becomes of a client's X-Forwarded-For.
type XFFMode string

// The processing modes of X-Forwarded-For.
const (
	XFFAppend   XFFMode = "append"
	XFFPreserve XFFMode = "preserve"
	XFFRemove   XFFMode = "remove"
)

// Protocol is HTTP or HTTPS.
type Protocol string

// The protocols of listeners, target groups and health checks.
const (
	HTTP  Protocol = "HTTP"
	HTTPS Protocol = "HTTPS"
)

// Listener accepts requests for one port of a load balancer.
type Listener struct {
	ID       string // unique among all listeners; the ARN
	Protocol Protocol
	Port     uint16 // the port clients believe in: 80, 443 …
	// Bind is the local host:port. Listeners of several load balancers may
	// share one; port 0 asks for a free port and is never shared.
	Bind           string
	Certificates   []string // IDs; the first is the default certificate
	SecurityPolicy string   // "" is DefaultSecurityPolicy
	Default        Action
	Rules          []Rule
	// Admit lists the client addresses that a security group lets in. nil
	// admits everybody; empty admits nobody. A refused client hears nothing.
	Admit []netip.Prefix
	// Guard names who admits and refuses, for the log.
	Guard   string
	Headers HeaderChanges
}

// HeaderChanges are a listener's header attributes.
type HeaderChanges struct {
	HideServer    bool     // routing.http.response.server.enabled = false
	TLSVersionAs  string   // routing.http.request.x_amzn_tls_version.header_name
	TLSCipherAs   string   // routing.http.request.x_amzn_tls_cipher_suite.header_name
	SetOnResponse []Header // routing.http.response.*.header_value
}

// Header is one header line.
type Header struct{ Name, Value string }

// Rule is one rule of a listener beside its default.
type Rule struct {
	ID         string
	Priority   int // 1–50000, unique in the listener
	Conditions []Condition
	Action     Action
	// RewriteHost and RewriteURL are the rule's transforms.
	RewriteHost []Rewrite
	RewriteURL  []Rewrite
}

// ConditionField names what a condition looks at.
type ConditionField string

// The condition fields.
const (
	HostHeader    ConditionField = "host-header"
	PathPattern   ConditionField = "path-pattern"
	RequestMethod ConditionField = "http-request-method"
	SourceIP      ConditionField = "source-ip"
	HTTPHeader    ConditionField = "http-header"
	QueryString   ConditionField = "query-string"
)

// Condition is met when one of its values matches. All of a rule's conditions
// must be met.
type Condition struct {
	Field      ConditionField
	HeaderName string       // HTTPHeader only
	Values     []string     // patterns, methods, or CIDR blocks
	Regex      []string     // HostHeader, PathPattern, HTTPHeader
	Query      []QueryValue // QueryString only
}

// QueryValue is one value of a query-string condition; an empty Key is any key.
type QueryValue struct{ Key, Value string }

// Rewrite replaces what Regex matches; Replace may use $1 … $9.
type Rewrite struct{ Regex, Replace string }

// Action is what a rule does: exactly one field is set.
type Action struct {
	Forward       *Forward
	Redirect      *Redirect
	FixedResponse *FixedResponse
}

// Forward sends requests to target groups by weight.
type Forward struct {
	Groups []WeightedGroup
	// Stickiness is how long a client stays with its target group; 0 is off.
	Stickiness time.Duration
}

// WeightedGroup is a target group's share of a forward action.
type WeightedGroup struct {
	Group  string // TargetGroup.ID
	Weight int    // 0–999
}

// Redirect answers with a URL. Empty parts keep the request's; parts may use
// #{protocol} #{host} #{port} #{path} #{query}.
type Redirect struct {
	Status   int // 301 or 302
	Protocol string
	Host     string
	Port     string
	Path     string
	Query    *string // nil keeps the query; empty drops it
}

// FixedResponse answers without a target.
type FixedResponse struct {
	Status      int // 2xx, 4xx, 5xx
	ContentType string
	Body        string // up to 1024 bytes
}

// Certificate is a server certificate with its chain and key.
type Certificate struct {
	ID  string // the ARN
	TLS *tls.Certificate
}

// Version is the protocol version spoken to targets.
type Version string

// The protocol versions of target groups.
const (
	HTTP1 Version = "HTTP1"
	HTTP2 Version = "HTTP2"
	GRPC  Version = "GRPC"
)

// Algorithm is how a target is picked.
type Algorithm string

// The load balancing algorithms.
const (
	RoundRobin       Algorithm = "round_robin"
	LeastOutstanding Algorithm = "least_outstanding_requests"
	WeightedRandom   Algorithm = "weighted_random"
)

// TargetGroup is a set of targets with the way to reach and check them.
type TargetGroup struct {
	ID          string // unique; the ARN
	Protocol    Protocol
	Version     Version // "" is HTTP1
	HealthCheck HealthCheck
	Targets     []Target
	Algorithm   Algorithm     // "" is round_robin
	SlowStart   time.Duration // 0 is off
	Stickiness  Stickiness
	// MinHealthy and MinHealthyPercent: with fewer healthy targets than either,
	// requests go to all targets. 0 is 1 and off.
	MinHealthy        int
	MinHealthyPercent int
}

// Stickiness binds clients to targets by cookie.
type Stickiness struct {
	Enabled  bool
	Duration time.Duration // 0 is a day
	// AppCookie is the application's cookie for application-based stickiness;
	// "" is the load balancer's own cookie.
	AppCookie string
}

// HealthCheck is how a group's targets are checked; zero values are AWS's
// defaults.
type HealthCheck struct {
	Disabled           bool
	Protocol           Protocol      // "" is HTTP
	Port               uint16        // 0 is the traffic port
	Path               string        // "" is / (GRPC: /AWS.ALB/healthcheck)
	Interval           time.Duration // 0 is 30 s
	Timeout            time.Duration // 0 is 5 s
	HealthyThreshold   int           // 0 is 5
	UnhealthyThreshold int           // 0 is 2
	Matcher            string        // "200", "200,202", "200-299"; GRPC: "12", "0-99"
	// FirstPass, when set, repeats the check this often until a new target has
	// passed once, so that it serves as soon as it can. Failures still count
	// once an interval. AWS has no such setting; 0 is AWS's cadence.
	FirstPass time.Duration
}

// Target is one member of a target group.
type Target struct {
	ID      string // unique in the group; with the port where one machine serves several
	Address string // host:port
	// DrainUntil, when set, means the target is deregistering: it gets no new
	// request, and what is under way is cut at this time.
	DrainUntil time.Time
	// Obstacle says what lets nothing through to this target, and CheckObstacle
	// what lets its health checks not through; "" is nothing. Connecting takes
	// its time and fails, as behind a security group.
	Obstacle, CheckObstacle string
}

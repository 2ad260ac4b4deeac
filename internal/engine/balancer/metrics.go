package balancer

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Metrics is a snapshot of the counters since the balancer began.
type Metrics struct {
	Listeners    map[string]ListenerMetrics
	TargetGroups map[string]GroupMetrics
}

// ListenerMetrics count what clients of a listener saw.
type ListenerMetrics struct {
	Requests            uint64
	Own3xx              uint64 // HTTPCode_ELB_3XX_Count
	Own4xx              uint64
	Own5xx              uint64
	Redirects           uint64 // HTTP_Redirect_Count
	FixedResponses      uint64 // HTTP_Fixed_Response_Count
	NonCompliant        uint64 // DesyncMitigationMode_NonCompliant_Request_Count
	Connections         uint64 // NewConnectionCount
	Refused             uint64 // connections that a security group keeps out
	TLSNegotiationFails uint64 // ClientTLSNegotiationErrorCount
	BytesIn, BytesOut   uint64 // of bodies
}

// GroupMetrics count what a target group's targets did.
type GroupMetrics struct {
	Requests          uint64
	Target            [6]uint64 // by hundreds of the targets' status: Target[2] is 2xx
	ConnectErrors     uint64    // TargetConnectionErrorCount
	ResponseTime      time.Duration
	ResponseTimeCount uint64
	// ResponseTimes counts answers by time: bucket i is below BucketBound(i).
	ResponseTimes [BucketCount]uint64
}

// BucketCount is the number of buckets of GroupMetrics.ResponseTimes.
const BucketCount = 80

// BucketBound is the upper bound of a bucket of response times: four buckets to
// each doubling, from 64 µs.
func BucketBound(i int) time.Duration {
	return time.Duration(4+i%4+1) << (i / 4) * 16 * time.Microsecond
}

func bucket(d time.Duration) int {
	n := uint64(d / (16 * time.Microsecond))
	if n < 4 {
		return 0
	}
	shift := bits.Len64(n) - 3
	return min(int(shift)*4+int(n>>shift)-4, BucketCount-1)
}

type listenerMetrics struct {
	requests, own3xx, own4xx, own5xx, redirects, fixed atomic.Uint64
	nonCompliant, connections, refused, tlsFails       atomic.Uint64
	bytesIn, bytesOut                                  atomic.Uint64
}

// count adds a finished exchange.
func (m *listenerMetrics) count(x *exchange) {
	if x.targetStatus == 0 {
		switch x.status / 100 {
		case 3:
			m.own3xx.Add(1)
		case 4:
			m.own4xx.Add(1)
		case 5:
			m.own5xx.Add(1)
		}
	}
	if x.req.verdict.severity > compliant {
		m.nonCompliant.Add(1)
	}
	if n := atomic.LoadInt64(&x.received); n > 0 {
		m.bytesIn.Add(uint64(n))
	}
	if x.returned > 0 {
		m.bytesOut.Add(uint64(x.returned))
	}
}

func (m *listenerMetrics) snapshot() ListenerMetrics {
	return ListenerMetrics{
		Requests: m.requests.Load(), Own3xx: m.own3xx.Load(), Own4xx: m.own4xx.Load(), Own5xx: m.own5xx.Load(),
		Redirects: m.redirects.Load(), FixedResponses: m.fixed.Load(), NonCompliant: m.nonCompliant.Load(),
		Connections: m.connections.Load(), Refused: m.refused.Load(), TLSNegotiationFails: m.tlsFails.Load(),
		BytesIn: m.bytesIn.Load(), BytesOut: m.bytesOut.Load(),
	}
}

type groupMetrics struct {
	requests, connectErrors atomic.Uint64
	target                  [6]atomic.Uint64
	timeSum                 atomic.Int64
	times                   [BucketCount]atomic.Uint64
}

func (m *groupMetrics) answered(x *exchange, status int) {
	m.target[min(status/100, 5)].Add(1)
	d := x.answered.Sub(x.sent)
	m.timeSum.Add(int64(d))
	m.times[bucket(d)].Add(1)
}

func (m *groupMetrics) snapshot() GroupMetrics {
	out := GroupMetrics{Requests: m.requests.Load(), ConnectErrors: m.connectErrors.Load(), ResponseTime: time.Duration(m.timeSum.Load())}
	for i := range m.target {
		out.Target[i] = m.target[i].Load()
	}
	for i := range m.times {
		out.ResponseTimes[i] = m.times[i].Load()
		out.ResponseTimeCount += out.ResponseTimes[i]
	}
	return out
}

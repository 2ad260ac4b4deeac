package engine

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics shows of the API.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	faults   *prometheus.CounterVec
}

func newMetrics(version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_api_requests_total", Help: "API requests by service, operation and outcome (OK or the error's code).",
		}, []string{"service", "operation", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_api_request_seconds", Help: "Time from a request's arrival to its answer.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5},
		}, []string{"service"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_injected_faults_total", Help: "Faults injected on purpose (--faults), by service, operation and kind.",
		}, []string{"service", "operation", "kind"}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "slipway_info", Help: "The running version.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.faults, info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) observe(service, operation, outcome string, took time.Duration) {
	m.requests.WithLabelValues(service, operation, outcome).Inc()
	m.seconds.WithLabelValues(service).Observe(took.Seconds())
}

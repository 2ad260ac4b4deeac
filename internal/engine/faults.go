package engine

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/slipway-dev/slipway/internal/engine/faults"
	"github.com/slipway-dev/slipway/internal/engine/ids"
)

// errLost is the end of a request whose connection is cut on purpose.
var errLost = errors.New("the connection is cut")

// inject makes a spec count from now on.
func (e *Engine) inject(spec faults.Spec) {
	e.store.Remember(spec.Stale)
	e.faults.Set(spec)
	if !spec.Off() {
		e.cfg.Log.Warn("faults are injected on purpose", "faults", spec.String())
	}
}

// setFaults changes what goes wrong while the engine runs.
func (e *Engine) setFaults(w http.ResponseWriter, r *http.Request) {
	switch {
	case !e.cfg.Simulate && !e.cfg.AllowFaults:
		http.Error(w, "faults are refused: this engine runs real containers; start it with --simulate or --allow-faults", http.StatusForbidden)
		return
	case r.Header.Get("Origin") != "":
		http.Error(w, "faults are refused to browsers", http.StatusForbidden)
		return
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, 1000))
	spec, wrong := faults.Parse(strings.TrimSpace(string(text)))
	if err := errors.Join(err, wrong); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.inject(spec)
	io.WriteString(w, spec.String()+"\n")
}

// fate draws what happens to a request that would be carried out now. An error
// is its end.
func (c *chain) fate(q *call) (faults.Fate, error) {
	fate := c.e.faults.Draw(q.service.Name, q.name, q.r.UserAgent())
	q.caller.Age = fate.Age
	if fate.Kind == faults.None {
		return fate, nil
	}
	c.e.suffers(q.id, q.service.Name, q.name, fate.Kind)
	if fate.Kind == faults.LostBefore {
		return fate, errLost
	}
	if refusal := fate.Refusal(q.service); refusal != nil {
		return fate, refusal
	}
	return fate, nil
}

// suffers counts and logs a fault.
func (e *Engine) suffers(id, service, operation string, kind faults.Kind) {
	e.metrics.faults.WithLabelValues(service, operation, string(kind)).Inc()
	e.cfg.Log.Info("fault injected", "request", id, "service", service, "operation", operation, "fault", string(kind))
}

// faulty lets things go wrong with Cloudflare's API, in its own words; other
// handlers it leaves alone.
func (e *Engine) faulty(pattern string, h http.Handler) http.Handler {
	if !strings.Contains(pattern, "/client/v4") {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fate := e.faults.Draw("cloudflare", r.Method, r.UserAgent())
		if fate.Kind != faults.None {
			e.suffers(ids.UUID(), "cloudflare", r.Method, fate.Kind)
		}
		switch fate.Kind {
		case faults.LostAfter:
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case faults.LostBefore:
			panic(http.ErrAbortHandler)
		case faults.Throttled: // "API rate limits"
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			io.WriteString(w, `{"success":false,"errors":[{"code":10429,"message":"Rate limited. Please wait and consider throttling your request speed"}],"messages":[],"result":null}`)
		case faults.Broken:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, `{"success":false,"errors":[{"code":10000,"message":"Internal error"}],"messages":[],"result":null}`)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// Package engine is the one-machine engine: one process that serves AWS's APIs
// and makes them true. This package is its lifecycle and the visible chain of a
// request (chain.go); what the APIs mean is in the packages below it, one for
// each service, and services.go lists those. Called by cli and enginetest.
package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/engine/faults"
	"github.com/slipway-dev/slipway/internal/engine/operation"
	"github.com/slipway-dev/slipway/internal/engine/policy"
	"github.com/slipway-dev/slipway/internal/engine/runfile"
	"github.com/slipway-dev/slipway/internal/engine/state"
	"github.com/slipway-dev/slipway/internal/engine/vault"
)

// Engine is a running engine.
type Engine struct {
	cfg      Config
	store    *state.Store
	vault    *vault.Vault
	env      *operation.Env
	services *services
	chain    *chain
	metrics  *metrics
	faults   faults.Source
	trail    *trail
	api      net.Listener
	server   *http.Server
	running  runfile.Running
	ca       string // the root certificate's file
	// documents are resources' own policies, compiled.
	documents policy.Cache

	background *errgroup.Group
	stop       context.CancelFunc
}

// Start opens the data folder, starts the controllers and listens. When it
// returns, the engine answers; Serve waits for its end.
func Start(ctx context.Context, cfg Config) (*Engine, error) {
	cfg.Normalize()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, metrics: newMetrics(cfg.Version), trail: newTrail(cfg.Audit)}
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.release())
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(e.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if e.store, err = state.Open(e.cfg.Data, tables()...); err != nil {
		return err
	}
	openVault := vault.Existing
	if e.store.Empty() {
		openVault = vault.Open
	}
	if e.vault, err = openVault(e.cfg.Data); err != nil {
		return err
	}
	if e.api, err = e.cfg.listen("port", e.cfg.API); err != nil {
		return err
	}
	e.env = &operation.Env{
		Store: e.store, Vault: e.vault, Now: e.cfg.Now, Log: e.cfg.Log, Account: e.cfg.Account, Region: e.cfg.Region, Simulate: e.cfg.Simulate,
		Addresses: operation.Addresses{API: e.api.Addr().String()}, Validation: e.faults.Validation,
	}
	e.inject(e.cfg.Faults)
	ctx, e.stop = context.WithCancel(ctx)
	e.background, ctx = errgroup.WithContext(ctx)
	if e.services, err = newServices(ctx, e); err != nil {
		return err
	}
	if e.chain, err = newChain(e); err != nil {
		return err
	}
	if err := e.tell(); err != nil {
		return err
	}
	e.server = &http.Server{Handler: e.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	e.background.Go(func() error {
		if err := e.server.Serve(e.api); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	for _, run := range append(e.services.runs, e.collect) {
		e.background.Go(func() error { return e.controller(ctx, run) })
	}
	e.cfg.Log.Info("engine started", "endpoint", "http://"+e.running.API, "account", e.cfg.Account, "region", e.cfg.Region, "data", e.cfg.Data, "simulate", e.cfg.Simulate)
	return nil
}

// tryAgain is when a controller begins anew whose write the disk did not take.
const tryAgain = time.Second

// controller runs a controller's loop to its end. A full disk is no end: what it
// could not write it finds again, for every loop begins by looking at everything.
func (e *Engine) controller(ctx context.Context, run func(context.Context) error) error {
	for {
		err := ended(run(ctx))
		if !errors.Is(err, state.ErrNotDurable) {
			return err
		}
		e.cfg.Log.Error("a controller could not write and begins anew", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tryAgain):
		}
	}
}

// ended is the error of a controller that ended: none when it was told to.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// tell writes the file by which commands find the engine.
func (e *Engine) tell() error {
	root, token, err := e.services.credentials()
	if err != nil {
		return err
	}
	a := e.env.Addresses
	e.running = runfile.Running{
		PID: os.Getpid(), Version: e.cfg.Version, Started: e.cfg.Now(), Account: e.cfg.Account, Region: e.cfg.Region, Simulate: e.cfg.Simulate,
		API: a.API, HTTP: a.HTTP, HTTPS: a.HTTPS, DNS: a.DNS, Registry: a.Registry, CA: e.ca,
		AccessKeyID: root.ID, SealedSecret: e.vault.Seal([]byte(root.Secret)), SealedToken: e.vault.Seal([]byte(token)),
	}
	return runfile.Write(e.cfg.Data, e.running)
}

// Running is where the engine listens.
func (e *Engine) Running() runfile.Running { return e.running }

// Serve waits until ctx ends, or a part of the engine breaks, lets requests in
// flight end and closes everything.
func (e *Engine) Serve(ctx context.Context) error {
	broken := make(chan error, 1)
	go func() { broken <- e.background.Wait() }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
		broken <- err
	}
	e.cfg.Log.Info("engine stops")
	closeErr := e.Close()
	return errors.Join(err, closeErr)
}

// Close ends the engine: requests in flight first, then the controllers, then
// the state. Containers go on.
func (e *Engine) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := e.server.Shutdown(ctx)
	e.stop()
	return errors.Join(err, e.background.Wait(), e.release())
}

// release lets go of what open has taken, as far as it came.
func (e *Engine) release() error {
	var errs []error
	if e.stop != nil {
		e.stop()
	}
	if e.services != nil {
		errs = append(errs, e.services.close())
	}
	if e.api != nil {
		e.api.Close()
	}
	if e.store != nil {
		runfile.Remove(e.cfg.Data)
		errs = append(errs, e.store.Close())
	}
	return errors.Join(errs...)
}

// handler is everything that the API's port answers.
func (e *Engine) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.Handle("GET /metrics", e.metrics.handler())
	mux.HandleFunc("POST /_slipway/reset", e.reset)
	mux.HandleFunc("POST /_slipway/faults", e.setFaults)
	for pattern, h := range e.services.handlers {
		mux.Handle(pattern, e.faulty(pattern, h))
	}
	mux.Handle("/", e.chain)
	return mux
}

// reset wipes every resource. A page in a browser cannot ask for it: browsers
// send Origin.
func (e *Engine) reset(w http.ResponseWriter, r *http.Request) {
	if !e.cfg.Simulate && !e.cfg.AllowReset {
		http.Error(w, "reset is refused: this engine runs real containers; start it with --simulate or --allow-reset", http.StatusForbidden)
		return
	}
	if r.Header.Get("Origin") != "" {
		http.Error(w, "reset is refused to browsers", http.StatusForbidden)
		return
	}
	if err := errors.Join(e.services.forgetPushes(), e.store.Reset(), e.services.registry.Reset(), e.services.logs.Reset(), e.services.teardown(r.Context()), e.services.prepare()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write([]byte("reset\n"))
}

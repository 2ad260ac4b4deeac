// Command web is the smallest application that slipway ships: it answers on port
// 8000 and says which release and which container it is.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	host, _ := os.Hostname()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<!doctype html><title>slipway</title><h1>It sails</h1><p>%s in %s, container %s</p>\n", os.Getenv("RELEASE"), os.Getenv("ENVIRONMENT"), host)
		log.Print(r.Method, " ", r.URL.Path, " from ", r.Header.Get("X-Forwarded-For"))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	server := &http.Server{Addr: ":8000", Handler: mux}
	go func() {
		<-ctx.Done()
		server.Shutdown(context.Background()) // requests in flight are answered first
	}()
	log.Print("listening on :8000")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

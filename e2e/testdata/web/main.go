// Command web is the application that the end-to-end tests deploy: it echoes,
// answers slowly, upgrades to WebSockets and speaks gRPC's health protocol, and
// it ends as ECS asks for, at SIGTERM, what is under way finished first.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

var version, instance = os.Getenv("VERSION"), ""

// smuggled counts requests that nobody sends on purpose.
var smuggled atomic.Int64

func main() {
	instance, _ = os.Hostname()
	if os.Getenv("FAULT") == "crash" {
		log.Fatal("cannot reach the database")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", greet)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/slow", slow)
	mux.HandleFunc("/burn", burn)
	mux.HandleFunc("/ws", socket)
	mux.HandleFunc("/smuggled", func(http.ResponseWriter, *http.Request) { smuggled.Add(1) })
	mux.HandleFunc("/seen", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, smuggled.Load()) })
	mux.HandleFunc("/grpc.health.v1.Health/Check", check)
	server := &http.Server{Addr: ":8000", Handler: mux, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	log.Print("listening on 8000, version ", version)
	<-told.Done()
	log.Print("SIGTERM")
	server.Shutdown(context.Background())
}

func greet(w http.ResponseWriter, r *http.Request) {
	if os.Getenv("FAULT") == "unhealthy" {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "version=%s instance=%s proto=%s forwarded=%s\n", version, instance, r.Proto, r.Header.Get("X-Forwarded-Proto"))
}

// echo answers with the body, once it has all of it.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// burn keeps a processor busy ?for= a time.
func burn(w http.ResponseWriter, r *http.Request) {
	d, _ := time.ParseDuration(r.FormValue("for"))
	for end := time.Now().Add(d); time.Now().Before(end) && r.Context().Err() == nil; {
	}
}

// slow sends ?parts= lines of 10 bytes, ?every= apart.
func slow(w http.ResponseWriter, r *http.Request) {
	parts, _ := strconv.Atoi(r.FormValue("parts"))
	every, _ := time.ParseDuration(r.FormValue("every"))
	for i := range parts {
		fmt.Fprintf(w, "part %4d\n", i)
		http.NewResponseController(w).Flush()
		select {
		case <-time.After(every):
		case <-r.Context().Done():
			return
		}
	}
}

// socket says which instance this is, and echoes.
func socket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx := context.Background()
	if c.Write(ctx, websocket.MessageText, []byte(instance)) != nil {
		return
	}
	for {
		kind, message, err := c.Read(ctx)
		if err != nil || c.Write(ctx, kind, message) != nil {
			return
		}
	}
}

// check is grpc.health.v1's Check: the answer is SERVING.
func check(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	w.Write([]byte{0, 0, 0, 0, 2, 0x08, 0x01})
	w.Header().Set("Grpc-Status", "0")
}

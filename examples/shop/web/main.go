// Command web is the shop's page; what it sells comes from /api/boats, which the
// load balancer leads to the other service.
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

const page = `<!doctype html><title>The boat shop</title><h1>The boat shop</h1><ul id="boats"></ul>
<script>
fetch("/api/boats").then(r => r.json()).then(shop => {
  for (const boat of shop.boats) document.getElementById("boats").append(Object.assign(document.createElement("li"), { textContent: boat }));
});
</script>
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page)
	})
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: ":8000", Handler: mux}
	go func() {
		<-ctx.Done()
		server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

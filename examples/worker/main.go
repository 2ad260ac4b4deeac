// Command worker has no port: it works through what it finds, says so, and ends
// its round when it is told to stop.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	every, err := time.ParseDuration(os.Getenv("EVERY"))
	if err != nil {
		log.Fatalf("EVERY has to be a duration such as 10s: %v", err)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for round := 1; ; round++ {
		log.Printf("round %d of %s: nothing to do", round, os.Getenv("RELEASE"))
		select {
		case <-ctx.Done():
			log.Print("stopped after a whole round")
			return
		case <-ticker.C:
		}
	}
}

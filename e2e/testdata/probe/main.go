// Command probe is what tests run in containers: its first argument says what it
// does. It runs until it is told to stop, unless it says otherwise.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	arg := func(n int) string {
		if n < len(os.Args) {
			return os.Args[n]
		}
		return ""
	}
	switch arg(1) {
	case "exit":
		code, _ := strconv.Atoi(arg(2))
		if wait, err := time.ParseDuration(arg(3)); err == nil {
			time.Sleep(wait)
		}
		os.Exit(code)
	case "sdk":
		sdk()
	case "metadata":
		metadata()
	case "eat":
		eat()
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("deaf")
		for {
			time.Sleep(time.Hour)
		}
	case "sick":
		os.Exit(1)
	case "serve":
		serve(arg(2), arg(3))
	case "get":
		get(arg(2))
	case "count":
		count(arg(2), arg(3))
	}
	fmt.Println("ready")
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
}

// sdk is what a program with an AWS SDK does, with nothing configured.
func sdk() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		fmt.Println("config:", err)
		return
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		fmt.Println("identity:", err)
	} else {
		fmt.Println("identity:", *who.Arn)
	}
	for _, name := range []string{"/allowed", "/denied"} {
		p, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
		if err != nil {
			fmt.Println(name+":", err)
		} else {
			fmt.Println(name+":", *p.Parameter.Value)
		}
	}
	c, err := cfg.Credentials.Retrieve(ctx)
	fmt.Println("expires:", c.CanExpire, err, time.Until(c.Expires) > time.Hour)
}

func metadata() {
	base := os.Getenv("ECS_CONTAINER_METADATA_URI_V4")
	for _, path := range []string{"", "/task", "/taskWithTags", "/stats", "/task/stats"} {
		resp, err := http.Get(base + path)
		if err != nil {
			fmt.Println("metadata"+path+":", err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("metadata%s: %d %s\n", path, resp.StatusCode, strings.TrimSpace(string(body)))
	}
}

// eat takes memory until there is none.
func eat() {
	var all [][]byte
	for {
		b := make([]byte, 8<<20)
		for i := range b {
			b[i] = byte(i)
		}
		all = append(all, b)
		fmt.Println(len(all))
	}
}

// serve answers with a text, and with what it is asked to fetch.
func serve(address, text string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from := r.URL.Query().Get("from"); from != "" {
			resp, err := http.Get(from)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			defer resp.Body.Close()
			io.Copy(w, resp.Body)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"text": text, "peer": r.RemoteAddr, "hostname": hostname()})
	}))
}

func hostname() string {
	name, _ := os.Hostname()
	return name
}

// get is a health check: it succeeds when the address answers 200.
func get(url string) {
	resp, err := http.Get(url)
	if err != nil || resp.StatusCode != http.StatusOK {
		os.Exit(1)
	}
	os.Exit(0)
}

// count writes numbered lines, so many in so long a time, in bursts, and exits.
func count(lines, in string) {
	n, _ := strconv.Atoi(lines)
	long, _ := time.ParseDuration(in)
	const burst = 50
	tick := time.NewTicker(max(long*burst/time.Duration(max(n, 1)), time.Millisecond))
	for i := range n {
		fmt.Println("line", i)
		if i%burst == burst-1 {
			<-tick.C
		}
	}
	os.Exit(0)
}

// Probe is what the tests' containers run. Its arguments are steps, carried
// out one after another: "lines=3 listen=:8080 term=7 wait".
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	for _, arg := range os.Args[1:] {
		verb, value, _ := strings.Cut(arg, "=")
		step, ok := steps[verb]
		if !ok {
			fmt.Fprintln(os.Stderr, "no step is named", verb)
			os.Exit(2)
		}
		step(value)
	}
}

var usr2 = make(chan os.Signal, 1)

func init() { signal.Notify(usr2, syscall.SIGUSR2) }

var steps = map[string]func(string){
	"lines":   func(v string) { lines(os.Stdout, "out", v) },
	"errs":    func(v string) { lines(os.Stderr, "err", v) },
	"print":   func(v string) { fmt.Println(v) },
	"partial": func(v string) { fmt.Print(v) },
	"long":    func(v string) { fmt.Println(strings.Repeat("x", number(v))) },
	"sleep": func(v string) {
		d, err := time.ParseDuration(v)
		check(err)
		time.Sleep(d)
	},
	"exit": func(v string) { os.Exit(number(v)) },
	"wait": func(string) {
		for {
			time.Sleep(time.Hour) // select {} would be a deadlock to the runtime
		}
	},
	"listen": func(v string) {
		l, err := net.Listen("tcp", v)
		check(err)
		go http.Serve(l, http.HandlerFunc(answer))
	},
	"get": func(v string) {
		c := http.Client{Timeout: 3 * time.Second}
		res, err := c.Get(v)
		check(err)
		body, err := io.ReadAll(res.Body)
		check(err)
		fmt.Printf("%s\n", body)
	},
	// Wait for SIGUSR2.
	"await": func(string) { <-usr2 },
	// On SIGTERM: ignore it, or exit with a code.
	"term": func(v string) { on(syscall.SIGTERM, v) },
	"usr1": func(v string) { on(syscall.SIGUSR1, v) },
	// Take so many MiB of memory.
	"alloc": func(v string) {
		var held [][]byte
		for range number(v) {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			held = append(held, b)
		}
		fmt.Println(len(held))
	},
	// write=path:text; cat=path; there=path exits 1 where nothing is.
	"write": func(v string) {
		path, text, _ := strings.Cut(v, ":")
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, []byte(text), 0o644))
	},
	"remove": func(v string) { check(os.Remove(v)) },
	"cat": func(v string) {
		b, err := os.ReadFile(v)
		check(err)
		fmt.Println(strings.TrimSpace(string(b)))
	},
	"there": func(v string) {
		_, err := os.Stat(v)
		check(err)
		fmt.Println(v, "is there")
	},
	"env":  func(v string) { fmt.Println(os.Getenv(v)) },
	"uid":  func(string) { fmt.Println(os.Getuid()) },
	"ppid": func(string) { fmt.Println(os.Getppid()) },
	"pid":  func(string) { fmt.Println(os.Getpid()) },
	"cwd": func(string) {
		d, err := os.Getwd()
		check(err)
		fmt.Println(d)
	},
	"hostname": func(string) {
		h, err := os.Hostname()
		check(err)
		fmt.Println(h)
	},
	"echo": func(string) { _, err := io.Copy(os.Stdout, os.Stdin); check(err) },
	"lookup": func(v string) {
		a, err := net.LookupHost(v)
		check(err)
		fmt.Println(strings.Join(a, " "))
	},
	"interfaces": func(string) {
		list, err := net.Interfaces()
		check(err)
		for _, i := range list {
			fmt.Println(i.Name)
		}
	},
	"terminal": func(string) {
		s, err := os.Stdout.Stat()
		check(err)
		fmt.Println(s.Mode()&os.ModeCharDevice != 0)
	},
	"space": func(v string) {
		var s syscall.Statfs_t
		check(syscall.Statfs(v, &s))
		fmt.Println(s.Blocks * uint64(s.Bsize))
	},
	// Whether the process has the capability with a number, in effect.
	"capability": func(v string) {
		b, err := os.ReadFile("/proc/self/status")
		check(err)
		_, rest, _ := strings.Cut(string(b), "CapEff:")
		mask, err := strconv.ParseUint(strings.Fields(rest)[0], 16, 64)
		check(err)
		fmt.Println(mask&(1<<number(v)) != 0)
	},
	// The soft and hard values of a limit. (Not of open files: Go changes its
	// own.)
	"limit": func(v string) {
		b, err := os.ReadFile("/proc/self/limits")
		check(err)
		_, rest, _ := strings.Cut(string(b), v)
		f := strings.Fields(rest)
		fmt.Println(f[0], f[1])
	},
}

func answer(w http.ResponseWriter, r *http.Request) {
	host, _ := os.Hostname()
	fmt.Fprintf(w, "%s %s", host, r.RemoteAddr)
}

func on(sig os.Signal, what string) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, sig)
	go func() {
		for range c {
			fmt.Println("got", sig)
			if what != "ignore" {
				os.Exit(number(what))
			}
		}
	}()
}

func lines(w io.Writer, name, count string) {
	for i := range number(count) {
		fmt.Fprintf(w, "%s %d\n", name, i)
	}
}

func number(v string) int {
	n, err := strconv.Atoi(v)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

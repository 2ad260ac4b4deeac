package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load sends one signed request again and again over a number of connections.
// The request is signed once, which SigV4 allows for fifteen minutes, and
// written as bytes: on a small machine the generator must not cost more than
// what it measures. The server verifies every one of them.
type load struct {
	address     string
	request     []byte
	connections int
}

func newLoad(req *http.Request, connections int) (*load, error) {
	u, err := url.Parse(req.URL.String())
	if err != nil {
		return nil, err
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		return nil, err
	}
	return &load{address: u.Host, request: wire.Bytes(), connections: connections}, nil
}

// rate is the answers per second over the time. An answer that is not 200 is an
// error.
func (l *load) rate(ctx context.Context, during time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	var answers atomic.Int64
	errs := make(chan error, l.connections)
	var group sync.WaitGroup
	begun := time.Now()
	for range l.connections {
		group.Go(func() {
			if err := l.connection(ctx, &answers); err != nil {
				errs <- err
				cancel()
			}
		})
	}
	group.Wait()
	took := time.Since(begun)
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(answers.Load()) / took.Seconds(), nil
	}
}

func (l *load) connection(ctx context.Context, answers *atomic.Int64) error {
	var c net.Conn
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	var answer *bufio.Reader
	for ctx.Err() == nil {
		if c == nil {
			var err error
			if c, err = net.Dial("tcp", l.address); err != nil {
				return err
			}
			answer = bufio.NewReader(c)
		}
		if _, err := c.Write(l.request); err != nil {
			return err
		}
		closes, err := readAnswer(answer)
		if err != nil {
			return err
		}
		answers.Add(1)
		if closes { // moto_server speaks HTTP/1.0
			c.Close()
			c = nil
		}
	}
	return nil
}

// readAnswer reads one answer and tells whether the server ends the connection.
func readAnswer(r *bufio.Reader) (closes bool, err error) {
	status, err := r.ReadString('\n')
	if err != nil {
		return false, err
	}
	if len(status) < 12 || status[9:12] != "200" {
		rest, _ := io.ReadAll(io.LimitReader(r, 400))
		return false, fmt.Errorf("the server answered %s%s", status, rest)
	}
	closes = strings.HasPrefix(status, "HTTP/1.0")
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return false, err
			}
		case bytes.EqualFold(name, []byte("connection")):
			closes = bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
		}
	}
	_, err = r.Discard(length)
	return closes, err
}

package engine

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// ports are the engine's sockets and the ports tried for each when none is
// named, in this order.
var defaultPorts = map[string][]string{
	"port":     {"4610", "0"},
	"http":     {"80", "8080", "0"},
	"https":    {"443", "8443", "0"},
	"dns":      {"5353", "0"},
	"registry": {"4611", "0"},
}

// listen opens the socket of a flag: on the named port or, when none is named,
// on the first default that can be had.
func (c *Config) listen(flag, named string) (net.Listener, error) {
	host, try := c.Listen, defaultPorts[flag]
	if ip := net.ParseIP(host); flag == "registry" && !ip.IsLoopback() {
		host = "127.0.0.1" // elsewhere Docker takes no registry without TLS
	}
	if named != "" {
		try = []string{strings.TrimPrefix(named, ":")}
	}
	var err error
	for _, port := range try {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(host, port)); err == nil {
			return l, nil
		}
	}
	return nil, listenError(flag, net.JoinHostPort(host, try[len(try)-1]), err)
}

// listenError says why a port cannot be had and what to do.
func listenError(flag, addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %s is in use by another program; name another one with --%s, or 0 to pick a free one", addr, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %s may not be bound by this user; name one above 1023 with --%s", addr, flag)
	}
	return fmt.Errorf("listening on %s: %w", addr, err)
}

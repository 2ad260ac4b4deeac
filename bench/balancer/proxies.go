package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// proxy is one that runs.
type proxy struct {
	name        string
	http, https string // host:port
	cmd         *exec.Cmd
}

func (p *proxy) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

// The peers' configurations: what their manuals give for a reverse proxy with
// kept connections, one worker, no log.
const (
	nginxBackend = `daemon off; worker_processes 1; pid {dir}/backend.pid; error_log {dir}/backend.log;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  open_file_cache max=16; server { listen {backend}; root {dir}/files; default_type text/plain; } }`
	nginxProxy = `daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  upstream web { server {backend}; keepalive 256; keepalive_requests 1000000000; }
  ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem; ssl_protocols TLSv1.2 TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  server { listen {http}; listen {https} ssl;
    location / { proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_max_temp_file_size 0;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Port $server_port; } } }`
	haproxyConfig = `global
  nbthread 1
  maxconn 4096
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
defaults
  mode http
  option http-keep-alive
  http-reuse always
  option forwardfor
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend web
  bind {http}
  bind {https} ssl crt {dir}/both.pem
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  default_backend web
backend web
  server a {backend}
`
	caddyConfig = `{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://{http} {
  reverse_proxy {backend}
}
https://{https} {
  tls {dir}/cert.pem {dir}/key.pem
  reverse_proxy {backend}
}
`
)

// start runs a proxy on its core.
func (s *setup) start(ctx context.Context, name string) (*proxy, error) {
	p := &proxy{name: name, http: freeAddress(), https: freeAddress()}
	fill := strings.NewReplacer("{dir}", s.dir, "{backend}", s.backend, "{http}", p.http, "{https}", p.https)
	write := func(text string) string {
		path := filepath.Join(s.dir, name+".conf")
		os.WriteFile(path, []byte(fill.Replace(text)), 0o600)
		return path
	}
	var args []string
	switch name {
	case "slipway":
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		write("{backend} {http} {https}")
		args = []string{self, "-serve", s.dir, "-profile", s.profile}
	case "nginx":
		args = []string{"nginx", "-p", s.dir, "-c", write(nginxProxy)}
	case "haproxy":
		args = []string{"haproxy", "-q", "-f", write(haproxyConfig)}
	case "caddy":
		args = []string{"caddy", "run", "--adapter", "caddyfile", "--config", write(caddyConfig)}
	default:
		return nil, errors.New("not known")
	}
	var err error
	p.cmd, err = spawn(ctx, proxyCore, args)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(listening(p.http), listening(p.https)); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (s *setup) startBackend(ctx context.Context) (stop func(), err error) {
	s.backend = freeAddress()
	path := filepath.Join(s.dir, "backend.conf")
	text := strings.NewReplacer("{dir}", s.dir, "{backend}", s.backend).Replace(nginxBackend)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd, err := spawn(ctx, loadCore, []string{"nginx", "-p", s.dir, "-c", path})
	if err != nil {
		return nil, err
	}
	p := &proxy{name: "backend", cmd: cmd}
	return p.stop, listening(s.backend)
}

func spawn(ctx context.Context, core string, args []string) (*exec.Cmd, error) {
	if _, err := exec.LookPath(args[0]); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", core}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+os.TempDir())
	return cmd, cmd.Start()
}

// listening waits until an address accepts connections.
func listening(address string) error {
	var err error
	for range 100 {
		var c net.Conn
		if c, err = net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

// files makes what the backend serves and the certificate that all present.
func (s *setup) files() error {
	files := filepath.Join(s.dir, "files")
	if err := errors.Join(os.Chmod(s.dir, 0o755), os.Mkdir(files, 0o755)); err != nil {
		return err
	}
	for _, size := range []int{1 << 10, 1 << 20} {
		if err := os.WriteFile(filepath.Join(files, fmt.Sprint(size)), make([]byte, size), 0o644); err != nil {
			return err
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"bench.test"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pkey := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})
	return errors.Join(
		os.WriteFile(filepath.Join(s.dir, "cert.pem"), cert, 0o644),
		os.WriteFile(filepath.Join(s.dir, "key.pem"), pkey, 0o644),
		os.WriteFile(filepath.Join(s.dir, "both.pem"), append(cert, pkey...), 0o644),
	)
}

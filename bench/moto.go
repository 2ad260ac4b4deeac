package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// moto is a running moto_server, the peer of the API's throughput.
type moto struct {
	cmd    *exec.Cmd
	client *enginetest.Client
}

var errNoMoto = errors.New("moto_server is missing")

func startMoto(ctx context.Context, b *bench) (*moto, error) {
	path, err := exec.LookPath("moto_server")
	if err != nil {
		return nil, errNoMoto
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := free.Addr().(*net.TCPAddr)
	free.Close()
	cmd := exec.CommandContext(ctx, path, "-H", "127.0.0.1", "-p", fmt.Sprint(address.Port))
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m := &moto{cmd: cmd, client: &enginetest.Client{Endpoint: "http://" + address.String(), Region: "eu-west-1", KeyID: enginetest.KeyID, Secret: enginetest.KeySecret}}
	// It says nothing that a program could wait for: ask until it answers.
	for deadline := time.Now().Add(time.Minute); ; {
		err := m.client.JSON(ctx, "ecs", ecs+"ListClusters", struct{}{}, nil)
		if err == nil {
			return m, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			m.stop()
			return nil, fmt.Errorf("moto_server does not answer: %w", err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (m *moto) stop() {
	m.cmd.Process.Kill()
	m.cmd.Wait()
}

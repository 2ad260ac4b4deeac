package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

const ecs = "AmazonEC2ContainerServiceV20141113."

// taskDefinition is an ordinary one: what the seed's applications register.
func taskDefinition(family string) map[string]any {
	return map[string]any{
		"family": family, "networkMode": "bridge", "requiresCompatibilities": []string{"EC2"},
		"containerDefinitions": []any{map[string]any{
			"name": "web", "image": "registry.example.com/web:v1.2.0", "cpu": 128, "memory": 256, "memoryReservation": 128, "essential": true,
			"portMappings": []any{map[string]any{"containerPort": 8000, "hostPort": 0, "protocol": "tcp"}},
			"environment":  []any{map[string]string{"name": "STAGE", "value": "production"}, map[string]string{"name": "LOG", "value": "info"}},
			"logConfiguration": map[string]any{"logDriver": "awslogs", "options": map[string]string{
				"awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"}},
		}},
	}
}

// aService makes a cluster with one service.
func aService(ctx context.Context, c *enginetest.Client) error {
	return errors.Join(
		c.JSON(ctx, "ecs", ecs+"CreateCluster", map[string]any{"clusterName": "web"}, nil),
		c.JSON(ctx, "ecs", ecs+"RegisterTaskDefinition", taskDefinition("web"), nil),
		c.JSON(ctx, "ecs", ecs+"CreateService", map[string]any{"cluster": "web", "serviceName": "web", "taskDefinition": "web", "desiredCount": 0}, nil),
	)
}

func reads(ctx context.Context, b *bench) ([]row, error) {
	return b.besideMoto(ctx, apiLoad{what: "DescribeServices, 8 connections", operation: "DescribeServices", connections: 8, times: 50,
		input: map[string]any{"cluster": "web", "services": []string{"web"}}})
}

func writes(ctx context.Context, b *bench) ([]row, error) {
	return b.besideMoto(ctx, apiLoad{what: "RegisterTaskDefinition, durable, 32 connections", operation: "RegisterTaskDefinition", connections: 32, times: 20,
		input: taskDefinition("web")})
}

// apiLoad is one ECS operation under load.
type apiLoad struct {
	what, operation string
	input           any
	connections     int
	// times is the target: so many times the peer.
	times float64
}

// besideMoto alternates rounds on the engine and on moto_server.
func (b *bench) besideMoto(ctx context.Context, a apiLoad) ([]row, error) {
	engine, err := enginetest.Start(b.binary, filepath.Join(b.dir, a.operation), "--simulate")
	if err != nil {
		return nil, err
	}
	defer engine.Kill()
	loads := make([]*load, 1, 2)
	if loads[0], err = a.load(ctx, engine.Client()); err != nil {
		return nil, err
	}
	peer, missing := startMoto(ctx, b)
	if missing != nil && !errors.Is(missing, errNoMoto) {
		return nil, missing
	}
	if missing == nil {
		defer peer.stop()
		l, err := a.load(ctx, peer.client)
		if err != nil {
			return nil, fmt.Errorf("moto_server: %w", err)
		}
		loads = append(loads, l)
	}
	processes := []int{engine.PID()}
	if missing == nil {
		processes = append(processes, peer.cmd.Process.Pid)
	}
	rates, costs, err := b.alternate(ctx, loads, processes)
	if err != nil {
		return nil, err
	}
	cost := row{what: "  processor time of a request", ours: costs[0].String()}
	if missing == nil {
		cost.theirs, cost.ratio = "moto "+costs[1].String(), float64(costs[1])/float64(costs[0])
	}
	return []row{timesPeer(a.what, rates[0], rates[len(rates)-1], "moto", missing, a.times), cost}, nil
}

func (a apiLoad) load(ctx context.Context, c *enginetest.Client) (*load, error) {
	if err := aService(ctx, c); err != nil {
		return nil, err
	}
	body, err := json.Marshal(a.input)
	if err != nil {
		return nil, err
	}
	req, err := c.NewJSON(ctx, "ecs", ecs+a.operation, body)
	if err != nil {
		return nil, err
	}
	return newLoad(req, a.connections)
}

// alternate gives each load's median rate and what a request cost its server's
// process: rounds in turn, after one each that does not count, so that a
// neighbour's burst hits all alike.
func (b *bench) alternate(ctx context.Context, loads []*load, processes []int) ([]float64, []time.Duration, error) {
	rates, costs := make([][]float64, len(loads)), make([][]time.Duration, len(loads))
	for round := range b.rounds + 1 {
		for i, l := range loads {
			before := processorTime(processes[i])
			rate, err := l.rate(ctx, b.round)
			if err != nil {
				return nil, nil, err
			}
			if round > 0 {
				rates[i] = append(rates[i], rate)
				costs[i] = append(costs[i], time.Duration(float64(processorTime(processes[i])-before)/rate/b.round.Seconds()).Round(time.Microsecond))
			}
		}
	}
	medianRates, medianCosts := make([]float64, len(loads)), make([]time.Duration, len(loads))
	for i := range loads {
		medianRates[i], medianCosts[i] = median(rates[i]), median(costs[i])
	}
	return medianRates, medianCosts, nil
}

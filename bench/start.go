package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/enginetest"
)

// engineStart measures from the process's start to the first answer of the API,
// and what the engine keeps resident when nobody asks it anything.
func engineStart(ctx context.Context, b *bench) ([]row, error) {
	emptyStart, empty, err := b.starts(ctx, filepath.Join(b.dir, "empty"))
	if err != nil {
		return nil, err
	}
	full := filepath.Join(b.dir, "full")
	if err := b.fill(ctx, full, 1000); err != nil {
		return nil, err
	}
	filledStart, filled, err := b.starts(ctx, full)
	if err != nil {
		return nil, err
	}
	wiped, err := b.reset(ctx, full)
	if err != nil {
		return nil, err
	}
	return []row{
		atMost("engine start to first answer, empty", emptyStart, 150*time.Millisecond),
		atMost("engine start to first answer, 1,000 services", filledStart, time.Second),
		atMost("reset of an engine with 1,000 services", wiped, 50*time.Millisecond),
		{what: "idle resident memory, empty", ours: mebibytes(empty.resident), target: "≤ 60 MiB", verdict: judge(empty.resident <= 60<<20)},
		{what: "  without the pages of the program's file", ours: mebibytes(empty.own)},
		{what: "idle resident memory, 1,000 services", ours: mebibytes(filled.resident)},
		{what: "  without the pages of the program's file", ours: mebibytes(filled.own)},
	}, nil
}

func mebibytes(n int) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// starts is the median of nine starts on the folder, and the resident memory of
// the last, twelve seconds after it began to have nothing to do.
func (b *bench) starts(ctx context.Context, data string) (took time.Duration, idle memory, err error) {
	var all []time.Duration
	for i := range 9 {
		begun := time.Now()
		p, err := enginetest.Start(b.binary, data, "--simulate")
		if err != nil {
			return 0, idle, err
		}
		err = p.Client().JSON(ctx, "ecs", ecs+"ListClusters", struct{}{}, nil)
		all = append(all, time.Since(begun))
		if err == nil && i == 8 {
			<-time.After(12 * time.Second)
			idle, err = memoryOf(p.PID())
		}
		p.Stop()
		if err != nil {
			return 0, idle, err
		}
	}
	return median(all), idle, nil
}

// reset is how long an engine on the folder takes to wipe everything.
func (b *bench) reset(ctx context.Context, data string) (time.Duration, error) {
	p, err := enginetest.Start(b.binary, data, "--simulate")
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.API+"/_slipway/reset", nil)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	res, err := http.DefaultClient.Do(req)
	took := time.Since(begun)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("reset: %s", res.Status)
	}
	return took, nil
}

// fill makes services of one task each and waits until all are stable.
func (b *bench) fill(ctx context.Context, data string, services int) error {
	p, err := enginetest.Start(b.binary, data, "--simulate")
	if err != nil {
		return err
	}
	defer p.Stop()
	c := p.Client()
	if err := c.JSON(ctx, "ecs", ecs+"CreateCluster", map[string]any{"clusterName": "web"}, nil); err != nil {
		return err
	}
	definition := taskDefinition("web")
	definition["networkMode"], definition["requiresCompatibilities"], definition["cpu"], definition["memory"] = "awsvpc", []string{"FARGATE"}, "256", "512"
	container := definition["containerDefinitions"].([]any)[0].(map[string]any)
	delete(container, "logConfiguration")
	container["portMappings"] = []any{map[string]any{"containerPort": 8000}}
	if err := c.JSON(ctx, "ecs", ecs+"RegisterTaskDefinition", definition, nil); err != nil {
		return err
	}
	var subnets struct {
		IDs []string `xml:"subnetSet>item>subnetId"`
	}
	if err := c.Query(ctx, "ec2", "2016-11-15", "DescribeSubnets", &subnets); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range services {
		group.Go(func() error {
			return c.JSON(ctx, "ecs", ecs+"CreateService", map[string]any{
				"cluster": "web", "serviceName": fmt.Sprintf("service-%04d", i), "taskDefinition": "web", "desiredCount": 1, "launchType": "FARGATE",
				"networkConfiguration": map[string]any{"awsvpcConfiguration": map[string]any{"subnets": subnets.IDs}},
			}, nil)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return allRun(context.WithoutCancel(ctx), c, services)
}

// allRun asks until the cluster runs so many tasks.
func allRun(ctx context.Context, c *enginetest.Client, tasks int) error {
	for deadline := time.Now().Add(2 * time.Minute); ; <-time.After(200 * time.Millisecond) {
		var out struct {
			Clusters []struct{ RunningTasksCount int }
		}
		if err := c.JSON(ctx, "ecs", ecs+"DescribeClusters", map[string]any{"clusters": []string{"web"}}, &out); err != nil {
			return err
		}
		if len(out.Clusters) == 1 && out.Clusters[0].RunningTasksCount >= tasks {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%+v after two minutes, want %d tasks", out.Clusters, tasks)
		}
	}
}

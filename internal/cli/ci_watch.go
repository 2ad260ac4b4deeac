package cli

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/pipeline/runner"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// pipelineWatch looks after the services that a pipeline changes: the scripts of
// a pipeline seldom do, so that a version that crashes would pass.
type pipelineWatch struct {
	sink    func(slipway.PipelineEvent)
	witness *release.Witness
}

func (w *pipelineWatch) tell(service, text string) {
	w.sink(slipway.PipelineEvent{Time: time.Now(), Kind: slipway.PipelineService, Name: service, Text: text})
}

// begin notes what runs. Credentials that may not look are no reason not to run.
func (w *pipelineWatch) begin(ctx context.Context, e runner.Engine) {
	account, err := cloud.Open(ctx, &slipway.Environment{On: "engine", Region: e.Region}, cloud.Target{Endpoint: e.Endpoint, AccessKeyID: e.AccessKeyID, SecretKey: e.SecretKey, Region: e.Region, Patience: 30 * time.Millisecond}, dns.None{})
	if err == nil {
		w.witness, err = release.NewWitness(ctx, account, w.tell)
	}
	if err != nil {
		w.witness = nil
		w.sink(slipway.PipelineEvent{Time: time.Now(), Kind: slipway.PipelineNote, Text: "services are not followed: " + err.Error()})
	}
}

func (w *pipelineWatch) follow(ctx context.Context) error {
	if w.witness == nil {
		return nil
	}
	err := w.witness.Follow(ctx)
	if f, ok := errors.AsType[*release.Failure](err); ok {
		if f.Serving {
			return &exit{exitOldServes, err}
		}
		return &exit{exitNothing, err}
	}
	if ctx.Err() != nil {
		return &exit{exitInterrupted, errors.New("interrupted while services came up; they go on by themselves")}
	}
	return err
}

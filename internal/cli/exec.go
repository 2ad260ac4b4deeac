package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/slipway-dev/slipway/internal/cloud"
	"github.com/slipway-dev/slipway/internal/release"
)

func newExec(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var service, task, container string
	c := &cobra.Command{
		Use:   "exec ENV [-- COMMAND…]",
		Short: "Enter a container of a running task",
		Long: `Runs a command in a running container, with this terminal as its terminal; without one, a
shell. It goes through ECS Exec, on AWS and on the engine alike, and needs no session manager
plugin: exec: true under the service in slipway.yaml, and a deploy since.

The exit code is the command's own; AWS does not tell it, and then it is 0. A command that
could not be run ends with 125.`,
		Example: `  slipway exec playground
  slipway exec production --task 4f1c -- /app/console --read-only
  echo 'select 1' | slipway exec playground -- /usr/bin/psql`,
		Args: func(c *cobra.Command, args []string) error {
			if n := c.ArgsLenAtDash(); len(args) == 0 || n > 1 || n < 0 && len(args) > 1 {
				return errors.New("the command stands behind --")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.begin(c, args[:1], false); err != nil {
				return err
			}
			command := args[1:]
			if len(command) == 0 {
				command = []string{"/bin/sh"}
			}
			return d.enter(service, task, container, command)
		},
	}
	d.flags(c)
	c.Flags().Lookup("json").Hidden = true
	c.Flags().StringVar(&service, "service", "", "which one, where the file has several")
	c.Flags().StringVar(&task, "task", "", "the task whose id begins so, instead of the newest")
	c.Flags().StringVar(&container, "container", "", "which one, where the task has several")
	return c
}

// enter is exec. Ctrl-C is typed into the container, so that it does not end the
// command here.
func (d *deployment) enter(service, task, container string, command []string) error {
	env := d.account.Resolve(d.env)
	svc, err := release.Pick(&env, service)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	screen := cloud.Screen{In: d.t.in, Out: d.t.out}
	if in, ok := d.t.in.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		restore, err := takeTerminal(ctx, in, &screen)
		if err != nil {
			return err
		}
		defer restore()
	}
	code, err := d.account.Exec(ctx, &env, svc, task, container, command, screen)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return &exit{exitNotRun, err}
	case code > 0:
		return &exit{code: code}
	}
	return nil
}

// takeTerminal gives the terminal to the container, and its size.
func takeTerminal(ctx context.Context, in *os.File, screen *cloud.Screen) (restore func(), err error) {
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("the terminal: %w", err)
	}
	signals, resized := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
				select {
				case resized <- struct{}{}:
				default:
				}
			}
		}
	}()
	screen.Resized = resized
	screen.Size = func() (int, int) {
		columns, rows, err := term.GetSize(int(in.Fd()))
		if err != nil {
			return 80, 24
		}
		return columns, rows
	}
	return func() {
		signal.Stop(signals)
		term.Restore(int(in.Fd()), old)
	}, nil
}

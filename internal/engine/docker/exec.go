package docker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// Command is a command to run in a container.
type Command struct {
	Args []string
	// Env is added to the container's; User and WorkingDir are the
	// container's when empty.
	Env              []string
	User, WorkingDir string
	// Terminal gives the command a terminal of Width × Height, if these are
	// given; all output is then in Stdout. Resize, if not nil, changes its
	// size.
	Terminal      bool
	Width, Height uint
	Resize        <-chan [2]uint
	// Stdin may be nil; Stdout and Stderr may be nil to throw output away.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Exec runs a command in a running container and returns its exit code. When
// ctx is done it stops listening; the daemon knows no way to end the command.
func (r *Runtime) Exec(ctx context.Context, containerID string, cmd Command) (int, error) {
	if _, _, err := r.running(ctx, containerID); err != nil {
		return 0, fmt.Errorf("running a command in a container: %w", err)
	}
	made, err := r.cli.ExecCreate(ctx, containerID, client.ExecCreateOptions{
		Cmd: cmd.Args, Env: cmd.Env, User: cmd.User, WorkingDir: cmd.WorkingDir,
		TTY: cmd.Terminal, AttachStdin: cmd.Stdin != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, fmt.Errorf("running a command in a container: %w", err)
	}
	opts := client.ExecAttachOptions{TTY: cmd.Terminal}
	if cmd.Terminal {
		opts.ConsoleSize = client.ConsoleSize{Height: cmd.Height, Width: cmd.Width}
	}
	conn, err := r.cli.ExecAttach(ctx, made.ID, opts)
	if err != nil {
		return 0, fmt.Errorf("running a command in a container: %w", err)
	}
	defer conn.Close()
	if err := r.converse(ctx, made.ID, &conn.HijackedResponse, &cmd); err != nil {
		return 0, fmt.Errorf("running a command in a container: %w", err)
	}
	res, err := r.cli.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	if err != nil {
		return 0, fmt.Errorf("asking for a command's exit code: %w", err)
	}
	return res.ExitCode, nil
}

// converse carries input and output until the command closes its output.
func (r *Runtime) converse(ctx context.Context, id string, conn *client.HijackedResponse, cmd *Command) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Conn.Close() })
	defer stop()
	if cmd.Stdin != nil {
		go func() {
			// The end of the input is all there is to tell; a broken
			// connection shows itself at the output.
			_, _ = io.Copy(conn.Conn, cmd.Stdin)
			_ = conn.CloseWrite()
		}()
	}
	if cmd.Resize != nil {
		go r.resize(ctx, id, cmd.Resize)
	}
	var err error
	if cmd.Terminal {
		_, err = io.Copy(sink(cmd.Stdout), conn.Reader)
	} else {
		_, err = stdcopy.StdCopy(sink(cmd.Stdout), sink(cmd.Stderr), conn.Reader)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func sink(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

func (r *Runtime) resize(ctx context.Context, id string, sizes <-chan [2]uint) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, ok := <-sizes:
			if !ok {
				return
			}
			_, err := r.cli.ExecResize(ctx, id, client.ExecResizeOptions{Width: size[0], Height: size[1]})
			if err != nil && ctx.Err() == nil {
				r.log.Debug("docker: resizing a terminal", "error", err)
			}
		}
	}
}

// Package cli is the command: one file for each subcommand, which turns flags
// into one call and renders what comes back. It holds no logic of its own; only
// cmd/slipway and the end-to-end tests call it.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cloud"
)

// Exit codes, as `slipway help exit-codes` explains them.
const (
	exitDone        = 0
	exitRefused     = 1 // refused or usage; nothing changed
	exitDifferent   = 2 // plan found differences
	exitOldServes   = 3 // deploy failed, the old version serves
	exitNothing     = 4 // deploy failed, nothing serves
	exitInterrupted = 5 // interrupted, can be continued
	exitHeld        = 6 // another deploy holds the service
	exitCredentials = 7 // credentials or account
	exitPipeline    = 8 // a job of a pipeline failed
)

// exit is an error that ends the command with a code of its own. With a nil
// err the command has already said everything.
type exit struct {
	code int
	err  error
}

// hinted is an error with what to do next: two things, on two lines.
type hinted interface{ Hint() string }

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	// args are the command line, to be named in a hint.
	args []string
}

// line is the command line as it was written.
func (t *terminal) line() string {
	words := []string{"slipway"}
	for _, a := range t.args {
		words = append(words, shellQuote(a))
	}
	return strings.Join(words, " ")
}

// Main runs the command and returns its exit code.
func Main(args []string, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	root := newRoot(&terminal{in, out, errw, args})
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := unknown(root, args)
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return exitDone
	}
	if _, coded := errors.AsType[*exit](err); ctx.Err() != nil && !coded {
		err = &exit{exitInterrupted, errors.New("interrupted")}
	}
	printError(errw, err)
	var h hinted
	if errors.As(err, &h) && h.Hint() != "" {
		fmt.Fprintln(errw, "next:", h.Hint())
	}
	if e, ok := errors.AsType[*exit](err); ok {
		return e.code
	}
	if _, ok := errors.AsType[*cloud.Denied](err); ok {
		return exitCredentials
	}
	return exitRefused
}

func newRoot(t *terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "slipway",
		Short: "From a git tag to https://your.host, on one machine or on AWS ECS",
		Example: `  slipway init                    # write slipway.yaml from what the repository shows
  slipway up                      # whatever is missing until https:// answers
  slipway deploy playground       # the next release, while the old one serves`,
		Version:       Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true // newCompletion is ours
	root.SetVersionTemplate(versionLine() + "\n")
	root.AddGroup(&cobra.Group{ID: "ship", Title: "Ship:"}, &cobra.Group{ID: "look", Title: "Look and follow:"}, &cobra.Group{ID: "keep", Title: "Keep:"}, &cobra.Group{ID: "more", Title: "More:"})
	root.SetHelpCommandGroupID("more")
	group := func(id string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	group("ship",
		newInit(t),
		newUp(t),
		newBuild(t),
		newPlan(t),
		newDeploy(t),
		newRollback(t),
		newScale(t),
		newDestroy(t),
		newCI(t),
		newGit(t),
	)
	group("look",
		newStatus(t),
		newHistory(t),
		newLogs(t),
		newRun(t),
		newExec(t),
		newURL(t),
		newDoctor(t),
	)
	group("keep",
		newEnv(t),
		newSecret(t),
		newEngine(t),
	)
	group("more",
		newCompletion(t),
		newSchema(t),
		newVersion(t),
	)
	root.AddCommand(topics()...)
	completeEnvironments(root)
	strict(root)
	return root
}

// Command is the whole command, for the pages that are made of it.
func Command() *cobra.Command { return newRoot(&terminal{os.Stdin, os.Stdout, os.Stderr, nil}) }

func encode(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

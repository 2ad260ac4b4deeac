package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/slipway-dev/slipway/internal/config"
)

// printError says what went wrong: each mistake of a file on a line of its own,
// with the line of the file below it on a terminal.
func printError(w io.Writer, err error) {
	var mistakes config.Errors
	if !errors.As(err, &mistakes) {
		if text := err.Error(); text != "" {
			fmt.Fprintln(w, "error:", text)
		}
		return
	}
	for _, m := range mistakes {
		text := m.Error()
		if onTerminal(w) {
			text = m.Excerpt()
		}
		fmt.Fprintln(w, "error:", strings.TrimSpace(text))
	}
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

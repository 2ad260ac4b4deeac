package report

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"
)

// The looks: few, and never the only carrier of a meaning.
var (
	bold   = lipgloss.NewStyle().Bold(true)
	faint  = lipgloss.NewStyle().Faint(true)
	green  = lipgloss.NewStyle().Foreground(lipgloss.Green)
	yellow = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	red    = lipgloss.NewStyle().Foreground(lipgloss.Red)
	cyan   = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
)

// Looks gives a writer that lets colours through where w is a terminal that has
// them, and NO_COLOR does not ask for none; elsewhere it takes them out.
func Looks(w io.Writer) io.Writer { return colorprofile.NewWriter(w, os.Environ()) }

// New gives the reporter that suits w: lines that update in place where w is a
// terminal, plain lines elsewhere and in CI.
func New(w io.Writer) Reporter {
	if f, ok := w.(*os.File); ok && Terminal(f) {
		return NewTerminal(Looks(f), func() (int, int) {
			width, height, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80, 24
			}
			return width, height
		})
	}
	return NewPlain(w)
}

// Terminal tells whether f is a terminal whose lines can be written anew.
func Terminal(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""
}

// hues tell tasks apart; red is left for what is wrong.
var hues = []lipgloss.Style{
	cyan, green, yellow,
	lipgloss.NewStyle().Foreground(lipgloss.Blue), lipgloss.NewStyle().Foreground(lipgloss.Magenta),
	lipgloss.NewStyle().Foreground(lipgloss.BrightCyan), lipgloss.NewStyle().Foreground(lipgloss.BrightBlue), lipgloss.NewStyle().Foreground(lipgloss.BrightMagenta),
}

// Hue gives text in the colour that belongs to key, the same in every run.
func Hue(key, text string) string {
	h := fnv.New32a()
	h.Write([]byte(key))
	return hues[h.Sum32()%uint32(len(hues))].Render(text)
}

// End writes one of the lines that a run ends with.
func End(w io.Writer, what, text string) {
	style := bold
	if what == "serving" || what == "done" {
		style = bold.Inherit(green)
	}
	indent := ""
	if p, ok := w.(*colorprofile.Writer); ok && p.Profile > colorprofile.NoTTY {
		indent = "  " // below the marks of NewTerminal
	}
	fmt.Fprintln(w, indent+style.Render(pad(what, 13))+text)
}

// Verdict writes a line of a list of verdicts: ok, warn or fail.
func Verdict(w io.Writer, verdict, what, text string) {
	style := map[string]lipgloss.Style{"ok": green, "warn": yellow, "fail": bold.Inherit(red)}[verdict]
	fmt.Fprintln(w, style.Render(pad(verdict, 6))+pad(what, 13)+text)
}

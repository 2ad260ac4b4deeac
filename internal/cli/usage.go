package cli

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/config"
)

// usage is a command line that is wrong: what is wrong with it, and how it is
// written.
type usage struct{ text, hint string }

func (u *usage) Error() string { return u.text }
func (u *usage) Hint() string  { return u.hint }

// strict lets every command say what is wrong with its line in words, and how it
// is written.
func strict(c *cobra.Command) {
	for _, sub := range c.Commands() {
		strict(sub)
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usage{err.Error(), c.CommandPath() + " --help"} })
	check := c.Args
	if check == nil || c.DisableFlagParsing {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return &usage{wrong(c, args, err), c.UseLine()}
		}
		return nil
	}
}

// wrong is what is wrong with a command's arguments: err, where neither one is
// missing nor one too many.
func wrong(c *cobra.Command, args []string, err error) string {
	words := positional(c.Use)
	needed := words
	for i, w := range words {
		if strings.HasPrefix(w, "[") {
			needed = words[:i]
			break
		}
	}
	switch {
	case len(args) < len(needed):
		missing := needed[len(args):]
		text := strings.Join(missing, " and ") + " is missing"
		if len(missing) > 1 {
			text = strings.Join(missing, " and ") + " are missing"
		}
		return text + choices(c, missing[0])
	case len(c.ValidArgs) > 0 && len(args) == len(words):
		return fmt.Sprintf("%q is no %s%s", args[0], words[0], choices(c, words[0]))
	case len(args) > len(words) && !strings.Contains(c.Use, "…") && !strings.Contains(c.Use, "..."):
		return fmt.Sprintf("%s takes no argument %q", c.CommandPath(), args[len(words)])
	}
	return err.Error()
}

// positional are the words of a command's use that stand for arguments, before
// any option.
func positional(use string) []string {
	words := strings.Fields(use)[1:]
	for i, w := range words {
		if first := strings.TrimLeft(w, "["); first == "" || !unicode.IsUpper(rune(first[0])) {
			return words[:i]
		}
	}
	return words
}

// choices is what an argument may be, as far as that is known: the environments
// are those of the file.
func choices(c *cobra.Command, word string) string {
	if len(c.ValidArgs) > 0 {
		return "; it is one of " + strings.Join(c.ValidArgs, ", ")
	}
	if word != "ENV" {
		return ""
	}
	file, err := c.Flags().GetString("file")
	if err != nil {
		return ""
	}
	stack, err := config.Load(file)
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range stack.Environments {
		names = append(names, e.Name)
	}
	return fmt.Sprintf("; %s has %s", file, strings.Join(names, ", "))
}

// unknown refuses a command that isn't there, below another one too, where cobra
// would show help and call that success.
func unknown(root *cobra.Command, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil
	}
	root.InitDefaultHelpCmd()
	c, rest, _ := root.Find(args)
	if c.Runnable() || !c.HasSubCommands() || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return nil
	}
	text := fmt.Sprintf("%s has no command %q", c.CommandPath(), rest[0])
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(rest[0]); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return &usage{text, c.CommandPath() + " --help"}
}

package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/release"
)

func newDestroy(t *terminal) *cobra.Command {
	return destroyer(t, "slipway destroy playground --yes", "Remove an environment's services, with their rules, names and certificates", false,
		`Removes the services of this file in the environment, in the order that AWS wants, and
waits until they are gone. Images and logs are kept; what the environment shares is kept too
(slipway env destroy removes it).`)
}

func envDestroy(t *terminal) *cobra.Command {
	return destroyer(t, "slipway env destroy playground --yes", "Remove the services and everything that they share", true,
		`Removes the services of this file and then the environment: capacity, cluster, load
balancer, security groups, network. It refuses while services of others run in the cluster, and
never removes what others made. Images and logs are kept.`)
}

func destroyer(t *terminal, example, short string, all bool, long string) *cobra.Command {
	d := &deployment{t: t}
	var o release.Options
	var yes bool
	c := &cobra.Command{
		Use: "destroy ENV", Short: short, Long: long,
		Example: "  " + example,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.begin(c, args, false); err != nil {
				return err
			}
			if err := d.sure(yes, all); err != nil {
				return err
			}
			o.Sink = d.reporter.Sink
			err := release.Destroy(c.Context(), d.account, d.env, all, o)
			d.reporter.End()
			if err != nil {
				return d.halfway(c.Context(), err)
			}
			if d.json {
				return encode(t.out, map[string]any{"environment": d.env.Name, "kept": []string{"images", "logs", "the records that prove domains"}})
			}
			fmt.Fprintf(t.out, "%-13snothing is left but what is kept on purpose: images, logs, the records that prove domains\n", "done")
			return nil
		},
	}
	d.flags(c)
	c.Flags().BoolVar(&o.Wait, "wait", false, "wait for a deploy of the same services instead of refusing")
	c.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	return c
}

// sure asks, on a terminal; elsewhere it wants --yes.
func (d *deployment) sure(yes, all bool) error {
	if yes {
		return nil
	}
	what := "the services of " + d.stack.App
	if all {
		what += " and the environment " + d.env.Cluster.Name
	}
	if f, ok := d.t.in.(*os.File); !ok || !term.IsTerminal(f.Fd()) {
		return fmt.Errorf("this removes %s in %s, account %s; say --yes", what, d.env.Name, d.account.ID)
	}
	fmt.Fprintf(d.t.out, "This removes %s in account %s, region %s. Type the environment's name (%s) to go on: ", what, d.account.ID, d.account.Region, d.env.Name)
	line, _ := bufio.NewReader(d.t.in).ReadString('\n')
	if strings.TrimSpace(line) != d.env.Name {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}

package cli

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"
)

func newURL(t *terminal) *cobra.Command {
	d := &deployment{t: t}
	var curl bool
	c := &cobra.Command{
		Use:   "url [ENV]",
		Short: "Print where the application is reached",
		Example: `  slipway url
  eval "$(slipway url --curl)"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := d.load(args); err != nil {
				return err
			}
			if d.env.On == "engine" {
				if _, err := d.engine(false); err != nil {
					return err
				}
			}
			said := map[string]bool{} // services that share a host differ in their paths
			for _, s := range d.env.Services {
				for _, h := range s.Hosts {
					if said[h] {
						continue
					}
					said[h] = true
					if d.json {
						if err := encode(t.out, map[string]string{"url": "https://" + h, "dial": d.door.Address, "ca": d.door.CA}); err != nil {
							return err
						}
						continue
					}
					if !curl || d.door.Address == "" {
						fmt.Fprintf(t.out, "https://%s\n", h)
						continue
					}
					fmt.Fprintf(t.out, "curl --cacert %s --connect-to %s:443:%s https://%s/\n", shellQuote(d.door.CA), h, hostPort(d.door.Address), h)
				}
			}
			return nil
		},
	}
	d.flags(c)
	c.Flags().BoolVar(&curl, "curl", false, "as a curl command that needs neither DNS nor the root in the system's store")
	return c
}

// hostPort is an address as curl's --connect-to takes it.
func hostPort(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, port)
}

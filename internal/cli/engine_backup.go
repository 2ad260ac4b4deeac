package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/engine/backup"
	"github.com/slipway-dev/slipway/internal/slipway"
)

func engineBackup(t *terminal) *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the data folder into a tar file, while the engine works or not",
		Long: `Copies everything that the engine keeps into a tar file: its state, the registry's
images, logs, the certificate authority, and the key of all secrets. So the file is as
secret as they are; it is made readable for its owner alone. An existing file is refused.

To restore: unpack it into an empty folder and start the engine on that.`,
		Example: `  slipway engine backup slipway-2026-03-01.tar
  mkdir -m 700 restored && tar -xf slipway-2026-03-01.tar -C restored && slipway engine start --data restored`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			start := time.Now()
			f, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s is there already and is not written over; name another file", args[0])
			}
			if err != nil {
				return err
			}
			sum, err := backup.Write(c.Context(), dir, f)
			if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
				return errors.Join(err, os.Remove(args[0])) // half a backup is none
			}
			if asJSON {
				return encode(t.out, sum)
			}
			path, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(t.out, "wrote %s: %d files, %.1f MB in %s; it holds the key of all secrets\n", path, sum.Files, float64(sum.Bytes)/1e6, slipway.Seconds(time.Since(start)))
			return nil
		},
	}
	dataFlag(c, &dir)
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

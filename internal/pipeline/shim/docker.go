package shim

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/lazyregexp"
)

// ecr is a reference, or a registry's address, at ECR's host name.
var ecr = lazyregexp.New(`^(?:https?://)?([0-9A-Za-z]+)\.dkr\.ecr\.([0-9A-Za-z-]+)\.amazonaws\.com(?::443)?(/.*)?$`)

// references are options of docker whose value is an image.
var references = []string{"--tag=", "--cache-from=", "--cache-to=", "-t"}

// Docker gives docker's arguments with ECR's host name of the engine's account
// turned into the engine's registry: an argument that is a reference or an address
// as a whole, and the value of an option that names an image. Another account's
// host name is refused: the engine is one account.
func (c Config) Docker(args []string) ([]string, error) {
	out := make([]string, len(args))
	for i, a := range args {
		option := ""
		for _, o := range references {
			if rest, ok := strings.CutPrefix(a, o); ok && rest != "" {
				option, a = o, rest
				break
			}
		}
		local, err := c.local(a)
		if err != nil {
			return nil, err
		}
		out[i] = option + local
	}
	return out, nil
}

// local is a reference at the engine's registry; what is none at ECR stays.
func (c Config) local(ref string) (string, error) {
	m := ecr.FindStringSubmatch(ref)
	if m == nil {
		return ref, nil
	}
	account, region, rest := m[1], m[2], m[3]
	if account != c.Account {
		return "", fmt.Errorf("%s is account %s's registry and the engine is account %s; start an engine that is: slipway engine start --account %s --data DIR", ref, account, c.Account, account)
	}
	if rest == "" || rest == "/" || region == c.Region {
		return c.Registry + strings.TrimSuffix(rest, "/"), nil
	}
	return c.Registry + "/" + account + "/" + region + rest, nil
}

package doctor

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/internal/dns"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// hosts are all that an environment's services have, each once.
func hosts(env *slipway.Environment) []string {
	var list []string
	for _, s := range env.Services {
		list = append(list, s.Hosts...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Zones finds out whether names can be written in the zones of all hosts.
func Zones(ctx context.Context, env *slipway.Environment, p dns.Provider) []Finding {
	all := hosts(env)
	reacher, can := p.(dns.Reacher)
	if len(all) == 0 || !can {
		return nil
	}
	list := make([]Finding, len(all))
	var wg sync.WaitGroup
	for i, host := range all {
		wg.Go(func() {
			r, err := reacher.Reach(ctx, host)
			list[i] = zone(p.Name(), host, r, err)
		})
	}
	wg.Wait()
	return slices.Compact(list) // hosts of one zone lie side by side, mostly
}

func zone(provider, host string, r dns.Reach, err error) Finding {
	switch {
	case errors.Is(err, dns.ErrZone):
		return fail("dns", "dns: none keeps Slipway out of it", "%s", err)
	case err != nil && provider == "cloudflare":
		return fail("dns", "is CLOUDFLARE_API_TOKEN right? It needs Zone:Read and DNS:Edit for the zone of "+host, "%s", err)
	case err != nil:
		return fail("dns", "slipway ci policy --for doctor tells what a user needs", "%s", err)
	case r.Zone == "":
		return ok("dns", "%s: a deploy makes the zone", host)
	case r.ReadOnly:
		return fail("dns", "give the token DNS:Edit for the zone", "%s: the token may read zone %s and not write in it", provider, r.Zone)
	case r.Pending:
		return warn("dns", "lead the domain's name servers to "+provider+", at its registrar; until then no certificate is issued", "%s: zone %s is not in force yet", provider, r.Zone)
	}
	return ok("dns", "%s: names can be written in zone %s", provider, r.Zone)
}

// Issuers asks for the CAA records of all hosts. issued tells which have a
// certificate already: there a deploy goes on, and the renewal fails.
func Issuers(ctx context.Context, env *slipway.Environment, r dns.Resolver, issued func(host string) bool) []Finding {
	all := hosts(env)
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, host := range all {
		wg.Go(func() { errs[i] = r.MayIssue(ctx, host) })
	}
	wg.Wait()
	var list []Finding
	for i, host := range all {
		if f := caa(host, errs[i], issued(host)); f.Verdict != OK {
			list = append(list, f)
		}
	}
	if len(list) == 0 && len(all) > 0 {
		list = append(list, ok("caa", "no CAA record keeps Amazon from issuing for %s", some(all)))
	}
	return list
}

func caa(host string, err error, issued bool) Finding {
	forbidden, is := errors.AsType[*dns.Forbidden](err)
	switch {
	case err == nil:
		return ok("caa", "%s", host)
	case !is:
		return warn("caa", "", "%s", err)
	case issued:
		return warn("caa", "add the record "+forbidden.Domain+` CAA 0 issue "amazon.com" before the certificate's renewal`, "%s", err)
	}
	return fail("caa", "add the record "+forbidden.Domain+` CAA 0 issue "amazon.com"`, "%s", err)
}

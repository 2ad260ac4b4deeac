package acm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/acm"
	"github.com/slipway-dev/slipway/internal/engine/authority"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Issuer makes certificates for names that have been validated.
type Issuer interface {
	// Issue returns the certificate, its chain and its private key in PEM.
	Issue(names []string, key api.KeyAlgorithm) (certificate, chain, privateKey []byte, err error)
	// Revoke puts a certificate in PEM on its issuer's revocation list, for a
	// reason of RFC 5280.
	Revoke(certificate []byte, reason int) error
}

// Resolver looks names up, as the world sees them.
type Resolver interface {
	// CNAME is the target of the name's CNAME record, both fully qualified
	// with a final dot; "" when there is none.
	CNAME(ctx context.Context, name string) (target string, err error)
	// Changed is readable after the names may have changed.
	Changed() <-chan struct{}
}

// How long ACM waits for the records, when it looks again, and how long before
// the end of a certificate it renews it.
const (
	giveUpAfter = 72 * time.Hour
	lookAgain   = 10 * time.Second
	renewBefore = 30 * 24 * time.Hour
)

// record is the CNAME that proves that a name is the account's. It is the same
// for every certificate of the account and, without the wildcard, for a name and
// its wildcard, as ACM's is.
func record(account, name string) (host, target string) {
	base := strings.TrimPrefix(name, "*.")
	sum := sha256.Sum256([]byte(account + " " + base))
	digits := hex.EncodeToString(sum[:])
	letters := make([]byte, 10)
	for i := range letters {
		letters[i] = 'a' + sum[16+i]%26
	}
	other := sha256.Sum256(sum[:])
	return "_" + digits[:32] + "." + base + ".", "_" + hex.EncodeToString(other[:16]) + "." + string(letters) + ".acm-validations.aws."
}

// due is what a certificate needs now.
type due int

const (
	nothing due = iota
	records     // its validation records are to appear
	look        // DNS is to be asked for them
	expire      // the validation took too long, or the certificate ended
	renew       // it ends soon and is used
)

// decide tells what a certificate needs and, if nothing, when to ask again.
func decide(c *Certificate, inUse bool, now time.Time) (due, time.Time) {
	switch c.Status {
	case api.CertificateStatusPendingValidation:
		switch {
		case c.Validations[0].Record == "":
			return records, now
		case !now.Before(c.Created.Add(giveUpAfter)):
			return expire, now
		case !now.Before(c.Tried.Add(lookAgain)):
			return look, now
		}
		return nothing, c.Tried.Add(lookAgain)
	case api.CertificateStatusIssued:
		end := c.Content.NotAfter
		switch {
		case !now.Before(end):
			return expire, now
		case c.Type == api.CertificateTypeAmazonIssued && inUse && !now.Before(end.Add(-renewBefore)):
			if now.Before(c.Tried.Add(time.Hour)) {
				return nothing, c.Tried.Add(time.Hour)
			}
			return renew, now
		case c.Type == api.CertificateTypeAmazonIssued && now.Before(end.Add(-renewBefore)):
			return nothing, end.Add(-renewBefore)
		}
		return nothing, end
	}
	return nothing, time.Time{}
}

// Run is the controller: it looks at every certificate whenever one changes, the
// names change or time has come, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch := s.env.Store.Watch(Certificates, Uses, Revocations)
	defer watch.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	namesChanged := false
	for {
		wake := s.pass(ctx, namesChanged)
		namesChanged = false
		timer.Stop()
		if !wake.IsZero() {
			timer.Reset(max(0, wake.Sub(s.env.Now())))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch.C():
			watch.Take()
		case <-s.names.Changed():
			namesChanged = true
		case <-timer.C:
		}
	}
}

// pass does what is due and tells when something will be due next. With
// lookNow the records of every certificate that waits for them are looked up.
func (s *Service) pass(ctx context.Context, lookNow bool) (wake time.Time) {
	tx := s.env.Store.View()
	if err := s.revoke(tx); err != nil && ctx.Err() == nil {
		s.env.Log.Error("revoking certificates", "error", err)
		wake = s.env.Now().Add(lookAgain)
	}
	for scope, c := range Certificates.Everywhere(tx) {
		what, at := s.decide(c, len(UsedBy(tx, scope, c.ARN)) > 0)
		switch {
		case !lookNow || what != nothing || s.env.Now().Before(c.slow(s.delay(), 2)):
		case c.Status == api.CertificateStatusPendingValidation:
			what = look
		case c.renewalPending():
			what = renew
		}
		if what != nothing {
			if err := s.do(ctx, scope, c, what); err != nil && ctx.Err() == nil {
				s.env.Log.Error("certificate", "arn", c.ARN, "error", err)
				at = s.env.Now().Add(lookAgain)
			} else {
				continue // the change wakes us again
			}
		}
		if !at.IsZero() && (wake.IsZero() || at.Before(wake)) {
			wake = at
		}
	}
	return wake
}

// decide is the pure decide, later where validation is slow on purpose: the
// records take one delay to appear and another one to be seen.
func (s *Service) decide(c *Certificate, inUse bool) (due, time.Time) {
	what, at := decide(c, inUse, s.env.Now())
	if d := s.delay(); d > 0 && c.Status == api.CertificateStatusPendingValidation && what != expire {
		times := 2
		if c.Validations[0].Record == "" {
			times = 1
		}
		if slow := c.slow(d, times); s.env.Now().Before(slow) {
			return nothing, slow
		}
	}
	return what, at
}

func (s *Service) delay() time.Duration {
	if s.env.Validation == nil {
		return 0
	}
	return s.env.Validation()
}

// slow is when so many delays have passed since the certificate was requested.
func (c *Certificate) slow(delay time.Duration, times int) time.Time {
	return c.Created.Add(time.Duration(times) * delay)
}

// revoke has the certificates revoked that operations ask for.
func (s *Service) revoke(tx *state.Tx) error {
	for scope, r := range Revocations.Everywhere(tx) {
		if err := s.issuer.Revoke([]byte(r.Certificate), r.Reason); err != nil && !errors.Is(err, authority.ErrNotIssued) {
			return err
		}
		err := s.env.Store.Update(func(tx *state.Tx) error {
			Revocations.Delete(tx, scope, Revocations.Key(r))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) do(ctx context.Context, scope state.Scope, c *Certificate, what due) error {
	switch what {
	case records:
		return s.change(scope, c.ARN, func(n *Certificate) { n.Validations = withRecords(scope.Account, n.Validations) })
	case expire:
		return s.change(scope, c.ARN, func(n *Certificate) {
			if n.Status == api.CertificateStatusIssued {
				n.Status = api.CertificateStatusExpired
				return
			}
			n.Status = api.CertificateStatusValidationTimedOut
		})
	case renew:
		return s.renew(ctx, scope, c)
	}
	return s.look(ctx, scope, c)
}

func (s *Service) change(scope state.Scope, name string, change func(*Certificate)) error {
	return s.env.Store.Update(func(tx *state.Tx) error {
		Certificates.Change(tx, scope, name, change) // it may have been deleted meanwhile
		return nil
	})
}

func withRecords(account string, old []Validation) []Validation {
	made := make([]Validation, len(old))
	for i, v := range old {
		v.Record, v.Value = record(account, v.Name)
		made[i] = v
	}
	return made
}

// look asks DNS for the records that are still missing and, when all are there,
// has the certificate issued.
func (s *Service) look(ctx context.Context, scope state.Scope, c *Certificate) error {
	validations, all := s.proofs(ctx, c, false)
	now := s.env.Now()
	if err := s.change(scope, c.ARN, func(n *Certificate) { n.Validations, n.Tried = validations, now }); err != nil || !all {
		return err
	}
	return s.issue(scope, c, false)
}

// renew has a certificate issued again if its records still resolve; while they
// do not, its renewal is pending ("Managed certificate renewal in ACM", DNS).
func (s *Service) renew(ctx context.Context, scope state.Scope, c *Certificate) error {
	validations, all := s.proofs(ctx, c, true)
	if all {
		return s.issue(scope, c, true)
	}
	now := s.env.Now()
	return s.change(scope, c.ARN, func(n *Certificate) {
		n.Tried = now
		n.Renewed = &api.RenewalSummary{
			RenewalStatus: api.RenewalStatusPendingValidation, UpdatedAt: &now, DomainValidationOptions: (&Certificate{Method: n.Method, Validations: validations}).validations(),
		}
	})
}

// renewalPending tells whether a certificate only waits for its records.
func (c *Certificate) renewalPending() bool {
	return c.Status == api.CertificateStatusIssued && c.Renewed != nil && c.Renewed.RenewalStatus == api.RenewalStatusPendingValidation
}

// proofs asks DNS for a certificate's records: all anew, or those that are still
// missing.
func (s *Service) proofs(ctx context.Context, c *Certificate, anew bool) (validations []Validation, all bool) {
	all = true
	for _, v := range c.Validations {
		if anew || v.Status != api.DomainStatusSuccess {
			v.Status = api.DomainStatusPendingValidation
			if s.proved(ctx, c, v) {
				v.Status = api.DomainStatusSuccess
			}
		}
		all = all && v.Status == api.DomainStatusSuccess
		validations = append(validations, v)
	}
	return validations, all
}

// proved tells whether a name's record is there and leads where it should.
func (s *Service) proved(ctx context.Context, c *Certificate, v Validation) bool {
	target, err := s.names.CNAME(ctx, v.Record)
	switch {
	case err != nil:
		s.env.Log.Info("validation record not found", "certificate", c.ARN, "record", v.Record, "error", err)
	case target == "":
	case strings.EqualFold(target, v.Value):
		return true
	default:
		s.env.Log.Warn("validation record leads elsewhere", "certificate", c.ARN, "record", v.Record, "wanted", v.Value, "found", target)
	}
	return false
}

func (s *Service) issue(scope state.Scope, c *Certificate, renewal bool) error {
	cert, chain, key, err := s.issuer.Issue(c.Names, c.Key)
	if err != nil {
		return fmt.Errorf("issuing for %s: %w", c.domain(), err)
	}
	content, _, err := inspect(cert)
	if err != nil {
		return err
	}
	content.Chain, content.PrivateKey = string(chain), s.env.Vault.Seal(key)
	now := s.env.Now()
	return s.change(scope, c.ARN, func(n *Certificate) {
		n.Content, n.Status, n.Tried = content, api.CertificateStatusIssued, now
		if renewal {
			n.Renewed = &api.RenewalSummary{RenewalStatus: api.RenewalStatusSuccess, UpdatedAt: &now, DomainValidationOptions: n.validations()}
			return
		}
		n.Issued = now
	})
}

// Pair is a certificate with its chain and its private key, in PEM, for who
// presents it; ok is false while there is none.
func (s *Service) Pair(tx *state.Tx, scope state.Scope, name string) (chain, key []byte, ok bool) {
	c, found := Certificates.Get(tx, scope, name)
	if !found || c.Content.Certificate == "" {
		return nil, nil, false
	}
	key, err := s.env.Vault.Open(c.Content.PrivateKey)
	if err != nil {
		s.env.Log.Error("certificate's key", "arn", name, "error", err)
		return nil, nil, false
	}
	return []byte(c.Content.Certificate + c.Content.Chain), key, true
}

package cloud

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/slipway"
)

// policyTLS is the security policy of listeners that Slipway makes: TLS 1.2 and
// 1.3 with forward secrecy.
const policyTLS = "ELBSecurityPolicy-TLS13-1-2-2021-06"

func (a *Account) seeListener(env *slipway.Environment, l types.Listener) {
	n := plan.Of(env)
	seen := slipway.Seen{Ref: aws.ToString(l.ListenerArn), Settings: slipway.Settings{}}
	if len(l.DefaultActions) > 0 {
		seen.Settings["default"] = action(l.DefaultActions[0])
	}
	for _, c := range l.Certificates {
		seen.Settings["certificate"] = aws.ToString(c.CertificateArn)
	}
	port := strconv.Itoa(int(aws.ToInt32(l.Port)))
	if l.Protocol == types.ProtocolEnumHttps {
		seen.Settings["policy"] = aws.ToString(l.SslPolicy)
	}
	switch {
	case l.Protocol == types.ProtocolEnumHttps && (env.Cluster.Listener == "" && port == "443" || env.Cluster.Listener == port || env.Cluster.Listener == seen.Ref):
		a.found(n.HTTPS(), seen)
	case l.Protocol == types.ProtocolEnumHttp && port == "80":
		a.found(n.HTTP(), seen)
	}
}

// action says what a listener's default does, in the file's words.
func action(act types.Action) string {
	switch act.Type {
	case types.ActionTypeEnumRedirect:
		code := strings.TrimPrefix(string(act.RedirectConfig.StatusCode), "HTTP_")
		return "redirect to " + strings.ToLower(aws.ToString(act.RedirectConfig.Protocol)) + " " + code
	case types.ActionTypeEnumFixedResponse:
		return aws.ToString(act.FixedResponseConfig.StatusCode)
	}
	return string(act.Type)
}

func (a *Account) applyListener(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	n := plan.Of(env)
	actions := []types.Action{{Type: types.ActionTypeEnumFixedResponse, FixedResponseConfig: &types.FixedResponseActionConfig{
		StatusCode: aws.String("404"), ContentType: aws.String("text/plain"), MessageBody: aws.String("no service here has this name\n")}}}
	if s.ID == n.HTTP() {
		actions = []types.Action{{Type: types.ActionTypeEnumRedirect, RedirectConfig: &types.RedirectActionConfig{
			Protocol: aws.String("HTTPS"), Port: aws.String("443"), StatusCode: types.RedirectActionStatusCodeEnumHttp301}}}
	}
	if s.Action != slipway.Create {
		_, err := a.elb.ModifyListener(ctx, &elb.ModifyListenerInput{ListenerArn: aws.String(a.Ref(s.ID)), DefaultActions: actions})
		return err
	}
	in := &elb.CreateListenerInput{LoadBalancerArn: aws.String(a.Ref(n.Balancer())), Port: aws.Int32(80), Protocol: types.ProtocolEnumHttp,
		DefaultActions: actions, Tags: elbTags(env.Cluster.Name, s.Settings)}
	if s.ID == n.HTTPS() {
		in.Port, in.Protocol, in.SslPolicy = aws.Int32(443), types.ProtocolEnumHttps, aws.String(policyTLS)
		for _, after := range s.After {
			if after.Kind == slipway.KindCertificate {
				in.Certificates = []types.Certificate{{CertificateArn: aws.String(a.Ref(after))}}
			}
		}
	}
	out, err := a.elb.CreateListener(ctx, in)
	if err != nil {
		return err
	}
	a.found(s.ID, slipway.Seen{Ref: aws.ToString(out.Listeners[0].ListenerArn)})
	for _, c := range in.Certificates {
		a.attached(aws.ToString(c.CertificateArn))
	}
	return nil
}

// observeAttachments lists the certificates that the listener serves by SNI.
func (a *Account) observeAttachments(ctx context.Context, listener string) error {
	pages := elb.NewDescribeListenerCertificatesPaginator(a.elb, &elb.DescribeListenerCertificatesInput{ListenerArn: &listener, PageSize: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("reading the listener's certificates: %w", plain(err))
		}
		for _, c := range page.Certificates {
			a.attached(aws.ToString(c.CertificateArn))
			if !aws.ToBool(c.IsDefault) {
				a.mu.Lock()
				a.seen.Certificates.Used++
				a.mu.Unlock()
			}
		}
	}
	return nil
}

// attached remembers that the HTTPS listener serves a certificate.
func (a *Account) attached(certificate string) {
	a.found(slipway.ID{Kind: slipway.KindAttachment, Name: certificate}, slipway.Seen{Ref: certificate})
}

func (a *Account) applyAttachment(ctx context.Context, env *slipway.Environment, s slipway.Step) error {
	certificate := a.Ref(plan.Certificate(s.Name))
	if _, ok := a.look(slipway.ID{Kind: slipway.KindAttachment, Name: certificate}); ok {
		return nil
	}
	listener := a.Ref(plan.Of(env).HTTPS())
	_, err := a.elb.AddListenerCertificates(ctx, &elb.AddListenerCertificatesInput{ListenerArn: &listener, Certificates: []types.Certificate{{CertificateArn: &certificate}}})
	if is(err, "TooManyCertificates", "TooManyCertificatesException") {
		return fmt.Errorf("the listener is full of certificates (%s); put several hosts on one certificate, or set cluster.spread: a second load balancer", says(err))
	}
	if err == nil {
		a.attached(certificate)
	}
	return err
}

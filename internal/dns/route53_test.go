package dns

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"
)

func TestTheLongestZoneHoldsAName(t *testing.T) {
	zones := []hosted{{"Z1", "example.com"}, {"Z2", "shop.example.com"}, {"Z3", "twice.com"}, {"Z4", "twice.com"}}
	for _, c := range []struct{ only, name, want, says string }{
		{"", "www.example.com", "Z1", ""},
		{"", "Example.COM.", "Z1", ""},
		{"", "a.shop.example.com", "Z2", ""},
		{"", "shop.example.com", "Z2", ""},
		{"", "workshop.example.com", "Z1", ""},
		{"", "badexample.com", "", "make a public hosted zone"},
		{"example.com", "a.shop.example.com", "Z1", ""},
		{"Z1", "a.shop.example.com", "Z1", ""},
		{"Z9", "a.shop.example.com", "", "dns.zone Z9 is no public zone"},
		{"", "www.twice.com", "", "2 public zones are called twice.com; name one by its id"},
		{"Z4", "www.twice.com", "Z4", ""},
	} {
		got, err := choose(zones, c.only, c.name)
		if got != c.want || err == nil != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s in %q: %q %v, want %q %q", c.name, c.only, got, err, c.want, c.says)
		}
	}
}

func TestABatchPutsARecordInThePlaceOfWhatStandsThere(t *testing.T) {
	set := func(kind types.RRType, value string) types.ResourceRecordSet {
		return types.ResourceRecordSet{Name: aws.String("demo.example.com."), Type: kind, TTL: aws.Int64(60), ResourceRecords: []types.ResourceRecord{{Value: &value}}}
	}
	alias := Record{Name: "demo.example.com", Type: "CNAME", Content: "lb.elb.amazonaws.com", Alias: "ZELB"}
	both := alias
	both.IPv6 = true
	for name, c := range map[string]struct {
		r    Record
		have []types.ResourceRecordSet
		want []string
	}{
		"a new alias":                   {alias, nil, []string{"UPSERT A"}},
		"both families":                 {both, nil, []string{"UPSERT A", "UPSERT AAAA"}},
		"a CNAME before":                {alias, []types.ResourceRecordSet{set("CNAME", "old.example.com")}, []string{"DELETE CNAME", "UPSERT A"}},
		"an address before":             {alias, []types.ResourceRecordSet{set("A", "192.0.2.1"), set("AAAA", "2001:db8::1")}, []string{"DELETE AAAA", "UPSERT A"}},
		"what doesn't stand in the way": {alias, []types.ResourceRecordSet{set("TXT", `"x"`), set("MX", "10 mail")}, []string{"UPSERT A"}},
		"a validation record":           {Record{Name: "_x.example.com", Type: "CNAME", Content: "_y.acm-validations.aws"}, nil, []string{"UPSERT CNAME"}},
	} {
		changes, err := replacing(c.r, c.have)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, x := range changes {
			got = append(got, string(x.Action)+" "+string(x.ResourceRecordSet.Type))
			if x.Action == types.ChangeActionUpsert && c.r.Alias != "" && (x.ResourceRecordSet.AliasTarget == nil || *x.ResourceRecordSet.AliasTarget.HostedZoneId != "ZELB" || x.ResourceRecordSet.TTL != nil) {
				t.Errorf("%s: no alias: %+v", name, x.ResourceRecordSet)
			}
			if x.Action == types.ChangeActionDelete && *x.ResourceRecordSet.TTL != 60 {
				t.Errorf("%s: a deletion has to repeat every value: %+v", name, x.ResourceRecordSet)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	weighted := set("A", "192.0.2.1")
	weighted.SetIdentifier = aws.String("blue")
	if _, err := replacing(alias, []types.ResourceRecordSet{weighted}); err == nil || !strings.Contains(err.Error(), "routing policy (blue)") {
		t.Errorf("a name with a routing policy: %v", err)
	}
}

func TestAnAliasIsReadAsItWasWritten(t *testing.T) {
	got := read(types.ResourceRecordSet{Name: aws.String(`\052.example.com.`), Type: "A", AliasTarget: &types.AliasTarget{DNSName: aws.String("dualstack.LB.elb.amazonaws.com."), HostedZoneId: aws.String("ZELB")}})
	want := []Record{{ID: "A", Name: "*.example.com", Type: "A", Content: "lb.elb.amazonaws.com", Alias: "ZELB"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

package initial

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFollow(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"assignments", "A=$1-x\naws $A \"$B\"", []string{"aws {env}-x $B"}},
		{"upper case and indirect", "V=${1^^}_KEY; K=${!V}; aws $K", []string{"aws $PROD_KEY"}},
		{"upper case by tr", "V=$(echo $1 | tr '[:lower:]' '[:upper:]')_KEY; aws ${!V}", []string{"tr [:lower:] [:upper:]", "aws $PROD_KEY"}},
		{"condition", "if [ \"$1\" == prod ]; then aws yes; else aws no; fi", []string{"aws yes"}},
		{"bash's condition", "if [[ $1 != prod || -z $1 ]]; then aws no; else aws yes; fi", []string{"aws yes"}},
		{"case", "case $1 in prod) aws a;; *) aws b;; esac", []string{"aws a"}},
		{"default", "R=${REGION:-eu-west-1}; aws $R ${OTHER}", []string{"aws eu-west-1 $OTHER"}},
		{"tag", "T=`git describe --abbrev=0 --tags`; aws r:$T-$1", []string{"git describe --abbrev=0 --tags", "aws r:{tag}-{env}"}},
		{"wait loop", "until aws x | grep -q steady; do :; done; aws after", nil},
		{"loop", "for i in a b; do aws $i; done; while true; do X=1; done; for ((;;)); do :; done; aws after", []string{"aws a", "aws b", "aws after"}},
		{"function", "f() { aws $1; }; f x", []string{"aws x"}},
		{"file outside", "aws $(cat /etc/passwd ../x)", []string{"cat /etc/passwd ../x", "aws"}},
		{"redirects", "aws x > /dev/null 2>&1; aws y > /tmp/slipway-never; aws z < /etc/passwd", []string{"aws x", "aws y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls, err := follow(t.TempDir(), "x.sh", c.script, []string{markEnv("prod")}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range calls {
				line := ""
				for i, a := range c.args {
					if i > 0 {
						line += " "
					}
					line += template(a, "prod")
				}
				got = append(got, line)
			}
			if c.want == nil { // a wait loop: what counts is what comes after it
				c.want, got = []string{"aws after"}, got[max(0, len(got)-1):]
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

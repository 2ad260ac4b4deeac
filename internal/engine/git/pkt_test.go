package git

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	idA = "1111111111111111111111111111111111111111"
	idB = "2222222222222222222222222222222222222222"
)

func lines(texts ...string) string {
	var b bytes.Buffer
	for _, t := range texts {
		writePacket(&b, t)
	}
	writeFlush(&b)
	return b.String()
}

func TestCommandsOfAPush(t *testing.T) {
	body := lines(noObject+" "+idA+" refs/tags/v1\x00 report-status side-band-64k agent=git/2\n", idA+" "+idB+" refs/heads/main\n") + "PACK"
	r := bufio.NewReader(strings.NewReader(body))
	commands, capabilities, err := readCommands(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]command{{noObject, idA, "refs/tags/v1"}, {idA, idB, "refs/heads/main"}}, commands, cmp.AllowUnexported(command{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"report-status", "side-band-64k", "agent=git/2"}, capabilities); diff != "" {
		t.Error(diff)
	}
	if rest, _ := r.Peek(4); string(rest) != "PACK" {
		t.Errorf("the pack begins with %q", rest)
	}
	if !commands[0].creates() || commands[1].creates() || commands[0].deletes() || !(command{idA, noObject, "refs/heads/x"}).deletes() {
		t.Error("what creates and deletes is not told apart")
	}
}

func TestWhatIsNoPush(t *testing.T) {
	for name, body := range map[string]string{
		"not hexadecimal":  "zzzz",
		"too short a line": "0003",
		"ends early":       "0090" + noObject,
		"no ref":           lines(noObject + " " + idA),
		"short ids":        lines("11 22 refs/heads/main"),
		"upper case":       lines(noObject + " " + strings.Repeat("A", 40) + " refs/heads/main"),
		"too many":         lines(strings.Split(strings.Repeat(noObject+" "+idA+" refs/heads/x|", mostCommands+1), "|")...),
	} {
		if c, _, err := readCommands(bufio.NewReader(strings.NewReader(body))); err == nil {
			t.Errorf("%s: %v", name, c)
		}
	}
	if c, _, err := readCommands(bufio.NewReader(strings.NewReader("0000"))); len(c) != 0 || err != nil {
		t.Errorf("a probe: %v %v", c, err)
	}
}

func TestRefsThatMayBePushed(t *testing.T) {
	for ref, want := range map[string]bool{
		"refs/heads/main": true, "refs/heads/release/playground": true, "refs/tags/v1.2.0-rc.1+b": true, "refs/tags/@v": true,
		"refs/heads/../../hooks/post-receive": false, "refs/heads/..": false, "refs/heads/a..b": false, "hooks/post-receive": false, "refs/hooks/x": false,
		"HEAD": false, "refs/heads/": false, "refs/heads//x": false, "refs/heads/.hidden": false, "refs/heads/a/.git": false, "refs/heads/x.lock": false, "refs/heads/x.lock/y": false,
		"refs/heads/x.": false, "refs/heads/-x": false, "refs/heads/a b": false, "refs/heads/a\nb": false, "refs/slipway/kept/x": false, "refs/heads/a@{1}": false, "refs/heads/x~1": false,
		"refs/heads/" + strings.Repeat("x", 200): false,
	} {
		if got := validRef(ref); got != want {
			t.Errorf("%.60q: %v", ref, got)
		}
	}
}

// Whatever a client sends: commands that come out are well formed, and what is
// written of them reads back the same.
func FuzzCommands(f *testing.F) {
	f.Add([]byte(lines(noObject+" "+idA+" refs/tags/v1\x00report-status", idA+" "+noObject+" refs/heads/x")))
	f.Add([]byte("0000"))
	f.Add([]byte("fff0"))
	f.Add([]byte("00040005x"))
	f.Fuzz(func(t *testing.T, body []byte) {
		commands, _, err := readCommands(bufio.NewReader(bytes.NewReader(body)))
		if err != nil {
			return
		}
		var texts []string
		for _, c := range commands {
			if !isID(c.old) || !isID(c.new) {
				t.Fatalf("%+v", c)
			}
			texts = append(texts, c.old+" "+c.new+" "+c.ref)
			if validRef(c.ref) && (strings.Contains(c.ref, "..") || strings.ContainsAny(c.ref, " \n\x00~^:?*[\\")) {
				t.Fatalf("%q may be pushed", c.ref)
			}
		}
		if len(commands) == 0 || strings.ContainsAny(strings.Join(texts, ""), "\n\x00") {
			return
		}
		again, _, err := readCommands(bufio.NewReader(strings.NewReader(lines(texts...))))
		if err != nil || len(again) != len(commands) {
			t.Fatalf("%v %v", again, err)
		}
	})
}

package git

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// offered are the capabilities of a push's server side.
const offered = "report-status delete-refs side-band-64k quiet ofs-delta object-format=sha1 agent=slipway"

const noObject = "0000000000000000000000000000000000000000"

// advertisePush lists the refs that a push compares with.
func (g *Remote) advertisePush(w http.ResponseWriter, r *http.Request, repo repository) error {
	ids, order, err := repo.refs(r.Context())
	if err != nil {
		return err
	}
	head(w, "application/x-git-receive-pack-advertisement")
	var out bytes.Buffer
	writePacket(&out, "# service=git-receive-pack\n")
	writeFlush(&out)
	lead := "\x00" + offered
	for _, ref := range order {
		writePacket(&out, ids[ref]+" "+ref+lead+"\n")
		lead = ""
	}
	if len(order) == 0 {
		writePacket(&out, noObject+" capabilities^{}"+lead+"\n")
	}
	writeFlush(&out)
	_, err = w.Write(out.Bytes())
	return err
}

// push takes a push in: its objects, then each ref as its build ends well.
func (g *Remote) push(w http.ResponseWriter, r *http.Request) {
	repo, app, caller, ok := g.admit(w, r, ActionPush)
	if !ok {
		return
	}
	body, err := content(w, r, g.o.Limit+1<<20)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	commands, capabilities, err := readCommands(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := repo.make(r.Context()); err != nil {
		g.broken(w, r, err)
		return
	}
	head(w, "application/x-git-receive-pack-result")
	if len(commands) == 0 {
		return
	}
	a := newAnswer(w, capabilities)
	p := &pushing{remote: g, repo: repo, app: app, key: caller.AccessKey, answer: a, verdict: make([]string, len(commands))}
	fault := p.take(r.Context(), commands, body)
	if fault == nil {
		p.carryOut(r.Context(), commands)
	} else {
		g.o.Log.Info("push refused", "app", app, "caller", caller.ARN, "error", fault)
	}
	a.report(commands, p.verdict, fault)
}

// answer is what goes back to who pushes.
type answer struct {
	w        http.ResponseWriter
	banded   bool
	progress io.Writer
}

func newAnswer(w http.ResponseWriter, capabilities []string) *answer {
	a := &answer{w: w, banded: slices.Contains(capabilities, "side-band-64k"), progress: io.Discard}
	if a.banded {
		a.progress = band{w, bandProgress, http.NewResponseController(w).Flush}
	}
	return a
}

// say shows a line to who pushes. One who has gone away misses it, no more.
func (a *answer) say(line string) { io.WriteString(a.progress, line+"\n") }

// report is report-status: what became of the pack, and of each ref.
func (a *answer) report(commands []command, verdict []string, fault error) {
	var out bytes.Buffer
	unpack := "ok"
	if fault != nil {
		unpack = strings.ReplaceAll(fault.Error(), "\n", " ")
		a.say("refused: " + fault.Error())
	}
	writePacket(&out, "unpack "+unpack+"\n")
	for i, c := range commands {
		switch {
		case fault != nil:
			writePacket(&out, "ng "+c.ref+" nothing was taken in\n")
		case verdict[i] != "":
			writePacket(&out, "ng "+c.ref+" "+verdict[i]+"\n")
		default:
			writePacket(&out, "ok "+c.ref+"\n")
		}
	}
	writeFlush(&out)
	if !a.banded {
		a.w.Write(out.Bytes())
		return
	}
	band{a.w, bandData, func() error { return nil }}.Write(out.Bytes())
	writeFlush(a.w)
}

// pushing is one push.
type pushing struct {
	remote *Remote
	repo   repository
	app    string
	key    string // the access key that pushes
	answer *answer
	// verdict is why each ref was not moved, "" where it was.
	verdict []string
}

// take takes the objects in, and decides which refs may move at all. An error is
// of the whole push: nothing of it is kept.
func (p *pushing) take(ctx context.Context, commands []command, body *bufio.Reader) error {
	q, err := p.repo.quarantine()
	if err != nil {
		return err
	}
	defer q.remove()
	var ids []string
	for _, c := range commands {
		if !c.deletes() {
			ids = append(ids, c.new)
		}
	}
	if len(ids) > 0 {
		if err := q.unpack(ctx, body, p.remote.o.Limit); err != nil {
			return fmt.Errorf("the pack cannot be taken in: %w", err)
		}
		if err := q.whole(ctx, ids); err != nil {
			return fmt.Errorf("the push is not whole: %w", err)
		}
	}
	for i, c := range commands {
		p.verdict[i] = p.refusal(ctx, q, c)
	}
	if len(ids) == 0 {
		return nil
	}
	return q.admit()
}

// refusal is why a ref may not move, "" where it may. Tags never do: an image has
// their name. Branches go forward only; to go back there is slipway rollback.
func (p *pushing) refusal(ctx context.Context, q *quarantine, c command) string {
	if !validRef(c.ref) {
		return "only branches and tags with plain names are kept here"
	}
	tag := strings.HasPrefix(c.ref, "refs/tags/")
	refs, _, err := p.repo.refs(ctx)
	have, there := refs[c.ref]
	switch {
	case err != nil:
		return err.Error()
	case c.creates() && there || !c.creates() && have != c.old:
		return "it has moved meanwhile; fetch first"
	case tag && there && c.deletes():
		return "a tag stays: its image has its name"
	case tag && there:
		return "a tag is never moved: its image has its name; tag anew"
	case c.deletes():
		return ""
	}
	if _, err := p.repo.commit(ctx, q.environment(), c.new); err != nil {
		return "it leads to no commit"
	}
	if !there {
		return ""
	}
	if _, err := p.repo.runWith(ctx, q.environment(), nil, "merge-base", "--is-ancestor", c.old, c.new); err != nil {
		return "not a fast-forward; to go back: slipway rollback"
	}
	return ""
}

// carryOut moves the refs: tags first, because branches deploy them. Where one
// fails its branches stay, too: they would deploy the tag before it.
func (p *pushing) carryOut(ctx context.Context, commands []command) {
	order := make([]int, len(commands))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return strings.Compare(commands[b].ref[:min(7, len(commands[b].ref))], commands[a].ref[:min(7, len(commands[a].ref))]) // refs/tags before refs/head
	})
	broken := ""
	for _, i := range order {
		c := commands[i]
		name, tag := strings.CutPrefix(c.ref, "refs/tags/")
		switch {
		case p.verdict[i] != "":
		case c.deletes():
			if err := p.repo.delete(ctx, c.ref, c.old); err != nil {
				p.verdict[i] = "it cannot be deleted"
			}
		case broken != "" && !tag:
			p.verdict[i] = broken + ", which came with it, was not built"
		default:
			var failed bool
			if p.verdict[i], failed = p.build(ctx, c); failed && tag {
				broken = name
			}
		}
	}
}

// build queues a ref's build and shows it to who pushes until it ends, or they go
// away; it goes on without them. The verdict is why the ref is not moved yet,
// failed tells that it will not be.
func (p *pushing) build(ctx context.Context, c command) (verdict string, failed bool) {
	b, ahead, err := p.remote.enqueue(p.app, c, p.key)
	if err != nil {
		return "its build cannot be queued: " + err.Error(), true
	}
	if ahead > 0 {
		p.answer.say(fmt.Sprintf("waiting for %d other build(s) of %s", ahead, p.app))
	}
	if err := b.follow(ctx, p.answer.say); err != nil {
		return "you went away; the build goes on", false
	}
	return b.verdict()
}

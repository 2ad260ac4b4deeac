package git

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Git speaks in packet lines: four hexadecimal digits of length, themselves
// included, and as many bytes less four; 0000 ends a list
// (https://git-scm.com/docs/gitprotocol-common).
const mostPacket = 65520

var errPacket = errors.New("not a packet line of git's")

// readPacket gives one line's content; nil is the end of a list.
func readPacket(r *bufio.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(string(head), 16, 16)
	switch {
	case err != nil || n > mostPacket || n > 0 && n < 4:
		return nil, errPacket
	case n == 0:
		return nil, nil
	}
	line := make([]byte, n-4)
	_, err = io.ReadFull(r, line)
	return line, err
}

func writePacket(w io.Writer, text string) error {
	_, err := fmt.Fprintf(w, "%04x%s", len(text)+4, text)
	return err
}

func writeFlush(w io.Writer) error {
	_, err := io.WriteString(w, "0000")
	return err
}

// band is one of the channels of side-band-64k: 1 is data, 2 what the client shows
// as "remote: …" (https://git-scm.com/docs/gitprotocol-pack).
type band struct {
	w       io.Writer
	channel byte
	flush   func() error
}

const (
	bandData     = 1
	bandProgress = 2
)

// Write implements io.Writer.
func (b band) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p[:min(len(p), mostPacket-5)]
		if err := writePacket(b.w, string(b.channel)+string(part)); err != nil {
			return n, err
		}
		n, p = n+len(part), p[len(part):]
	}
	return n, b.flush()
}

// command is one ref that a push wants changed.
type command struct{ old, new, ref string }

func (c command) creates() bool { return strings.Trim(c.old, "0") == "" }
func (c command) deletes() bool { return strings.Trim(c.new, "0") == "" }

// mostCommands bounds what one push may ask for.
const mostCommands = 200

// readCommands reads what a push begins with: "old new ref" lines, the first with
// the client's capabilities behind a zero byte.
func readCommands(r *bufio.Reader) (commands []command, capabilities []string, err error) {
	for {
		line, err := readPacket(r)
		if err == io.EOF && len(commands) == 0 {
			return nil, nil, nil // a probe for the right to push
		}
		if err != nil {
			return nil, nil, err
		}
		if line == nil {
			return commands, capabilities, nil
		}
		text, more, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), "\x00")
		if len(commands) == 0 {
			capabilities = strings.Fields(more)
		}
		c, err := parseCommand(text)
		if err != nil {
			return nil, nil, err
		}
		if commands = append(commands, c); len(commands) > mostCommands {
			return nil, nil, fmt.Errorf("a push of more than %d refs; push them in parts", mostCommands)
		}
	}
}

func parseCommand(text string) (command, error) {
	old, rest, _ := strings.Cut(text, " ")
	after, ref, ok := strings.Cut(rest, " ")
	c := command{old, after, ref}
	if !ok || !isID(old) || !isID(after) {
		return c, fmt.Errorf("%w: %.80q is no change of a ref", errPacket, text)
	}
	return c, nil
}

// isID tells whether s is an object's name: SHA-1, as the engine's repositories
// have it.
func isID(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}

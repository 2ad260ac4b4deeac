package doctor

import (
	"context"
	"errors"
	"os/exec"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Docker finds out whether a daemon answers, and whether there is room where it
// keeps images.
func Docker(ctx context.Context, env *slipway.Environment, engine bool) ([]Finding, []Check) {
	if len(env.Built()) == 0 && !engine {
		return []Finding{ok("docker", "not needed: no image is built")}, nil
	}
	out, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Client.Version}}, daemon {{.Server.Version}}, {{.Server.Os}}/{{.Server.Arch}}").Output()
	said := string(out)
	if e, is := errors.AsType[*exec.ExitError](err); is {
		said = string(e.Stderr)
	}
	found := daemon(strings.TrimSpace(said), err, engine)
	if err != nil {
		return []Finding{found}, nil
	}
	root, err := exec.CommandContext(ctx, "docker", "info", "--format", "{{.DockerRootDir}}").Output()
	if err != nil {
		return []Finding{found, warn("disk", "docker info", "where Docker keeps images is not known: %s", err)}, nil
	}
	disk := Disk("docker's images", strings.TrimSpace(string(root)))
	if disk.Verdict == Fail && !engine { // they may be built elsewhere
		disk.Verdict = Warn
	}
	return []Finding{found, disk}, nil
}

// daemon is what the client said, and why no daemon answered.
func daemon(text string, err error, engine bool) Finding {
	if err == nil {
		return ok("docker", "client %s", text)
	}
	said, next := firstLine(text, err), "start the daemon (systemctl start docker)"
	switch lower := strings.ToLower(text); {
	case errors.Is(err, exec.ErrNotFound):
		said, next = "there is no docker command", "install Docker (apt-get install docker.io, or https://docs.docker.com/engine/install)"
	case strings.Contains(lower, "permission denied"):
		said, next = "this user may not use the daemon's socket: "+said, "become a member of the group docker (sudo usermod -aG docker $USER), and log in again"
	default:
		said = "no daemon answers: " + said
	}
	if !engine {
		return warn("docker", next+"; or build images elsewhere", "%s", said)
	}
	return fail("docker", next+"; the engine runs containers with it", "%s", said)
}

func firstLine(text string, err error) string {
	if text == "" {
		return err.Error()
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

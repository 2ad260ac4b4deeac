package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A pause container holds the namespaces that a task's containers share. Its
// image must be there without a registry, on a daemon that may be of another
// architecture or in a virtual machine, and start in no time; so it is made
// here: one program of a dozen instructions that ignores its children's deaths
// (which makes the kernel reap them) and sleeps. The engine's own binary would
// do, too, but is some tens of megabytes and need not run where the daemon is.
const pauseImage = "slipway/pause:1"

// pausePrograms are the instructions by the daemon's architecture, each
// followed by the struct sigaction {SIG_IGN, 0, 0, 0} that it points to.
var pausePrograms = map[string]struct {
	machine uint16 // ELF's e_machine
	code    []byte
}{
	"amd64": {62, join(
		[]byte{0x48, 0x8d, 0x35, 0x21, 0x00, 0x00, 0x00}, // lea  rsi, [rip+33]  ; the sigaction
		[]byte{0xbf, 0x11, 0x00, 0x00, 0x00},             // mov  edi, 17        ; SIGCHLD
		[]byte{0x31, 0xd2},                               // xor  edx, edx       ; no old action
		[]byte{0x41, 0xba, 0x08, 0x00, 0x00, 0x00},       // mov  r10d, 8        ; size of the mask
		[]byte{0xb8, 0x0d, 0x00, 0x00, 0x00},             // mov  eax, 13        ; rt_sigaction
		[]byte{0x0f, 0x05},                               // syscall
		[]byte{0xb8, 0x22, 0x00, 0x00, 0x00},             // mov  eax, 34        ; pause
		[]byte{0x0f, 0x05},                               // syscall
		[]byte{0xeb, 0xf7},                               // jmp  -9
		[]byte{0x90, 0x90, 0x90, 0x90},                   // nop, to a multiple of 8
		sigIgnore,
	)},
	"arm64": {183, join(
		word(0x100001c1), // adr  x1, +56   ; the sigaction
		word(0xd2800220), // mov  x0, #17   ; SIGCHLD
		word(0xd2800002), // mov  x2, #0    ; no old action
		word(0xd2800103), // mov  x3, #8    ; size of the mask
		word(0xd28010c8), // mov  x8, #134  ; rt_sigaction
		word(0xd4000001), // svc  #0
		word(0xd2800000), // mov  x0, #0    ; ppoll of nothing, for ever
		word(0xd2800001), // mov  x1, #0
		word(0xd2800002), // mov  x2, #0
		word(0xd2800003), // mov  x3, #0
		word(0xd2800928), // mov  x8, #73   ; ppoll
		word(0xd4000001), // svc  #0
		word(0x17fffffa), // b    -24
		word(0xd503201f), // nop, to a multiple of 8
		sigIgnore,
	)},
}

var sigIgnore = append([]byte{1}, make([]byte, 31)...)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func word(w uint32) []byte { return binary.LittleEndian.AppendUint32(nil, w) }

// pauseBinary is the program as a static ELF executable of one segment.
func pauseBinary(arch string) ([]byte, error) {
	p, ok := pausePrograms[arch]
	if !ok {
		return nil, fmt.Errorf("the daemon's architecture is %s: tasks that share namespaces run on amd64 and arm64 only", arch)
	}
	const base, header = 0x400000, 64 + 56
	size := uint64(header + len(p.code))
	le := binary.LittleEndian
	b := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	b = le.AppendUint16(b, 2) // executable
	b = le.AppendUint16(b, p.machine)
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, base+header) // entry
	b = le.AppendUint64(b, 64)          // program headers
	b = le.AppendUint64(b, 0)           // no sections
	b = le.AppendUint32(b, 0)
	for _, n := range []uint16{64, 56, 1, 0, 0, 0} { // sizes and counts of headers
		b = le.AppendUint16(b, n)
	}
	b = le.AppendUint32(b, 1) // load
	b = le.AppendUint32(b, 5) // readable, executable
	for _, n := range []uint64{0, base, base, size, size, 0x10000} {
		b = le.AppendUint64(b, n)
	}
	return append(b, p.code...), nil
}

// ensurePause makes the pause image where the daemon does not have it.
func (r *Runtime) ensurePause(ctx context.Context) error {
	if _, err := r.cli.ImageInspect(ctx, pauseImage); err == nil {
		return nil
	}
	binary, err := pauseBinary(r.host.Architecture)
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Name: "pause", Mode: 0o755, Size: int64(len(binary))}); err != nil {
		return err
	}
	if _, err := w.Write(binary); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	res, err := r.cli.ImageImport(ctx, client.ImageImportSource{Source: &layer, SourceName: "-"}, pauseImage, client.ImageImportOptions{
		Changes:  []string{`ENTRYPOINT ["/pause"]`, "LABEL " + labelRole + "=" + rolePause},
		Platform: ocispec.Platform{OS: "linux", Architecture: r.host.Architecture},
	})
	if err != nil {
		return fmt.Errorf("importing the pause image: %w", err)
	}
	return drain(res)
}

// startPause makes and starts the container that holds the task's namespaces.
func (l *launch) startPause(ctx context.Context) error {
	r := l.r
	if err := r.ensurePause(ctx); err != nil {
		return err
	}
	const part = "internalecspause" // as the agent names it
	l.pause = r.containerName(l.t.Identity, part)
	labels := r.labels(l.t.Identity, part, facts{NetworkMode: l.t.NetworkMode}, nil)
	labels[labelRole] = rolePause
	opts := client.ContainerCreateOptions{
		Name: l.pause,
		Config: &container.Config{
			Image: pauseImage, Labels: labels,
			// The first process of a namespace hears no other signal that it
			// does not handle.
			StopSignal: "SIGKILL",
		},
		HostConfig: &container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "none"}},
	}
	if l.t.IPCMode == "task" {
		opts.HostConfig.IpcMode = container.IPCModeShareable
	}
	if l.t.NetworkMode == AWSVPC {
		n, joined, err := r.joinVPC(ctx)
		if err != nil {
			return err
		}
		defer joined()
		if err := l.pauseNetwork(n, &opts); err != nil {
			return err
		}
	}
	id := l.pause
	if res, err := r.cli.ContainerCreate(ctx, opts); err == nil {
		id = res.ID
	} else if !cerrdefs.IsConflict(err) {
		return fmt.Errorf("creating the pause container: %w", err)
	}
	if _, err := r.cli.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("starting the pause container: %w", err)
	}
	res, err := r.cli.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("inspecting the pause container: %w", err)
	}
	l.address = address(&res.Container)
	return nil
}

// pauseNetwork gives the pause container the task's network: the address, and
// what of the containers' definitions belongs to a network namespace.
func (l *launch) pauseNetwork(n bridge, opts *client.ContainerCreateOptions) error {
	endpoint := &network.EndpointSettings{}
	if l.t.Address.IsValid() {
		if !n.subnet.Contains(l.t.Address) {
			return fmt.Errorf("address %s is not in the engine's network %s", l.t.Address, n.subnet)
		}
		endpoint.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: l.t.Address}
	}
	opts.HostConfig.NetworkMode = container.NetworkMode(n.name)
	opts.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{n.name: endpoint}}
	for i := range l.t.Containers {
		c := &l.t.Containers[i]
		opts.HostConfig.ExtraHosts = append(opts.HostConfig.ExtraHosts, c.ExtraHosts...)
		for name, value := range c.Sysctls {
			if strings.HasPrefix(name, "net.") {
				if opts.HostConfig.Sysctls == nil {
					opts.HostConfig.Sysctls = map[string]string{}
				}
				opts.HostConfig.Sysctls[name] = value
			}
		}
	}
	return nil
}

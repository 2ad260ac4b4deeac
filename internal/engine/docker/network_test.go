package docker

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

// serveCredentials serves on the credentials address, as the engine would.
func serveCredentials(t *testing.T, r *Runtime) (url string) {
	t.Helper()
	n, err := r.EnsureAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !n.Local {
		t.Error("containers' addresses are said to be out of reach")
	}
	if !n.Credentials.IsValid() {
		t.Fatalf("this host cannot have %s: %v", CredentialsAddress, n.Without)
	}
	l, err := net.Listen("tcp", netip.AddrPortFrom(n.Credentials, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprint(w, "credentials of ", req.URL.Path)
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String() + "/v2/credentials/abc"
}

func TestContainersReachTheCredentialsAddress(t *testing.T) {
	r := open(t)
	url := serveCredentials(t, r)
	for _, mode := range []NetworkMode{Bridge, HostNS, AWSVPC} {
		t.Run(string(mode), func(t *testing.T) {
			job := task(run("web", "get="+url))
			job.NetworkMode = mode
			start(t, r, job)
			c := until(t, r, job, "web", over)
			if got := output(t, r, c.ID); len(got) != 1 || got[0] != "credentials of /v2/credentials/abc" {
				t.Errorf("it got %q", got)
			}
		})
	}
	t.Run("again after the network was taken away", func(t *testing.T) {
		if _, err := r.cli.NetworkRemove(t.Context(), credentials.network, client.NetworkRemoveOptions{}); err != nil {
			t.Fatal(err)
		}
		job := task(run("web", "get="+url))
		start(t, r, job)
		c := until(t, r, job, "web", over)
		if got := output(t, r, c.ID); len(got) != 1 || got[0] != "credentials of /v2/credentials/abc" {
			t.Errorf("it got %q", got)
		}
	})
}

func TestAddressThatIsTakenIsSaid(t *testing.T) {
	r := open(t)
	l := lent{"slipway-" + r.opt.Engine + "-a", netip.MustParsePrefix("169.254.171.0/30"), netip.MustParseAddr("169.254.171.2")}
	t.Cleanup(func() {
		if err := r.removeNetwork(context.Background(), l.network); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		if err := r.lend(t.Context(), l); err != nil || !hasAddress(l.address) {
			t.Errorf("lending a free address: %v", err)
		}
	}
	taken := lent{"slipway-" + r.opt.Engine + "-b", l.subnet, netip.MustParseAddr("169.254.171.1")}
	if err := r.lend(t.Context(), taken); err == nil || !strings.Contains(err.Error(), "giving the host 169.254.171.1: Error response from daemon: ") {
		t.Errorf("lending an address of a range that is taken: %v", err)
	}
}

func TestAWSVPCTaskHasOneAddress(t *testing.T) {
	r := open(t, func(o *Options) { o.Subnet = netip.MustParsePrefix("10.213.77.0/24") })
	n, joined, err := r.joinVPC(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	joined()
	want := netip.MustParseAddr("10.213.77.42")
	web := run("web", "listen=:8080", "wait")
	web.Ports = []Port{{Container: 8080}}
	web.ExtraHosts = []string{"api.test:10.1.2.3"}
	web.Sysctls = map[string]string{"net.ipv4.ip_unprivileged_port_start": "77"}
	client := run("client", "get=http://127.0.0.1:8080/", "cat=/etc/hosts", "cat=/proc/sys/net/ipv4/ip_unprivileged_port_start", "wait")
	client.DependsOn = []Dependency{{"web", OnStart}}
	job := task(web, client)
	job.NetworkMode, job.Address = AWSVPC, want
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	if c.Address != want || len(c.Bindings) != 1 || c.Bindings[0].HostPort != 8080 || c.Bindings[0].Host.IsValid() {
		t.Errorf("it is %+v", c)
	}
	fetch(t, fmt.Sprintf("http://%s:8080/", want))
	cl := until(t, r, job, "client", isRunning)
	if cl.Address != want {
		t.Errorf("the other container's address is %s", cl.Address)
	}
	waitLine(t, r, cl.ID, "77")
	var lines []string
	if err := r.Logs(t.Context(), cl.ID, Cursor{}, false, func(l Line) error { lines = append(lines, string(l.Text)); return nil }); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "127.0.0.1:") || !strings.Contains(text, "10.1.2.3\tapi.test") {
		t.Errorf("the other container wrote %s", text)
	}
	other := task(run("web", "listen=:8080", "wait"))
	other.NetworkMode = AWSVPC
	start(t, r, other)
	if c := until(t, r, other, "web", isRunning); c.Address == want || !n.subnet.Contains(c.Address) {
		t.Errorf("the other task's address is %s", c.Address)
	}
	outside := task(run("web"))
	outside.NetworkMode, outside.Address = AWSVPC, netip.MustParseAddr("10.9.9.9")
	if err := r.Start(t.Context(), outside); err == nil || !strings.Contains(err.Error(), "10.9.9.9 is not in the engine's network 10.213.77.0/24") {
		t.Errorf("an address outside: %v", err)
	}
}

// A daemon has room for about thirty networks.
func TestTheNetworkIsThereAsLongAsTasksNeedIt(t *testing.T) {
	r := open(t)
	there := func() bool {
		_, err := r.cli.NetworkInspect(t.Context(), "slipway-"+r.opt.Engine, client.NetworkInspectOptions{})
		return err == nil
	}
	if _, err := r.EnsureAddress(t.Context()); err != nil {
		t.Fatal(err)
	}
	bridged := task(run("web", "wait"))
	start(t, r, bridged)
	if until(t, r, bridged, "web", isRunning); there() {
		t.Error("a task in bridge mode makes the network of awsvpc tasks")
	}
	one, two := task(run("web", "wait")), task(run("web", "wait"))
	one.NetworkMode, two.NetworkMode = AWSVPC, AWSVPC
	start(t, r, one)
	start(t, r, two)
	address := until(t, r, one, "web", isRunning).Address
	if !there() || !r.Has(address) {
		t.Errorf("there: %v; %s is known: %v", there(), address, r.Has(address))
	}
	if err := r.Remove(t.Context(), one.ID); err != nil || !there() {
		t.Errorf("the first of two takes the network away (%v)", err)
	}
	if err := r.Remove(t.Context(), two.ID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for there() {
		if ctx.Err() != nil {
			t.Fatal("the last leaves the network")
		}
		if err := r.leaveVPC(ctx); err != nil { // the daemon may hold it for a moment
			t.Fatal(err)
		}
	}
	again := task(run("web", "wait"))
	again.NetworkMode = AWSVPC
	start(t, r, again)
	if until(t, r, again, "web", isRunning); !there() {
		t.Error("the next has no network")
	}
}

func TestAWSVPCAddressIsKnownAfterAdoption(t *testing.T) {
	r := open(t)
	job := task(run("web", "wait"))
	job.NetworkMode = AWSVPC
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	if !c.Address.IsValid() {
		t.Fatal("no address")
	}
	again := open(t, func(o *Options) { o.Engine = r.opt.Engine })
	if got := until(t, again, job, "web", isRunning); got.Address != c.Address {
		t.Errorf("adopted with %s, was %s", got.Address, c.Address)
	}
}

func TestHostModeUsesTheHostsPorts(t *testing.T) {
	r := open(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	web := run("web", fmt.Sprintf("listen=127.0.0.1:%d", port), "wait")
	web.Ports = []Port{{Container: uint16(port)}}
	job := task(web)
	job.NetworkMode = HostNS
	start(t, r, job)
	c := until(t, r, job, "web", isRunning)
	if len(c.Bindings) != 1 || c.Bindings[0].HostPort != uint16(port) || c.Address.IsValid() {
		t.Errorf("it is %+v", c)
	}
	fetch(t, fmt.Sprintf("http://127.0.0.1:%d/", port))
}

func TestNoneModeHasNoNetwork(t *testing.T) {
	r := open(t)
	job := task(run("web", "cat=/proc/net/route"))
	job.NetworkMode = None
	start(t, r, job)
	c := until(t, r, job, "web", over)
	if got := output(t, r, c.ID); len(got) != 1 || c.Address.IsValid() {
		t.Errorf("routes are %q, its address is %s", got, c.Address)
	}
}

func TestLinkedContainersFindEachOther(t *testing.T) {
	r := open(t)
	web := run("web", "get=http://database:5432/")
	web.Links = []string{"db:database"}
	job := task(web, run("db", "listen=:5432", "wait"))
	start(t, r, job)
	c := until(t, r, job, "web", over)
	if *c.ExitCode != 0 {
		t.Errorf("it wrote %q", output(t, r, c.ID))
	}
}

func TestTaskSharesProcessAndIPCNamespaces(t *testing.T) {
	r := open(t)
	// In a namespace of their own each would be process 1.
	job := task(run("a", "pid=", "cat=/proc/1/comm"), run("b", "pid="))
	job.PIDMode, job.IPCMode = "task", "task"
	start(t, r, job)
	a, b := until(t, r, job, "a", over), until(t, r, job, "b", over)
	pa, pb := output(t, r, a.ID), output(t, r, b.ID)
	if pa[0] == "1" || pb[0] == "1" || pa[0] == pb[0] {
		t.Errorf("their process ids are %q and %q", pa, pb)
	}
	if pa[1] != "pause" {
		t.Errorf("the first process is %q", pa[1])
	}
}

func TestForeignNetworkOfTheSameNameIsLeftAlone(t *testing.T) {
	r := open(t)
	name := "slipway-" + r.opt.Engine
	res, err := r.cli.NetworkCreate(t.Context(), name, client.NetworkCreateOptions{Driver: "bridge"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.joinVPC(t.Context()); err == nil || !strings.Contains(err.Error(), "is not this engine's") {
		t.Errorf("joinVPC returned %v", err)
	}
	if err := r.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.cli.NetworkInspect(t.Context(), name, client.NetworkInspectOptions{}); err != nil {
		t.Errorf("a network that is not ours is gone: %v", err)
	}
	if _, err := r.cli.NetworkRemove(t.Context(), res.ID, client.NetworkRemoveOptions{}); err != nil {
		t.Error(err)
	}
}

// What a killed engine leaves, its next run takes away; and an engine that stops
// leaves its network only to tasks.
func TestANetworkOfNobodyGoesAtTheStartAndAtTheEnd(t *testing.T) {
	first := open(t)
	there := func() bool {
		_, err := first.cli.NetworkInspect(t.Context(), "slipway-"+first.opt.Engine, client.NetworkInspectOptions{})
		return err == nil
	}
	again := func() *Runtime {
		r, err := Open(t.Context(), Options{Engine: first.opt.Engine, Pull: PullPreferCached})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, joined, err := first.joinVPC(t.Context()); err != nil {
		t.Fatal(err)
	} else if joined(); !there() {
		t.Fatal("it was not made")
	}
	second := again()
	if there() {
		t.Error("the next run leaves what nobody needs")
	}
	job := task(run("web", "wait"))
	job.NetworkMode = AWSVPC
	start(t, second, job)
	if second.Close(); !there() {
		t.Error("the end of the engine takes a running task's network away")
	}
	third := again()
	if !there() {
		t.Error("the next run takes a running task's network away")
	}
	if err := third.Remove(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if third.Close(); there() {
		t.Error("it stays when the engine ends without tasks")
	}
}

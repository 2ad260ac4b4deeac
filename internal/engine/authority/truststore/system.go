package truststore

import (
	"context"
	"path/filepath"
	"strings"
)

// linuxStores are the folders that distributions take a machine's own anchors
// from, and what makes them be read.
var linuxStores = []struct {
	dir     string
	command []string
}{
	{"etc/pki/ca-trust/source/anchors", []string{"update-ca-trust", "extract"}},       // RHEL, Fedora: p11-kit
	{"usr/local/share/ca-certificates", []string{"update-ca-certificates"}},           // Debian, Ubuntu, Alpine
	{"etc/ca-certificates/trust-source/anchors", []string{"trust", "extract-compat"}}, // Arch
	{"usr/share/pki/trust/anchors", []string{"update-ca-certificates"}},               // SUSE
}

const systemStore = "system store"

// keychain is where macOS keeps a machine's own anchors.
const keychain = "/Library/Keychains/System.keychain"

func (o *Options) linuxStore() (dir string, command []string) {
	for _, s := range linuxStores {
		if dir := filepath.Join(o.Root, s.dir); o.isDir(dir) && o.has(s.command[0]) {
			return dir, s.command
		}
	}
	return "", nil
}

func (o *Options) installSystem(anchors []Anchor, pems [][]byte) Change {
	c := Change{Store: systemStore}
	if o.OS == "darwin" {
		for _, a := range anchors {
			c.Steps = append(c.Steps, Step{Command: []string{"security", "add-trusted-cert", "-d", "-r", "trustRoot", "-p", "ssl", "-k", keychain, a.File}})
		}
		return c
	}
	dir, command := o.linuxStore()
	if dir == "" {
		c.Skipped = "no store of a known kind is here; install the package ca-certificates"
		return c
	}
	for i, a := range anchors {
		c.Steps = append(c.Steps, Step{Write: filepath.Join(dir, prefix+a.Name+".crt"), Content: pems[i]})
	}
	c.Steps = append(c.Steps, Step{Command: command})
	return c
}

func (o *Options) removeSystem() Change {
	c := Change{Store: systemStore, Skipped: "nothing of ours is in it"}
	if o.OS == "darwin" {
		for _, hash := range o.keychainHashes() {
			c.Skipped = ""
			c.Steps = append(c.Steps, Step{Command: []string{"security", "delete-certificate", "-Z", hash, "-t", keychain}})
		}
		return c
	}
	dir, command := o.linuxStore()
	files, _ := filepath.Glob(filepath.Join(dir, prefix+"*.crt")) // the pattern is well formed
	if dir == "" || len(files) == 0 {
		return c
	}
	c.Skipped = ""
	for _, f := range files {
		c.Steps = append(c.Steps, Step{Remove: f})
	}
	c.Steps = append(c.Steps, Step{Command: command})
	return c
}

// keychainHashes are the SHA-1 hashes of our anchors in the keychain, found by
// the common name that package authority gives them.
func (o *Options) keychainHashes() []string {
	out, err := o.Run(context.Background(), []string{"security", "find-certificate", "-a", "-c", "Slipway anchor for ", "-Z", keychain})
	if err != nil {
		return nil // it exits with an error when it finds none
	}
	var hashes []string
	for line := range strings.Lines(string(out)) {
		if hash, ok := strings.CutPrefix(strings.TrimSpace(line), "SHA-1 hash: "); ok {
			hashes = append(hashes, hash)
		}
	}
	return hashes
}

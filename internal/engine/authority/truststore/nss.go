package truststore

import (
	"context"
	"path/filepath"
	"strings"
)

// nssDatabases are where Chromium (which on Linux does not read the system's
// store) and Firefox keep what their user trusts, below the home folder.
var nssDatabases = []string{
	".pki/nssdb",
	"snap/chromium/current/.pki/nssdb",
	".mozilla/firefox/*",
	"snap/firefox/common/.mozilla/firefox/*",
	"Library/Application Support/Firefox/Profiles/*",
}

// databases are the folders of the NSS databases that exist.
func (o *Options) databases() []string {
	var out []string
	for _, pattern := range nssDatabases {
		found, _ := filepath.Glob(filepath.Join(o.Home, pattern, "cert9.db")) // the patterns are well formed
		for _, file := range found {
			out = append(out, filepath.Dir(file))
		}
	}
	return out
}

func (o *Options) installNSS(anchors []Anchor) []Change {
	dirs := o.databases()
	if len(dirs) == 0 {
		return []Change{{Store: "browsers", Skipped: "no profile of Chromium or Firefox is in " + o.Home + "; start the browser once"}}
	}
	if !o.has("certutil") {
		return []Change{{Store: "browsers", Skipped: "certutil is not installed (Debian: libnss3-tools, Fedora: nss-tools, macOS: brew install nss)"}}
	}
	var out []Change
	for _, dir := range dirs {
		c := Change{Store: "NSS database " + dir}
		for _, a := range anchors {
			// An older anchor under the same name would stay beside the new one.
			c.Steps = append(c.Steps,
				Step{Command: []string{"certutil", "-D", "-d", "sql:" + dir, "-n", prefix + a.Name}, MayFail: true},
				Step{Command: []string{"certutil", "-A", "-d", "sql:" + dir, "-t", "C,,", "-n", prefix + a.Name, "-i", a.File}})
		}
		out = append(out, c)
	}
	return out
}

func (o *Options) removeNSS() []Change {
	var out []Change
	for _, dir := range o.databases() {
		c := Change{Store: "NSS database " + dir}
		list, err := o.Run(context.Background(), []string{"certutil", "-L", "-d", "sql:" + dir})
		if err != nil {
			c.Skipped = "certutil cannot read it, or is not installed: " + err.Error()
		}
		for line := range strings.Lines(string(list)) {
			if name, _, _ := strings.Cut(line, " "); err == nil && strings.HasPrefix(name, prefix) {
				c.Steps = append(c.Steps, Step{Command: []string{"certutil", "-D", "-d", "sql:" + dir, "-n", name}})
			}
		}
		if len(c.Steps) > 0 || c.Skipped != "" {
			out = append(out, c)
		}
	}
	return out
}

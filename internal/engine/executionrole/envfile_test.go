package executionrole

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentFiles(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	w.Objects = filepath.Join(dir, "s3")
	for name, text := range map[string]string{
		"s3/settings/app/live.env": "# what it listens on\nPORT=8000\nURL=https://x/?a=b\n\nQUOTED=\"as it is\"\n=none\nno assignment\r\nEMPTY=\r\nPORT=9000",
		"s3/settings/huge.env":     strings.Repeat("A=1\n", mostEnvironment/4+1),
		"outside.env":              "SECRET=1\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../outside.env", filepath.Join(w.Objects, "settings", "link.env")); err != nil {
		t.Fatal(err)
	}
	const objects = `[{"Effect":"Allow","Action":"s3:GetBucketLocation","Resource":"arn:aws:s3:::settings"},{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::settings/*"}]`
	who := Task{Scope: caller.Scope(), Role: w.role("reads", service, objects), ID: "1"}
	got, err := w.EnvironmentFile(t.Context(), w.env.Store.View(), who, "arn:aws:s3:::settings/app/live.env")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"PORT=8000", "URL=https://x/?a=b", `QUOTED="as it is"`, "EMPTY=", "PORT=9000"}, got); diff != "" {
		t.Error(diff)
	}
	half := Task{Scope: caller.Scope(), Role: w.role("half", service, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`), ID: "1"}
	stranger := Task{Scope: caller.Scope(), Role: w.role("stranger", "ec2.amazonaws.com", objects), ID: "1"}
	for _, tt := range []struct {
		who         Task
		file, fails string
	}{
		{who, "settings/app/none.env", "ResourceInitializationError: failed to download env files: arn:aws:s3:::settings/app/none.env: NoSuchKey: there is no file"},
		{who, "settings/link.env", "ResourceInitializationError"},
		{who, "settings/../../outside.env", "NoSuchKey"},
		{who, "settings//outside.env", "NoSuchKey"},
		{who, "settings/huge.env", "larger than 1048576 bytes"},
		{who, "other/app.env", "AccessDenied"},
		{half, "settings/app/live.env", "s3:GetBucketLocation"},
		{stranger, "settings/app/live.env", "ECS was unable to assume the role"},
	} {
		if got, err := w.EnvironmentFile(t.Context(), w.env.Store.View(), tt.who, "arn:aws:s3:::"+tt.file); err == nil || !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s: %q, %v; want an error with %q", tt.file, got, err, tt.fails)
		}
	}
}

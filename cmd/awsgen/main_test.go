package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestGeneratedTreeIsUpToDate(t *testing.T) {
	const out = "../../internal/awsapi"
	files, err := Generate("../../models", out+"/operations")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(out, path))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what awsgen writes (%v): run make generate", path, err)
		}
	}
	found, err := filepath.Glob(out + "/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(files) {
		t.Errorf("%d files below %s, awsgen writes %d: remove what is left over", len(found), out, len(files))
	}
}

func TestUnknownOperationIsRefused(t *testing.T) {
	list := filepath.Join(t.TempDir(), "sts.txt")
	if err := os.WriteFile(list, []byte("GetCallerIdentity # who\nGetLost\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readModel("../../models/sts.json", list); err == nil {
		t.Error("an operation that the model does not have was taken")
	}
}

func TestCamel(t *testing.T) {
	for in, want := range map[string]string{"FARGATE_SPOT": "FargateSpot", "t3.small": "T3Small", "ecs:cluster": "EcsCluster", "healthy": "Healthy", "": "Empty", "*": "Empty"} {
		if got := camel(in); got != want {
			t.Errorf("camel(%q) = %q, want %q", in, got, want)
		}
	}
}

# Slipway's targets; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help build demo test e2e lint generate bench dist man clean
export CGO_ENABLED ?= 0
# The same flags for builds and tests: what they share is compiled once.
export GOFLAGS ?= -trimpath
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X github.com/slipway-dev/slipway/internal/cli.version=$(VERSION)

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

build: ## build bin/slipway
	@mkdir -p bin
	go build -ldflags '$(LDFLAGS)' -o bin/slipway ./cmd/slipway

demo: build ## take an example application to https:// on the engine, for real
	@scripts/docker-ready
	@scripts/demo

test: build ## run all tests
	@scripts/test

e2e: build ## run the end-to-end tests alone: the real binary, the real clients
	@scripts/docker-ready
	go test -count=1 ./e2e/...

lint: ## gofmt, vet and staticcheck: silent when all is well
	@test -z "$$(gofmt -l bench cmd internal e2e)" || { gofmt -l bench cmd internal e2e; echo 'run gofmt -w on these'; exit 1; }
	go vet ./...
	go tool staticcheck ./...

generate: ## write the generated code and docs anew
	go generate ./...

bench: ## measure beside the peers: start, API, balancer, deploy, plan, placement (one of them: go run ./bench -run plan)
	go run ./bench

man: ## write the man pages to dist/man
	go run ./cmd/slipway-pages -man dist/man

dist: ## cross-compile for Linux and macOS, amd64 and arm64
	@for os in linux darwin; do for arch in amd64 arm64; do \
	  echo dist/slipway-$$os-$$arch; \
	  GOOS=$$os GOARCH=$$arch go build -ldflags '$(LDFLAGS)' -o dist/slipway-$$os-$$arch ./cmd/slipway || exit 1; done; done

clean: ## remove what was built
	rm -rf bin dist

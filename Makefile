# One command each; `make` alone lists them. `make test` is the one that must pass.

# A command that fails in the middle of a pipe has failed.
SHELL       = bash
.SHELLFLAGS = -o pipefail -c

GO   ?= go
TOOL  = $(GO) tool -modfile=tools/go.mod

# How long each fuzz target runs, and which benchmarks.
FUZZTIME ?= 20s
BENCH    ?= .

# The simulators are tried by clients that others wrote for Node: one folder with a lock file each.
LOCKS   = $(shell find internal -name package-lock.json -not -path '*/node_modules/*')
CLIENTS = $(LOCKS:package-lock.json=node_modules/.package-lock.json)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: needs $(CLIENTS) ## Vet, format, every test with the race detector, and the search with its mutations
	$(GO) vet ./...
	@odd=$$($(TOOL) gofumpt -l .); test -z "$$odd" || { echo "not formatted (make format):"; echo "$$odd"; exit 1; } >&2
	$(GO) test -race -shuffle=on -timeout=20m ./...
	$(GO) test -tags=mutant -timeout=20m -run='Mutation|^TestSearch' -v ./internal/journal ./internal/world | grep -v '^ *\(===\|--- PASS: .*/\)'

.PHONY: lint
lint: ## Lint (the first run builds the linters: a minute or two)
	$(TOOL) golangci-lint run ./...

.PHONY: format
format: ## Format the code
	$(TOOL) gofumpt -w .

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (20s)
	@set -e; targets=$$(grep -roE '^func Fuzz\w+' --include='*_test.go' cmd internal); \
	echo "$$targets" | while IFS=: read -r file name; do \
		echo "fuzz $${file%/*} $${name#func }"; \
		$(GO) test -run='^$$' -fuzz="^$${name#func }\$$" -fuzztime=$(FUZZTIME) "./$${file%/*}"; \
	done

.PHONY: bench
bench: ## Run the benchmarks ten times and summarise (BENCH=name for some)
	@mkdir -p bin
	$(GO) test -run='^$$' -bench='$(BENCH)' -benchmem -count=10 ./... | tee bin/bench.txt
	$(TOOL) benchstat bin/bench.txt

.PHONY: demo
demo: ## Play the demonstration on the simulators; no account is needed
	$(GO) run ./cmd/hookswitch demo --exit

.PHONY: vuln
vuln: ## Look for known vulnerabilities (needs the network)
	$(TOOL) govulncheck ./...

.PHONY: build
build: ## Build bin/hookswitch for this machine
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/hookswitch

.PHONY: cross
cross: $(addprefix dist/,linux-amd64 linux-arm64 darwin-arm64 windows-amd64) ## Build for every system that we ship to

dist/%: FORCE
	CGO_ENABLED=0 GOOS=$(firstword $(subst -, ,$*)) GOARCH=$(lastword $(subst -, ,$*)) $(GO) build -trimpath -o $@/ ./cmd/hookswitch

# What the tests need and go cannot fetch. The race detector is written in C.
.PHONY: needs
needs:
	@for tool in $(GO) bash git cc node npm; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	test -z "$$missing" || { echo "make: the tests need$$missing; see CONTRIBUTING.md#what-you-need" >&2; exit 1; }

%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: FORCE
FORCE:

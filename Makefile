# What people do here. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help dev demo test test-rust test-python fixed-work instructions instructions-accept masked memory large soak lint docs format bench bench-page wheel wheel-check peers clean

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PROFILE := fast
TREE ?=
SUITES ?=
OPTIONS ?=
GIB ?= 8
# Most tests wait for other processes most of the time.
WORKERS ?= 3

# The interpreter that the extension is built for and tested with.
export PYO3_PYTHON := $(BIN)/python

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 21

$(VENV)/tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

dev: $(VENV)/tools  ## Make .venv with an optimised build of this checkout
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --quiet --profile $(PROFILE)

peers: $(VENV)/tools  ## Install what tests need: Chromium, age, age-encryption, axe-core
	tests/install-peers.sh $(CURDIR)/$(VENV)

demo: dev peers  ## Back up and restore a real tree with each way in (TREE=folder)
	$(BIN)/python tests/demo.py $(if $(TREE),--tree $(TREE))

test: test-rust instructions test-python  ## Run every test

test-rust: $(VENV)/tools
	cargo test --quiet --locked --workspace --exclude passkeep-python --profile $(PROFILE)

test-python: dev peers
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

# The counts depend on how code is divided among units, which incremental builds decide.
FIXED_WORK = $(or $(CARGO_TARGET_DIR),target)/fast/examples/fixed_work
fixed-work: peers
	CARGO_INCREMENTAL=1 cargo build --quiet --locked --workspace --exclude passkeep-python --profile fast --examples

instructions: fixed-work  ## Count what fixed work costs, and compare with bench/instructions.json
	$(BIN)/python bench/instructions.py $(FIXED_WORK)

instructions-accept: fixed-work  ## Write bench/instructions.json
	$(BIN)/python bench/instructions.py $(FIXED_WORK) --accept

masked: dev peers  ## Run all vectors and lengths as on lesser CPUs (minutes)
	PASSKEEP_SOAK=1 $(BIN)/python -m pytest -q tests/test_masked_cpu.py --timeout 3600

memory: dev  ## Put GIB through every pipe and watch the memory stay flat
	PASSKEEP_TEST_GIB=$(GIB) $(BIN)/python -m pytest -q -s tests/test_flat_memory.py

large: dev  ## Read anywhere in GIB of sealed data
	PASSKEEP_TEST_GIB=$(GIB) $(BIN)/python -m pytest -q -s tests/test_large_reads.py --timeout 3600

soak: dev peers  ## Try each fault at each write of each command, and kill 1 000 jobs (minutes)
	PASSKEEP_SOAK=1 $(BIN)/python -m pytest tests/test_cli_key_faults.py tests/test_passkey_killed.py tests/test_jobs_killed.py --timeout 3600

lint: dev  ## Run every static check
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets --profile $(PROFILE) -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest passkeep._native
	$(BIN)/python docs/reference.py build/docs

docs: dev  ## Build the API reference into build/docs; warnings are errors
	$(BIN)/python docs/reference.py build/docs

format:  ## Format everything
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev peers  ## Measure SUITES beside peers (SUITES="files trees" OPTIONS="--size 1GiB")
	PATH=$(BIN):$$PATH $(BIN)/passkeep bench --peers $(SUITES) $(OPTIONS)

bench-page: dev peers  ## Measure everything at full size, and write docs/benchmarks.md
	bench/all.sh $(CURDIR)/$(VENV) build/bench

wheel: $(VENV)/tools  ## Build the wheel into dist/
	$(BIN)/maturin build --quiet --release --out dist

wheel-check: wheel  ## Install the wheel where there is no Rust, and use it
	tests/wheel-check.sh $(PYTHON) dist

clean:  ## Remove everything that was built
	rm -rf $(VENV) target dist

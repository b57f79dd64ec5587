# Everything sets itself up: `make demo` and `make test` need Python >= 3.11 and a Rust toolchain, nothing else.
PYTHON ?= python3
export PIP_QUIET := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Images often set it; each of the suites' thousands of processes would then compile anew all that it imports.
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
BENCH_VENV := .venv-bench
BIN := $(VENV)/bin
DEMO := data/demo
RUST_SOURCES := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

# Tests wait for each other's processes and for clocks: half as many again as there are cores keep the cores at work.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)

CARGO_TARGET := $(or $(CARGO_TARGET_DIR),target)
CHECKED := $(CARGO_TARGET)/checked/python
CORE_LIBRARY := $(if $(filter Darwin,$(shell uname -s)),lib_core.dylib,lib_core.so)

SOAK_LOG := $(CARGO_TARGET)/soak.log

# Has what a recipe runs beside its commands end with them, also by Ctrl-C.
ends_with_us = beside=$(1); trap 'kill $$beside 2>/dev/null' EXIT; trap 'exit 130' INT TERM;

# Waits for what a recipe runs beside its commands, once, and says where it failed: what it said is far above.
ended = { test -z "$(1)" || wait $(1) || { echo "failed above: $(2)" >&2; false; }; }

# Wheels for Linux are linked against a C library of 2018, so that they run on what is older than this machine.
WHEEL_FLAGS := $(if $(filter Linux,$(shell uname -s)),--zig --compatibility manylinux_2_28)

.PHONY: demo paper serve test simulate faults soak kills bench fidelity parity peers docs lint fmt stub clean build rust-test fuzz py-test py-test-checked checked packages programs wheel wheel-test

demo: build
	@test -f $(DEMO)/venue=SYNTH/symbol=BTCUSDT/_instrument.parquet || $(BIN)/tradecore data synth --events 1000000 --seed 7 --catalog $(DEMO)
	@$(BIN)/tradecore backtest --config examples/avellaneda.toml --data $(DEMO) --output runs
	@$(BIN)/tradecore report runs --quiet

# A session on paper against a server of our own, for a while: no network, no keys.
paper: build
	@$(BIN)/tradecore paper --config examples/paper.toml --duration $(or $(DURATION),30s)

# A session on paper with its dashboard, until Ctrl-C, against a server of our own: no network, no keys.
serve: build
	@$(BIN)/tradecore serve --config examples/serve.toml --port $(or $(PORT),8080)

# Each Python test runs once, on the build that tells most. Both suites wait for clocks and processes, installing for networks,
# and linking a release is the work of one core for minutes: so builds, Rust's tests and lints go on beside them. The first suite
# gives way to the release, for which the second one waits; Rust's tests and lints give way to all, and have until the end.
# What fails there is shown as it fails; no second suite is begun then, and the end says it again.
test:
	@nice -n 19 $(MAKE) --no-print-directory rust-test & tests=$$!; $(call ends_with_us,$$tests) \
	$(MAKE) --no-print-directory --jobs=2 packages programs checked || exit; \
	$(MAKE) --no-print-directory build & build=$$!; $(call ends_with_us,"$$tests $$build") \
	nice $(MAKE) --no-print-directory py-test-checked && wait $$build || exit; \
	kill -0 $$tests 2>/dev/null || { $(call ended,$$tests,Rust's tests) && tests=; } || exit; \
	nice -n 19 $(MAKE) --no-print-directory lint & lint=$$!; $(call ends_with_us,"$$tests $$lint") \
	$(MAKE) --no-print-directory py-test && $(call ended,$$tests,Rust's tests) && $(call ended,$$lint,a lint)

build: $(VENV)/.built

packages: $(VENV)/.packages

$(VENV)/.tools:
	@echo "setting up $(VENV)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || (apt-get install -y python3-venv && $(PYTHON) -m venv $(VENV))
	@$(BIN)/python -m pip install 'maturin>=1.9.4,<2'
	@touch $@

# uv needs a tenth of pip's processor time, but knows nothing of how pip was told to reach an index, nor may that one have it.
$(VENV)/.packages: $(VENV)/.tools pyproject.toml
	@echo "installing packages"
	@$(BIN)/python tools/requirements.py dev docs ml >$(VENV)/requirements.txt
	@{ $(BIN)/python -m pip install uv \
		&& $(BIN)/uv pip install --quiet --python $(BIN)/python -r $(VENV)/requirements.txt; } \
		|| $(BIN)/python -m pip install -r $(VENV)/requirements.txt
	@touch $@

$(VENV)/.built: $(VENV)/.packages $(RUST_SOURCES) pyproject.toml
	@echo "building the extension"
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --quiet
	@touch $@

# What has types to be found is found first: a test of them takes what mypy keeps.
lint: build
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest tradecore._core
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings

rust-test:
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --document-private-items
	MAKEFLAGS= cargo test --quiet --workspace --exclude tradecore-python # its doc tests warn of a job server they cannot ask

# Counts what inputs reach, so it is built apart from everything else.
fuzz:
	@RUSTFLAGS="-C instrument-coverage" LLVM_PROFILE_FILE=/dev/null CARGO_TARGET_DIR=target/fuzz \
		CARGO_PROFILE_CHECKED_OPT_LEVEL=3 cargo run --quiet --profile checked -p tradecore-fuzz --features guided -- \
		--target $(or $(TARGET),all) --seconds $(or $(SECONDS),3600) --seed $(or $(SEED),$(shell date +%s)) \
		$(if $(DISTIL),--distil) $(FILES)

# The whole of a live session on a virtual clock, under what goes wrong by a seed; VENUE is binance, bybit or coinbase.
simulate: build
	@PYTHONPATH=tests $(BIN)/python -m simulation --venue $(or $(VENUE),binance) $(if $(FEED),--feed $(FEED)) \
		$(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --first $(or $(FIRST),0))

# One life of an order under each kind of fault, against the same where nothing goes wrong: a table, of all venues or of VENUE.
faults: build
	@PYTHONPATH=tests $(BIN)/python -m simulation.faults $(if $(VENUE),--venue $(VENUE))

# A session that quotes ten instruments through faults, for half an hour or DURATION: memory, tasks and sockets must not grow.
soak: build
	@PYTHONPATH=tests $(BIN)/python -m simulation.soak --duration $(or $(DURATION),30m) --venue $(or $(VENUE),BINANCE_USDM) \
		--seed $(or $(SEED),0) $(if $(FEED),--feed $(FEED))

# Sessions killed at each record of an order's life, and real processes at random moments under faults: what they leave is
# held against the venue.
kills: build
	@PYTHONPATH=tests $(BIN)/python -m simulation.kills --kills $(or $(N),200) --seed $(or $(SEED),0) \
		$(if $(FEED),--feed $(FEED))

# What is of figures of a release, or of other programs and not of the core, and what a release promises in figures.
# Beside them a session quotes through faults for two minutes, most of which it waits.
py-test: build programs
	@mkdir -p $(CARGO_TARGET); \
	PYTHONPATH=tests $(BIN)/python -m simulation.soak --duration 2m --venue BYBIT >$(SOAK_LOG) 2>&1 & $(call ends_with_us,$$!) \
	$(BIN)/pytest -n auto -m "release or both" && wait $$beside; ended=$$?; cat $(SOAK_LOG); exit $$ended

# Debian's package $(1), on a machine that has none of the programs $(2).
debian = @for program in $(2); do command -v $$program >/dev/null && exit; done; command -v apt-get >/dev/null \
	&& apt-get update -qq && apt-get install -qq -y --no-install-recommends $(1) >/dev/null || true

# What tests run that pip does not bring: a database for the store, a browser for the dashboard, and Prometheus' own tool,
# which says whether its rules are valid. Where one is missing and there is no apt-get, its tests skip and say so.
programs:
	$(call debian,postgresql,postgres /usr/lib/postgresql/*/bin/postgres)
	$(call debian,chromium,chromium chromium-browser google-chrome)
	$(call debian,prometheus,promtool)

checked: $(VENV)/.tools
	@PYO3_PYTHON=$(abspath $(BIN)/python) cargo build --quiet --profile checked -p tradecore-python

# All the others, on an extension that checks its arithmetic: a sum that wraps or an assertion that fails ends a test.
# It lies in a copy of the package, so that what is installed in $(VENV) stays as it is. In a clean clone one process compiles
# all that tests import, or each worker would at the same time.
py-test-checked: packages programs checked
	@rm -rf $(CHECKED) && mkdir -p $(CHECKED)
	@cp -R python/tradecore $(CHECKED) && rm -f $(CHECKED)/tradecore/_core.*so
	@cp $(CARGO_TARGET)/checked/$(CORE_LIBRARY) $(CHECKED)/tradecore/_core.abi3.so
	@test -d tests/__pycache__ || PYTHONPATH=$(abspath $(CHECKED)) $(BIN)/python -m pytest --collect-only -qq >/dev/null || true
	PYTHONPATH=$(abspath $(CHECKED)) $(BIN)/python -m pytest -n auto -m "not release"

# The peers, and this package beside them.
peers: build
	@test -x $(BENCH_VENV)/bin/pip || $(PYTHON) -m venv $(BENCH_VENV)
	@$(BIN)/python tools/requirements.py dev ml | $(BENCH_VENV)/bin/python -m pip install -r /dev/stdin -r benches/requirements.txt
	@VIRTUAL_ENV=$(abspath $(BENCH_VENV)) $(BIN)/maturin develop --release --quiet

bench: peers
	$(BENCH_VENV)/bin/python -m benches

# Fills order by order against hftbacktest, and why they differ.
parity: peers
	@$(BENCH_VENV)/bin/python -m benches.parity

# How near the fills of queue models come to the truth, on markets whose every order is known.
fidelity: build
	@$(BIN)/python -m benches.fidelity

docs: build
	$(BIN)/python docs/reference
	$(BIN)/zensical build --clean --strict

$(VENV)/.wheel-tools: $(VENV)/.tools
	@$(BIN)/python -m pip install 'maturin[zig]>=1.9.4,<2'
	@touch $@

wheel: $(VENV)/.wheel-tools
	@rm -f dist/*.whl
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/maturin build --release --locked --quiet $(WHEEL_FLAGS) --out dist
	@ls -l dist/*.whl

wheel-test: wheel
	$(BIN)/python .ci/wheel_test.py dist/*.whl

fmt: build
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The docstrings of the compiled module, from the doc comments in rust/python, into its stub.
stub: build
	$(BIN)/python tools/stub_docs.py
	$(BIN)/python tools/indicator_stub.py
	$(BIN)/ruff format --quiet python/tradecore/indicators

clean:
	rm -rf target $(VENV) $(BENCH_VENV) data runs journal site .cache docs/pages/reference benches/results python/tradecore/*.so dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

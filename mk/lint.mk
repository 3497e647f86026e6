# What CI asks for beside the tests. Each part can be made alone.
PYTHON_SOURCES := python examples/python harness tests demo benches matrix packaging
FEATURES := $(shell sed -n '/^\[features\]/,/^\[dependencies\]/s/^\([a-z]*\) = .*/\1/p' Cargo.toml)
DENY := cargo deny --locked --workspace check --hide-inclusion-graph

# The peers of the benchmarks have versions of their own, and several.
PEERS := benches/peers/rust/Cargo.toml
DENY_PEERS := cargo deny --locked --manifest-path $(PEERS) --config deny.toml check \
  --hide-inclusion-graph --allow license-exception-not-encountered

.PHONY: lint lint-python lint-dependencies lint-rust lint-features lint-docs audit

# The quick ones first.
lint: lint-python lint-dependencies lint-rust lint-features lint-docs ## run what CI asks for beside the tests

lint-python: $(VENV)/.ready
	$(call say,Python: formats$(,) lints$(,) types; seconds)
	$(VENV)/bin/ruff check $(PYTHON_SOURCES)
	$(VENV)/bin/ruff format --check $(PYTHON_SOURCES)
	cd python && ../$(VENV)/bin/mypy scramtoken

lint-dependencies: $(VENV)/.tools
	$(call say,Dependencies: licences$(,) sources$(,) duplicates; seconds)
	$(WITH_TOOLS) $(DENY) licenses bans sources
	$(WITH_TOOLS) $(DENY_PEERS) licenses sources

lint-rust:
	$(call say,Rust: formats and lints; 2 minutes the first time)
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path $(PEERS) --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --manifest-path $(PEERS) --target-dir build/bench-peers/rust \
	  --features ours -- -D warnings

# What only one of them needs must not be missing from the others.
lint-features:
	$(call say,Rust: each feature alone$(,) and those of the library; 2 minutes the first time)
	for features in $(FEATURES) $(DOORS); do \
	  echo "-- $$features"; \
	  $(CARGO) clippy --locked --quiet --lib --bins --no-default-features --features $$features \
	    -- -D warnings; \
	done

lint-docs:
	$(call say,Rust: documentation without warnings; a minute the first time)
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --quiet --no-deps --lib --features $(DOORS)

# The list of advisories is fetched from GitHub, and grows without our doing: not for each build.
audit: $(VENV)/.tools ## look dependencies up in RustSec's list of advisories
	$(WITH_TOOLS) $(DENY) advisories

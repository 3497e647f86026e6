# Fuzzing with cargo-fuzz. It wants a nightly compiler; the stable one does it when told to.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= messages client server tampering
CARGO_FUZZ := build/tools/bin/cargo-fuzz
# Nothing that is read may take long or much memory.
FUZZ_LIMITS := -max_len=6000 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=64

.PHONY: fuzz

fuzz: $(CARGO_FUZZ) ## run each fuzz target for FUZZ_SECONDS=60 seconds
	export RUSTC_BOOTSTRAP=1 PATH="$(CURDIR)/$(dir $(CARGO_FUZZ)):$$PATH"; \
	cargo fuzz build --target-dir build/fuzz/target; \
	for target in $(FUZZ_TARGETS); do \
	  echo "== $$target: $(FUZZ_SECONDS) s"; \
	  mkdir -p build/fuzz/corpus/$$target; \
	  cargo fuzz run --target-dir build/fuzz/target $$target build/fuzz/corpus/$$target \
	    fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) -dict=fuzz/scram.dict \
	    $(FUZZ_LIMITS); \
	done

$(CARGO_FUZZ):
	CARGO_TARGET_DIR=build/tools/target $(CARGO) install cargo-fuzz --version 0.13.2 --locked --root build/tools

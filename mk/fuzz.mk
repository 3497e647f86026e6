# Fuzzing with cargo-fuzz. It wants a nightly compiler; the stable one does it when told to.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= messages client server tampering
# Nothing that is read may take long or much memory.
FUZZ_LIMITS := -max_len=6000 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=64
# The release profile, but quick to build and with lines in stacks.
FUZZ_PROFILE := CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
  CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_STRIP=none

.PHONY: fuzz

fuzz: $(VENV)/.tools ## run each fuzz target for FUZZ_SECONDS=60 seconds
	$(call say,Fuzz targets: 2 minutes to build the first time)
	$(CARGO) fetch --locked --quiet
	export RUSTC_BOOTSTRAP=1 $(FUZZ_PROFILE); \
	$(WITH_TOOLS) cargo fuzz build --target-dir build/fuzz/target; \
	for target in $(FUZZ_TARGETS); do \
	  echo "== $$target: $(FUZZ_SECONDS) s"; \
	  mkdir -p build/fuzz/corpus/$$target; \
	  $(WITH_TOOLS) cargo fuzz run --target-dir build/fuzz/target $$target \
	    build/fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) \
	    -dict=fuzz/scram.dict $(FUZZ_LIMITS); \
	done

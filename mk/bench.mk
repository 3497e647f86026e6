# Benchmarks. Each bench-NAME of the files here can be called alone; its raw numbers and its table
# stay below build/bench.
BENCHES = $(shell sed -n 's/^\(bench-[a-z-]*\):.*/\1/p' $(MAKEFILE_LIST) | sort)
REPORT := $(VENV)/bin/python -m benches.report

.PHONY: bench-peers bench-constant-time report

# One after the other, whatever make's -j, and the others even where one fails.
bench: ## run every benchmark, one after the other, and write docs/performance (an hour)
	mk/prerequisites.sh test
	failed=; for bench in $(BENCHES); do \
	  printf '\n== make %s\n' $$bench; \
	  $(MAKE) --no-print-directory $$bench || failed+=" $$bench"; \
	done; \
	if [[ -n $$failed ]]; then echo "failed:$$failed" >&2; exit 1; fi
	$(MAKE) --no-print-directory report
	sed -n '/^## Aims/,/^## A login/p' docs/performance/README.md

bench-peers: lib jar $(VENV)/.ready ## measure logins beside every peer, in turns (6 minutes)
	$(VENV)/bin/python -m harness.kafka.jars
	SCRAMTOKEN_LIBRARY=$(CURDIR)/$(LIBRARY) $(VENV)/bin/python -m benches.peers
	$(REPORT) --print peers | tee build/bench/peers.md

bench-constant-time: $(VENV)/.ready ## measure whether a refusal tells a secret by its time (15 minutes)
	mkdir -p build/bench
	$(CARGO) bench --locked --bench constant_time >build/bench/constant-time.partial
	mv build/bench/constant-time.{partial,jsonl}
	$(REPORT) --print constant-time | tee build/bench/constant-time.md

report: $(VENV)/.ready ## write docs/performance from what the benchmarks have left
	$(REPORT)

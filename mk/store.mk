# Stores of a thousand to a million tokens, below build/bench for as long as it takes: some 3 GB.
.PHONY: bench-store bench-follow
# As many as the cluster has that bench-follow follows; 25,000 take 25 minutes, nearly all of it the broker's
# start: it derives all keys four times.
TOKENS := 4000

bench-store: $(VENV)/.ready ## measure stores of up to a million tokens (some minutes)
	mkdir -p build/bench
	$(CARGO) bench --locked --bench store -- build/bench >build/bench/store.tsv
	$(VENV)/bin/python -m benches.tables.store | tee build/bench/store.md

bench-follow: lib program $(VENV)/.ready ## measure a store that follows a cluster of TOKENS tokens (minutes)
	$(VENV)/bin/python -m harness.kafka.jars
	mkdir -p build/bench
	SCRAMTOKEN_LIBRARY=$(CURDIR)/$(LIBRARY) PYTHONPATH=python \
	  $(VENV)/bin/python -m benches.follow --tokens $(TOKENS) | tee build/bench/follow.txt

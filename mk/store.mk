# Stores of a thousand to a million tokens, or with FULL=1 ten million, below build/bench for as long as it
# takes: some 3 GB, or ten times as much.
.PHONY: bench-scale bench-follow
# As many as the cluster has that bench-follow follows; 25,000 take 25 minutes, nearly all of it the broker's
# start: it derives all keys four times.
TOKENS := 4000

bench-scale: $(VENV)/.ready ## measure what grows: tokens, threads, open logins, processes (10 minutes)
	mkdir -p build/bench
	$(CARGO) bench --locked --bench store -- build/bench >build/bench/scale.partial
	mv build/bench/scale.{partial,jsonl}
	$(REPORT) --print scale | tee build/bench/scale.md

bench-follow: lib program $(VENV)/.ready ## measure a store that follows a cluster of TOKENS tokens (minutes)
	$(VENV)/bin/python -m harness.kafka.jars
	mkdir -p build/bench
	SCRAMTOKEN_LIBRARY=$(CURDIR)/$(LIBRARY) PYTHONPATH=python \
	  $(VENV)/bin/python -m benches.follow --tokens $(TOKENS) | tee build/bench/follow.txt

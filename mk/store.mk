# Stores of a thousand to a million tokens, below build/bench for as long as it takes: some 3 GB.
.PHONY: bench-store

bench-store: $(VENV)/.ready ## measure stores of up to a million tokens (some minutes)
	mkdir -p build/bench
	$(CARGO) bench --locked --bench store -- build/bench >build/bench/store.tsv
	$(VENV)/bin/python -m benches.tables.store | tee build/bench/store.md

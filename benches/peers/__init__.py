"""The library beside its peers, in one run: see `make bench-peers` and docs/performance."""

"""Writes docs/performance from the raw results of the benchmarks: see `make report`."""

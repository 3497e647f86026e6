# Benchmarks. Each bench-NAME of the files here can be called alone; its raw numbers and its table
# stay below build/bench.
BENCHES = $(shell sed -n 's/^\(bench-[a-z-]*\):.*/\1/p' $(MAKEFILE_LIST) | sort)
# What is measured beside it.
BENCH_KAFKA := 4.4.0

.PHONY: bench-logins bench-strangers

# One after the other, whatever make's -j, and the others even where one fails.
bench: ## run every benchmark, one after the other (half an hour)
	mk/prerequisites.sh test
	failed=; for bench in $(BENCHES); do \
	  printf '\n== make %s\n' $$bench; \
	  $(MAKE) --no-print-directory $$bench || failed+=" $$bench"; \
	done; \
	if [[ -n $$failed ]]; then echo "failed:$$failed" >&2; exit 1; fi

bench-logins: $(VENV)/.ready ## measure logins through C beside OpenSSL and Kafka's classes
	$(VENV)/bin/python -m harness.kafka.jars
	mkdir -p build/bench
	rm -rf build/bench/criterion
	CRITERION_HOME=$(CURDIR)/build/bench/criterion \
	  $(CARGO) bench --locked --bench logins -- --noplot
	java -cp "build/kafka/$(BENCH_KAFKA)/broker/*" benches/KafkaLogins.java >build/bench/kafka.tsv
	$(VENV)/bin/python -m benches.tables.logins | tee build/bench/logins.md

bench-strangers: ## measure whether names that nobody has take a server longer (minutes)
	mkdir -p build/bench
	$(CARGO) bench --no-default-features --bench strangers | tee build/bench/strangers.tsv

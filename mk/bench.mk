# Benchmarks: criterion for what is ours, OpenSSL and the crate pbkdf2; a JVM for Kafka's classes.
BENCH_KAFKA := 4.4.0

.PHONY: bench

bench: $(VENV)/.ready ## measure logins beside OpenSSL and Kafka's classes, and print a table
	$(VENV)/bin/python -m tests.kafka.jars
	mkdir -p build/bench
	rm -rf build/bench/criterion
	CRITERION_HOME=$(CURDIR)/build/bench/criterion \
	  $(CARGO) bench --no-default-features --bench logins -- --noplot
	java -cp "build/kafka/$(BENCH_KAFKA)/broker/*" benches/KafkaLogins.java >build/bench/kafka.tsv
	$(VENV)/bin/python benches/table.py | tee build/bench/table.md

# Stock librdkafka with the plugin beside itself without.
.PHONY: bench-rdkafka

bench-rdkafka: lib $(VENV)/.ready ## measure librdkafka with the plugin beside itself (ten minutes)
	$(VENV)/bin/python -m harness.kafka.jars
	mkdir -p build/bench
	$(VENV)/bin/python -m benches.rdkafka | tee build/bench/rdkafka.md

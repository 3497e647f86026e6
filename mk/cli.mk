# The program beside Kafka's own tool.
.PHONY: bench-cli

bench-cli: program $(VENV)/.ready ## measure the program beside kafka-delegation-tokens.sh (a minute)
	mkdir -p build/bench
	$(VENV)/bin/python -m benches.cli | tee build/bench/cli.txt

# The program beside Kafka's own tool.
.PHONY: bench-cli

bench-cli: program $(VENV)/.ready ## measure the program beside kafka-delegation-tokens.sh (a minute)
	$(VENV)/bin/python benches/cli.py

# Many logins on one broker, with Kafka's SaslServer and with ours. Raw numbers stay in build/storm.
.PHONY: storm storm-program
# Logins of each round; 50000 take a quarter of an hour.
STORM ?= 5000

storm: $(JAR) $(VENV)/.ready storm-program ## measure a connect storm: STORM=5000 logins on a broker (minutes)
	$(VENV)/bin/python -m harness.kafka.jars
	$(VENV)/bin/python -m benches.storm --logins $(STORM)
	$(VENV)/bin/python -m benches.tables.storm | tee build/storm/storm.md

# The clients, which should cost little beside the broker.
storm-program:
	$(call say,The clients of the storm: a minute the first time)
	$(CARGO) build --locked --release --manifest-path benches/storm/Cargo.toml --target-dir build/storm/target

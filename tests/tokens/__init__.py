"""Tokens of a store, against Kafka's own and against SIGKILL."""

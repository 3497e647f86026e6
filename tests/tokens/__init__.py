"""Stores and token managers of the C API, against Kafka's own and against SIGKILL."""

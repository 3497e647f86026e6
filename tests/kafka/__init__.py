"""Real Kafka brokers for tests and for the demo, and the tests that log in to them.

`broker.KafkaBroker` starts a cluster of one node or more and stops it whatever happens.
"""

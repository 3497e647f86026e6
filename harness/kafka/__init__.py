"""A real Kafka: brokers and jars, its own clients and tools, certificates; and a stand-in for it.

`broker.KafkaBroker` starts a cluster of one node or more and stops it whatever happens.
"""

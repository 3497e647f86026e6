"""What tests, demo and benchmarks share and is no test itself: brokers, ports, processes,
Kafka's jars, certificates, clients of every kind, compilers.

tests/, demo/ and benches/ import from here; nothing here imports from them, and demo and benches
never import from tests. What a single folder of tests uses stays in that folder.
"""

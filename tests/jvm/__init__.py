"""Real Kafka brokers and Java clients that run on libscramtoken, by the jar of java/."""

"""Logins to real Kafka brokers, and the commands that speak to them."""

"""Tests of scramtoken that are not written in Rust, and the Kafka brokers that they run against."""

//! SCRAM with Kafka delegation tokens.

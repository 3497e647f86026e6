"""The library as a plugin of librdkafka: stock builds of it against real and hostile brokers."""

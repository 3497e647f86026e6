"""Stock builds of librdkafka with the library as their plugin."""

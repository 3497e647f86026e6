"""`make demo`: a real Kafka broker, and a table of logins to it by every way in."""

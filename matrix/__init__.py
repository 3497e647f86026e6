"""`make matrix`: clients x brokers x mechanisms x transports x credentials, and what works."""

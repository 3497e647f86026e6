"""Python clients that log in by the package's adapters, to a real broker."""

"""The example programs of examples/ that need no real broker."""

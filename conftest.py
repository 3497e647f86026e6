"""Where tests that are not written in Rust find the library: the one that was built here."""

import harness.paths  # noqa: F401

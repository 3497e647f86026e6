"""Tests of scramtoken that are not written in Rust."""

"""Hostile transcripts as data (README.md), and what it takes to run them.

`transcript` reads them and computes proofs without the library; `login` drives the library's C API.
"""

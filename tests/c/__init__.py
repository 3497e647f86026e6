"""Tests of the C API in C, compiled as C and as C++, and of the server example."""

from pathlib import Path

SOURCES = Path(__file__).resolve().parent

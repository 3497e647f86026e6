"""Python clients that log in by the package's adapters, to a real broker."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python's own, at its import
    import kafka  # noqa: F401

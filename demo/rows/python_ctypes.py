"""The Python example, which loads the library with ctypes."""

from harness.kafka.login_program import PYTHON

from . import login_program_rows


def rows(scene):
    return login_program_rows(scene, "Python (ctypes)", PYTHON)

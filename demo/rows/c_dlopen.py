"""The C example, which loads the library with dlopen."""

from harness.kafka.login_program import C

from . import login_program_rows


def rows(scene):
    return login_program_rows(scene, "C (dlopen)", C)

"""Runs commands to their end."""

import os
import subprocess


def run(argv, **options):
    """Runs a program to its end, with nothing to read unless there is an `input`."""
    argv = [str(word) for word in argv]
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, **options)


def succeed(argv, **options):
    """Runs a program that must end well, and returns what it printed."""
    done = run(argv, **options)
    assert done.returncode == 0, f"exit code {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def environment(*, without, **variables):
    """This process's environment, but for variables that a child must not have, and with others."""
    return {name: value for name, value in os.environ.items() if name not in without} | variables

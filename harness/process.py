"""Child processes that never outlive the process that started them, even when it is killed."""

import atexit
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_running = set()


def java_command(name="java"):
    """The path of a program of the JDK: below JAVA_HOME, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    path = shutil.which(str(Path(home) / "bin" / name)) if home else shutil.which(name)
    if path is None:
        where = f"in JAVA_HOME ({home})" if home else "on PATH and JAVA_HOME is not set"
        raise FileNotFoundError(f"{name} is not {where}; a JDK 17 or newer is needed")
    return path


def start(argv, **options):
    """Starts `argv` in a session of its own, so that a Ctrl-C reaches us and not it.

    The kernel kills it when the thread that called `start` ends (that is how PR_SET_PDEATHSIG
    works), so only the main thread may call: it ends with the process.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("child processes must be started by the main thread")
    parent = os.getpid()

    def die_with_parent():
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    argv = [str(word) for word in argv]
    process = subprocess.Popen(argv, start_new_session=True, preexec_fn=die_with_parent, **options)
    _running.add(process)
    return process


def stop(process):
    """Kills `process` by its own pid and waits for its end; it may have ended already."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            try:
                stream.close()
            except BrokenPipeError:
                pass
    _running.discard(process)


@atexit.register
def _stop_all():
    for process in list(_running):
        stop(process)


def say(text):
    """Progress for people: on standard error, at once."""
    print(text, file=sys.stderr, flush=True)

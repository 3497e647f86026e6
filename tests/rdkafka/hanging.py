"""A file whose readers wait until they are let go, as on a server of NFS that has gone away.

It is made by the kernel's FUSE protocol (linux/fuse.h, version 7.31), spoken here; that takes the
right to mount.
"""

import contextlib
import ctypes
import errno
import os
import struct
import threading

import pytest

_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _INIT, _INTERRUPT, _BATCH_FORGET = (
    1,
    2,
    3,
    14,
    15,
    26,
    36,
    42,
)
_ROOT, _FILE = 1, 2
_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


class HangingFile:
    """For a `with` block; `path` is the file, which holds `content`."""

    def __init__(self, directory, content):
        self._directory, self._content = os.fsencode(directory), content
        self.path = directory / "token.json"
        self.uri = f"file:{self.path}"
        self.readings = 0
        self._lock = threading.Lock()
        self._is_free = False
        self._waiting = []

    def __enter__(self):
        try:
            self._device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            pytest.skip(f"/dev/fuse cannot be opened: {error}")
        options = f"fd={self._device},rootmode=40000,user_id={os.geteuid()},group_id=0".encode()
        if _libc.mount(b"hanging", self._directory, b"fuse", 0, options) != 0:
            os.close(self._device)
            pytest.skip(f"nothing can be mounted: {os.strerror(ctypes.get_errno())}")
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.let_go()
        _libc.umount2(self._directory, _DETACH)
        os.close(self._device)

    def let_go(self):
        """Answers whoever waits, and whoever comes later."""
        with self._lock:
            self._is_free = True
            for unique in self._waiting:
                self._answer(unique, self._content)
            self._waiting.clear()

    def _serve(self):
        with contextlib.suppress(OSError):  # unmounted
            while request := os.read(self._device, 1 << 17):
                _, opcode, unique, node = struct.unpack_from("=IIQQ", request)
                self._handle(opcode, unique, node, request[40:])

    def _handle(self, opcode, unique, node, body):
        if opcode == _INIT:
            self._answer(unique, struct.pack("=IIIIHHII36x", 7, 31, 0, 0, 1, 1, 4096, 1))
        elif opcode == _LOOKUP and body.rstrip(b"\0") == os.fsencode(self.path.name):
            self._answer(
                unique, struct.pack("=QQQQII", _FILE, 0, 0, 0, 0, 0) + self._attributes(_FILE)
            )
        elif opcode == _LOOKUP:
            self._answer(unique, error=errno.ENOENT)
        elif opcode == _GETATTR:
            self._answer(unique, struct.pack("=QII", 0, 0, 0) + self._attributes(node))
        elif opcode == _OPEN:
            self._answer(unique, struct.pack("=QII", 0, 0, 0))
        elif opcode == _READ:
            with self._lock:
                self.readings += 1
                if self._is_free:
                    self._answer(unique, self._content)
                else:
                    self._waiting.append(unique)
        elif opcode not in (_FORGET, _BATCH_FORGET, _INTERRUPT):
            self._answer(unique, error=errno.ENOSYS)

    def _attributes(self, node):
        size, mode = (len(self._content), 0o100600) if node == _FILE else (0, 0o40700)
        times = 6 * (0,)
        owner = (os.geteuid(), os.getegid())
        return struct.pack("=QQQ3Q3IIIIIIII", node, size, 1, *times, mode, 1, *owner, 0, 4096, 0)

    def _answer(self, unique, body=b"", error=0):
        with contextlib.suppress(OSError):  # interrupted or unmounted
            os.write(self._device, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)

"""A way to a server that can be led elsewhere, and on which bytes are counted."""

import contextlib
import socket
import threading


class Forwarder:
    """Listens on 127.0.0.1, and passes everything on to where it leads when it is connected to."""

    def __init__(self, target):
        self._target = target
        self._connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.bytes_from_target = 0

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Closing alone would leave the thread in its accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._close_connections()

    def lead_to(self, target):
        """Another target; connections to the one before are closed."""
        self._target = target
        self._close_connections()

    def _close_connections(self):
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=[client], daemon=True).start()

    def _forward(self, client):
        with client, contextlib.suppress(OSError), socket.create_connection(self._target) as server:
            self._connections += [client, server]
            there = threading.Thread(target=self._pass_on, args=(client, server, 0), daemon=True)
            there.start()
            self._pass_on(server, client, 1)
            there.join()

    def _pass_on(self, source, sink, counts):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.bytes_from_target += len(data) * counts
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

"""A token endpoint of OAuth (RFC 6749, 4.4), which can also do what a real one never should."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class TokenEndpoint:
    """For a `with` block. `answer(request)` gives the status code and the body, or None to hang up;
    a body that is no text is JSON. `requests` are those that came, with `headers` and `text`.

    Without a certificate it speaks plain HTTP.
    """

    def __init__(self, answer, certificate=None):
        self.answer = answer
        self.requests = []
        handler = type("Handler", (_Handler,), {"endpoint": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is the handler's, so that nobody holds up the others.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}/token"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    endpoint = None
    timeout = 20

    def do_POST(self):  # noqa: N802 - as the class wants it
        self.text = self.rfile.read(int(self.headers["content-length"])).decode()
        self.endpoint.requests.append(self)
        answer = self.endpoint.answer(self)
        if answer is None:
            self.close_connection = True
            return
        code, body = answer
        body = body if isinstance(body, str) else json.dumps(body)
        self.send_response(code)
        self.send_header("content-type", "application/json")
        if code in range(300, 400):
            self.send_header("location", self.endpoint.url)
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def handle(self):
        # Whoever does not like the certificate hangs up.
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass

"""What stands before replicas where Slack posts by HTTP: passes each request to one of them."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import urllib3

_PASSED_ON = ("content-type", "x-slack-request-timestamp", "x-slack-signature")


class _Front(ThreadingHTTPServer):
    """Its own default is a queue of five: the next connection then waits a second for TCP."""

    request_queue_size = 1024


class Balancer:
    """Shares requests out among backends in turn. One that is left out gets no new ones.

    As ingresses do, it asks another one when a connection is refused, and never sends again what
    somebody may have had.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._backends: list[int] = []
        self._turn = 0
        self._pool = urllib3.PoolManager(retries=False, maxsize=32)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """Passes one request on."""

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                kept = {n: v for n, v in self.headers.items() if n.lower() in _PASSED_ON}
                status, headers, answer = outer.pass_on(self.path, kept, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = _Front(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._pool.clear()

    def take_in(self, port: int) -> None:
        """Give a backend its share from now on."""
        with self._lock:
            if port not in self._backends:
                self._backends.append(port)

    def leave_out(self, port: int) -> None:
        """Give a backend no new request."""
        with self._lock:
            if port in self._backends:
                self._backends.remove(port)

    def pass_on(
        self, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Pass a request on; 502 and 503 are our own."""
        for port in self._in_turn():
            url = f"http://127.0.0.1:{port}{path}"
            try:
                answer = self._pool.request(
                    "POST", url, body=body, headers={**headers, "Host": self._host}, timeout=10
                )
            except urllib3.exceptions.NewConnectionError:
                continue
            except urllib3.exceptions.HTTPError:
                return 502, {}, b""
            kind = answer.headers.get("content-type", "text/plain")
            return answer.status, {"Content-Type": kind}, answer.data
        return 503, {}, b""

    def _in_turn(self) -> list[int]:
        with self._lock:
            self._turn += 1
            first = self._turn % max(1, len(self._backends))
            return self._backends[first:] + self._backends[:first]

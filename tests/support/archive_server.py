"""An envtest index and archive on loopback, with programs that only say a version."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import yaml

from bot.playground.controlplane import versions

SAYS = {
    "etcd": f"etcd Version: {versions.ETCD}",
    "kube-apiserver": f"Kubernetes v{versions.KUBERNETES}",
    "kube-controller-manager": f"Kubernetes v{versions.KUBERNETES}",
    "kubectl": f"Client Version: v{versions.KUBERNETES}",
}


def program(says: str) -> bytes:
    """A program that prints one line."""
    return f"#!/bin/sh\necho '{says}'\n".encode()


def archive_of(members: dict[str, bytes]) -> bytes:
    """A .tar.gz of regular files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def good_archive() -> bytes:
    """What the real one holds, in its own folders."""
    held = ("etcd", "kube-apiserver", "kubectl")
    return archive_of({f"controller-tools/envtest/{name}": program(SAYS[name]) for name in held})


class ArchiveServer:
    """Serves `content` as this machine's archive, under an index that promises `sha512` (default:
    the truth).
    """

    def __init__(self, content: bytes, *, sha512: str | None = None) -> None:
        self.asked: list[str] = []
        self._content = content
        self._sha512 = sha512 or hashlib.sha512(content).hexdigest()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._base = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="archives")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def index_url(self) -> str:
        return f"{self._base}/index.yaml"

    def _index(self) -> bytes:
        system, arch = versions.machine()
        release = f"v{versions.KUBERNETES}"
        entry = {"hash": self._sha512, "selfLink": f"{self._base}/archive.tar.gz"}
        name = f"envtest-{release}-{system}-{arch}.tar.gz"
        return yaml.safe_dump({"releases": {release: {name: entry}}}).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                body = server._index() if self.path == "/index.yaml" else server._content
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing: the tests' output is read."""

        return Handler

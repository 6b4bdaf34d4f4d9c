"""A small OpenID issuer: discovery, keys, and ID tokens with any claims. It signs nobody in."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from joserfc import jwt
from joserfc.jwk import RSAKey

from bot.playground.controlplane.config import OidcIssuer

if TYPE_CHECKING:
    from bot.playground.certs import Authority

AUDIENCE = "kubernetes"


class SmallIssuer:
    """https on loopback under the given authority. Use as a context manager."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._key = RSAKey.generate_key(
            2048, parameters={"kid": "k1", "use": "sig", "alg": "RS256"}
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = (
            authority.leaf("issuer")
            .server_context()
            .wrap_socket(self._server.socket, server_side=True)
        )
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="issuer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def as_trusted(self) -> OidcIssuer:
        """What an API server must be told to accept its tokens."""
        return OidcIssuer(self.url, self._authority.ca_pem, (AUDIENCE,))

    def token(self, **claims: Any) -> str:
        """An ID token, valid for ten minutes, with these claims over the usual ones."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "s-1",
            "iat": now,
            "exp": now + int(timedelta(minutes=10).total_seconds()),
        }
        return jwt.encode({"alg": "RS256", "kid": "k1"}, usual | claims, self._key)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pages = {
                    "/.well-known/openid-configuration": {
                        "issuer": issuer.url,
                        "jwks_uri": f"{issuer.url}/keys",
                        "response_types_supported": ["id_token"],
                        "subject_types_supported": ["public"],
                        "id_token_signing_alg_values_supported": ["RS256"],
                    },
                    "/keys": {"keys": [issuer._key.as_dict(private=False)]},
                }
                page = pages.get(self.path)
                body = json.dumps(page).encode()
                self.send_response(404 if page is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing: the tests' output is read."""

        return Handler

"""Every call to a provider: https only, bounded in time and size, never redirected.

A slow, hostile or broken provider costs a sign-in, and nothing else.
"""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any, Final

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from grants.errors import LoginRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.web.oidc.settings import ProviderSettings

LARGEST_ANSWER_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 16 * 1024
_SERVER_ERROR: Final = 500


class Transport:
    """The calls to one provider; every failure is a LoginRefused that names the provider.

    A session lives for one call: nothing of one person's sign-in is left for the next.
    """

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings

    def authorization_url(self, endpoint: str, parameters: Mapping[str, str], verifier: str) -> str:
        """Compose the address that the browser is sent to."""
        with self._session() as session:
            url, _state = session.create_authorization_url(
                endpoint, code_verifier=verifier or None, **parameters
            )
        return str(url)

    def get_json(self, url: str, *, malformed: str) -> dict[str, Any]:
        """Read one JSON object; `malformed` is the reason when it is none."""
        with self._session() as session:
            answer = self._call(
                lambda: session.get(
                    url, withhold_token=True, headers={"Accept": "application/json"}
                )
            )
        if answer.status_code >= _SERVER_ERROR:
            raise self.refused("unavailable")
        if answer.status_code != requests.codes.ok:
            raise self.refused(malformed)
        try:
            said = json.loads(answer.content)
        except (ValueError, RecursionError):
            raise self.refused(malformed) from None
        if not isinstance(said, dict):
            raise self.refused(malformed)
        return said

    def redeem(self, endpoint: str, code: str, verifier: str) -> Mapping[str, Any]:
        """Exchange a code for tokens: the token endpoint's JSON object."""
        proof = {"code_verifier": verifier} if verifier else {}
        with self._session() as session:
            try:
                answer: Mapping[str, Any] = self._call(
                    lambda: session.fetch_token(
                        endpoint, grant_type="authorization_code", code=code, **proof
                    )
                )
            except OAuthError:
                # The provider's own words stay out: they may repeat what they were sent.
                raise self.refused("code-refused") from None
            except (ValueError, TypeError):
                raise self.refused("token-malformed") from None
        return answer

    @property
    def timeout_seconds(self) -> float:
        """What one call may take at most."""
        return self._settings.timeout.total_seconds()

    def refused(self, why: str) -> LoginRefused:
        """Make the refusal for a reason."""
        return LoginRefused(why=why, provider=self._settings.name)

    def _session(self) -> OAuth2Session:
        settings = self._settings
        session = OAuth2Session(
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            token_endpoint_auth_method=settings.token_auth,
            scope=" ".join(settings.scopes),
            redirect_uri=settings.redirect_uri,
            code_challenge_method="S256",
        )
        # The environment's bundle would go before ours, and ~/.netrc would send passwords.
        session.trust_env = False
        session.adapters.clear()
        session.mount("https://", _BoundedAdapter(settings))
        return session

    def _call(self, call: Any) -> Any:  # a call of the untyped session
        try:
            return call()
        except _AnswerRefusedError as error:
            raise self.refused(error.why) from None
        except requests.exceptions.JSONDecodeError:
            raise self.refused("token-malformed") from None
        except (requests.RequestException, HTTPError):
            raise self.refused("unavailable") from None


class _AnswerRefusedError(requests.RequestException):
    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _BoundedAdapter(HTTPAdapter):
    """Reads an answer whole, up to a size and a time, before anybody sees it."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(max_retries=0)
        self._ca = str(settings.ca_file) if settings.ca_file else True
        self._rules = settings.proxies
        self._timeout_seconds = settings.timeout.total_seconds()

    def send(
        self, request: requests.PreparedRequest, *_args: object, **_kwargs: object
    ) -> requests.Response:
        """Send with our own limits, whatever the session was asked for."""
        until = time.monotonic() + self._timeout_seconds
        proxy = self._rules.choose(request.url or "")
        answer = super().send(
            request,
            stream=True,
            timeout=self._timeout_seconds,
            verify=self._ca,
            proxies={"https": proxy.secret_url} if proxy else {},
        )
        try:
            if answer.is_redirect or answer.is_permanent_redirect:
                raise _AnswerRefusedError("redirected")
            body = _read(answer, until)
        finally:
            answer.raw.close()
        answer.raw = io.BytesIO(body)
        return answer


def _read(answer: requests.Response, until: float) -> bytes:
    body = bytearray()
    # Not `stream`, which waits for a whole chunk: a server that drips would hold us there.
    while chunk := answer.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > LARGEST_ANSWER_BYTES:
            raise _AnswerRefusedError("too-large")
        if time.monotonic() > until:
            raise _AnswerRefusedError("unavailable")
    return bytes(body)

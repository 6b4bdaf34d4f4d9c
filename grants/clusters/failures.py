"""Every way in which a call can fail, as one of the cluster errors, and never with a secret."""

import unicodedata
from http import HTTPStatus
from typing import Any, Final

import msgspec
import urllib3

from grants.clusters.reply import Reply
from grants.decoding import decoder
from grants.errors import (
    ClusterConflict,
    ClusterError,
    ClusterForbidden,
    ClusterRefused,
    ClusterUnavailable,
)

DETAIL_MOST_CHARACTERS: Final = 300

_AGAIN_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
# Admission answers 403 as well; these words of the API server tell it from RBAC's own refusal.
_ADMISSION_WORDS: Final = ("denied the request", "denied request")


class Cause(msgspec.Struct):
    """One cause inside a Status."""

    reason: str = ""
    field: str = ""


class Details(msgspec.Struct):
    """What a Status is about."""

    name: str = ""
    causes: list[Cause] | None = None


class Status(msgspec.Struct, rename="camel"):
    """Kubernetes' Status object, as far as we read it."""

    kind: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    details: Details | None = None

    def has_cause(self, *, reason: str = "", fields: tuple[str, ...] = ()) -> bool:
        """Tell whether a cause bears this reason, or points at one of these fields."""
        causes = (self.details.causes or []) if self.details else []
        return any((reason and c.reason == reason) or c.field in fields for c in causes)


_STATUS_DECODER: Final = decoder(Status)


def status_of(reply: Reply) -> Status | None:
    """Read the answer as a Status; None when it is something else, such as a proxy's page."""
    try:
        status = _STATUS_DECODER.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return status if status.kind == "Status" else None


def is_absent(reply: Reply, name: str) -> bool:
    """Tell whether the API server itself says that the object of this name is not there.

    A bare 404 is not enough: a proxy, or a server without this API, answers so as well, and
    "gone" would be believed of a binding that still counts.
    """
    if reply.status != HTTPStatus.NOT_FOUND:
        return False
    status = status_of(reply)
    return (
        status is not None
        and status.reason == "NotFound"
        and status.details is not None
        and status.details.name == name
    )


def refusal(alias: str, action: str, reply: Reply) -> ClusterError:
    """Turn an answer that is not the one wanted into its error."""
    status = status_of(reply) or Status()
    detail = clean(f"{reply.status} {status.message}")
    return _refusal_kind(reply.status, status)(alias, action, detail)


def _refusal_kind(code: int, status: Status) -> type[ClusterError]:
    of_version = status.has_cause(fields=("metadata.uid", "metadata.resourceVersion"))
    if code == HTTPStatus.CONFLICT or (code == HTTPStatus.UNPROCESSABLE_ENTITY and of_version):
        return ClusterConflict
    if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        about_object = status.has_cause(reason="NamespaceTerminating") or any(
            words in status.message for words in _ADMISSION_WORDS
        )
        return ClusterRefused if about_object else ClusterForbidden
    # An answer of 400 that is no Status comes from something in between, and proves nothing.
    by_api_server = status.kind == "Status"
    is_client_error = HTTPStatus.BAD_REQUEST <= code < HTTPStatus.INTERNAL_SERVER_ERROR
    if by_api_server and is_client_error and code not in _AGAIN_LATER:
        return ClusterRefused
    return ClusterUnavailable


def unreachable(alias: str, action: str, error: Exception) -> ClusterUnavailable:
    """Turn an error of the network, of TLS or of decoding into its error.

    Only the error's kind and the system's own words are kept: the texts of libraries quote
    headers, and with them tokens.
    """
    return ClusterUnavailable(alias, action, clean(_network_words(error)))


def _network_words(error: Exception) -> str:
    # Subclasses stand before what they derive from: a failed connect is a time-out in urllib3.
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "the name of the host is not known"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return _system_words(error) or "no connection"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, urllib3.exceptions.SSLError) or _says_tls(error):
        return f"TLS: {_system_words(error) or type(error).__name__}"
    return _system_words(error) or type(error).__name__


def _says_tls(error: Any) -> bool:
    # The client wraps TLS errors in its own ApiException with the status 0.
    return getattr(error, "status", None) == 0


def _system_words(error: BaseException) -> str:
    seen = error.__cause__ or error.__context__ or next(iter(error.args[1:2]), None)
    while isinstance(seen, BaseException):
        if isinstance(seen, OSError) and seen.strerror:
            return str(getattr(seen, "verify_message", "") or seen.strerror)
        seen = seen.__cause__ or seen.__context__ or next(iter(seen.args[:1]), None)
    return ""


def clean(text: str) -> str:
    """Make a text fit for one log line: no control or invisible characters, and short."""
    plain = "".join(
        " " if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else char
        for char in text
    )
    return " ".join(plain.split())[:DETAIL_MOST_CHARACTERS]

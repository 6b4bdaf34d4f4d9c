"""Each error as an HTTP status, once, and as problem details (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from bot.wording import error_sentence
from grants.errors import LinkRefused, LoginRefused, ValetkeyError

PROBLEM_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[str, HTTPStatus]] = {
    "error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "bad-input": HTTPStatus.UNPROCESSABLE_ENTITY,
    "refused": HTTPStatus.FORBIDDEN,
    "sign-in-needed": HTTPStatus.UNAUTHORIZED,
    "sign-in-too-old": HTTPStatus.UNAUTHORIZED,
    "stranger": HTTPStatus.FORBIDDEN,
    "link-refused": HTTPStatus.FORBIDDEN,
    "login-refused": HTTPStatus.FORBIDDEN,
    "not-found": HTTPStatus.NOT_FOUND,
    "not-allowed": HTTPStatus.FORBIDDEN,
    "wrong-state": HTTPStatus.CONFLICT,
    "terms-changed": HTTPStatus.CONFLICT,
    "finding-changed": HTTPStatus.CONFLICT,
    "already-done": HTTPStatus.CONFLICT,
    "insufficient-evidence": HTTPStatus.CONFLICT,
    "too-many": HTTPStatus.TOO_MANY_REQUESTS,
    "changed-meanwhile": HTTPStatus.CONFLICT,
    "policy-invalid": HTTPStatus.INTERNAL_SERVER_ERROR,
    "settings-invalid": HTTPStatus.INTERNAL_SERVER_ERROR,
    "cluster-error": HTTPStatus.BAD_GATEWAY,
    "cluster-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "cluster-forbidden": HTTPStatus.BAD_GATEWAY,
    "cluster-conflict": HTTPStatus.CONFLICT,
    "cluster-refused": HTTPStatus.BAD_GATEWAY,
    "cluster-changed": HTTPStatus.BAD_GATEWAY,
    "cluster-twice": HTTPStatus.BAD_GATEWAY,
    "store-error": HTTPStatus.SERVICE_UNAVAILABLE,
    "store-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "store-outcome-unknown": HTTPStatus.SERVICE_UNAVAILABLE,
    "store-row-unreadable": HTTPStatus.SERVICE_UNAVAILABLE,
    "store-schema": HTTPStatus.SERVICE_UNAVAILABLE,
    "store-in-use": HTTPStatus.SERVICE_UNAVAILABLE,
}

_LINKS: Final[Mapping[str, HTTPStatus]] = {
    "unknown": HTTPStatus.NOT_FOUND,
    "expired": HTTPStatus.GONE,
    "used": HTTPStatus.GONE,
    "refused-before": HTTPStatus.GONE,
}
_LOGINS: Final[Mapping[str, HTTPStatus]] = {"unavailable": HTTPStatus.SERVICE_UNAVAILABLE}


def status_of(error: ValetkeyError) -> HTTPStatus:
    """Give the HTTP status of an error."""
    if isinstance(error, LinkRefused):
        return _LINKS.get(error.why, STATUSES[error.code])
    if isinstance(error, LoginRefused):
        return _LOGINS.get(error.why, STATUSES[error.code])
    return STATUSES.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_body(status: HTTPStatus, code: str, detail: str) -> bytes:
    """Write problem details; `code` is the stable part that programs go by."""
    problem = {
        "type": f"urn:valetkey:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }
    return json.dumps(problem).encode()


def problem_of(error: ValetkeyError) -> tuple[HTTPStatus, bytes]:
    """Give the status and the problem details of an error."""
    status = status_of(error)
    return status, problem_body(status, error.code, error_sentence(error))

"""What this cluster says when it refuses, in Kubernetes' own words."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from bot.playground.cluster.kinds import Json, Kind
from grants.authz.reason import quoted

MODIFIED: Final = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


class Fault(Exception):
    """An answer that is no success: a Status object, with its HTTP code.

    `warnings` is what the caller is warned of all the same.
    """

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = int(code)
        self.reason = reason
        self.message = message
        self.details = details
        self.warnings: tuple[str, ...] = ()

    def status(self) -> Json:
        """Give the Status object."""
        return failure(self.code, self.reason, self.message, self.details)


def failure(code: int, reason: str, message: str, details: Json | None = None) -> Json:
    """Make a Status of something that failed."""
    status: Json = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        status["reason"] = reason
    if details:
        status["details"] = details
    return status | {"code": int(code)}


def success(details: Json) -> Json:
    """Make the Status that a delete answers when the object is gone."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def _details(name: str, group: str, kind: str, **more: Any) -> Json:
    named = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in {**named, **more}.items() if value}


def not_found(kind: Kind, name: str) -> Fault:
    """Say that there is no object of that name."""
    message = f"{kind.resource} {quoted(name)} not found"
    return Fault(HTTPStatus.NOT_FOUND, "NotFound", message, _details(name, kind.group, kind.plural))


def no_such_resource() -> Fault:
    """Say that nothing is served at this path."""
    message = "the server could not find the requested resource"
    return Fault(HTTPStatus.NOT_FOUND, "NotFound", message, {})


def already_exists(
    kind: Kind, name: str, *, is_ending: bool = False, has_base: bool = False
) -> Fault:
    """Say that the name is taken, if only by what is being deleted.

    `has_base` is of an object whose name the server could have made up.
    """
    message = f"{kind.resource} {quoted(name)} already exists"
    message = f"object is being deleted: {message}" if is_ending else message
    details = _details(name, kind.group, kind.plural)
    if has_base:
        message += ", the server was not able to generate a unique name for the object"
        details |= {"retryAfterSeconds": 1}
    return Fault(HTTPStatus.CONFLICT, "AlreadyExists", message, details)


def conflict(group: str, resource: str, name: str, why: str) -> Fault:
    """Say that it is not as whoever writes believes it to be."""
    full = f"{resource}.{group}" if group else resource
    message = f"Operation cannot be fulfilled on {full} {quoted(name)}: {why}"
    return Fault(HTTPStatus.CONFLICT, "Conflict", message, _details(name, group, resource))


def modified(kind: Kind, name: str) -> Fault:
    """Say that somebody else was faster."""
    return conflict(kind.group, kind.plural, name, MODIFIED)


def wrong_uid(
    kind: Kind, namespace: str, name: str, wanted: str, found: str, *, dry_run: bool = False
) -> Fault:
    """Say that the object of this name is not the one that is meant."""
    root = "" if dry_run else "/registry"
    home = f"{namespace}/" if kind.namespaced else ""
    # Key and code are etcd's and the storage layer's: clients see them, so they stand here too.
    why = (
        f"StorageError: invalid object, Code: 4, Key: {root}/{kind.plural}/{home}{name},"
        " ResourceVersion: 0, AdditionalErrorMsg: Precondition failed:"
        f" UID in precondition: {wanted}, UID in object meta: {found}"
    )
    return conflict(kind.group, kind.plural, name, why)


def bad_request(message: str) -> Fault:
    """Say that the request makes no sense."""
    return Fault(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def forbidden(group: str, resource: str, name: str, why: str) -> Fault:
    """Say that it is not allowed."""
    full = f"{resource}.{group}" if group and resource else resource
    what = (f"{full} {quoted(name)} is " if name else f"{full} is ") if full else ""
    message = f"{what}forbidden: {why}"
    return Fault(HTTPStatus.FORBIDDEN, "Forbidden", message, _details(name, group, resource))


def internal(message: str) -> Fault:
    """Say what an API server says where it did not mean to refuse."""
    return Fault(HTTPStatus.INTERNAL_SERVER_ERROR, "", message)


def unauthorized() -> Fault:
    """Say that nobody knows who asks."""
    return Fault(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")


def expired(message: str) -> Fault:
    """Say that what is asked about is too long ago."""
    return Fault(HTTPStatus.GONE, "Expired", message)


def not_supported(kind_group: str, resource: str, action: str) -> Fault:
    """Say that it is served, but not so."""
    full = f"{resource}.{kind_group}" if kind_group else resource
    message = f"{action} is not supported on resources of kind {quoted(full)}"
    return Fault(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        message,
        _details("", kind_group, resource),
    )


def method_not_allowed() -> Fault:
    """Say that the path is served, but not by this method."""
    message = "the server does not allow this method on the requested resource"
    return Fault(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message, {})


def patch_type_not_supported() -> Fault:
    """Say that there is no such kind of patch."""
    message = "415: Unsupported Media Type"
    return Fault(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)


def media_type_not_supported(accepted: Sequence[str]) -> Fault:
    """Say that the body is of a type that is not understood."""
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
    return Fault(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)


_WORDS: Final = {
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueInvalid": "Invalid value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueTooLong": "Too long",
    "FieldValueTypeInvalid": "Invalid value",
}
_WITHOUT_VALUE: Final = frozenset(
    {"FieldValueRequired", "FieldValueForbidden", "FieldValueTooLong"}
)


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong with an object: which field, how, and what stands there."""

    type: str
    field: str
    detail: str = ""
    value: object = ""

    @property
    def body(self) -> str:
        """What is said of it, without the field."""
        said = _WORDS[self.type]
        if self.type not in _WITHOUT_VALUE:
            said += f": {_as_go(self.value)}"
        return f"{said}: {self.detail}" if self.detail else said


def _as_go(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def required(field: str, detail: str = "") -> Wrong:
    """Say that nothing stands there, and something must."""
    return Wrong("FieldValueRequired", field, detail)


def invalid(field: str, value: object, detail: str) -> Wrong:
    """Say that what stands there can't."""
    return Wrong("FieldValueInvalid", field, detail, value)


def too_long(field: str, most: int) -> Wrong:
    """Say that more stands there than may."""
    return Wrong("FieldValueTooLong", field, f"may not be more than {most} bytes")


def unsupported(field: str, value: object, supported: Iterable[str]) -> Wrong:
    """Say that only certain values may stand there."""
    listed = ", ".join(quoted(one) for one in supported)
    return Wrong("FieldValueNotSupported", field, f"supported values: {listed}", value)


def not_valid(kind: str, group: str, name: str, wrongs: Sequence[Wrong]) -> Fault:
    """Say all that is wrong with an object (422)."""
    full = f"{kind}.{group}" if group else kind
    said = list(dict.fromkeys(f"{wrong.field}: {wrong.body}" for wrong in wrongs))
    message = f"{full} {quoted(name)} is invalid: {joined(said)}"
    causes = [
        {"reason": wrong.type, "message": wrong.body, "field": wrong.field} for wrong in wrongs
    ]
    details = _details(name, group, kind, causes=causes)
    return Fault(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details)


def joined(said: Sequence[str]) -> str:
    """Join errors as Go's aggregates do."""
    once = list(dict.fromkeys(said))
    return once[0] if len(once) == 1 else f"[{', '.join(once)}]"

"""The file that tells of rights outside of RBAC: read strictly, every problem said at once."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from grants.authz.model import Rule
from grants.authz.objects import SERVICE_ACCOUNT, Subject
from grants.authz.outside import Authorizer, Outside, OutsideKind, OutsideRight, Sight
from grants.errors import BadInput, Problem
from grants.policy.yaml_lines import read_lines

API_VERSION: Final = "valetkey/outside/v1"
LARGEST_BYTES: Final = 4 * 1024 * 1024


class _Subject(Struct, forbid_unknown_fields=True):
    kind: Literal["User", "Group", "ServiceAccount"]
    name: str
    namespace: str = ""


class _Rule(Struct, forbid_unknown_fields=True, rename="camel"):
    verbs: tuple[str, ...]
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")


class _Right(Struct, forbid_unknown_fields=True):
    subject: _Subject
    rules: tuple[_Rule, ...]
    namespaces: tuple[str, ...] | None = None
    name: str = msgspec.field(default="", name="as")


class _Authorizer(Struct, forbid_unknown_fields=True):
    kind: OutsideKind
    seen: Literal["all", "some"]
    read_at: datetime
    rights: tuple[_Right, ...] = ()


class _File(Struct, forbid_unknown_fields=True, rename="camel"):
    api_version: Literal["valetkey/outside/v1"]
    cluster: str
    authorizers: tuple[_Authorizer, ...]


def read_outside(data: bytes, file: str = "") -> Outside:
    """Read the file of one cluster (YAML or JSON); BadInput says what is wrong, and where."""
    if len(data) > LARGEST_BYTES:
        raise _bad(file, f"longer than {LARGEST_BYTES} bytes")
    lines = read_lines(data)
    if lines.problems:
        raise BadInput(tuple(_problem(file, p.message, p.mark[0]) for p in lines.problems))
    try:
        return _outside_of(msgspec.convert(lines.value, _File))
    except msgspec.ValidationError as error:
        raise _bad(file, str(error)) from None


def _outside_of(read: _File) -> Outside:
    return Outside(read.cluster, tuple(_authorizer_of(each) for each in read.authorizers))


def _authorizer_of(read: _Authorizer) -> Authorizer:
    at = read.read_at
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    rights = tuple(_right_of(each) for each in read.rights)
    return Authorizer(read.kind, Sight(read.seen), at, rights)


def _right_of(read: _Right) -> OutsideRight:
    subject = read.subject
    home = subject.namespace if subject.kind == SERVICE_ACCOUNT else ""
    rules = tuple(Rule(**_fields(rule)) for rule in read.rules)
    return OutsideRight(
        Subject(subject.kind, subject.name, home), rules, read.namespaces, read.name
    )


def _fields(rule: _Rule) -> dict[str, Any]:
    return msgspec.structs.asdict(rule)


def _bad(file: str, detail: str) -> BadInput:
    return BadInput((_problem(file, detail),))


def _problem(file: str, detail: str, line: int = 0) -> Problem:
    where = f"{file}:{line}" if line else file
    return Problem(where, "outside-invalid", (("detail", detail),))

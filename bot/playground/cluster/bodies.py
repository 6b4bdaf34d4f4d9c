"""What a body says to be, held against where it was sent; and the options beside it."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from bot.playground.cluster.asking import Asked, read_body
from bot.playground.cluster.faults import (
    bad_request,
    invalid,
    not_valid,
    required,
    too_long,
    unsupported,
)
from bot.playground.cluster.kinds import KINDS, REVIEWS, Json, Kind, Review
from bot.playground.cluster.shapes import seen_as, shaped
from bot.playground.cluster.writing import DeleteOptions
from grants.authz.reason import quoted

_STRICT, _WARN = "Strict", "Warn"
_DIRECTIVES: Final = ("", "Ignore", "Strict", "Warn")
_MANAGER_MOST: Final = 128
_KNOWN: Final = frozenset((one.api_version, one.kind) for one in (*KINDS, *REVIEWS))
_META_GROUP: Final = "meta.k8s.io"
_PROPAGATIONS: Final = ("Background", "Foreground", "Orphan")


def is_dry_run(query: Mapping[str, str], options: str) -> bool:
    """Tell whether nothing is to be stored; Fault (422) for options that mean nothing."""
    said = query.get("dryRun")
    wrongs = [] if said in {None, "All"} else [unsupported("dryRun", [said], ["All"])]
    manager = query.get("fieldManager", "")
    if len(manager.encode()) > _MANAGER_MOST:
        wrongs.append(too_long("fieldManager", _MANAGER_MOST))
    directive = query.get("fieldValidation", "")
    if directive not in _DIRECTIVES:
        wrongs.append(unsupported("fieldValidation", directive, _DIRECTIVES))
    if wrongs:
        raise not_valid(options, _META_GROUP, "", wrongs)
    return bool(said)


def read_object(
    asked: Asked, body: bytes, kind: Kind | Review, *, media: str = ""
) -> tuple[Json, tuple[str, ...]]:
    """Decode an object of a kind; gives it and what is to be warned of.

    Fault (400) when it is another kind, or is not formed as this one is.
    """
    found, twice = read_body(asked, body, media=media, kind=kind.kind)
    _require_kind(kind, found)
    return checked(asked, found, kind, twice)


def checked(
    asked: Asked, found: Json, kind: Kind | Review, twice: Sequence[str] = ()
) -> tuple[Json, tuple[str, ...]]:
    """Leave out what a kind does not know, as the request says to take it."""
    taken, said = _told(found, kind, twice)
    directive = asked.query.get("fieldValidation") or _WARN
    if said and directive == _STRICT:
        raise bad_request(
            f"{kind.kind} in version {quoted(kind.version)} cannot be handled as a {kind.kind}:"
            f" strict decoding error: {', '.join(said)}"
        )
    return taken, said if directive == _WARN else ()


def checked_patch(asked: Asked, found: Json, kind: Kind | Review) -> tuple[Json, tuple[str, ...]]:
    """Do the same for what a patch makes of an object."""
    taken, said = _told(found, kind, ())
    directive = asked.query.get("fieldValidation") or _WARN
    if said and directive == _STRICT:
        shown = msgspec.json.encode(found).decode()
        wrong = invalid("patch", shown, f"strict decoding error: {', '.join(said)}")
        raise not_valid("", "", "", [wrong])
    return taken, said if directive == _WARN else ()


def _told(found: Json, kind: Kind | Review, twice: Sequence[str]) -> tuple[Json, tuple[str, ...]]:
    taken, unknown = shaped(kind.kind, kind.version, found)
    said = [f"unknown field {quoted(name)}" for name in unknown]
    return taken, (*said, *(f"duplicate field {quoted(name)}" for name in twice))


def _require_kind(kind: Kind | Review, found: Json) -> None:
    version, name = found.get("apiVersion") or kind.api_version, found.get("kind") or kind.kind
    if (version, name) == (kind.api_version, kind.kind):
        return
    number = version.rpartition("/")[2]
    if (version, name) in _KNOWN:
        package = kind.group.partition(".")[0] or "core"
        why = f"converting ({number}.{name}) to ({package}.{kind.kind}): unknown conversion"
    else:
        why = (
            f"no kind {quoted(name)} is registered for version {quoted(version)} in scheme"
            ' "pkg/runtime/scheme.go:111"'
        )
    raise bad_request(
        f"{name} in version {quoted(number)} cannot be handled as a {kind.kind}: {why}"
    )


def delete_options(asked: Asked, body: bytes) -> DeleteOptions:
    """Read how something is to be deleted: from the body, or, where there is none, the query."""
    if body:
        said, _ = read_body(asked, body)
        _require_delete_options(said)
        dry_run = said.get("dryRun") or []
    else:
        query = asked.query
        said = {"propagationPolicy": query.get("propagationPolicy", "")}
        if "orphanDependents" in query:
            said["orphanDependents"] = query["orphanDependents"] == "true"
        dry_run = [query["dryRun"]] if query.get("dryRun") else []
    if not isinstance(dry_run, list) or any(word != "All" for word in dry_run):
        wrong = unsupported("dryRun", dry_run, ["All"])
        raise not_valid("DeleteOptions", _META_GROUP, "", [wrong])
    preconditions = said.get("preconditions") or {}
    return DeleteOptions(
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        propagation=_propagation(said),
        dry_run=bool(dry_run),
    )


def _require_delete_options(said: Json) -> None:
    kind, version = said.get("kind") or "", said.get("apiVersion") or ""
    if kind not in {"", "DeleteOptions"}:
        raise bad_request(
            f"no kind {quoted(kind)} is registered for version {quoted(version)} in scheme"
            ' "pkg/runtime/scheme.go:111"'
        )
    preconditions = said.get("preconditions") or {}
    if not isinstance(preconditions, dict):
        raise bad_request(
            f"json: cannot unmarshal {seen_as(preconditions)} into Go struct field"
            " DeleteOptions.preconditions of type v1.Preconditions"
        )
    for name, type_ in (("uid", "types.UID"), ("resourceVersion", "string")):
        value = preconditions.get(name)
        if value is not None and not isinstance(value, str):
            raise bad_request(
                f"json: cannot unmarshal {seen_as(value)} into Go struct field"
                f" Preconditions.preconditions.{name} of type {type_}"
            )


def _propagation(said: Json) -> str:
    policy, orphan = said.get("propagationPolicy") or "", said.get("orphanDependents")
    if orphan is not None and policy:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        wrong = invalid("propagationPolicy", policy, detail)
        raise not_valid("DeleteOptions", _META_GROUP, "", [wrong])
    if orphan is not None:
        return "Orphan" if orphan else "Background"
    if policy not in {"", *_PROPAGATIONS}:
        known = ["Foreground", "Background", "Orphan", "nil"]
        wrong = unsupported("propagationPolicy", policy, known)
        raise not_valid("DeleteOptions", _META_GROUP, "", [wrong])
    return str(policy)


def require_manager(asked: Asked) -> str:
    """Give the name of who applies; Fault (422) when it is not said."""
    manager = asked.query.get("fieldManager", "")
    if not manager:
        wrong = required("fieldManager", "is required for apply patch")
        raise not_valid("PatchOptions", _META_GROUP, "", [wrong])
    return manager

"""What a body says to be, held against where it was sent; and the options beside it."""

from collections.abc import Mapping
from typing import Final

from bot.playground.cluster.asking import Asked, read_body
from bot.playground.cluster.faults import bad_request, not_valid, required, unsupported
from bot.playground.cluster.kinds import Json, Kind
from bot.playground.cluster.shapes import shaped
from bot.playground.cluster.writing import DeleteOptions
from grants.authz.reason import quoted

_STRICT, _WARN, _IGNORE = "Strict", "Warn", "Ignore"
_META_GROUP: Final = "meta.k8s.io"
_PROPAGATIONS: Final = ("Background", "Foreground", "Orphan")


def is_dry_run(query: Mapping[str, str], options: str) -> bool:
    """Tell whether nothing is to be stored; Fault (422) for a word that means nothing."""
    said = query.get("dryRun", "")
    if said not in {"", "All"}:
        raise not_valid(options, _META_GROUP, "", [unsupported("dryRun", [said], ["All"])])
    return bool(said)


def read_object(
    asked: Asked, body: bytes, kind: Kind, options: str, *, media: str = ""
) -> tuple[Json, tuple[str, ...]]:
    """Decode an object of a kind; gives it and what is to be warned of.

    Fault (400) when it is another kind, or is not formed as this one is.
    """
    found = read_body(asked, body, media=media)
    _require_kind(kind, found)
    return checked(asked, found, kind, options)


def checked(asked: Asked, found: Json, kind: Kind, options: str) -> tuple[Json, tuple[str, ...]]:
    """Leave out what a kind does not know, as the request says to take it."""
    directive = asked.query.get("fieldValidation") or _WARN
    if directive not in {_STRICT, _WARN, _IGNORE}:
        wrong = unsupported("fieldValidation", directive, ["Ignore", "Strict", "Warn"])
        raise not_valid(options, _META_GROUP, "", [wrong])
    taken, unknown = shaped(kind, found)
    said = tuple(f"unknown field {quoted(name)}" for name in unknown)
    if said and directive == _STRICT:
        raise bad_request(
            f"{kind.kind} in version {quoted(kind.version)} cannot be handled as a {kind.kind}:"
            f" strict decoding error: {', '.join(said)}"
        )
    return taken, said if directive == _WARN else ()


def _require_kind(kind: Kind, found: Json) -> None:
    version, name = found.get("apiVersion") or "", found.get("kind") or ""
    if version and version != kind.api_version:
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version"
            f" ({kind.api_version})"
        )
    if name and name != kind.kind:
        raise bad_request(
            f"{name} in version {quoted(kind.version)} cannot be handled as a {kind.kind}:"
            f" converting ({kind.version}.{name}) to ({kind.kind}): unknown conversion"
        )


def delete_options(asked: Asked, body: bytes) -> DeleteOptions:
    """Read how something is to be deleted: from the body, or, where there is none, the query."""
    if body:
        said = read_body(asked, body)
        dry_run = list(said.get("dryRun") or ())
    else:
        query = asked.query
        said = {"propagationPolicy": query.get("propagationPolicy", "")}
        if "orphanDependents" in query:
            said["orphanDependents"] = query["orphanDependents"] == "true"
        dry_run = [query["dryRun"]] if query.get("dryRun") else []
    if any(word != "All" for word in dry_run):
        wrong = unsupported("dryRun", dry_run, ["All"])
        raise not_valid("DeleteOptions", _META_GROUP, "", [wrong])
    preconditions = said.get("preconditions") or {}
    return DeleteOptions(
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        propagation=_propagation(said),
        dry_run=bool(dry_run),
    )


def _propagation(said: Json) -> str:
    policy, orphan = said.get("propagationPolicy") or "", said.get("orphanDependents")
    if orphan is not None:
        return "Orphan" if orphan else "Background"
    if policy not in {"", *_PROPAGATIONS}:
        wrong = unsupported("propagationPolicy", policy, ["Foreground", "Background", "Orphan"])
        raise not_valid("DeleteOptions", _META_GROUP, "", [wrong])
    return str(policy)


def require_manager(asked: Asked) -> str:
    """Give the name of who applies; Fault (422) when it is not said."""
    manager = asked.query.get("fieldManager", "")
    if not manager:
        wrong = required("fieldManager", "is required for apply patch")
        raise not_valid("PatchOptions", _META_GROUP, "", [wrong])
    return manager

"""The forms in which objects are answered: as they are, their metadata alone, or as a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from bot.playground.cluster.faults import Fault, bad_request
from bot.playground.cluster.kinds import Json, Kind
from bot.playground.cluster.tables import columns_of, row_of
from grants.authz.reason import quoted

META_API: Final = "meta.k8s.io/v1"
JSON_TYPE: Final = "application/json"
_PLAIN: Final = frozenset({JSON_TYPE, "*/*", ""})
_NOT_MODELLED: Final = (
    "only the following media types are accepted: application/json, application/yaml,"
    " application/vnd.kubernetes.protobuf"
)


@dataclass(frozen=True, slots=True)
class Form:
    """What is answered: `as_` is "" (the object), a Table, or PartialObjectMetadata(List)."""

    as_: str = ""


def form_of(accept: str, *, several: bool) -> Form:
    """Choose the first form of an Accept header that can be had; Fault (406) when none can."""
    metadata = "PartialObjectMetadataList" if several else "PartialObjectMetadata"
    for part in (accept or "*/*").split(","):
        media, parameters = media_type(part)
        if media not in _PLAIN:
            continue
        wanted = parameters.get("as", "")
        if not wanted:
            return Form()
        if parameters.get("g") == "meta.k8s.io" and parameters.get("v") == "v1":
            if wanted == "Table":
                return Form(wanted)
            if wanted in {metadata, "PartialObjectMetadata"}:
                return Form("PartialObjectMetadata")
    raise Fault(HTTPStatus.NOT_ACCEPTABLE, "NotAcceptable", _NOT_MODELLED)


def media_type(part: str) -> tuple[str, Mapping[str, str]]:
    """Split a media type from its parameters."""
    media, *rest = part.strip().split(";")
    pairs = (one.partition("=") for one in rest)
    return media.strip().lower(), {key.strip(): value.strip() for key, _, value in pairs}


def metadata_of(found: Json) -> Json:
    """Give an object's metadata alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": META_API,
        "metadata": found["metadata"],
    }


def one(form: Form, kind: Kind, found: Json, include: str = "") -> Json:
    """Give one object in a form; what is no object of the kind (a Status) stays as it is."""
    if found.get("kind") == "Status" or not form.as_:
        return found
    if form.as_ == "Table":
        version = found["metadata"].get("resourceVersion", "")
        return table(kind, [found], {"resourceVersion": version}, include)
    return metadata_of(found)


def several(form: Form, kind: Kind, found: Sequence[Json], meta: Json, include: str = "") -> Json:
    """Give a list in a form."""
    if form.as_ == "Table":
        return table(kind, found, meta, include)
    if form.as_:
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": META_API,
            "metadata": meta,
            "items": [metadata_of(item) for item in found],
        }
    # Items of a list bear neither kind nor version.
    return {
        "kind": f"{kind.kind}List",
        "apiVersion": kind.api_version,
        "metadata": meta,
        "items": [bare(item) for item in found],
    }


def bare(found: Json) -> Json:
    """Give an object as an item of a list."""
    return {key: value for key, value in found.items() if key not in {"kind", "apiVersion"}}


def table(
    kind: Kind, found: Sequence[Json], meta: Json, include: str = "", *, columns: bool = True
) -> Json:
    """Give a table; beside the cells stands the metadata, the whole object, or nothing."""
    beside = _beside(include)
    return {
        "kind": "Table",
        "apiVersion": META_API,
        "metadata": meta,
        "columnDefinitions": list(columns_of(kind)) if columns else None,
        "rows": [row_of(kind, item, beside(item)) for item in found],
    }


def _beside(include: str) -> Callable[[Json], Json | None]:
    match include:
        case "" | "Metadata":
            return metadata_of
        case "Object":
            return lambda found: found
        case "None":
            return lambda _found: None
    raise bad_request(f"unrecognized includeObject value: {quoted(include)}")

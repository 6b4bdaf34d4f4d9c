"""What every object bears: names, uids, times, and what a write may do to them."""

import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.playground.cluster.faults import Wrong, bad_request, invalid
from bot.playground.cluster.kinds import Json, Kind

# Those that Kubernetes draws from: no vowels, so that no words come out.
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_LENGTH: Final = 5
_GENERATED_BASE_MOST: Final = 63 - _GENERATED_LENGTH
DEPENDENTS: Final = frozenset({"foregroundDeletion", "orphan"})
"""Finalizers by which something waits for what belongs to it."""

IMMUTABLE: Final = "field is immutable"
_UNCHANGED: Final = (
    "name",
    "namespace",
    "uid",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def rfc3339(*, after: timedelta = timedelta(0)) -> str:
    """Give the time of now, or of a while after, in whole seconds as objects bear it."""
    return (datetime.now(UTC) + after).strftime("%Y-%m-%dT%H:%M:%SZ")


def generated_name(base: str) -> str:
    """Make a name of its beginning."""
    ending = "".join(secrets.choice(_LETTERS) for _ in range(_GENERATED_LENGTH))
    return f"{base[:_GENERATED_BASE_MOST]}{ending}"


def in_namespace(kind: Kind, wanted: Json, namespace: str) -> Json:
    """Put an object where the request says; Fault (400) when it says itself to be elsewhere."""
    said = wanted.get("namespace") or ""
    home = namespace if kind.namespaced else ""
    if said and home and said != home:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    rest = {key: value for key, value in wanted.items() if key != "namespace"}
    return {**rest, "namespace": home} if home else rest


_SYSTEM: Final = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "resourceVersion",
)


def newborn(meta: Json) -> Json:
    """Give the metadata of a new object: what only the server says is said by it."""
    own = {key: value for key, value in meta.items() if key not in _SYSTEM}
    if not own.get("name") and own.get("generateName"):
        own["name"] = generated_name(own["generateName"])
    return {**own, "uid": str(uuid.uuid4()), "creationTimestamp": rfc3339()}


def carried_over(meta: Json, old: Json) -> Json:
    """Give the metadata of a changed object: what only the server says stays as it was."""
    kept: Json = {key: old[key] for key in ("creationTimestamp", "generation") if key in old}
    if "deletionTimestamp" in old:
        kept["deletionTimestamp"] = old["deletionTimestamp"]
        kept["deletionGracePeriodSeconds"] = old.get("deletionGracePeriodSeconds", 0)
    rest = {key: value for key, value in meta.items() if key not in {"selfLink", *kept}}
    if "generation" not in old:
        rest.pop("generation", None)
    return {**rest, **kept, "uid": meta.get("uid") or old["uid"]}


def wrong_update(meta: Json, old: Json) -> list[Wrong]:
    """Say what a change of metadata may not change."""
    wrongs: list[Wrong] = []
    if old.get("deletionTimestamp"):
        fresh = sorted(set(meta.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if fresh:
            shown = "[]string{" + ", ".join(f'"{one}"' for one in fresh) + "}"
            detail = (
                "no new finalizers can be added if the object is being deleted, found new"
                f" finalizers {shown}"
            )
            wrongs.append(Wrong("FieldValueForbidden", "metadata.finalizers", detail))
    wrongs += [
        invalid(f"metadata.{key}", "" if meta.get(key) is None else meta[key], IMMUTABLE)
        for key in _UNCHANGED
        if meta.get(key) != old.get(key)
    ]
    return wrongs

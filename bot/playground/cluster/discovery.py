"""What is served where, as clients ask before they ask for anything."""

from collections.abc import Iterator
from typing import Any, Final

from bot.playground.cluster.kinds import KINDS, REVIEWS, Json, Kind, Review, group_versions
from bot.playground.cluster.representing import media_type
from bot.playground.controlplane.versions import KUBERNETES

AGGREGATED_TYPE: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_OPENAPI: Final = "/openapi/v3"


SERVED: Final = frozenset(group_versions())
"""Groups and versions in which something is served."""


def is_aggregated(accept: str) -> bool:
    """Tell whether all of it is asked for at once."""
    for part in accept.split(","):
        _, parameters = media_type(part)
        if parameters.get("as") == "APIGroupDiscoveryList" and parameters.get("v") == "v2":
            return True
    return False


def version() -> Json:
    """Say which Kubernetes this is a double of."""
    major, minor, _ = KUBERNETES.split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{KUBERNETES}",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "valetkey",
        "platform": "embedded",
    }


def answer(  # noqa: C901, PLR0911 - a table of paths
    path: str, accept: str, address: str
) -> tuple[Json, str] | None:
    """Answer a path of discovery with its content type; None: it is none."""
    parts = [part for part in path.split("/") if part]
    plain = "application/json"
    match parts:
        case ["api"] | ["apis"]:
            core = parts == ["api"]
            if is_aggregated(accept):
                return _aggregated(core=core), AGGREGATED_TYPE
            return (_versions(address) if core else _groups()), plain
        case ["api", "v1"]:
            return _resources("", "v1"), plain
        case ["apis", group] if any(found == group for found, _ in group_versions()):
            return _group(group) | {"kind": "APIGroup", "apiVersion": "v1"}, plain
        case ["apis", group, number] if (group, number) in group_versions():
            return _resources(group, number), plain
        case ["version"]:
            return version(), plain
        case ["openapi", "v3"]:
            return _openapi_index(), plain
        case ["openapi", "v3", "api", "v1"]:
            return _openapi("", "v1"), plain
        case ["openapi", "v3", "apis", group, number] if (group, number) in group_versions():
            return _openapi(group, number), plain
        case []:
            return {"paths": list(_paths())}, plain
    return None


def _paths() -> Iterator[str]:
    yield "/api"
    yield "/api/v1"
    yield "/apis"
    for group, number in group_versions():
        if group:
            yield f"/apis/{group}"
            yield f"/apis/{group}/{number}"
    yield from ("/healthz", "/livez", _OPENAPI, "/readyz", "/version")


def _versions(address: str) -> Json:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def _groups() -> Json:
    names = dict.fromkeys(group for group, _ in group_versions() if group)
    groups = [_group(name) for name in names]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _group(name: str) -> Json:
    found = [
        {"groupVersion": f"{group}/{number}", "version": number}
        for group, number in group_versions()
        if group == name
    ]
    return {"name": name, "versions": found, "preferredVersion": found[0]}


def _served(group: str, number: str) -> Iterator[Kind | Review]:
    found: list[Kind | Review] = [
        one for one in (*KINDS, *REVIEWS) if (one.group, one.version) == (group, number)
    ]
    yield from sorted(found, key=lambda one: one.plural)


def _resources(group: str, number: str) -> Json:
    found: list[Json] = []
    for one in _served(group, number):
        found += _resource(one)
    listed: Json = {
        "kind": "APIResourceList",
        "groupVersion": f"{group}/{number}" if group else number,
        "resources": found,
    }
    # The core's list has never said its version.
    return listed | {"apiVersion": "v1"} if group else listed


def _resource(one: Kind | Review) -> Iterator[Json]:
    named: Json = {
        "name": one.plural,
        "singularName": one.kind.lower(),
        "namespaced": one.namespaced,
        "kind": one.kind,
        "verbs": ["create"],
    }
    if isinstance(one, Review):
        yield named
        return
    named["verbs"] = list(one.verbs)
    if one.short:
        named["shortNames"] = list(one.short)
    if one.categories:
        named["categories"] = list(one.categories)
    yield named
    for sub in one.subresources:
        about: Json = {
            "name": f"{one.plural}/{sub.name}",
            "singularName": "",
            "namespaced": one.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        if sub.version:
            about |= {"group": sub.group, "version": sub.version}
        yield about


def _aggregated(*, core: bool) -> Json:
    items = []
    names = dict.fromkeys(group for group, _ in group_versions() if bool(group) is not core)
    for name in names:
        versions = [
            {
                "version": number,
                "resources": [_discovered(one) for one in _served(group, number)],
                "freshness": "Current",
            }
            for group, number in group_versions()
            if group == name
        ]
        meta: Json = {"creationTimestamp": None}
        if name:
            meta["name"] = name
        items.append({"metadata": meta, "versions": versions})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _discovered(one: Kind | Review) -> Json:
    about: dict[str, Any] = {
        "resource": one.plural,
        # Empty: those of the group and version in which it is listed.
        "responseKind": {"group": "", "version": "", "kind": one.kind},
        "scope": "Namespaced" if one.namespaced else "Cluster",
        "singularResource": one.kind.lower(),
        "verbs": ["create"],
    }
    if isinstance(one, Review):
        return about
    about["verbs"] = list(one.verbs)
    if one.short:
        about["shortNames"] = list(one.short)
    if one.categories:
        about["categories"] = list(one.categories)
    if one.subresources:
        about["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {
                    "group": sub.group,
                    "version": sub.version,
                    "kind": sub.kind,
                },
                "verbs": list(sub.verbs),
            }
            for sub in one.subresources
        ]
    return about


def _openapi_index() -> Json:
    paths = {}
    for group, number in group_versions():
        place = f"apis/{group}/{number}" if group else f"api/{number}"
        paths[place] = {"serverRelativeURL": f"{_OPENAPI}/{place}?hash={KUBERNETES}"}
    return {"paths": paths}


def _openapi(group: str, number: str) -> Json:
    """Describe just what kubectl looks for: that a PATCH knows `fieldValidation` and `dryRun`."""
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    paths = {}
    for one in KINDS:
        if (one.group, one.version) != (group, number):
            continue
        about = {"group": group, "version": number, "kind": one.kind}
        patch = {
            "operationId": f"patch{one.kind}",
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": about,
        }
        paths[one.path("{namespace}", "{name}")] = {"patch": patch}
    info = {"title": "Kubernetes", "version": f"v{KUBERNETES}"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}

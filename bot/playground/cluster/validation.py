"""What is wrong with an object, field by field, as Kubernetes says it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bot.playground.cluster.faults import (
    Wrong,
    invalid,
    not_valid,
    required,
    too_long,
    unsupported,
)
from bot.playground.cluster.kinds import RBAC_GROUP, Json, Kind
from bot.playground.cluster.meta import IMMUTABLE, wrong_update

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE: Final = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_MOST, _SUBDOMAIN_MOST = 63, 253
_ANNOTATIONS_MOST: Final = 256 * 1024
_BAD_LABEL: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must"
    " start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for"
    " validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_BAD_SUBDOMAIN: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'example.com', regex used for"
    " validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_BAD_QUALIFIED: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_BAD_LABEL_VALUE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or"
    " '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_SURPRISING_HOSTNAME: Final = (
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a"
    " DNS label is recommended: [must not contain dots]"
)
_STANDARD_FINALIZERS: Final = frozenset({"kubernetes", "orphan", "foregroundDeletion"})

Naming = Callable[[str], list[str]]


def check_new(kind: Kind, found: Json) -> None:
    """Raise a Fault (422) that says all that is wrong with a new object."""
    _raise(kind, found, [*_meta(kind, found["metadata"]), *_own(kind, found)])


def check_changed(kind: Kind, found: Json, old: Json) -> None:
    """Raise a Fault (422) that says all that is wrong with a changed object, or the change."""
    wrongs = list(_meta(kind, found["metadata"]))
    wrongs += wrong_update(found["metadata"], old["metadata"])
    wrongs += _own(kind, found)
    if "roleRef" in old and found.get("roleRef") != old["roleRef"]:
        wrongs.append(invalid("roleRef", _ref(found.get("roleRef") or {}), IMMUTABLE))
    _raise(kind, found, wrongs)


def _turn(wrong: Wrong) -> tuple[bool, bool]:
    declared = wrong.type == "FieldValueRequired" and not wrong.detail
    return declared, declared and wrong.field.startswith("roleRef")


def _ref(ref: Json) -> Json:
    """Show a roleRef by the names that its fields have inside of an API server."""
    names = (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
    return {shown: ref.get(key, "") for shown, key in names}


def warnings_of(kind: Kind, found: Json) -> tuple[str, ...]:
    """Say what is allowed and still not wise."""
    name = found["metadata"].get("name", "")
    if kind.kind == "Pod" and "." in name:
        return (_SURPRISING_HOSTNAME,)
    return ()


def _raise(kind: Kind, found: Json, wrongs: list[Wrong]) -> None:
    if wrongs:
        # What two checks say alike is said once.
        once = list(dict.fromkeys((w.type, w.field, w.body) for w in wrongs))
        kept = [next(w for w in wrongs if (w.type, w.field, w.body) == key) for key in once]
        # What is declared to be required is looked at last.
        kept.sort(key=_turn)
        raise not_valid(kind.kind, kind.group, found["metadata"].get("name") or "", kept)


def _own(kind: Kind, found: Json) -> Iterator[Wrong]:
    match kind.kind:
        case "Role" | "ClusterRole":
            for number, rule in enumerate(found.get("rules") or ()):
                yield from _rule(rule, f"rules[{number}]", namespaced=kind.namespaced)
            yield from _aggregation(found)
        case "RoleBinding" | "ClusterRoleBinding":
            yield from _binding(found, namespaced=kind.namespaced)


def _meta(kind: Kind, meta: Json) -> Iterator[Wrong]:
    yield from _names(kind, meta)
    for key, value in (meta.get("labels") or {}).items():
        for said in _qualified(key):
            yield invalid("metadata.labels", key, said)
        for said in label_value(value):
            yield invalid("metadata.labels", value, said)
    yield from _annotations(meta.get("annotations") or {})
    for number, owner in enumerate(meta.get("ownerReferences") or ()):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield required(f"metadata.ownerReferences[{number}].{name}", "must not be empty")
    for one in meta.get("finalizers") or ():
        yield from _finalizer(one)


def _names(kind: Kind, meta: Json) -> Iterator[Wrong]:
    naming = _NAMING.get(kind.kind, _path_segment if kind.group == RBAC_GROUP else _subdomain)
    if base := meta.get("generateName"):
        # A dash at its end is followed by what is made up.
        tried = f"{base[:-1]}a" if len(base) > 1 and base.endswith("-") else base
        for said in naming(tried):
            yield invalid("metadata.generateName", base, said)
    if not meta.get("name"):
        yield required("metadata.name", "name or generateName is required")
    else:
        for said in naming(meta["name"]):
            yield invalid("metadata.name", meta["name"], said)


def _annotations(annotations: Json) -> Iterator[Wrong]:
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _ANNOTATIONS_MOST:
        yield too_long("metadata.annotations", _ANNOTATIONS_MOST)
    for key in annotations:
        for said in _qualified(key.lower()):
            yield invalid("metadata.annotations", key, said)


def _finalizer(name: str) -> Iterator[Wrong]:
    if wrong := _qualified(name):
        for said in wrong:
            yield invalid("metadata.finalizers", name, said)
    elif "/" not in name and name not in _STANDARD_FINALIZERS:
        detail = "name is neither a standard finalizer name nor is it fully qualified"
        yield invalid("metadata.finalizers[0]", name, detail)


def _rule(rule: Json, path: str, *, namespaced: bool) -> Iterator[Wrong]:
    if not rule.get("verbs"):
        yield required(f"{path}.verbs")
    urls = rule.get("nonResourceURLs")
    if urls:
        where = f"{path}.nonResourceURLs"
        if namespaced:
            yield invalid(where, urls, "namespaced rules cannot apply to non-resource URLs")
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            yield invalid(where, urls, detail)
        return
    if not rule.get("apiGroups"):
        detail = "resource rules must supply at least one api group"
        yield required(f"{path}.apiGroups", detail)
    if not rule.get("resources"):
        detail = "resource rules must supply at least one resource"
        yield required(f"{path}.resources", detail)


def _aggregation(found: Json) -> Iterator[Wrong]:
    rule = found.get("aggregationRule")
    if rule is None:
        return
    path = "aggregationRule.clusterRoleSelectors"
    selectors = rule.get("clusterRoleSelectors") or []
    if not selectors:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        yield required(path, detail)
    for number, selector in enumerate(selectors):
        for at, one in enumerate(selector.get("matchExpressions") or ()):
            yield from _expression(one, f"{path}[{number}].matchExpressions[{at}]")


def _expression(one: Json, path: str) -> Iterator[Wrong]:
    operator, values = one.get("operator", ""), one.get("values")
    if operator in {"In", "NotIn"} and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in {"Exists", "DoesNotExist"} and values:
        detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        yield Wrong("FieldValueForbidden", f"{path}.values", detail)
    elif operator not in {"In", "NotIn", "Exists", "DoesNotExist"}:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")


def _binding(found: Json, *, namespaced: bool) -> Iterator[Wrong]:
    ref = found.get("roleRef") or {}
    if ref.get("apiGroup", "") != RBAC_GROUP:
        yield unsupported("roleRef.apiGroup", ref.get("apiGroup", ""), [RBAC_GROUP])
    kinds = ["Role", "ClusterRole"] if namespaced else ["ClusterRole"]
    if ref.get("kind", "") not in kinds:
        yield unsupported("roleRef.kind", ref.get("kind", ""), kinds)
    if not ref.get("name"):
        yield required("roleRef.name", "")
    else:
        for said in _path_segment(ref["name"]):
            yield invalid("roleRef.name", ref["name"], said)
    for number, subject in enumerate(found.get("subjects") or ()):
        yield from _subject(subject, f"subjects[{number}]", namespaced=namespaced)


def _subject(subject: Json, path: str, *, namespaced: bool) -> Iterator[Wrong]:
    name, group = subject.get("name", ""), subject.get("apiGroup", "")
    if not name:
        yield required(f"{path}.name", "")
    match subject.get("kind", ""):
        case "ServiceAccount":
            if name:
                for said in _subdomain(name):
                    yield invalid(f"{path}.name", name, said)
            if group:
                yield unsupported(f"{path}.apiGroup", group, [""])
            if not namespaced and not subject.get("namespace"):
                yield required(f"{path}.namespace", "")
        case "User" | "Group":
            if group != RBAC_GROUP:
                yield unsupported(f"{path}.apiGroup", group, [RBAC_GROUP])
        case other:
            yield unsupported(f"{path}.kind", other, ["ServiceAccount", "User", "Group"])


def _path_segment(name: str) -> list[str]:
    if name in {".", ".."}:
        return [f"may not be '{name}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in name]


def _label(name: str) -> list[str]:
    if "." in name and _SUBDOMAIN.fullmatch(name):
        return ["must not contain dots"]
    return _sized(name, _LABEL_MOST) + ([] if _LABEL.fullmatch(name) else [_BAD_LABEL])


def _subdomain(name: str) -> list[str]:
    wrong = [] if _SUBDOMAIN.fullmatch(name) else [_BAD_SUBDOMAIN]
    return _sized(name, _SUBDOMAIN_MOST) + wrong


def _sized(name: str, most: int) -> list[str]:
    return [f"must be no more than {most} bytes"] if len(name.encode()) > most else []


def _qualified(key: str) -> list[str]:
    prefix, slash, name = key.rpartition("/")
    said: list[str] = []
    if slash:
        if not prefix:
            said.append("prefix part must be non-empty")
        said += [f"prefix part {one}" for one in (_subdomain(prefix) if prefix else ())]
    if not name:
        said.append("name part must be non-empty")
    said += [f"name part {one}" for one in _sized(name, _LABEL_MOST)]
    return said if _QUALIFIED.fullmatch(name) else [*said, _BAD_QUALIFIED]


def label_value(value: str) -> list[str]:
    """Say what is wrong with a label's value."""
    wrong = [] if _LABEL_VALUE.fullmatch(value) else [_BAD_LABEL_VALUE]
    return _sized(value, _LABEL_MOST) + wrong


_NAMING: Final[Mapping[str, Naming]] = {"Namespace": _label, "Service": _label}

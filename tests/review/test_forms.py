"""The same objects are the same values, in whichever form they are written."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grants.authz.objects import Meta
from grants.review.inventory import Inventory
from grants.review.reading import read_paths

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RBAC = "rbac.authorization.k8s.io/v1"

# Names as Kubernetes allows them for roles, words that YAML reads as something else among them.
names = st.sampled_from(
    ["a", "on", "no", "null", "0x1f", "12", "~", "true", "a:b", "é ü", "x'y", "#", "-", "*"]
) | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1).filter(
    # PyYAML writes 1e3 without quotes; Kubernetes reads a number then, and so do we.
    lambda name: re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", name) is None
)
words = st.lists(names, max_size=4)
pairs = st.dictionaries(names, names, max_size=3)


def of(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


metas = of(
    {"name": names},
    {
        "namespace": st.sampled_from(["shop", "n"]),
        "uid": names,
        "labels": pairs | st.none(),
        "annotations": pairs,
        "creationTimestamp": st.sampled_from(["2025-03-01T10:00:00Z", None]),
        "managedFields": st.lists(pairs, max_size=2),
    },
)
rules = of(
    {"verbs": words},
    {
        "apiGroups": words | st.none(),
        "resources": words,
        "resourceNames": words,
        "nonResourceURLs": words,
    },
)
selectors = of({}, {"matchLabels": pairs})
pod = of(
    {},
    {
        "serviceAccountName": names,
        "automountServiceAccountToken": st.booleans(),
        "containers": st.lists(pairs, max_size=2),
        "volumes": st.lists(of({}, {"secret": of({}, {"secretName": names})}), max_size=2),
    },
)
objects = st.one_of(
    of(
        {"apiVersion": st.just("v1"), "kind": st.just("ServiceAccount"), "metadata": metas},
        {"automountServiceAccountToken": st.booleans(), "secrets": st.lists(pairs, max_size=1)},
    ),
    of(
        {"apiVersion": st.just(RBAC), "kind": st.sampled_from(["Role", "ClusterRole"])},
        {
            "metadata": metas,
            "rules": st.lists(rules, max_size=3) | st.none(),
            "aggregationRule": of({}, {"clusterRoleSelectors": st.lists(selectors, max_size=2)}),
        },
    ),
    of(
        {
            "apiVersion": st.just(RBAC),
            "kind": st.sampled_from(["RoleBinding", "ClusterRoleBinding"]),
            "metadata": metas,
            "roleRef": of({"kind": st.just("ClusterRole"), "name": names}, {}),
        },
        {
            "subjects": st.lists(
                of({"kind": names, "name": names}, {"namespace": names}), max_size=3
            )
        },
    ),
    of(
        {
            "apiVersion": st.just("apps/v1"),
            "kind": st.sampled_from(["Deployment", "DaemonSet"]),
            "metadata": metas,
            "spec": of({"template": of({"spec": pod}, {})}, {"replicas": st.integers(0, 9)}),
        },
        {"status": pairs},
    ),
    of({"apiVersion": names, "kind": names, "metadata": metas}, {"spec": pairs, "rules": words}),
)


def read(text: str) -> Inventory:
    return read_paths(["-"], io.BytesIO(text.encode()), now=NOW)


def plain(found: Inventory) -> dict[str, Any]:
    def bare(one: Any) -> Any:
        if isinstance(one, Meta):
            return replace(one, origin=None)
        return replace(one, meta=replace(one.meta, origin=None))

    kinds = ("accounts", "roles", "bindings", "workloads", "pods", "namespaces")
    values = {kind: [bare(one) for one in getattr(found, kind)] for kind in kinds}
    told = [(problem.code, problem.facts) for problem in found.problems if problem.code != "twice"]
    return {**values, "seen": found.seen, "others": found.others, "told": told}


def forms(things: list[dict[str, Any]]) -> dict[str, str]:
    whole = {"apiVersion": "v1", "items": things, "kind": "List"}
    deeper = {"apiVersion": "v1", "items": [whole], "kind": "List"}
    options: dict[str, Any] = {"Dumper": yaml.CSafeDumper, "allow_unicode": True}
    aliased = [*things, {"kind": "Other", "apiVersion": "v1", "data": things}]
    return {
        "json, indented": json.dumps(whole, indent=4),
        "json, list in list": json.dumps(deeper, ensure_ascii=False),
        "json, an array": json.dumps(things),
        "json, one after the other": "\n".join(json.dumps(one) for one in things),
        "yaml documents": yaml.dump_all(things, explicit_start=True, **options),
        "yaml, quoted": yaml.dump_all(things, default_style='"', **options),
        "yaml list": yaml.dump(whole, **options),
        "yaml list in list": yaml.dump(deeper, **options),
        "yaml flow": yaml.dump(whole, default_flow_style=True, **options),
        "yaml from json": f"# not JSON\n{json.dumps(whole, ensure_ascii=False)}",
        "aliases": yaml.dump(aliased, **options),
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(objects, min_size=1, max_size=4))
def test_every_form_gives_the_same(things: list[dict[str, Any]]) -> None:
    written = forms(things)
    wanted = plain(read(written["json, indented"]))
    for form, text in written.items():
        found = plain(read(text))
        if form == "aliases":
            found["others"] = {k: n for k, n in found["others"].items() if k != "Other"}
            wanted["others"] = {k: n for k, n in wanted["others"].items() if k != "Other"}
        assert found == wanted, form

"""Whatever is sent to the embedded cluster, it answers, and goes on to work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
import urllib3

from bot.playground.cluster.kinds import KINDS, REVIEWS, Kind
from bot.playground.cluster.plane import EmbeddedPlane

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from bot.playground.certs import Authority

LEAVES: Final = (None, 0, -1, "", "x", [], {}, [1], [None], {"a": None}, True, 1.5, "☃", [{}])
WORDS: Final = (
    *("metadata", "spec", "status", "rules", "subjects", "roleRef", "name", "namespace", "labels"),
    *("annotations", "finalizers", "verbs", "template", "containers", "replicas", "selector"),
    *("matchLabels", "user", "groups", "resourceAttributes", "aggregationRule", "preconditions"),
    *("clusterRoleSelectors", "matchExpressions", "data", "ownerReferences", "uid", "dryRun"),
    *("token", "audiences", "expirationSeconds", "boundObjectRef", "kind"),
)
PATCHES: Final = ("merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
STEPS: Final = ("add", "remove", "replace", "test", "move", "copy", "leap")
POINTERS: Final = ("", "/", "/metadata", "/metadata/labels/a", "/rules/0", "/rules/-", "/a/b", 5)
QUERIES: Final = (
    *("limit=a", "continue=x", "continue=eyJ9", "labelSelector=a", "labelSelector=a%20in%20(b"),
    *("fieldSelector=metadata.name=x", "resourceVersion=x", "includeObject=x", "limit=-1"),
)
ACCEPTED: Final = (
    *("application/json;as=Table;v=v1;g=meta.k8s.io", "*/*", "a/b", ";;;"),
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
)
ROUNDS: Final = 2000


class Nonsense:
    """Makes things up."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def value(self, depth: int = 0) -> Any:
        drawn = self.dice.random()
        if depth > 3 or drawn < 0.5:
            return self.dice.choice(LEAVES)
        if drawn < 0.8:
            words = [self.dice.choice(WORDS) for _ in range(self.dice.randint(0, 4))]
            return {word: self.value(depth + 1) for word in words}
        return [self.value(depth + 1) for _ in range(self.dice.randint(0, 3))]

    def named(self, name: str) -> Any:
        found = self.value()
        if isinstance(found, dict) and self.dice.random() < 0.8:
            meta = found.get("metadata")
            found["metadata"] = {**(meta if isinstance(meta, dict) else {}), "name": name}
        return found

    def request(self, number: int) -> tuple[str, str, Any, str, str]:
        """Draw a method, a path, a body, its type, and what is accepted."""
        kind = self.dice.choice(KINDS)
        one, plain = kind.path("default", "seed"), "application/json"
        what = self.dice.choice(["POST", "PUT", "PATCH", "DELETE", "GET", "part", "review"])
        if what == "POST":
            return what, kind.path("default"), self.named(f"n{number}"), plain, "*/*"
        if what in {"PUT", "DELETE"}:
            return what, one, self.named("seed"), plain, "*/*"
        if what == "PATCH":
            return self.patch(one)
        if what == "GET":
            query, accept = self.dice.choice(QUERIES), self.dice.choice(ACCEPTED)
            return what, f"{kind.path('default')}?{query}", None, plain, accept
        if what == "part":
            return self.part(kind, one)
        review = self.dice.choice(REVIEWS)
        home = "namespaces/default/" if review.namespaced else ""
        path = f"/apis/{review.api_version}/{home}{review.plural}"
        return "POST", path, self.value(), plain, "*/*"

    def patch(self, path: str) -> tuple[str, str, Any, str, str]:
        if self.dice.random() < 0.75:
            kind = self.dice.choice(PATCHES)
            body = self.named("seed")
        else:
            kind = "json-patch+json"
            body = [
                {
                    "op": self.dice.choice(STEPS),
                    "path": self.dice.choice(POINTERS),
                    "from": self.dice.choice(POINTERS),
                    "value": self.value(),
                }
                for _ in range(self.dice.randint(0, 3))
            ]
        return "PATCH", f"{path}?fieldManager=m", body, f"application/{kind}", "*/*"

    def part(self, kind: Kind, path: str) -> tuple[str, str, Any, str, str]:
        if not kind.subresources:
            return "GET", path, None, "application/json", "*/*"
        name = self.dice.choice(kind.subresources).name
        method = self.dice.choice(["GET", "PUT", "POST", "PATCH"])
        media = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return method, f"{path}/{name}", self.named("seed"), media, "*/*"


def valid(kind: Kind) -> dict[str, Any]:
    """An object for nonsense to be sent to."""
    made: dict[str, Any] = {"metadata": {"name": "seed"}}
    containers = {"containers": [{"name": "a", "image": "b"}]}
    if kind.kind.endswith("Binding"):
        made["roleRef"] = {"kind": "ClusterRole", "name": "view"}
    elif kind.kind == "Pod":
        made["spec"] = containers
    elif kind.group == "apps":
        made["spec"] = {"replicas": 1, "template": {"spec": containers}}
    return made


@pytest.fixture
def own(authority: Authority, tmp_path: Path) -> Iterator[EmbeddedPlane]:
    with EmbeddedPlane(tmp_path / "plane", authority) as plane:
        yield plane


def test_nonsense_is_refused_and_hurts_nothing(own: EmbeddedPlane, dice: random.Random) -> None:
    nonsense = Nonsense(dice)
    for kind in KINDS:
        own.admin_request("POST", kind.path("default"), valid(kind))
    with urllib3.PoolManager(ca_certs=str(own.authority.ca_file), retries=False) as pool:
        for number in range(ROUNDS):
            method, path, body, media, accept = nonsense.request(number)
            answer = pool.request(
                method,
                own.url + path,
                body=None if body is None else json.dumps(body).encode(),
                headers={
                    "Authorization": f"Bearer {own.admin_token}",
                    "Content-Type": media,
                    "Accept": accept,
                },
                timeout=20,
            )
            # A version on what is to be made is answered so by a real one, too.
            ours = b"resourceVersion should not be set" not in answer.data
            assert answer.status < 500 or not ours, (method, path, body, answer.data[:300])
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    own.admin_request("POST", roles, {"metadata": {"name": "fine"}, "rules": []})
    assert own.admin_request("GET", f"{roles}/fine")["metadata"]["uid"]

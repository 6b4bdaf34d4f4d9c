"""A world on the real control plane: accounts with random rights, and what they do with them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import product
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

from bot.playground.controlplane.plane import ControlPlane
from grants.authz.model import Question, Rule
from grants.authz.objects import Caller
from grants.authz.requests import as_requested
from grants.review.inventory import Inventory
from grants.review.reading import read_paths
from grants.review.rightsizing.manifests import rule_manifest
from grants.review.rightsizing.model import Target
from grants.usage.coverage import coverage_of
from grants.usage.model import Use
from grants.usage.reading import Reader
from grants.usage.times import as_time
from tests.support.cluster_lab import RBAC, new_word

ACCOUNTS = 12
PLACES = 3
DONE_BY_EACH = 25
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
NAMES = ("a", "b", "settings", "web-7d4b9c6f5d-x2x7k")
INSIDE = (
    *(("", kind) for kind in ("pods", "secrets", "configmaps", "services", "endpoints")),
    *(("", kind) for kind in ("serviceaccounts", "persistentvolumeclaims", "limitranges")),
    *(("apps", kind) for kind in ("deployments", "statefulsets", "daemonsets")),
    ("batch", "jobs"),
    ("networking.k8s.io", "ingresses"),
)
OUTSIDE = (("", "nodes"), ("", "persistentvolumes"), ("storage.k8s.io", "storageclasses"))
SUBRESOURCES = (
    ("get", "", "pods", "log"),
    ("create", "", "pods", "eviction"),
    ("create", "", "serviceaccounts", "token"),
    ("get", "apps", "deployments", "scale"),
    ("patch", "apps", "deployments", "scale"),
    ("get", "", "pods", "status"),
)
PATHS = ("/metrics", "/version", "/logs/x", "/debug/pprof/")


def questions(places: tuple[str, ...]) -> tuple[Question, ...]:
    """Everything that a request of this world can ask."""
    found = []
    for verb, (group, kind), name in product(VERBS, (*INSIDE, *OUTSIDE), ("", *NAMES)):
        unnamed = verb in {"create", "deletecollection"}
        if (unnamed and name) or (verb in {"get", "update", "patch", "delete"} and not name):
            continue
        for place in (None, *places):
            anywhere = verb in {"list", "watch"} or (group, kind) in OUTSIDE
            if place is not None or anywhere:
                found.append(as_requested(Question(verb, group, kind, "", name, place)))
    for (verb, group, kind, sub), name, place in product(SUBRESOURCES, NAMES, places):
        found.append(Question(verb, group, kind, sub, name, place))
    found += [Question("get", path=path) for path in PATHS]
    return tuple(dict.fromkeys(found))


@dataclass
class SizedAccount:
    """An account, its token, and what it did and was let."""

    target: Target
    token: str
    done: list[Question] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        return self.target.caller


@dataclass
class SizedWorld:
    """The world, and an admin who sets it up."""

    plane: ControlPlane
    random: Random
    folder: Path
    word: str = field(default_factory=new_word)
    accounts: list[SizedAccount] = field(default_factory=list)
    _pool: urllib3.PoolManager = field(init=False)

    def __post_init__(self) -> None:
        self.places = tuple(f"sized-{self.word}-{number}" for number in range(PLACES))
        self._pool = urllib3.PoolManager(ca_certs=str(self.plane.authority.ca_file), retries=False)

    def build(self) -> None:
        """Make namespaces, accounts, roles and bindings."""
        admin = self.plane.admin_request
        for place in self.places:
            admin("POST", "/api/v1/namespaces", {"metadata": {"name": place}})
        for number in range(ACCOUNTS):
            place = self.random.choice(self.places)
            at = f"/api/v1/namespaces/{place}/serviceaccounts"
            name = f"worker-{number}"
            admin("POST", at, {"metadata": {"name": name}})
            token = admin("POST", f"{at}/{name}/token", {"spec": {}})["status"]["token"]
            self.accounts.append(SizedAccount(Target(place, name), token))
            for right in range(self.random.randint(2, 4)):
                self._bind(self.accounts[-1].target, f"{self.word}-{number}-{right}")
        self._bind_group()

    def _bind(self, target: Target, name: str) -> None:
        rules = [self._rule() for _ in range(self.random.randint(1, 4))]
        subjects = [_subject(target)]
        if self.random.random() < 0.2:
            # Somebody else is in the same binding, and must stay in it.
            subjects.append({"kind": "User", "apiGroup": RBAC.split("/")[2], "name": "somebody"})
        if self.random.random() < 0.5:
            rules.append(Rule(("get",), non_resource_urls=("/metrics", "/logs/*")))
            self._make("ClusterRole", name, None, rules, "ClusterRoleBinding", None, subjects)
        else:
            place = self.random.choice(self.places)
            kind = self.random.choice(("Role", "ClusterRole"))
            at = place if kind == "Role" else None
            self._make(kind, name, at, rules, "RoleBinding", place, subjects)

    def _bind_group(self) -> None:
        rules = [Rule(("list",), ("",), ("services",))]
        group = {"kind": "Group", "apiGroup": RBAC.split("/")[2]}
        subjects = [{**group, "name": f"system:serviceaccounts:{self.places[0]}"}]
        name = f"{self.word}-group"
        place = self.places[0]
        self._make("ClusterRole", name, None, rules, "RoleBinding", place, subjects)

    def _rule(self) -> Rule:
        pick = self.random
        group, kind = pick.choice((*INSIDE, *OUTSIDE))
        shape = pick.random()
        verbs = tuple(pick.sample(VERBS, pick.randint(2, 6)))
        if shape < 0.1:
            return Rule(("*",), ("apps",), ("*",))
        if shape < 0.25:
            return Rule(verbs, ("", "apps"), ("*",))
        if shape < 0.4:
            return Rule(verbs, ("*",), (kind, "pods/log", "pods/eviction", "deployments/scale"))
        if shape < 0.6:
            return Rule(verbs, (group,), (kind,), tuple(pick.sample(NAMES, 2)))
        return Rule(verbs, (group,), (kind, "configmaps", "pods"))

    def _make(
        self,
        kind: str,
        name: str,
        place: str | None,
        rules: list[Rule],
        binding: str,
        bound_in: str | None,
        subjects: list[dict[str, str]],
    ) -> None:
        body = {"metadata": {"name": name}, "rules": [rule_manifest(rule) for rule in rules]}
        self.plane.admin_request("POST", collection(kind, place), body)
        ref = {"apiGroup": RBAC.split("/")[2], "kind": kind, "name": name}
        bound = {"metadata": {"name": name}, "roleRef": ref, "subjects": subjects}
        self.plane.admin_request("POST", collection(binding, bound_in), bound)

    def inventory(self) -> Inventory:
        """Read the cluster's RBAC as a dump would hold it."""
        items = []
        for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"):
            listed = self.plane.admin_request("GET", collection(kind, None))
            version = listed["apiVersion"]
            items += [{"apiVersion": version, "kind": kind, **one} for one in listed["items"]]
        path = self.folder / "dump.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        return read_paths([path], now=datetime.now(UTC))

    def uses(self) -> list[Use]:
        """Read what the audit log shows, as `usage import` does."""
        reader = Reader(datetime.now(UTC), cluster="real")
        with self.plane.servers[0].audit_log.open("rb") as stream:
            reader.read(stream, "audit.log")
        part = reader.folded.parts["real"]
        assert coverage_of("real", part.seen, part.losses).since is not None
        return [
            Use("real", act, as_time(row.first), as_time(row.last), row.count)
            for act, row in part.rows
        ]

    def asks(self, account: SizedAccount, question: Question) -> int:
        """Put a real request with the account's token; the status."""
        method, path, body = request_of(question)
        if question.verb == "watch":
            return self._begins(path, account.token)
        return self.plane.request(method, path, body, token=account.token).status

    def _begins(self, path: str, token: str) -> int:
        """Begin a watch and leave it: whether it is allowed shows before anything happens."""
        answer = self._pool.request(
            "GET",
            f"{self.plane.url}{path}",
            headers={"Authorization": f"Bearer {token}"},
            preload_content=False,
        )
        answer.close()
        return answer.status

    def reviewed(self, account: SizedAccount, question: Question) -> bool:
        """Ask the API server whether the account may, by its groups too."""
        spec: dict[str, Any] = {
            "user": account.caller.user,
            "groups": sorted(account.caller.groups),
        }
        if question.path is not None:
            spec["nonResourceAttributes"] = {"path": question.path, "verb": question.verb}
        else:
            spec["resourceAttributes"] = {
                "verb": question.verb,
                "group": question.api_group,
                "resource": question.resource,
                "subresource": question.subresource,
                "name": question.name,
                "namespace": question.namespace or "",
            }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        said = self.plane.admin_request("POST", path, {"spec": spec})
        return bool(said["status"]["allowed"])

    def apply(self, text: str) -> list[str]:
        """Apply YAML as `kubectl apply --server-side` does; the resourceVersions."""
        return [self._apply(document) for document in text.split("---\n")[1:]]

    def _apply(self, document: str) -> str:
        manifest = yaml.safe_load(document)
        meta = manifest["metadata"]
        path = f"{collection(manifest['kind'], meta.get('namespace'))}/{meta['name']}"
        answer = self._pool.request(
            "PATCH",
            f"{self.plane.url}{path}?fieldManager=right-size",
            body=document.encode(),
            headers={
                "Authorization": f"Bearer {self.plane.admin_token}",
                "Content-Type": "application/apply-patch+yaml",
            },
        )
        assert answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}, answer.data
        return str(json.loads(answer.data)["metadata"]["resourceVersion"])

    def clean_up(self) -> None:
        """Take away what stands outside of the namespaces, and these."""
        for kind in ("ClusterRoleBinding", "ClusterRole"):
            for item in self.plane.admin_request("GET", collection(kind, None))["items"]:
                name = item["metadata"]["name"]
                if name.startswith((self.word, f"right-sized-sized-{self.word}")):
                    self.plane.admin_request("DELETE", f"{collection(kind, None)}/{name}")
        for place in self.places:
            self.plane.admin_request("DELETE", f"/api/v1/namespaces/{place}")


def collection(kind: str, place: str | None) -> str:
    """The path of a kind of RBAC."""
    at = f"/namespaces/{place}" if place else ""
    return f"{RBAC}{at}/{kind.lower()}s"


def request_of(question: Question) -> tuple[str, str, Any]:
    """The real request that asks this question; nothing of it is carried out."""
    if question.path is not None:
        return "GET", question.path, None
    root = f"/apis/{question.api_group}/v1" if question.api_group else "/api/v1"
    place = f"/namespaces/{question.namespace}" if question.namespace else ""
    name = question.name
    collects = question.verb in {"list", "watch", "create", "deletecollection"}
    query = {"dryRun": "All"} if question.verb not in {"get", "list", "watch"} else {}
    path = f"{root}{place}/{question.resource}"
    if question.subresource:
        path += f"/{name}/{question.subresource}"
    elif name and not collects:
        path += f"/{name}"
    elif name:
        query["fieldSelector"] = f"metadata.name={name}"
    if question.verb == "watch":
        query |= {"watch": "1", "timeoutSeconds": "1"}
    method, body = _METHODS[question.verb]
    return method, f"{path}?{urlencode(query)}" if query else path, body


_DELETE = {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}
_METHODS: dict[str, tuple[str, Any]] = {
    "get": ("GET", None),
    "list": ("GET", None),
    "watch": ("GET", None),
    "create": ("POST", {}),
    "update": ("PUT", {}),
    "patch": ("PATCH", {}),
    "delete": ("DELETE", _DELETE),
    "deletecollection": ("DELETE", _DELETE),
}


def _subject(target: Target) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": target.name, "namespace": target.namespace}


def sized_world(plane: ControlPlane, random: Random, folder: Path) -> Iterator[SizedWorld]:
    """Build a world, and take it away."""
    world = SizedWorld(plane, random, folder)
    try:
        world.build()
        yield world
    finally:
        world.clean_up()

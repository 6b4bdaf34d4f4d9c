"""A real API server, asked by many threads at once without any client library."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
import urllib3

from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import wait_until
from grants.authz.model import Question
from grants.authz.objects import Binding, Caller, Role
from tests.support.agreement.manifests import (
    API_VERSION,
    LABEL,
    binding_manifest,
    binding_of_manifest,
    role_manifest,
    role_of_manifest,
)
from tests.support.agreement.oracle import Verdict
from tests.support.agreement.semantics import Request

THREADS: Final = 12
SETTLED_WITHIN: Final = timedelta(seconds=60)
_LONGEST_SECONDS: Final = 300.0
"""A collection of hundreds is deleted one by one, each with the controller at its heels."""
_RBAC: Final = f"/apis/{API_VERSION}"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

A = TypeVar("A")
B = TypeVar("B")


class Server:
    """The API server of a control plane, asked as system:masters; scenes and questions alike."""

    def __init__(self, plane: ControlPlane) -> None:
        self._url: Final = plane.url
        self._token: Final = plane.admin_token
        self._tokens: dict[str, str] = {}
        self._pool: Final = urllib3.PoolManager(
            ca_certs=str(plane.authority.ca_file),
            retries=False,
            maxsize=THREADS,
            timeout=_LONGEST_SECONDS,
        )
        self._threads: Final = ThreadPoolExecutor(THREADS)

    def close(self) -> None:
        """End the threads and connections."""
        self._threads.shutdown()
        self._pool.clear()

    def each(self, ask: Callable[[A], B], things: Iterable[A]) -> list[B]:
        """Ask of each, many at once; the answers in their order."""
        return list(self._threads.map(ask, things))

    def call(
        self, method: str, path: str, body: object = None, headers: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, Any]:
        """Give status and decoded body; a refusal is an answer."""
        every = urllib3.HTTPHeaderDict({"Authorization": f"Bearer {self._token}"})
        every["Content-Type"] = "application/json"
        for name, value in headers:
            if name == "Authorization":
                every[name] = value
            else:
                every.add(name, value)
        data = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(method, self._url + path, body=data, headers=every)
        try:
            return answer.status, msgspec.json.decode(answer.data)
        except msgspec.DecodeError:
            return answer.status, answer.data.decode(errors="replace")

    def must(self, method: str, path: str, body: object = None) -> Any:
        """Call what a scene needs."""
        status, said = self.call(method, path, body)
        if status >= 400:
            raise AssertionError(f"{method} {path}: {status} {said}")
        return said

    def review(self, asked: tuple[Caller, Question]) -> Verdict:
        """Ask one access review."""
        caller, question = asked
        spec = {"user": caller.user, "groups": sorted(caller.groups)} | _attributes(question)
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
        status = self.must("POST", _REVIEWS, body | {"spec": spec})["status"]
        reason = status.get("reason", "")
        return Verdict(status["allowed"], frozenset({reason} if status["allowed"] else ()))

    def request(self, request: Request) -> Verdict:
        """Make a real request, and see whether it was let through to whatever comes behind."""
        path = request.path + (f"?{request.query}" if request.query else "")
        writes = request.writes
        body: dict[str, Any] | None = None
        if isinstance(writes, Role):
            body = role_manifest(writes)
        elif isinstance(writes, Binding):
            body = binding_manifest(writes)
        status, said = self.call(request.method, path, body, self._identity(request))
        if writes is not None:
            assert status in {201, 403, 404}, (request, status, said)
            return Verdict(status == 201)
        assert status in {200, 403, 404, 405}, (request, status, said)
        return Verdict(status != 403)

    def _identity(self, request: Request) -> list[tuple[str, str]]:
        user = request.caller.user
        if request.token:
            return [("Authorization", f"Bearer {self._tokens[user]}")]
        groups = [("Impersonate-Group", group) for group in sorted(request.caller.groups)]
        return [("Impersonate-User", user), *groups]

    def make_account(self, account: tuple[str, str]) -> None:
        """Make a service account, and get a token of its own."""
        namespace, name = account
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.must("POST", path, {"metadata": {"name": name}})
        made = self.must("POST", f"{path}/{name}/token", {"spec": {"expirationSeconds": 3600}})
        self._tokens[f"system:serviceaccount:{namespace}:{name}"] = made["status"]["token"]

    def put_roles(self, roles: Iterable[Role], round_: str) -> None:
        """Make roles; they carry the round's name as a label."""
        bodies = [role_manifest(role, {LABEL: round_}) for role in roles]
        self.each(self._put, bodies)

    def put_bindings(self, bindings: Iterable[Binding], round_: str) -> None:
        """Make bindings."""
        self.each(self._put, [binding_manifest(binding, {LABEL: round_}) for binding in bindings])

    def _put(self, body: dict[str, Any]) -> None:
        self.must("POST", _collection(body["kind"], body["metadata"].get("namespace", "")), body)

    def roles(self) -> list[Role]:
        """Read all roles there are."""
        return [
            role_of_manifest(item, kind)
            for kind in ("ClusterRole", "Role")
            for item in self.must("GET", _collection(kind, ""))["items"]
        ]

    def bindings(self) -> list[Binding]:
        """Read all bindings there are."""
        return [
            binding_of_manifest(item, kind)
            for kind in ("ClusterRoleBinding", "RoleBinding")
            for item in self.must("GET", _collection(kind, ""))["items"]
        ]

    def wait_allowed(self, caller: Caller, question: Question) -> None:
        """Wait until the authorizer has seen what allows this."""
        wait_until(
            lambda: self.review((caller, question)).allowed,
            within=SETTLED_WITHIN,
            what="the authorizer to see the round's last objects",
        )

    def clean(self, round_: str, namespaces: Iterable[str]) -> None:
        """Remove all objects of a round."""
        selector = f"?labelSelector={quote(f'{LABEL}={round_}')}"
        places = [*namespaces]
        paths = [_collection(kind, "") for kind in ("ClusterRole", "ClusterRoleBinding")]
        paths += [_collection(kind, place) for kind in ("Role", "RoleBinding") for place in places]
        self.each(lambda path: self.must("DELETE", path + selector), paths)
        self.each(lambda name: self.must("DELETE", f"/api/v1/namespaces/{name}"), places)


def _collection(kind: str, namespace: str) -> str:
    plural = f"{kind.lower()}s"
    return f"{_RBAC}/namespaces/{namespace}/{plural}" if namespace else f"{_RBAC}/{plural}"


def _attributes(question: Question) -> dict[str, Any]:
    if question.path is not None:
        return {"nonResourceAttributes": {"verb": question.verb, "path": question.path}}
    given = {
        "verb": question.verb,
        "group": question.api_group,
        "resource": question.resource,
        "subresource": question.subresource,
        "name": question.name,
        "namespace": question.namespace or "",
    }
    return {"resourceAttributes": {key: value for key, value in given.items() if value}}

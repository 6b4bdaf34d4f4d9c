"""A script's stage: a namespace and a word of its own on one server, and what was said on it."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

import yaml

from tests.contracts.api.manifests import (
    ACCOUNTS,
    AUTHORIZATION,
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    ROLES,
    Json,
    account,
    binding,
    email,
    namespace,
    review,
    role,
    service_account,
    user,
    username,
)
from tests.contracts.api.masks import Masks
from tests.contracts.api.served import Reply, Served

ADMIN: Final = "admin"
NOBODY: Final = "nobody"
MERGE: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"

_SHOWN_HEADERS: Final = ("warning", "retry-after", "location", "www-authenticate", "allow")
_WIDE: Final = (CLUSTER_BINDINGS, CLUSTER_ROLES, NAMESPACES)
_EVENTUALLY_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.005


class Stage:
    """Asks one server, and keeps what was asked and answered as a text without chance.

    A caller is `admin`, `nobody` (no token), `account:NAME` (a service account of this namespace)
    or the name of a person, who signs in with the groups that `groups` says.
    """

    def __init__(self, served: Served, namespace: str, word: str) -> None:
        self.served = served
        self.namespace = namespace
        self.word = word
        self.groups: dict[str, tuple[str, ...]] = {}
        self.masks = Masks({namespace: "{ns}", word: "{word}", served.issuer.url: "{issuer}"})
        self._tokens = {ADMIN: served.admin_token}
        self._lines: list[str] = []
        self._made: set[str] = set()
        self._is_ending = False

    @property
    def told(self) -> str:
        """The whole script so far with its answers."""
        return "\n".join(self._lines)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: str = ADMIN,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
        show: Callable[[Any], Any] | None = None,
        **query: str | int,
    ) -> Reply:
        """Ask, and tell what came; `show` picks what of a body is told."""
        reply = self.send(method, path, body, by=by, kind=kind, headers=headers, **query)
        said = [f"{method} {self.path(path, query)}", *([] if by == ADMIN else [f"by {by}"])]
        said += [f"{name}: {value}" for name, value in self.fill(headers or {}).items()]
        self._lines.append(f"> {self.masks.text('  '.join(said))}")
        self._lines.append(f"< {_status_line(reply)}")
        if reply.body is None:
            self.tell(reply.text.rstrip("\n"))
        elif _is_plain_failure(reply):
            self._tell_failure(reply.body)
        else:
            self.tell(show(reply.body) if show else without_managers(reply.body))
        return reply

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: str = ADMIN,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
        **query: str | int,
    ) -> Reply:
        """Ask without telling."""
        sent = self.headers(by) | ({} if body is None else {"Content-Type": kind})
        sent |= self.fill(headers or {})
        asked = self.path(path, query)
        reply = self.served.send(method, asked, self._bytes(body), sent)
        self._note(method, asked.partition("?")[0], reply)
        return reply

    def do(self, method: str, path: str, body: object = None, **options: Any) -> Reply:
        """Set a scene: without telling, and it must succeed."""
        reply = self.send(method, path, body, **options)
        assert reply.status < 300, f"{method} {path}: {reply.status} {reply.text}"
        return reply

    def tell(self, value: Any) -> None:
        """Add to what is told."""
        masked = self.masks.of(value)
        text = masked if isinstance(masked, str) else _yaml(masked)
        self._lines.append(text)

    def _tell_failure(self, status: Json) -> None:
        """Tell what differs between failures; the rest is as it always is."""
        self.tell(f"{status['reason']}: {status['message']}")
        if status.get("details"):
            self.tell({"details": status["details"]})

    def fill(self, value: Any) -> Any:
        """Put this stage's namespace and word into a script's text or object."""
        if isinstance(value, dict):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, str):
            return value.replace("{ns}", self.namespace).replace("{word}", self.word)
        return value

    def path(self, path: str, query: dict[str, str | int]) -> str:
        """Say the path that is asked."""
        asked = self.fill(query)
        return self.fill(path) + (f"?{urlencode(asked, safe='=,!/ ')}" if asked else "")

    def headers(self, by: str) -> dict[str, str]:
        """Say what a caller sends along."""
        token = self.token(by)
        return {"Accept": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )

    def token(self, by: str) -> str:
        """Give a caller's token; the same one for the whole script."""
        if by == NOBODY:
            return ""
        if by not in self._tokens:
            self._tokens[by] = self._new_token(by)
        return self._tokens[by]

    def grant(self, who: str, *rules: Json, name: str = "") -> None:
        """Let somebody do something in this namespace, and wait until it counts."""
        named = name or f"{who.rpartition(':')[2]}-may"
        self.do("POST", ROLES, role(named, *rules))
        self.do("POST", BINDINGS, binding(named, f"Role/{named}", self.subject(who)))
        for one in rules:
            more = {"name": one["resourceNames"][0]} if "resourceNames" in one else {}
            resource, _, subresource = one["resources"][0].partition("/")
            more |= {"subresource": subresource} if subresource else {}
            self.until_may(who, one["verbs"][0], resource, group=one["apiGroups"][0], **more)

    def subject(self, who: str) -> Json:
        """The subject of a binding that a caller is."""
        return account(who.partition(":")[2]) if who.startswith("account:") else user(who)

    def add_account(self, name: str) -> str:
        """Make a service account; gives the caller that it is."""
        self.do("POST", ACCOUNTS, service_account(name))
        return f"account:{name}"

    def may(self, who: str, verb: str, resource: str, **more: str) -> bool:
        """Ask, as the administrator, whether somebody may do something in this namespace."""
        spec: Json = {
            "user": username(who),
            "resourceAttributes": {
                "namespace": "{ns}",
                "verb": verb,
                "resource": resource,
                **more,
            },
        }
        if who.startswith("account:"):
            spec["user"] = f"system:serviceaccount:{{ns}}:{who.partition(':')[2]}"
        if who in self.groups:
            spec["groups"] = [f"oidc:{name}" for name in self.groups[who]]
        made = review("SubjectAccessReview", **spec)
        reply = self.do("POST", f"{AUTHORIZATION}/subjectaccessreviews", made)
        return bool(reply.body["status"]["allowed"])

    def until_may(self, who: str, verb: str, resource: str, **more: str) -> None:
        """Wait until somebody may do something in this namespace."""
        until(lambda: self.may(who, verb, resource, **more), f"{who} may {verb} {resource}")

    def clean_up(self) -> None:
        """Delete what was made, and the namespace too if something in it is held."""
        held = [_is_held(self.send("DELETE", path)) for path in sorted(self._made)]
        if self._is_ending or any(held):
            self.send("DELETE", f"{NAMESPACES}/{{ns}}")
        else:
            self.served.rooms.give_back(self.namespace)

    def _note(self, method: str, path: str, reply: Reply) -> None:
        """Note what is to be deleted in the end."""
        own = f"{NAMESPACES}/{self.namespace}"
        if method == "DELETE":
            self._is_ending = self._is_ending or path == own
            if reply.status == HTTPStatus.NOT_FOUND:
                self._made.discard(path)
        elif reply.status == HTTPStatus.CREATED and reply.body["metadata"].get("uid"):
            name = quote(reply.body["metadata"]["name"], safe="")
            place = path if method != "POST" else f"{path}/{name}"
            is_ours = f"/namespaces/{self.namespace}/" in path or path.startswith(_WIDE)
            if is_ours and not path.endswith("/token"):
                self._made.add(place)

    def _new_token(self, by: str) -> str:
        if by.startswith("account:"):
            path = f"{ACCOUNTS}/{by.partition(':')[2]}/token"
            asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
            return str(self.do("POST", path, asked).body["status"]["token"])
        claims: Json = {"email": self.fill(email(by)), "email_verified": True}
        if by in self.groups:
            claims["groups"] = list(self.groups[by])
        return self.served.issuer.token(**claims)

    def _bytes(self, body: object) -> bytes | None:
        if body is None or isinstance(body, bytes):
            return body
        return json.dumps(self.fill(body)).encode()


@contextmanager
def new_stage(served: Served, word: str) -> Iterator[Stage]:
    """Set up a stage on a server, with a namespace that is empty."""
    room = served.rooms.take()
    stage = Stage(served, room or new_name(), word)
    if room is None:
        stage.do("POST", NAMESPACES, namespace("{ns}"))
    yield stage
    stage.clean_up()


def new_name() -> str:
    """Make a name of a namespace that nobody has."""
    return f"t-{secrets.token_hex(5)}"


def until(check: Callable[[], bool], what: str) -> None:
    """Wait for what a server does after its answer: milliseconds, as a rule."""
    deadline = time.monotonic() + _EVENTUALLY_SECONDS
    while not check():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(_POLL_SECONDS)


def _is_held(reply: Reply) -> bool:
    """Tell whether what was deleted is there still; a deleted pod is answered as it was."""
    return bool(reply.body.get("metadata", {}).get("finalizers"))


def _status_line(reply: Reply) -> str:
    shown = [reply.headers.get("content-type", "no content")]
    shown += [f"{name}: {reply.headers[name]}" for name in _SHOWN_HEADERS if name in reply.headers]
    return f"{reply.status} {'; '.join(shown)}"


def _is_plain_failure(reply: Reply) -> bool:
    """Tell whether it is a Status as most are."""
    usual = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    said = dict(reply.body) | {"details": None}
    varying = {"message": said.get("message"), "reason": said.get("reason"), "details": None}
    return said == usual | varying | {"code": reply.status}


def without_managers(value: Any) -> Any:
    """Leave out who wrote which field."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key != "managedFields"}
        return {key: without_managers(item) for key, item in kept.items()}
    return [without_managers(item) for item in value] if isinstance(value, list) else value


def _yaml(value: Any) -> str:
    # The C library's: a tenth of the time.
    return yaml.dump(
        value, Dumper=yaml.CSafeDumper, sort_keys=True, width=10**6, allow_unicode=True
    ).rstrip()

"""What hangs on objects: tokens of accounts, the status, the scale, and what needs a machine."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

from bot.playground.cluster.accounts import ISSUER, AccountTokens
from bot.playground.cluster.faults import (
    bad_request,
    conflict,
    invalid,
    method_not_allowed,
    not_found,
    not_valid,
    success,
)
from bot.playground.cluster.kinds import AUTHENTICATION, NAMESPACE, POD, SECRET, Json
from bot.playground.cluster.meta import rfc3339
from bot.playground.cluster.store import Store
from bot.playground.cluster.writing import DeleteOptions, Edit, Place, Writer
from grants.authz.reason import quoted

_TOKEN_LEAST_SECONDS: Final = 600
_TOKEN_USUAL_SECONDS: Final = 3600
_BOUND: Final = {"Pod": POD, "Secret": SECRET}

Said = tuple[int, Json | None]
"""A status code and a body; None: nothing at all."""


class Parts:
    """Answers requests on subresources."""

    def __init__(self, store: Store, writer: Writer, tokens: AccountTokens) -> None:
        self._store = store
        self._writer = writer
        self._tokens = tokens

    def token(self, place: Place, wanted: Json, *, dry_run: bool = False) -> Said:
        """Give a token for an account."""
        account = self._stored(place)
        spec = {
            "audiences": [ISSUER],
            "expirationSeconds": _TOKEN_USUAL_SECONDS,
            "boundObjectRef": None,
            **{key: value for key, value in (wanted.get("spec") or {}).items() if value},
        }
        _require_account(place, wanted.get("metadata") or {}, account)
        if spec["expirationSeconds"] < _TOKEN_LEAST_SECONDS:
            wrong = invalid(
                "spec.expirationSeconds",
                spec["expirationSeconds"],
                "may not specify a duration less than 10 minutes",
            )
            raise not_valid("TokenRequest", AUTHENTICATION, "", [wrong])
        uid = self._bound(place, spec)
        token = "" if dry_run else self._tokens.issue(account, spec, uid)
        lasts = timedelta(seconds=spec["expirationSeconds"])
        meta = account["metadata"]
        return HTTPStatus.CREATED, {
            "kind": "TokenRequest",
            "apiVersion": f"{AUTHENTICATION}/v1",
            "metadata": {
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
                "creationTimestamp": rfc3339(),
            },
            "spec": spec,
            "status": {"token": token, "expirationTimestamp": rfc3339(after=lasts)},
        }

    def _bound(self, place: Place, spec: Json) -> str:
        ref = spec.get("boundObjectRef")
        if not ref:
            return ""
        kind = _BOUND.get(ref.get("kind", ""))
        if kind is None:
            about = f"/{ref.get('apiVersion', '')}, Kind={ref.get('kind', '')}"
            raise bad_request(f"cannot bind token to object of type {about}")
        found = self._store.get(kind, place.namespace, ref.get("name", ""))
        if found is None:
            raise not_found(kind, ref.get("name", ""))
        if kind is POD and found["spec"].get("serviceAccountName") != place.name:
            raise bad_request(
                f"cannot bind token for serviceaccount {quoted(place.name)} to pod running with"
                " different serviceaccount name."
            )
        uid = str(found["metadata"]["uid"])
        if ref.get("uid") not in {None, "", uid}:
            why = (
                f"the UID in the bound object reference ({ref['uid']}) does not match the UID in"
                " record. The object might have been deleted and then recreated"
            )
            raise conflict("", kind.kind, ref["name"], why)
        return uid

    def status(self, place: Place, edit: Edit) -> Said:
        """Replace the status by that of what `edit` makes of the object."""

        def changed(old: Json) -> Json:
            status = edit(old).get("status") or {}
            # Whatever else is taken away: a namespace has a phase.
            kept = {"phase": old["status"]["phase"]} if place.kind is NAMESPACE else {}
            return {**old, "status": {**kept, **status}}

        return HTTPStatus.OK, self._writer.change_part(place, changed)

    def finalize(self, place: Place, wanted: Json) -> Said:
        """Replace what must happen before a namespace may end."""
        finalizers = (wanted.get("spec") or {}).get("finalizers") or []
        changed = self._writer.change_part(
            place, lambda old: {**old, "spec": {**old["spec"], "finalizers": finalizers}}
        )
        return HTTPStatus.OK, changed

    def scale(self, place: Place) -> Json:
        """Give how many there are, and shall be."""
        found = self._stored(place)
        meta = found["metadata"]
        kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        spec: Json = found.get("spec") or {}
        selector: Json = {}
        if isinstance(spec.get("selector"), dict):
            selector = spec["selector"].get("matchLabels") or {}
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {key: meta[key] for key in kept},
            "spec": {"replicas": spec.get("replicas", 1)},
            "status": {
                "replicas": found.get("status", {}).get("replicas", 0),
                "selector": ",".join(f"{k}={v}" for k, v in sorted(selector.items())),
            },
        }

    def set_scale(self, place: Place, wanted: Json) -> Said:
        """Say how many there shall be."""
        replicas = (wanted.get("spec") or {}).get("replicas", 0)
        if not isinstance(replicas, int) or replicas < 0:
            wrong = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
            raise not_valid("Scale", "autoscaling", place.name, [wrong])

        def edit(old: Json) -> Json:
            meta = {**old["metadata"], "generation": old["metadata"].get("generation", 1) + 1}
            spec = {**(old.get("spec") or {}), "replicas": replicas}
            return {**old, "metadata": meta, "spec": spec}

        self._writer.change_part(place, edit)
        return HTTPStatus.OK, self.scale(place)

    def pod(self, place: Place, name: str, method: str, query: dict[str, str]) -> Said:
        """Answer what needs the machine that a pod runs on: none runs here."""
        self._stored(place)
        if name == "log":
            # A pod without a machine has written nothing; so it is said, too.
            return HTTPStatus.NO_CONTENT, None
        if name == "eviction":
            self._writer.delete(place, DeleteOptions(dry_run=query.get("dryRun") == "All"))
            done = success({})
            return HTTPStatus.CREATED, {**done, "code": int(HTTPStatus.CREATED)}
        if name in {"exec", "attach", "portforward"} and method in {"GET", "POST"}:
            raise bad_request(f"pod {place.name} does not have a host assigned")
        raise method_not_allowed()

    def _stored(self, place: Place) -> Json:
        found = self._store.get(place.kind, place.namespace, place.name)
        if found is None:
            raise not_found(place.kind, place.name)
        return found


def _require_account(place: Place, said: Json, account: Json) -> None:
    """Raise a Fault when a request for a token means another account than it is sent to."""
    for key, meant in (("name", place.name), ("namespace", place.namespace)):
        if said.get(key) not in {None, "", meant}:
            detail = f"must match the service account {key} if specified"
            wrong = invalid(f"metadata.{key}", said[key], detail)
            raise not_valid("TokenRequest", AUTHENTICATION, place.name, [wrong])
    uid = account["metadata"]["uid"]
    if said.get("uid") not in {None, "", uid}:
        why = (
            f"the UID in the token request ({said['uid']}) does not match the UID of the service"
            f" account ({uid})"
        )
        raise conflict(AUTHENTICATION, "TokenRequest", place.name, why)

"""From the final click to access that acts, against a bare create and access review."""

import json
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final, TypeVar

from bot.playground.slack import Message
from bot.playground.slack.person import Person
from grants.access.model import Grant
from grants.ids import Prefix, new_id
from tests.bench.bound import RBAC, REVIEWS, Wire, manifest
from tests.bench.rows import Pattern
from tests.replicas.stage import ALIAS, Resident, Stage

T = TypeVar("T")

POLL_SECONDS: Final = 0.002
WITHIN_SECONDS: Final = 30.0


class Poller:
    """Asks the API server every 2 ms whether a subject may list pods, from outside."""

    def __init__(self, wire: Wire, subject: str, namespace: str) -> None:
        self._wire = wire
        self._review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": subject,
                "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": namespace},
            },
        }
        self._seen = threading.Event()
        self._at = 0.0
        self._thread = threading.Thread(target=self._poll, name="poller", daemon=True)

    def start(self) -> None:
        if self._allowed():
            raise AssertionError("allowed before anything was done")
        self._thread.start()

    def first_allowed(self) -> float:
        """Give the monotonic time at which the first allowing answer was here."""
        if not self._seen.wait(WITHIN_SECONDS):
            raise AssertionError("never allowed")
        self._thread.join()
        return self._at

    def _poll(self) -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        while time.monotonic() < deadline:
            if self._allowed():
                self._at = time.monotonic()
                self._seen.set()
                return
            time.sleep(POLL_SECONDS)

    def _allowed(self) -> bool:
        answer = self._wire.call("POST", REVIEWS, self._review)
        return bool(json.loads(answer.data)["status"]["allowed"])


def bare(wire: Wire, poll: Wire, namespace: str) -> float:
    """Create a filled binding and see it act; gives seconds."""
    grant = new_id(Prefix.GRANT)
    subject = f"oidc:{grant}@example.com"
    body = manifest(grant, f"bench-{grant}", subject, _later())
    poller = Poller(poll, subject, namespace)
    poller.start()
    began = time.monotonic()
    made = wire.call("POST", f"{RBAC}/namespaces/{namespace}/rolebindings", body)
    if made.status != HTTPStatus.CREATED:
        raise AssertionError(made.data)
    return poller.first_allowed() - began


def ours(stage: Stage, poll: Wire, who: Resident) -> float:
    """Have somebody ask, and somebody approve; gives seconds from the click's sending."""
    namespace, approver = stage.namespaces[0], stage.people["platform"][0]
    card = asked(stage, who, namespace)
    poller = Poller(poll, who.subject, namespace)
    poller.start()
    since = _last_number(stage)
    clicked = stage.slack.as_user(approver.user).click(card, "approve", as_shown=True)
    if clicked is None or not clicked.acked:
        raise AssertionError(clicked)
    seen = poller.first_allowed()
    sent = stage.slack.control.log("sent", since=since)
    return seen - sent[0].monotonic


def asked(stage: Stage, who: Resident, namespace: str) -> Message:
    """Have somebody fill in the form; gives the card that approvers see."""
    reason = _ask(stage, who, namespace)
    return until(lambda: _card(stage, stage.people["platform"][0], reason))


def a_pattern(stage: Stage, who: Resident, namespace: str, *, approve: bool = True) -> Pattern:
    """Have somebody ask, and one approve if that is wanted; gives what came of it."""
    card = asked(stage, who, namespace)
    found = re.search(r"req-[a-z2-7]{26}", json.dumps(card.blocks))
    if found is None:
        raise AssertionError(card.blocks)
    grant = None
    if approve:
        approver = stage.people["platform"][0]
        stage.slack.as_user(approver.user).click(card, "approve", as_shown=True)
        grant = until(lambda: _grant_of(stage, found[0]))
    with stage.store.read() as tx:
        request = tx.request(found[0])
    if request is None:
        raise AssertionError(found[0])
    return Pattern(who, request, card, grant)


def _grant_of(stage: Stage, request: str) -> Grant | None:
    with stage.store.read() as tx:
        return next(iter(tx.grant_of_request(request)), None)


def _ask(stage: Stage, who: Resident, namespace: str) -> str:
    person = stage.slack.as_user(who.user)
    reason = new_id(Prefix.EVENT)
    person.slash("/access", "")
    _choose(person, "cluster", ALIAS)
    _choose(person, "namespace", namespace)
    _choose(person, "entitlement", "view-one")
    person.type(person.view(), "length", "30s")
    person.type(person.view(), "reason", reason)
    if not person.submit(person.view()).acked:
        raise AssertionError("not acked")
    return reason


def _choose(person: Person, action: str, query: str) -> None:
    options = until(lambda: person.suggest(person.view(), action, query) or None)
    person.choose(person.view(), action, options[0])


def _card(stage: Stage, approver: Resident, reason: str) -> Message | None:
    person = stage.slack.as_user(approver.user)
    for message in reversed(person.messages(stage.channel.id)):
        if reason in str(message.blocks):
            return message
    return None


def _last_number(stage: Stage) -> int:
    entries = stage.slack.control.log()
    return entries[-1].number if entries else 0


def until(look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + WITHIN_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(POLL_SECONDS)
    return found


def _later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)

"""What must hold of a run with replicas, read from its one log and from nothing else.

Each rule is a function over the log that gives what breaks it. None of them asks the product.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from tests.replicas.log import Entry, of_kind

PAST_END_SECONDS: Final = 15.0
TOLD_WITHIN_SECONDS: Final = 10.0
CLOSING: Final = frozenset(
    {"request.approved", "request.denied", "request.cancelled", "request.expired"}
)


@dataclass(frozen=True)
class Violation:
    """One thing that must not be: by which rule, about what, and what was seen."""

    rule: str
    about: str
    what: str


class Seen:
    """The log, sorted by what it is about."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = sorted(entries, key=lambda entry: entry.at)
        self.events = of_kind(self.entries, "event")
        self.calls = of_kind(self.entries, "call")
        self.reviews = of_kind(self.entries, "review")
        self.grants = {entry["id"]: entry for entry in of_kind(self.entries, "grant")}
        self.requests = {entry["id"]: entry for entry in of_kind(self.entries, "request")}

    @cached_property
    def run(self) -> Entry:
        return of_kind(self.entries, "run")[0]

    @cached_property
    def by_binding(self) -> dict[str, Entry]:
        """The grant of each binding name."""
        return {grant["binding"]: grant for grant in self.grants.values()}

    @cached_property
    def allowed(self) -> list[tuple[Entry, Entry | None]]:
        """Reviews that said yes, each with the grant whose binding allowed it."""
        return [(r, self.by_binding.get(r["binding"])) for r in self.reviews if r["allowed"]]

    @cached_property
    def _events_of(self) -> dict[tuple[str, str], list[Entry]]:
        found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for event in self.events:
            for about in {event["grant"], event["request"]} - {None}:
                found[about, event["type"]].append(event)
        return found

    def events_of(self, about: str, *kinds: str) -> list[Entry]:
        """The events of some types about a request or grant."""
        return [event for kind in kinds for event in self._events_of.get((about, kind), ())]

    def quorum(self, grant: Entry) -> int:
        """How many approvers a grant needed."""
        found: int = self.run["quorum"][grant["entitlement"]]
        return found


Rule = Callable[[Seen], Iterator[Violation]]


def decided_once(seen: Seen) -> Iterator[Violation]:
    """A request is closed once, by a full quorum of others, and leads to one grant at most."""
    rule = "decided once"
    for request in seen.requests:
        closed = [event["type"] for event in seen.events_of(request, *CLOSING)]
        if len(closed) > 1:
            yield Violation(rule, request, f"closed {len(closed)} times: {closed}")
        decisions = seen.events_of(request, "decision.made")
        made = Counter(event["actor"] for event in decisions)
        for actor, times in made.items():
            if times > 1:
                yield Violation(rule, request, f"{actor} decided {times} times")
        grants = [g for g in seen.grants.values() if g["request"] == request]
        if len(grants) > 1:
            yield Violation(rule, request, f"{len(grants)} grants")
        if closed == ["request.approved"] and not grants:
            yield Violation(rule, request, "approved without a grant")
        for grant in grants:
            yield from _by_others(seen, grant, decisions)


def _by_others(seen: Seen, grant: Entry, decisions: list[Entry]) -> Iterator[Violation]:
    approvers = {e["actor"] for e in decisions if e["facts"].get("verdict") == "approve"}
    others = approvers - {grant["requester"]}
    if len(others) < seen.quorum(grant):
        what = f"decided by {len(others)} others, {seen.quorum(grant)} are needed"
        yield Violation("decided once", grant["id"], what)


def never_before_approval(seen: Seen) -> Iterator[Violation]:
    """No review says yes before the last needed approver clicked, and the record says approved."""
    rule = "never allowed before approved"
    clicks: dict[str, dict[str, float]] = defaultdict(dict)
    for sent in of_kind(seen.entries, "sent"):
        if sent["action"] == "approve":
            clicks[sent["about"]].setdefault(sent["user"], sent.at)
    for review, grant in seen.allowed:
        if grant is None:
            yield Violation(rule, review["binding"], f"{review['user']} by an unknown binding")
            continue
        firsts = sorted(clicks[grant["request"]].values())
        needed = seen.quorum(grant)
        if len(firsts) < needed or review["answered"] < firsts[needed - 1]:
            yield Violation(rule, grant["id"], "allowed before the last needed click")
        approved = seen.events_of(grant["request"], "request.approved")
        if not approved or review["answered"] < approved[0]["event_at"]:
            yield Violation(rule, grant["id"], "allowed before the record says approved")


def never_after_ended(seen: Seen) -> Iterator[Violation]:
    """No review that was asked after "ended" could be read says yes by that grant's binding."""
    for review, grant in seen.allowed:
        if grant is None:
            continue
        for ended in seen.events_of(grant["id"], "grant.ended"):
            if review.at > ended.at:
                late = f"{review.at - ended.at:.2f} s after it was recorded"
                yield Violation("never allowed after ended", grant["id"], late)


def never_past_its_end(seen: Seen) -> Iterator[Violation]:
    """No review says yes 15 s after the lease ran out, or after its end was recorded as wanted."""
    for review, grant in seen.allowed:
        if grant is None:
            continue
        for why, end in ends_of(seen, grant):
            if review.at > end + PAST_END_SECONDS:
                late = f"{review.at - end:.2f} s past {why}"
                yield Violation("never past its end", grant["id"], late)


def ends_of(seen: Seen, grant: Entry) -> Iterator[tuple[str, float]]:
    """When a grant should be over, and why."""
    if grant["expires_at"] is not None:
        yield "its expiry", grant["expires_at"]
    for event in seen.events_of(grant["id"], "grant.revoking"):
        yield "the end being wanted", event.at


def events_have_no_gap(seen: Seen) -> Iterator[Violation]:
    """The numbers begin at 1, none is lacking, and none came to light after a higher one."""
    numbers = [event["number"] for event in seen.events]
    for before, number in pairwise([0, *numbers]):
        if number != before + 1:
            what = f"{number} after {before}"
            yield Violation("events have no gap", f"event {number}", what)


def every_row_has_its_events(seen: Seen) -> Iterator[Violation]:
    """Each state that a row has gone through stands in the record, once."""
    rule = "every change has its event"
    for request, row in seen.requests.items():
        said = [e["type"] for e in seen.events_of(request, *CLOSING)]
        wanted = [] if row["state"] in {"draft", "pending"} else [f"request.{row['state']}"]
        if said != wanted:
            yield Violation(rule, request, f"{row['state']}, and the record says {said}")
    for grant, row in seen.grants.items():
        for kind, times in _events_wanted(row).items():
            found = len(seen.events_of(grant, kind))
            if found != times:
                yield Violation(rule, grant, f"{kind} {found} times, {row['state']}")
        for event in seen.events_of(grant, "grant.ended"):
            if event["facts"].get("cause") != row["cause"]:
                yield Violation(rule, grant, f"ended {event['facts']}, the row {row['cause']}")


def _events_wanted(row: Entry) -> dict[str, int]:
    over, state = row["state"] == "ended", row["state"]
    return {
        "grant.activating": 1,
        "grant.active": int(row["active_at"] is not None),
        "grant.revoking": int(over or state == "revoking"),
        "grant.ended": int(over),
    }


def every_call_has_its_event(seen: Seen) -> Iterator[Violation]:
    """Whatever the bot wrote to a cluster, the record had said before why."""
    rule = "every change has its event"
    swept = {e["facts"].get("binding") for e in seen.events if e["type"] == "binding.deleted"}
    for call in seen.calls:
        grant = seen.by_binding.get(call["name"])
        if grant is None:
            if call["name"] not in swept:
                yield Violation(rule, call["name"], f"{call['verb']} of an unknown binding")
            continue
        wanted = "grant.revoking" if call["verb"] == "delete" else "grant.activating"
        said = seen.events_of(grant["id"], wanted)
        if (not said or said[0]["event_at"] > call.at) and call["name"] not in swept:
            yield Violation(rule, grant["id"], f"{call['verb']} without {wanted} before it")


def every_click_is_answered(seen: Seen) -> Iterator[Violation]:
    """Each payload was acked by somebody, or the same person did the same again and that was."""
    acked = {e["delivery"] for e in of_kind(seen.entries, "acked") if e["ok"]}
    answered: dict[tuple[str, str, str], float] = {}
    for sent in of_kind(seen.entries, "sent"):
        if sent["delivery"] in acked:
            answered[_what(sent)] = sent.at
    for sent in of_kind(seen.entries, "sent"):
        if answered.get(_what(sent), 0.0) < sent.at:
            what = f"{sent['action']} by {sent['user']}: no ack, and not done again"
            yield Violation("every click is answered", f"delivery {sent['delivery']}", what)


def _what(sent: Entry) -> tuple[str, str, str]:
    return sent["user"], sent["action"], sent["about"]


def no_click_is_lost(seen: Seen) -> Iterator[Violation]:
    """An acked click to approve stands in the record, made or refused, or its answer says why not.

    While the database can't be written to nothing can stand in it; then people are told so.
    """
    people = {e["user"]: e["person"] for e in of_kind(seen.entries, "person")}
    acked = {e["delivery"] for e in of_kind(seen.entries, "acked") if e["ok"]}
    told: dict[str, list[float]] = defaultdict(list)
    for answer in of_kind(seen.entries, "told"):
        told[answer["user"]].append(answer.at)
    for sent in of_kind(seen.entries, "sent"):
        if sent["action"] != "approve" or sent["delivery"] not in acked:
            continue
        said = seen.events_of(sent["about"], "decision.made", "decision.refused")
        answers = (at - sent.at for at in told[sent["user"]])
        if any(0 <= after < TOLD_WITHIN_SECONDS for after in answers):
            continue
        if people[sent["user"]] not in {event["actor"] for event in said}:
            what = f"{sent['user']} clicked, and the record does not say so"
            yield Violation("no click is lost", sent["about"], what)


def cards_stand(seen: Seen) -> Iterator[Violation]:
    """Each card's newest version stands in Slack, once."""
    rule = "the newest card stands"
    for card in of_kind(seen.entries, "card"):
        if card["wanted"] > max(card["sent"], card["dropped"]):
            what = f"version {card['wanted']} is wanted, {card['sent']} was sent: {card['problem']}"
            yield Violation(rule, card["id"], what)
        elif card["differs"]:
            yield Violation(rule, card["id"], card["differs"])
    posted = Counter(e["of"] for e in of_kind(seen.entries, "message") if e["of"])
    for card, times in posted.items():
        if times > 1:
            yield Violation(rule, card, f"posted {times} times")


def nothing_is_left(seen: Seen) -> Iterator[Violation]:
    """At the end every grant is over, and no binding of ours stands."""
    for grant, row in seen.grants.items():
        if row["state"] != "ended":
            yield Violation("nothing is left", grant, f"still {row['state']}")
    for left in of_kind(seen.entries, "left"):
        yield Violation("nothing is left", left["name"], "a binding still stands")


RULES: Final[tuple[Rule, ...]] = (
    decided_once,
    never_before_approval,
    never_after_ended,
    never_past_its_end,
    events_have_no_gap,
    every_row_has_its_events,
    every_call_has_its_event,
    every_click_is_answered,
    no_click_is_lost,
    cards_stand,
    nothing_is_left,
)


def check(entries: Iterable[Entry]) -> list[Violation]:
    """Hold a log against every rule."""
    seen = Seen(entries)
    return [violation for rule in RULES for violation in rule(seen)]

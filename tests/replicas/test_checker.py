"""The checker is itself checked: each rule finds the log in which it is broken, and only that."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.replicas.checker import check
from tests.replicas.log import Entry, Log, read

GRANT, REQUEST, BINDING = "gra-1", "req-1", "valetkey-gra-1"
Doctor = Callable[[list[Entry]], list[Entry]]


def a_good_log() -> list[Entry]:
    """One request: asked, approved by two, active, given back at its expiry, proven gone."""
    numbers = iter(range(1, 100))

    def event(
        at: float, kind: str, *, grant: bool, actor: str = "system", **facts: object
    ) -> Entry:
        about = {"request": REQUEST, "grant": GRANT if grant else None, "actor": actor}
        more = {"number": next(numbers), "event_at": at - 0.01, "facts": facts}
        return Entry(at, "event", {"type": kind, **about, **more})

    return [
        Entry(0, "run", {"seed": 1, "quorum": {"two": 2}}),
        *(Entry(0, "person", {"user": f"U{p}", "person": p}) for p in ("ann", "bob", "cat")),
        event(10, "request.submitted", grant=False, actor="ann"),
        *_click(1, 11, "Ubob"),
        event(11.1, "decision.made", grant=False, actor="bob", verdict="approve"),
        *_click(2, 12, "Ucat"),
        event(12.1, "decision.made", grant=False, actor="cat", verdict="approve"),
        event(12.1, "request.approved", grant=False, actor="cat"),
        event(12.1, "grant.activating", grant=True),
        _call(12.2, "create"),
        _call(12.25, "update"),
        _review(12.3, allowed=True),
        event(12.4, "grant.active", grant=True),
        _review(21.9, allowed=True),
        event(22.1, "grant.revoking", grant=True, cause="expired"),
        _call(22.2, "delete"),
        event(22.3, "grant.ended", grant=True, cause="expired"),
        _review(22.4, allowed=False),
        *_at_the_end(),
    ]


def _click(delivery: int, at: float, user: str) -> tuple[Entry, Entry]:
    about = {"delivery": delivery, "user": user, "action": "approve", "about": REQUEST}
    done = {"delivery": delivery, "ok": True, "error": "", "after_ms": 12.0}
    return Entry(at, "sent", about), Entry(at + 0.05, "acked", done)


def _call(at: float, verb: str, name: str = BINDING) -> Entry:
    return Entry(at, "call", {"verb": verb, "name": name, "status": 200})


def _review(at: float, *, allowed: bool, binding: str = BINDING) -> Entry:
    by = {"binding": binding if allowed else "", "answered": at + 0.01, "user": "oidc:ann"}
    return Entry(at, "review", {"allowed": allowed, **by})


def _at_the_end() -> list[Entry]:
    grant = {
        "id": GRANT,
        "request": REQUEST,
        "requester": "ann",
        "entitlement": "two",
        "binding": BINDING,
        "state": "ended",
        "cause": "expired",
        "expires_at": 22.0,
        "active_at": 12.4,
    }
    card = {"id": "dlv-1", "wanted": 5, "sent": 5, "dropped": 0, "problem": "", "differs": ""}
    return [
        Entry(99, "request", {"id": REQUEST, "state": "approved"}),
        Entry(99, "grant", grant),
        Entry(99, "card", card),
        Entry(99, "message", {"of": "dlv-1", "channel": "C1", "ts": "1.1"}),
    ]


def test_a_good_log_is_found_good() -> None:
    assert check(a_good_log()) == []


def _with(*more: Entry) -> Doctor:
    return lambda log: [*log, *more]


def _without(wanted: Callable[[Entry], bool]) -> Doctor:
    return lambda log: [entry for entry in log if not wanted(entry)]


def _changed(wanted: Callable[[Entry], bool], **facts: object) -> Doctor:
    def doctor(log: list[Entry]) -> list[Entry]:
        assert any(wanted(entry) for entry in log)
        return [replace(e, facts=e.facts | facts) if wanted(e) else e for e in log]

    return doctor


def _moved(wanted: Callable[[Entry], bool], to: float) -> Doctor:
    def doctor(log: list[Entry]) -> list[Entry]:
        assert any(wanted(entry) for entry in log)
        return [replace(e, at=to) if wanted(e) else e for e in log]

    return doctor


def _is(kind: str, **facts: object) -> Callable[[Entry], bool]:
    def wanted(entry: Entry) -> bool:
        return entry.kind == kind and all(entry.facts.get(n) == v for n, v in facts.items())

    return wanted


def _event(number: int, kind: str, actor: str = "system", **facts: object) -> Entry:
    about = {"request": REQUEST, "grant": None, "actor": actor, "type": kind}
    return Entry(90, "event", {**about, "number": number, "event_at": 89.0, "facts": facts})


def _second_grant(log: list[Entry]) -> list[Entry]:
    grant = next(entry for entry in log if entry.kind == "grant")
    return [*log, replace(grant, facts=grant.facts | {"id": "gra-2", "binding": "other"})]


LAST = 9
DOCTORED: list[tuple[str, str, Doctor]] = [
    ("decided once", "a request closed twice", _with(_event(LAST, "request.denied", "bob"))),
    (
        "decided once",
        "one person decided twice",
        _with(_event(LAST, "decision.made", "bob", verdict="approve")),
    ),
    ("decided once", "two grants of one request", _second_grant),
    (
        "decided once",
        "the requester decided",
        _changed(_is("event", type="decision.made", actor="bob"), actor="ann"),
    ),
    (
        "decided once",
        "one of two said no",
        _changed(_is("event", type="decision.made", actor="bob"), facts={"verdict": "deny"}),
    ),
    ("decided once", "approved without a grant", _without(_is("grant"))),
    (
        "never allowed before approved",
        "allowed between the two clicks",
        _with(_review(11.5, allowed=True)),
    ),
    (
        "never allowed before approved",
        "allowed before the record says so",
        _changed(_is("event", type="request.approved"), event_at=12.35),
    ),
    (
        "never allowed before approved",
        "allowed by a binding that nobody knows",
        _with(_review(30, allowed=True, binding="stray")),
    ),
    (
        "never allowed after ended",
        "allowed again by a worker that woke",
        _with(_review(22.31, allowed=True)),
    ),
    (
        "never past its end",
        "allowed long after the expiry",
        lambda log: _with(_review(37.2, allowed=True))(
            _moved(_is("event", type="grant.ended"), 38)(log)
        ),
    ),
    (
        "never past its end",
        "given back and allowed 16 s later",
        lambda log: _with(_review(38.5, allowed=True))(
            _changed(_is("grant"), expires_at=None)(
                _moved(_is("event", type="grant.ended"), 40)(log)
            )
        ),
    ),
    ("events have no gap", "a number is lacking", _without(_is("event", number=1))),
    (
        "events have no gap",
        "a number came to light late",
        _moved(_is("event", number=4), 12.35),
    ),
    (
        "every change has its event",
        "no event of the approval",
        _changed(_is("event", type="request.approved"), type="sign-in.done"),
    ),
    (
        "every change has its event",
        "ended twice",
        _with(
            Entry(
                90,
                "event",
                {
                    "type": "grant.ended",
                    "request": REQUEST,
                    "grant": GRANT,
                    "actor": "system",
                    "number": LAST,
                    "event_at": 89,
                    "facts": {"cause": "expired"},
                },
            )
        ),
    ),
    (
        "every change has its event",
        "another cause in the row",
        _changed(_is("grant"), cause="revoked"),
    ),
    (
        "every change has its event",
        "made before it was said",
        _moved(_is("call", verb="create"), 12.0),
    ),
    (
        "every change has its event",
        "deleted before the end was said",
        _moved(_is("call", verb="delete"), 22.0),
    ),
    (
        "every change has its event",
        "a binding that the record does not know",
        _with(_call(50, "create", "valetkey-stray")),
    ),
    (
        "every click is answered",
        "no ack, and not done again",
        _with(
            Entry(40, "sent", {"delivery": 7, "user": "Ubob", "action": "look", "about": ""}),
            Entry(43, "acked", {"delivery": 7, "ok": False, "error": "operation_timeout"}),
        ),
    ),
    (
        "every click is answered",
        "sent, and never heard of again",
        _with(Entry(40, "sent", {"delivery": 7, "user": "Ubob", "action": "look", "about": ""})),
    ),
    (
        "no click is lost",
        "acked, and not in the record",
        _with(
            Entry(
                13, "sent", {"delivery": 7, "user": "Uann", "action": "approve", "about": REQUEST}
            ),
            Entry(13.1, "acked", {"delivery": 7, "ok": True, "error": ""}),
        ),
    ),
    ("the newest card stands", "an old version stands", _changed(_is("card"), sent=4)),
    (
        "the newest card stands",
        "the message says something else",
        _changed(_is("card"), differs="another text"),
    ),
    (
        "the newest card stands",
        "posted twice",
        _with(Entry(99, "message", {"of": "dlv-1", "channel": "C1", "ts": "2.2"})),
    ),
    ("nothing is left", "a binding stands", _with(Entry(99, "left", {"name": BINDING}))),
]


@pytest.mark.parametrize(
    ("rule", "doctor"),
    [(rule, doctor) for rule, _what, doctor in DOCTORED],
    ids=[what for _rule, what, _doctor in DOCTORED],
)
def test_a_log_in_which_a_rule_is_broken_is_found(rule: str, doctor: Doctor) -> None:
    found = {violation.rule for violation in check(doctor(a_good_log()))}
    assert rule in found


def test_a_grant_that_still_runs_at_the_end_is_found() -> None:
    running = _changed(_is("grant"), state="active", cause=None)
    assert "nothing is left" in {one.rule for one in check(running(a_good_log()))}


def test_a_click_that_was_done_again_is_answered() -> None:
    """A replica was killed with the click in its hand; the person clicked once more."""
    lost = [
        Entry(40, "sent", {"delivery": 7, "user": "Ubob", "action": "look", "about": ""}),
        Entry(43, "acked", {"delivery": 7, "ok": False, "error": "operation_timeout"}),
        Entry(44, "sent", {"delivery": 8, "user": "Ubob", "action": "look", "about": ""}),
        Entry(44.1, "acked", {"delivery": 8, "ok": True, "error": ""}),
    ]
    assert check([*a_good_log(), *lost]) == []


def test_a_click_that_could_not_be_recorded_is_told() -> None:
    """A replica stood still inside a transaction, and nobody could write for a moment."""
    refused = [
        Entry(13, "sent", {"delivery": 7, "user": "Uann", "action": "approve", "about": REQUEST}),
        Entry(13.1, "acked", {"delivery": 7, "ok": True, "error": "", "after_ms": 100}),
    ]
    assert [one.rule for one in check([*a_good_log(), *refused])] == ["no click is lost"]
    told = Entry(13.1, "told", {"user": "Uann", "text": "busy"})
    assert check([*a_good_log(), *refused, told]) == []


def test_another_click_does_not_answer_for_one_that_was_lost() -> None:
    lost = [
        Entry(40, "sent", {"delivery": 7, "user": "Ubob", "action": "look", "about": "a"}),
        Entry(43, "acked", {"delivery": 7, "ok": False, "error": "operation_timeout"}),
        Entry(44, "sent", {"delivery": 8, "user": "Ubob", "action": "look", "about": "b"}),
        Entry(44.1, "acked", {"delivery": 8, "ok": True, "error": ""}),
    ]
    found = check([*a_good_log(), *lost])
    assert [one.about for one in found] == ["delivery 7"]


def test_a_sweep_that_deletes_says_so_itself() -> None:
    """A stale worker made an empty binding of a grant that had ended; the sweep took it away."""
    call = _call(50, "delete", "valetkey-stray")
    swept = _event(LAST, "binding.deleted", binding="valetkey-stray")
    assert check([*a_good_log(), call, swept]) == []


def test_a_log_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    log.add(2.0, "left", name="b")
    log.add(1.0, "replica", name="a", act="killed")
    written = log.entries()
    log.close()
    assert [entry.at for entry in written] == [1.0, 2.0]
    assert sorted(read(log.path), key=lambda entry: entry.at) == written

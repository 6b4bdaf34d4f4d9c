"""Answers to findings: a reviewer keeps one, with a reason and a last day, or it is not theirs."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from bot.slack.blocks import Block
from bot.slack.cards.findings import Days, Said, finding_view, keep_view
from bot.slack.inbound import Inbound
from bot.slack.once import once
from bot.slack.ports import Answer, FindingSource
from bot.slack.reading import faces_of
from bot.slack.surface import Surface, only_shown
from bot.slack.views import said_view
from bot.wording import problem_sentence
from grants.errors import BadInput, NotFound, Problem
from grants.people.model import Known
from grants.policy.answering import last_day
from grants.policy.match import is_reviewer
from grants.review.answering import Click
from grants.review.answers import Answer as FindingAnswer
from grants.review.answers import AnswerKind
from grants.review.details import Detail
from grants.review.keep_finding import KeepFinding

_KEY_MOST: Final = 300
_HASH_CHARS: Final = 64
_OFFERED: Final = timedelta(days=90)
"""The day that the form offers, unless policy allows less: in a quarter."""


def read_click(inbound: Inbound, value: str) -> Click:
    """Read a button's value, a finding's key and a hash; NotFound when it is none of ours."""
    key, _, shown_hash = value.rpartition(":")
    is_hex = len(shown_hash) == _HASH_CHARS and set(shown_hash) <= set("0123456789abcdef")
    if not is_hex or not is_key(key):
        raise NotFound("finding", "")
    return Click(inbound.key, inbound.who, key, shown_hash)


def is_key(key: str) -> bool:
    """Tell whether a text from outside may be a finding's key."""
    return 0 < len(key) <= _KEY_MOST and key.isprintable()


def open_keep(surface: Surface, inbound: Inbound) -> Answer:
    """Ask for the reason and the day, of somebody who may keep this at all."""
    click = read_click(inbound, inbound.value)
    surface.ports.verbs.may_keep(click)
    finding = _detail(surface, click.finding).finding
    view = keep_view(finding, inbound.value, _days(surface))
    surface.open(inbound, view, on_top=inbound.view.get("type") == "modal")
    return None


def submit_keep(surface: Surface, inbound: Inbound) -> Answer:
    """Keep it; what is wrong with the reason or the day is said at the field."""
    click = read_click(inbound, str(inbound.view.get("private_metadata", "")))
    until = _day(_field(inbound, "until", "selected_date"))
    if until is None:
        return _problems((Problem("until", "until-missing"),))
    command = KeepFinding(click, _field(inbound, "reason", "value"), until)
    try:
        with once(inbound, lambda: _stands(surface, inbound, click, AnswerKind.KEPT)):
            surface.ports.verbs.keep_finding(command)
    except BadInput as error:
        return _problems(error.problems)
    said = f"Kept to the end of {until.isoformat()} (UTC). It stands in the finding and on record."
    return {"response_action": "update", "view": _last(said)}


def not_mine(surface: Surface, inbound: Inbound) -> Answer:
    """Say that it is not theirs, and show it there."""
    click = read_click(inbound, inbound.value)
    note = "You said that this is not yours."
    with once(inbound, lambda: _stands(surface, inbound, click, AnswerKind.NOT_MINE)):
        told = surface.ports.verbs.say_not_mine(click).told
        note += " Whoever is next in line is told." if told else " Nobody else is named to be told."
    with only_shown(inbound):
        _show_again(surface, inbound, click.finding, note)
    return None


def said_of(surface: Surface, known: Known, key: str, note: str = "") -> Said:
    """Read what was answered to a finding, for somebody who looks at it."""
    answers = _source(surface).answers(key)
    faces = faces_of(surface.ports, (one.person for one in answers))
    clusters = _source(surface).clusters(key)
    disowned = _has_said(answers, known.person.id, AnswerKind.NOT_MINE)
    may_answer = is_reviewer(surface.ports.policy.current(), known)
    return Said(answers, clusters, faces, may_answer, disowned, note)


def _show_again(surface: Surface, inbound: Inbound, key: str, note: str) -> None:
    if inbound.view.get("type") != "modal":
        return
    view = finding_view(_detail(surface, key), said_of(surface, surface.known(inbound), key, note))
    surface.client.views_update(view_id=str(inbound.view["id"]), view=view)


def _source(surface: Surface) -> FindingSource:
    if surface.ports.findings is None:
        raise NotFound("finding", "")
    return surface.ports.findings


def _detail(surface: Surface, key: str) -> Detail:
    detail = _source(surface).one(key)
    if detail is None:
        raise NotFound("finding", "")
    return detail


def _days(surface: Surface) -> Days:
    now = surface.ports.clock.now()
    last = last_day(surface.ports.policy.current(), now)
    return Days(now.date(), last, min(last, (now + _OFFERED).date()))


def _stands(surface: Surface, inbound: Inbound, click: Click, kind: AnswerKind) -> bool:
    person = surface.known(inbound).person.id
    return _has_said(_source(surface).answers(click.finding), person, kind)


def _has_said(answers: Iterable[FindingAnswer], person: str, kind: AnswerKind) -> bool:
    return any(one.kind is kind and one.person == person and one.stands for one in answers)


def _field(inbound: Inbound, name: str, what: str) -> str:
    value = inbound.state.get(name, {}).get(name, {})
    found = value.get(what) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None


def _problems(problems: tuple[Problem, ...]) -> Answer:
    errors = {one.field: problem_sentence(one) for one in problems}
    return {"response_action": "errors", "errors": errors}


def _last(said: str) -> Block:
    """Say it, and close what is under it too: there the finding would still look open."""
    return {**said_view(said), "clear_on_close": True}

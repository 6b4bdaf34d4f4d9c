"""What Slack sent, as one value: who acts, under which unique key, and on what."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grants.people.model import Account


class Kind(StrEnum):
    """How Slack wants to be answered."""

    COMMAND = "command"
    ACTION = "action"
    SUBMISSION = "submission"
    SUGGESTION = "suggestion"
    EVENT = "event"
    OTHER = "other"


_TYPES = {
    "block_actions": Kind.ACTION,
    "view_submission": Kind.SUBMISSION,
    "block_suggestion": Kind.SUGGESTION,
    "event_callback": Kind.EVENT,
}


@dataclass(frozen=True)
class Inbound:
    """One verified payload. `account` is the payload's own team and user, never a typed value.

    `teams` are all teams that the payload names as the acting one's; all must be ours.
    """

    kind: Kind
    name: str
    account: Account | None
    teams: frozenset[str]
    key: str
    body: Mapping[str, Any]

    @property
    def who(self) -> Account:
        """The account that acts; only asked after `standing` let it pass."""
        if self.account is None:
            raise ValueError("nobody acts")
        return self.account

    @property
    def enterprise(self) -> str:
        """The organisation that the payload names as the acting one's; empty where there is none.

        An event names it in the first of its authorizations.
        """
        return enterprise_of(self.body)

    @property
    def trigger_id(self) -> str:
        """What opens a modal, for three seconds; empty when there is none."""
        return _text(self.body.get("trigger_id"))

    @property
    def text(self) -> str:
        """What stands after a slash command."""
        return _text(self.body.get("text")).strip()

    @property
    def action(self) -> Mapping[str, Any]:
        """The element that was used."""
        actions = self.body.get("actions")
        first = actions[0] if isinstance(actions, list) and actions else {}
        return _mapping(first)

    @property
    def value(self) -> str:
        """A button's value, or what is typed into a select."""
        return _text(self.action.get("value") or self.body.get("value"))

    @property
    def view(self) -> Mapping[str, Any]:
        """The modal or Home that it happened in, if any."""
        return _mapping(self.body.get("view"))

    @property
    def state(self) -> Mapping[str, Mapping[str, Any]]:
        """What is filled in, by block and action."""
        return _mapping(_mapping(self.view.get("state")).get("values"))

    @property
    def channel(self) -> str:
        """The conversation of the message that was clicked; empty in views."""
        return _text(_mapping(self.body.get("channel")).get("id"))


def read_inbound(body: Mapping[str, Any]) -> Inbound:
    """Read a verified payload; what is missing is empty, and judged by `standing`."""
    kind = kind_of(body)
    account, teams = _actor(kind, body)
    name = _name(kind, body)
    return Inbound(kind, name, account, teams, _key(kind, body, account), body)


def kind_of(body: Mapping[str, Any]) -> Kind:
    """Tell what kind of thing a payload is."""
    if "command" in body:
        return Kind.COMMAND
    return _TYPES.get(_text(body.get("type")), Kind.OTHER)


def _name(kind: Kind, body: Mapping[str, Any]) -> str:
    """Name what was used: a command, action id, callback id or event type."""
    if kind is Kind.COMMAND:
        return _text(body.get("command"))
    if kind is Kind.ACTION:
        actions = body.get("actions")
        first = actions[0] if isinstance(actions, list) and actions else {}
        return _text(_mapping(first).get("action_id"))
    if kind is Kind.SUBMISSION:
        return _text(_mapping(body.get("view")).get("callback_id"))
    if kind is Kind.SUGGESTION:
        return _text(body.get("action_id"))
    return _text(_mapping(body.get("event")).get("type") or body.get("type"))


def _actor(kind: Kind, body: Mapping[str, Any]) -> tuple[Account | None, frozenset[str]]:
    """Find who acts. In a shared channel Slack names the actor's own team beside the app's.

    The user's own `team_id` counts, not `view.app_installed_team_id`, which is always ours.
    """
    if kind is Kind.COMMAND:
        return _account(_text(body.get("team_id")), _text(body.get("user_id")), ())
    if kind is Kind.EVENT:
        event = _mapping(body.get("event"))
        own = [_text(event.get(name)) for name in ("user_team", "team", "source_team")]
        return _account(_text(body.get("team_id")), _text(event.get("user")), own)
    user, team = _mapping(body.get("user")), _mapping(body.get("team"))
    others = [_text(team.get("id"))]
    return _account(_text(user.get("team_id")), _text(user.get("id")), others)


def enterprise_of(body: Mapping[str, Any]) -> str:
    """Give the organisation that a payload names; empty where there is none."""
    listed = body.get("authorizations")
    first = _mapping(listed[0] if isinstance(listed, list) and listed else {})
    return (
        _text(body.get("enterprise_id"))
        or _text(_mapping(body.get("enterprise")).get("id"))
        or _text(_mapping(body.get("team")).get("enterprise_id"))
        or _text(first.get("enterprise_id"))
    )


def _account(
    team: str, user: str, others: "list[str] | tuple[str, ...]"
) -> "tuple[Account | None, frozenset[str]]":
    teams = frozenset(one for one in (team, *others) if one)
    return (Account(team, user) if team and user else None), teams


def _key(kind: Kind, body: Mapping[str, Any], account: Account | None) -> str:
    """Make the unique key: what is delivered again, by whichever way, has the same.

    A click is known by what was clicked and when, to the microsecond. A submitted view is known by
    its id and what it holds: when our answer was lost, a person's second press has a new trigger,
    and must still count once.
    """
    who = f"{account.team}/{account.user}" if account else "nobody"
    if kind is Kind.ACTION:
        return f"slack:click:{who}:{_digest(_clicked(body))}"
    if kind is Kind.SUBMISSION:
        view = _mapping(body.get("view"))
        return f"slack:view:{who}:{_text(view.get('id'))}:{_digest(view.get('state'))}"
    if kind is Kind.EVENT:
        return f"slack:event:{_text(body.get('event_id'))}"
    if kind is Kind.SUGGESTION:
        return f"slack:suggestion:{who}"  # changes nothing, so nothing is stored under it
    return f"slack:trigger:{who}:{_text(body.get('trigger_id'))}"


def _clicked(body: Mapping[str, Any]) -> list[object]:
    """Name a click: the message or view, the element, its value, and when it was used."""
    actions = body.get("actions")
    action = _mapping(actions[0] if isinstance(actions, list) and actions else {})
    container, view = _mapping(body.get("container")), _mapping(body.get("view"))
    message = _mapping(body.get("message"))
    place = [container.get("channel_id"), container.get("message_ts"), message.get("ts")]
    names = ("block_id", "action_id", "action_ts", "value", "selected_option")
    return [*place, view.get("id"), *(action.get(name) for name in names)]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

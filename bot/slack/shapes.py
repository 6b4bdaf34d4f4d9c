"""What a verified payload must look like before anything else reads it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.slack.inbound import Kind, kind_of

_ID: Final = re.compile(r"[!-~]{1,255}")
_MAPPING: Final = (dict, type(None))
_SHAPES: Final[Mapping[str, tuple[type, ...]]] = {
    "type": (str,),
    "command": (str,),
    "text": (str,),
    "value": (str, type(None)),
    "trigger_id": (str,),
    "response_url": (str,),
    "event_id": (str,),
    "action_id": (str,),
    "block_id": (str,),
    "team_id": (str, type(None)),
    "user_id": (str,),
    "enterprise": _MAPPING,
    "team": _MAPPING,
    "user": _MAPPING,
    "channel": _MAPPING,
    "container": _MAPPING,
    "message": _MAPPING,
    "view": _MAPPING,
    "state": _MAPPING,
    "event": (dict,),
    "actions": (list,),
    "authorizations": (list, type(None)),
}
"""The types of the fields that we or Bolt read at the top of a payload, where they are there."""

_VIEW: Final[Mapping[str, tuple[type, ...]]] = {
    "id": (str,),
    "type": (str,),
    "callback_id": (str,),
    "hash": (str,),
    "private_metadata": (str, type(None)),
    "state": _MAPPING,
}
_ACTION: Final[Mapping[str, tuple[type, ...]]] = {
    "action_id": (str,),
    "block_id": (str,),
    "action_ts": (str,),
    "value": (str, type(None)),
}
_IDS: Final = ("trigger_id", "user_id", "team_id", "event_id", "command", "action_id")
_THINGS: Final = ("user", "team", "channel", "enterprise")
_OF_EVENTS: Final = ("user", "team", "user_team", "source_team")


def wrong_with(body: Mapping[str, Any]) -> str:
    """Name what is wrong with a payload by a stable word; empty when it can be read."""
    kind = kind_of(body)
    return next((why for check in _CHECKS if (why := check(body, kind))), "")


def _types(body: Mapping[str, Any], _: Kind) -> str:
    """Find a field of another type than its own."""
    parts: list[tuple[str, Any, Mapping[str, tuple[type, ...]]]] = [("", body, _SHAPES)]
    parts.append(("view.", body.get("view") or {}, _VIEW))
    actions = body.get("actions") or []
    parts += [("actions.", one, _ACTION) for one in actions] if isinstance(actions, list) else []
    for place, part, shapes in parts:
        if not isinstance(part, Mapping):
            return f"wrong-type {place.rstrip('.')}"
        for name, types in shapes.items():
            if name in part and not isinstance(part[name], types):
                return f"wrong-type {place}{name}"
    listed = body.get("authorizations") or []
    return "" if all(isinstance(one, dict) for one in listed) else "wrong-type authorizations"


def _ids(body: Mapping[str, Any], _: Kind) -> str:
    """Find an id that none can be: it would go into keys, the record and the log as it is."""
    user, event, view = (body.get(name) or {} for name in ("user", "event", "view"))
    found: list[tuple[str, object]] = [(name, body.get(name)) for name in _IDS]
    found += [(name, (body.get(name) or {}).get("id")) for name in _THINGS]
    found += [("user.team_id", user.get("team_id"))]
    found += [(f"event.{name}", event.get(name)) for name in _OF_EVENTS]
    found += [(f"view.{name}", view.get(name)) for name in ("id", "callback_id", "hash")]
    for one in body.get("actions") or []:
        found += [(f"actions.{name}", one.get(name)) for name in ("action_id", "action_ts")]
    wrong = (name for name, value in found if value not in (None, "") and not _is_id(value))
    return next((f"bad-id {name}" for name in wrong), "")


def _is_id(value: object) -> bool:
    # Some ids of events are objects: a user that comes with its profile acts for nobody.
    return isinstance(value, dict) or (isinstance(value, str) and bool(_ID.fullmatch(value)))


def _has_key(body: Mapping[str, Any], kind: Kind) -> str:
    """Find what can't be told from another of its kind: it could not be done only once."""
    if kind is Kind.ACTION:
        actions = body.get("actions") or []
        if len(actions) != 1:
            return "not-one-action"
        return "" if actions[0].get("action_ts") and actions[0].get("action_id") else "no-key"
    needs = {
        Kind.COMMAND: body.get("trigger_id"),
        Kind.SUBMISSION: (body.get("view") or {}).get("id"),
        Kind.EVENT: body.get("event_id"),
    }
    return "" if needs.get(kind, "there") else "no-key"


def _state(body: Mapping[str, Any], _: Kind) -> str:
    """Find a form whose fields can be read in two ways, or are none."""
    state = (body.get("view") or {}).get("state") or {}
    values = state.get("values") or {}
    if not isinstance(values, Mapping):
        return "wrong-type view.state"
    seen: set[str] = set()
    for fields in values.values():
        if not isinstance(fields, Mapping):
            return "wrong-type view.state"
        for name, value in fields.items():
            if not isinstance(value, Mapping):
                return "wrong-type view.state"
            if name in seen:
                return "field-twice"
            seen.add(name)
    return ""


_CHECKS: Final[tuple[Callable[[Mapping[str, Any], Kind], str], ...]] = (
    _types,
    _ids,
    _has_key,
    _state,
)

"""views.* of the Web API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.playground.slack import views
from bot.playground.slack.webapi import ApiError, Call, Method, invalid_arguments

if TYPE_CHECKING:
    from bot.playground.slack.records import Json


def _open(call: Call) -> Json:
    body = views.checked(call.workspace, call.args["view"], "modal")
    trigger = views.exchange(call.workspace, call.args["trigger_id"])
    view = views.open_modal(call.workspace, trigger.user, body)
    return {"view": views.as_json(call.workspace, view)}


def _push(call: Call) -> Json:
    body = views.checked(call.workspace, call.args["view"], "modal")
    trigger = views.exchange(call.workspace, call.args["trigger_id"])
    if trigger.view_id is None:
        # Only a click inside a modal gives a stack to push onto.
        raise ApiError("not_found")
    onto = call.workspace.views[trigger.view_id]
    view = views.push_modal(call.workspace, trigger.user, body, onto)
    return {"view": views.as_json(call.workspace, view)}


def _update(call: Call) -> Json:
    with call.workspace.lock:
        view = views.wanted(call.workspace, call.args)
        surface = view.body["type"]
        body = views.checked(call.workspace, call.args["view"], surface, view)
        views.check_hash(view, call.args.get("hash"))
        changed = views.update(call.workspace, view, body)
    return {"view": views.as_json(call.workspace, changed)}


def _publish(call: Call) -> Json:
    with call.workspace.lock:
        user = call.workspace.users.get(call.args["user_id"])
        if user is None:
            raise invalid_arguments("invalid `user_id`")
        current = call.workspace.homes.get(user.id)
        before = call.workspace.views[current] if current else None
        body = views.checked(call.workspace, call.args["view"], "home", before)
        views.check_hash(before, call.args.get("hash"))
        view = views.publish(call.workspace, user.id, body)
    return {"view": views.as_json(call.workspace, view)}


METHODS = {
    "views.open": Method(_open, {"trigger_id": "str", "view": "json"}, ("trigger_id", "view")),
    "views.push": Method(_push, {"trigger_id": "str", "view": "json"}, ("trigger_id", "view")),
    "views.update": Method(
        _update,
        {"view_id": "str", "external_id": "str", "hash": "str", "view": "json"},
        ("view",),
    ),
    "views.publish": Method(
        _publish, {"user_id": "str", "hash": "str", "view": "json"}, ("user_id", "view")
    ),
}

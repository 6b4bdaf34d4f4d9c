"""What an ack does: a slash command's message, a submission's response_action, options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.playground.slack import respond, views
from bot.playground.slack.blockkit import check_options
from bot.playground.slack.records import Delivery, Json, ResponseUrl, View
from bot.playground.slack.webapi import ApiError

if TYPE_CHECKING:
    from bot.playground.slack.workspace import Workspace

ACTIONS = ("errors", "update", "push", "clear")


def _unusable(workspace: Workspace, done: Delivery, error: str, detail: str = "") -> Delivery:
    where = str(done.payload.get("type") or done.kind)
    workspace.refuse(where, error, detail)
    return replace(done, error=error)


def after_slash(workspace: Workspace, done: Delivery) -> Delivery:
    """Show what the ack of a slash command says."""
    if not done.acked or not respond.says_something(done.answer):
        return done
    fields = done.payload
    place = ResponseUrl("", fields["user_id"], fields["channel_id"], workspace.now)
    try:
        respond.say(workspace, place, done.answer)
    except ApiError as refused:
        return _unusable(workspace, done, refused.error, str(refused.extra))
    return done


def after_suggestion(workspace: Workspace, done: Delivery) -> Delivery:
    """Check that the ack of a suggestion is options; an empty list is fine, no list is not."""
    if not done.acked:
        return done
    problems = check_options(done.answer or {})
    if problems:
        said = "; ".join(str(problem) for problem in problems)
        return _unusable(workspace, done, "invalid_options", said)
    return done


def options(done: Delivery) -> list[Json]:
    """Return the options of a suggestion's answer, groups opened."""
    answer = done.answer or {}
    found = list(answer.get("options") or ())
    for group in answer.get("option_groups") or ():
        found += group["options"]
    return found


def after_submission(workspace: Workspace, view: View, done: Delivery) -> Delivery:
    """Do what the ack of a submission asks: close, show errors, update, push or clear."""
    if not done.acked:
        return done
    answer = done.answer or {}
    action = answer.get("response_action")
    if not answer:
        views.pop(workspace, view)
        return done
    if action not in ACTIONS:
        return _unusable(workspace, done, "invalid_response_action", str(action))
    try:
        if action == "errors":
            return _show_errors(workspace, view, done, answer.get("errors"))
        _change_stack(workspace, view, action, answer.get("view"))
    except ApiError as refused:
        return _unusable(workspace, done, refused.error, str(refused.extra))
    return done


def _change_stack(workspace: Workspace, view: View, action: str, body: Any) -> None:
    if action == "clear":
        views.pop(workspace, view, all_of_them=True)
        return
    replacing = view if action == "update" else None
    checked = views.checked(workspace, body, "modal", replacing)
    if action == "update":
        views.update(workspace, view, checked)
    else:
        views.push_modal(workspace, view.user, checked, view)


def _show_errors(workspace: Workspace, view: View, done: Delivery, errors: Any) -> Delivery:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        return _unusable(workspace, done, "invalid_errors", "errors must name a block")
    strange = sorted(errors.keys() - inputs)
    if strange:
        return _unusable(workspace, done, "invalid_errors", f"not input blocks: {strange}")
    with workspace.lock:
        current = workspace.views[view.id]
        workspace.views[view.id] = replace(current, errors=dict(errors))
    workspace.touch()
    return replace(done, errors=dict(errors))

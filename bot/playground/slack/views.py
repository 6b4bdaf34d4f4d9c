"""Modals and Home: opening, stacking, updating and closing, and their JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.playground.slack import forms
from bot.playground.slack.blockkit import Surface, check_view, fill_ids, view_is_too_large
from bot.playground.slack.records import MAX_STACKED_VIEWS, Json, Trigger, View
from bot.playground.slack.webapi import ApiError, invalid, invalid_arguments

if TYPE_CHECKING:
    from bot.playground.slack.workspace import Workspace


def checked(
    workspace: Workspace, body: Any, surface: Surface, replacing: View | None = None
) -> Json:
    """Return the view with its ids filled in, or refuse it."""
    problems = check_view(body, (surface,))
    if problems:
        raise invalid("invalid_arguments", problems)
    if view_is_too_large(body):
        raise ApiError("view_too_large")
    external = body.get("external_id")
    if external:
        same = by_external_id(workspace, external)
        if same is not None and (replacing is None or same.id != replacing.id):
            raise ApiError("duplicate_external_id")
    filled: Json = {**body, "blocks": fill_ids(body["blocks"], lambda: workspace.new_id("b"))}
    return filled


def by_external_id(workspace: Workspace, external_id: str) -> View | None:
    """Return the open view of that external_id, if there is one."""
    for view in workspace.views.values():
        if not view.closed and view.body.get("external_id") == external_id:
            return view
    return None


def exchange(workspace: Workspace, trigger_id: str) -> Trigger:
    """Use up a trigger: once, within three seconds of the click."""
    trigger = workspace.triggers.get(trigger_id)
    if trigger is None:
        raise ApiError("invalid_trigger_id")
    if trigger.exchanged:
        raise ApiError("exchanged_trigger_id")
    if workspace.now > trigger.expires:
        raise ApiError("expired_trigger_id")
    trigger.exchanged = True
    return trigger


def open_modal(workspace: Workspace, user: str, body: Json) -> View:
    """Open a modal; what was open before is gone."""
    with workspace.lock:
        for view_id in workspace.stacks[user]:
            workspace.view_closed(replace(workspace.views[view_id], closed=True))
        workspace.stacks[user] = []
        return _place(workspace, user, body, None)


def push_modal(workspace: Workspace, user: str, body: Json, onto: View) -> View:
    """Push a modal onto the stack that `onto` belongs to. At most three lie there."""
    with workspace.lock:
        stack = workspace.stacks[user]
        if onto.id not in stack:
            raise ApiError("not_found")
        if len(stack) >= MAX_STACKED_VIEWS:
            raise ApiError("push_limit_reached")
        return _place(workspace, user, body, workspace.views[stack[-1]])


def _place(workspace: Workspace, user: str, body: Json, previous: View | None) -> View:
    view_id = workspace.new_id("V")
    view = View(
        id=view_id,
        user=user,
        body=body,
        hash=_new_hash(workspace),
        root_id=previous.root_id if previous else view_id,
        previous_id=previous.id if previous else None,
        values=forms.carry_over({}, body["blocks"]),
    )
    workspace.views[view.id] = view
    workspace.stacks[user].append(view.id)
    workspace.touch()
    return view


def _new_hash(workspace: Workspace) -> str:
    return f"{int(workspace.now.timestamp())}.{workspace.new_id('h')[1:9].lower()}"


def update(workspace: Workspace, view: View, body: Json) -> View:
    """Replace a view's body. What was filled in stays where ids stay; errors go."""
    with workspace.lock:
        current = workspace.views[view.id]
        changed = replace(
            current,
            body=body,
            hash=_new_hash(workspace),
            values=forms.carry_over(current.values, body["blocks"]),
            errors={},
        )
        workspace.views[view.id] = changed
    workspace.touch()
    return changed


def publish(workspace: Workspace, user: str, body: Json) -> View:
    """Set a person's Home."""
    with workspace.lock:
        current = workspace.homes.get(user)
        if current:
            return update(workspace, workspace.views[current], body)
        view_id = workspace.new_id("V")
        view = View(
            id=view_id,
            user=user,
            body=body,
            hash=_new_hash(workspace),
            root_id=view_id,
            previous_id=None,
            values=forms.carry_over({}, body["blocks"]),
        )
        workspace.views[view_id] = view
        workspace.homes[user] = view_id
    workspace.touch()
    return view


def pop(workspace: Workspace, view: View, *, all_of_them: bool = False) -> list[View]:
    """Close a view (or the whole stack) and return what was closed, top first."""
    with workspace.lock:
        stack = workspace.stacks[view.user]
        if view.id not in stack:
            return []
        keep = 0 if all_of_them else stack.index(view.id)
        closed = [replace(workspace.views[i], closed=True) for i in reversed(stack[keep:])]
        for one in closed:
            workspace.view_closed(one)
        workspace.stacks[view.user] = stack[:keep]
    workspace.touch()
    return closed


def wanted(workspace: Workspace, args: Any) -> View:
    """Return the view that views.update names by id or external_id, or refuse."""
    if not args.get("view_id") and not args.get("external_id"):
        raise invalid_arguments("must define either `view_id` or `external_id`")
    if args.get("view_id"):
        view = workspace.views.get(args["view_id"])
    else:
        view = by_external_id(workspace, args["external_id"])
    if view is None or view.closed:
        raise ApiError("not_found")
    return view


def check_hash(view: View | None, given: str | None) -> None:
    """Refuse an update that was made from an older state of the view."""
    if given and (view is None or view.hash != given):
        raise ApiError("hash_conflict")


def as_json(workspace: Workspace, view: View) -> Json:
    """Return a view as Slack shows it, with what is filled in."""
    body, grid = view.body, workspace.grid
    team = workspace.users[view.user].team_id
    shown: Json = {
        "id": view.id,
        "team_id": team if workspace.team_name(team) else workspace.team_id,
        "type": body["type"],
        "blocks": view.blocks,
        "private_metadata": body.get("private_metadata", ""),
        "callback_id": body.get("callback_id", ""),
        "external_id": body.get("external_id", ""),
        "state": forms.as_state(view.values),
        "hash": view.hash,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "app_id": workspace.app_id,
        "app_installed_team_id": grid.id if grid and grid.org_wide else workspace.team_id,
        "bot_id": workspace.bot_id,
        "title": body.get("title"),
        "submit": body.get("submit"),
        "close": body.get("close"),
        "clear_on_close": body.get("clear_on_close", False),
        "notify_on_close": body.get("notify_on_close", False),
        "submit_disabled": body.get("submit_disabled", False),
    }
    return shown

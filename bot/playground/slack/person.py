"""A person at their Slack client: what they see, and what they can click, type and submit.

Used by tests and by the page. Everything a person does that reaches the app returns a `Delivery`.
What Slack's client would not let them do raises `FormError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from bot.playground.slack import answers, forms, messages, views
from bot.playground.slack.blockkit_elements import all_options
from bot.playground.slack.forms import VALUE_FIELD, FormError
from bot.playground.slack.records import Channel, Delivery, Json, Message, ValueKey, View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.playground.slack.courier import Courier
    from bot.playground.slack.payloads import Payloads
    from bot.playground.slack.records import User
    from bot.playground.slack.workspace import Workspace

T = TypeVar("T")
Target = Message | View
MIN_QUERY_LENGTH = 3


class Person:
    """One person of the workspace, acting."""

    def __init__(
        self,
        user_id: str,
        workspace: Workspace,
        courier: Courier,
        payloads: Payloads,
        commands: tuple[str, ...],
    ) -> None:
        self.id = user_id
        self._workspace = workspace
        self._courier = courier
        self._payloads = payloads
        self._commands = commands

    @property
    def user(self) -> User:
        """Who this is, as of now."""
        return self._workspace.users[self.id]

    def _acting(self) -> User:
        if self.user.deleted:
            raise FormError(f"{self.user.name} is deactivated and has no client")
        return self.user

    def channel(self, place: Channel | str | None = None) -> Channel:
        """Return a conversation by value, id or name; the DM with the app by default."""
        if place is None:
            return self._workspace.dm(self.id)
        if isinstance(place, Channel):
            place = place.id
        for channel in self._workspace.channels.values():
            if place in (channel.id, channel.name, f"#{channel.name}"):
                return channel
        raise FormError(f"there is no channel {place}")

    def messages(self, place: Channel | str | None = None) -> list[Message]:
        """Return what this person sees there, oldest first, their own ephemerals included."""
        channel = self.channel(place)
        with self._workspace.lock:
            found = list(self._workspace.messages[channel.id].values())
        return [m for m in found if m.visible_to in (None, self.id)]

    def views(self) -> list[View]:
        """Return the open modals, the one on top last."""
        with self._workspace.lock:
            return [self._workspace.views[i] for i in self._workspace.stacks[self.id]]

    def view(self) -> View:
        """Return the modal on top. Raises FormError if none is open."""
        stack = self.views()
        if not stack:
            raise FormError(f"{self.user.name} has no modal open")
        return stack[-1]

    def home(self) -> View | None:
        """Return Home as last published for this person, None before."""
        view_id = self._workspace.homes.get(self.id)
        return self._workspace.views[view_id] if view_id else None

    def wait_for(self, predicate: Callable[[], T], timeout_seconds: float = 5.0) -> T:
        """Wait until `predicate` gives something truthy; see `Workspace.wait_for`."""
        return self._workspace.wait_for(predicate, timeout_seconds)

    def slash(self, command: str, text: str = "", place: Channel | str | None = None) -> Delivery:
        """Send a slash command, from the DM with the app by default."""
        if command not in self._commands:
            raise FormError(f"{command} is not a valid command")
        payload = self._payloads.slash(self._acting(), command, text, self.channel(place))
        done = self._courier.deliver("slash_commands", payload)
        return answers.after_slash(self._workspace, done)

    def say(self, text: str, place: Channel | str | None = None) -> Message:
        """Post as oneself. The app hears nothing of it: message events are not modelled."""
        return messages.say(self._workspace, self.channel(place).id, self._acting().id, text)

    def open_home(self, tab: str = "home") -> Delivery:
        """Open the app's Home (or `messages`) tab."""
        payload = self._payloads.home_opened(self._acting(), tab)
        return self._courier.deliver("events_api", payload, answers=False)

    def click(
        self,
        target: Target,
        action_id: str,
        block_id: str | None = None,
        *,
        confirm: bool = True,
        as_shown: bool = False,
    ) -> Delivery | None:
        """Click a button, in a message, modal or Home.

        `confirm` answers the confirm dialog if there is one; None means that it was cancelled.
        `as_shown` clicks what `target` showed when it was fetched, even if it has changed since:
        a click that was on its way.
        """
        shown = target if as_shown else self._current(target)
        block, element = forms.find(shown.blocks, action_id, block_id)
        if element["type"] != "button":
            raise FormError(f"{action_id} is a {element['type']}: use fill")
        if element.get("confirm") and not confirm:
            return None
        told: Json = {k: element[k] for k in ("text", "value", "style", "url") if k in element}
        return self._act(shown, block, element, told)

    def fill(
        self,
        target: Target,
        action_id: str,
        value: str | int | Json | Sequence[str | Json] | None,
        block_id: str | None = None,
        *,
        tell: bool = True,
    ) -> Delivery | None:
        """Fill in an element; None empties it.

        Text for inputs; an option's value or text (or the option) for selects, a list of them
        for multi-selects and checkboxes; a user id; `YYYY-MM-DD`; `HH:MM`; epoch seconds.
        Returns the Delivery when the element tells the app at once (not with `tell=False`),
        else None.
        """
        shown = self._current(target)
        block, element = forms.find(shown.blocks, action_id, block_id)
        if element["type"] == "overflow":
            chosen = self._option(shown, block, element, value)
            return self._act(shown, block, element, {"selected_option": chosen})
        content = forms.content(
            element, value, lambda wanted: self._option(shown, block, element, wanted)
        )
        if element["type"] == "users_select" and content not in (None, *self._workspace.users):
            raise FormError(f"there is no user {value}")
        key = (block["block_id"], element["action_id"])
        stored = {"type": element["type"], VALUE_FIELD[element["type"]]: content}
        shown = self._store(shown, key, stored)
        if tell and (block["type"] != "input" or block.get("dispatch_action")):
            told = {k: v for k, v in stored.items() if k != "type"}
            return self._act(shown, block, element, told)
        return None

    def type(self, target: Target, action_id: str, text: str, block_id: str | None = None) -> None:
        """Type into a text input."""
        self.fill(target, action_id, text, block_id)

    def choose(
        self, target: Target, action_id: str, option: str | Json, block_id: str | None = None
    ) -> Delivery | None:
        """Choose an option of a select or of radio buttons."""
        return self.fill(target, action_id, option, block_id)

    def suggest(
        self, target: Target, action_id: str, query: str = "", block_id: str | None = None
    ) -> list[Json]:
        """Type into an external select and return the options that the app offers.

        Too short a query (see `min_query_length`) asks nobody and returns nothing.
        Raises FormError when the app gives no usable answer in time.
        """
        shown = self._current(target)
        block, element = forms.find(shown.blocks, action_id, block_id)
        if not element["type"].endswith("external_select"):
            raise FormError(f"{action_id} is a {element['type']}: it asks nobody")
        if len(query) < element.get("min_query_length", MIN_QUERY_LENGTH):
            return []
        key = (block["block_id"], action_id)
        payload = self._payloads.suggestion(self._acting(), shown, key, query)
        done = self._courier.deliver("interactive", payload)
        done = answers.after_suggestion(self._workspace, done)
        if not done.ok:
            raise FormError(f"no options: {done.error}")
        return answers.options(done)

    def submit(self, view: View) -> Delivery:
        """Submit a modal. `errors` of the result holds what is shown in place, if anything.

        What Slack's dialog refuses by itself (a required field left empty) is not sent: the
        result has error `incomplete`.
        """
        current = self._workspace.views[view.id]
        if current.closed or "submit" not in current.body:
            raise FormError("this modal cannot be submitted")
        wrong = forms.mistakes(current.blocks, current.values)
        if wrong:
            self._change_view(view, errors=wrong)
            return Delivery(
                "interactive", {}, acked=False, after_ms=0, error="incomplete", errors=wrong
            )
        current = self._change_view(view, errors={})
        payload = self._payloads.submission(self._acting(), current)
        done = self._courier.deliver("interactive", payload)
        return answers.after_submission(self._workspace, current, done)

    def close(self, view: View, *, whole_stack: bool = False) -> list[Delivery]:
        """Close a modal (or all of them); the app hears of those that asked for it."""
        clear = whole_stack or view.body.get("clear_on_close", False)
        closed = views.pop(self._workspace, view, all_of_them=clear)
        return [
            self._courier.deliver(
                "interactive",
                self._payloads.closed(self._acting(), one, cleared=clear),
                answers=False,
            )
            for one in closed
            if one.body.get("notify_on_close")
        ]

    def values(self, target: Target) -> Mapping[ValueKey, Json]:
        """Return what is filled in, by (block_id, action_id)."""
        if isinstance(target, View):
            return self._workspace.views[target.id].values
        kept = self._workspace.message_values.get((target.channel, target.ts, self.id), {})
        return forms.carry_over(kept, target.blocks)

    def _current(self, target: Target) -> Target:
        if isinstance(target, View):
            return self._workspace.views[target.id]
        found = self._workspace.messages[target.channel].get(target.ts)
        if found is None:
            raise FormError("the message is gone")
        return found

    def _store(self, target: Target, key: ValueKey, value: Json) -> Target:
        with self._workspace.lock:
            values = {**self.values(target), key: value}
            if isinstance(target, View):
                return self._change_view(target, values=values)
            self._workspace.keep_values(target, self.id, values)
        return target

    def _change_view(self, view: View, **facts: object) -> View:
        """Change fields of a view as it is now: the app may have updated it a moment ago."""
        with self._workspace.lock:
            changed = replace(self._workspace.views[view.id], **facts)  # type: ignore[arg-type] # by name
            self._workspace.views[view.id] = changed
        self._workspace.touch()
        return changed

    def _option(self, target: Target, block: Json, element: Json, wanted: object) -> Json:
        if isinstance(wanted, dict) and element["type"].endswith("external_select"):
            return wanted
        if element["type"].endswith("external_select"):
            offered = self.suggest(target, element["action_id"], str(wanted), block["block_id"])
        else:
            offered = list(all_options(element))
        for option in offered:
            if wanted in (option, option["value"], option["text"]["text"]):
                return option
        raise FormError(f"{wanted!r} is not offered: {[o['value'] for o in offered]}")

    def _act(self, target: Target, block: Json, element: Json, told: Json) -> Delivery:
        user = self._acting()
        action = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            "action_ts": self._workspace.new_ts(),
            **told,
        }
        if isinstance(target, View):
            payload = self._payloads.view_action(user, target, action)
        else:
            values = self.values(target)
            payload = self._payloads.message_action(user, target, action, values)
        return self._courier.deliver("interactive", payload, answers=False)

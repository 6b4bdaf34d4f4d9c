"""The form of /access: reading what is filled in, and drawing it again around that."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from bot.slack.blocks import Block, context, input_block, modal, mrkdwn, option, plain, section
from bot.slack.cards.approval import deciders
from bot.slack.choices import (
    ALL_OF_IT,
    WHOLE_CLUSTER,
    Choice,
    as_value,
    durations,
    from_value,
)
from bot.slack.text import label
from bot.wording import clock_words, duration_words
from grants.policy.durations import parse_duration
from grants.policy.model import Entitlement, Policy

ASK: Final = "ask"
REASON_MOST: Final = 1000
NOT_READ: Final = "The namespaces can't be read right now. Type again in a moment."
NONE_OF_THEM: Final = "-"
"""The value of the option that says so: no namespace has this name."""
_DIGITS_MOST: Final = 9
_OPTION_MOST: Final = 255
_NUMBER_UNIT: Final = re.compile(r"(\d{1,6})(d|h|m|s)")
_UNIT_WORDS: Final = re.compile(r"(?<=\d)\s*(days?|hours?|hrs?|minutes?|mins?|seconds?|secs?)\b")


@dataclass(frozen=True)
class Filled:
    """What is filled in: the choice, the length (select or text), the reason, and block ids."""

    choice: Choice
    seconds: str
    length_text: str
    reason: str
    block_of: Mapping[str, str]

    @property
    def duration(self) -> timedelta | None:
        """The length asked for; what is written counts before what is chosen. None: unreadable."""
        if self.length_text.strip():
            return read_length(self.length_text)
        # A number that no select of ours offers may be one that no length of time can be.
        is_number = self.seconds.isdecimal() and len(self.seconds) <= _DIGITS_MOST
        return timedelta(seconds=int(self.seconds)) if is_number else None


def read_length(text: str) -> timedelta | None:
    """Read a length as people write it: `90m`, `1h30m`, `1 hour 30 minutes`, `2 h`."""
    short = _UNIT_WORDS.sub(lambda found: found[1][0], text.strip().lower())
    return parse_duration(re.sub(r"[\s,]+", "", short))


def read_form(state: Mapping[str, Mapping[str, Any]], policy: Policy) -> Filled:
    """Read the state of the form. A namespace chosen for another cluster does not count."""
    values: dict[str, str] = {}
    block_of: dict[str, str] = {}
    for block_id, actions in state.items():
        for action_id, value in actions.items():
            values[action_id] = _value(value)
            block_of[action_id] = block_id
    cluster = from_value(values.get("cluster", ""), [c.alias for c in policy.clusters]) or None
    entitlement = from_value(values.get("entitlement", ""), [e.name for e in policy.entitlements])
    namespace = values.get("namespace") or None
    if block_of.get("namespace") != namespace_block(cluster) or namespace == NONE_OF_THEM:
        namespace = None
    return Filled(
        Choice(cluster, namespace, entitlement or None),
        values.get("duration", ""),
        values.get("length", ""),
        values.get("reason", ""),
        block_of,
    )


def _value(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    chosen = value.get("selected_option")
    if isinstance(chosen, Mapping):
        found = chosen.get("value")
        # Names are looked up by it; what was never offered must not reach a database as it is.
        is_name = isinstance(found, str) and found.isprintable() and len(found) <= _OPTION_MOST
        return str(found) if is_name else ""
    found = value.get("value")
    return found if isinstance(found, str) else ""


def _tag(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def namespace_block(cluster: str | None) -> str:
    """Name the namespace's block: another cluster is another block, and so it is emptied."""
    return f"namespace:{_tag(cluster)}"


@dataclass(frozen=True)
class Form:
    """What the form is drawn around. `fits` are the entitlements that fit the choice so far."""

    filled: Filled
    fits: Sequence[Entitlement]
    clusters: Sequence[str]
    longest: timedelta
    now: datetime
    zone: tzinfo

    @property
    def chosen(self) -> Entitlement | None:
        """The entitlement chosen, if it (still) fits."""
        name = self.filled.choice.entitlement
        return next((e for e in self.fits if e.name == name), None)


def ask_view(form: Form, problem: str = "") -> dict[str, Any]:
    """Draw the form; `problem` stands at its top when something is wrong with all of it."""
    blocks: list[Block] = [section(plain(problem))] if problem else []
    blocks.append(_cluster(form))
    blocks.append(_namespace(form))
    blocks.append(_entitlement(form))
    blocks += _about(form)
    blocks += [_duration(form), _length(), _until(form), _reason(form)]
    return modal("Ask for access", blocks, callback_id=ASK, submit="Ask", close="Cancel")


def _select(action_id: str, placeholder: str, initial: Block | None) -> Block:
    element: Block = {
        "type": "external_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, 150),
        "min_query_length": 0,
    }
    return element | ({"initial_option": initial} if initial else {})


def _cluster(form: Form) -> Block:
    alias = form.filled.choice.cluster
    initial = option(alias, as_value(alias)) if alias else None
    element = _select("cluster", "Choose a cluster", initial)
    return input_block("Cluster", element, "cluster", dispatch=True)


def namespace_option(name: str) -> Block:
    """Make the option of a namespace."""
    return option(ALL_OF_IT if name == WHOLE_CLUSTER else name, name)


def _namespace(form: Form) -> Block:
    choice = form.filled.choice
    if form.chosen is not None and form.chosen.cluster_wide:
        return section(mrkdwn(f"*Namespace*\n{ALL_OF_IT}"), block_id="whole-cluster")
    initial = namespace_option(choice.namespace) if choice.namespace else None
    placeholder = "Choose a namespace" if choice.cluster else "Choose a cluster first"
    element = _select("namespace", placeholder, initial)
    return input_block("Namespace", element, namespace_block(choice.cluster), dispatch=True)


def entitlement_option(entitlement: Entitlement) -> Block:
    """Make the option of an entitlement."""
    return option(entitlement.name, as_value(entitlement.name))


def _entitlement(form: Form) -> Block:
    choice = form.filled.choice
    initial = entitlement_option(form.chosen) if form.chosen else None
    element = _select("entitlement", "What do you need?", initial)
    # What no longer fits must not stay chosen, so another choice is another block.
    block_id = f"entitlement:{_tag(choice.cluster, choice.namespace)}"
    return input_block("Access", element, block_id, dispatch=True)


def _about(form: Form) -> list[Block]:
    chosen = form.chosen
    if chosen is None:
        return []
    said = [plain(chosen.description)] if chosen.description else []
    steps = "; then ".join(f"{deciders(s.who)} ({s.quorum} needed)" for s in chosen.stages)
    role = mrkdwn(f"Gives *{label(str(chosen.role))}*. Decided by {label(steps, 600)}.")
    return [context(*said, role, block_id=f"about:{_tag(chosen.name)}")]


def _duration(form: Form) -> Block:
    offered = durations(form.chosen, form.longest)
    options = [option(duration_words(d), str(int(d.total_seconds()))) for d in offered]
    kept = next((o for o in options if o["value"] == form.filled.seconds), None)
    default = form.chosen.duration_default if form.chosen else timedelta(hours=1)
    usual = next((o for o in options if o["value"] == str(int(default.total_seconds()))), None)
    element: Block = {
        "type": "static_select",
        "action_id": "duration",
        "options": options,
        "initial_option": kept or usual or options[0],
    }
    block_id = f"duration:{_tag(form.chosen.name if form.chosen else '')}"
    return input_block("For how long", element, block_id, dispatch=True)


def _length() -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": "length",
        "placeholder": plain("90m, 2h, 1h30m", 150),
        "max_length": 40,
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    return input_block("Or another length", element, "length", optional=True, dispatch=True)


def _until(form: Form) -> Block:
    return context(plain(until_words(form)), block_id="until")


def until_words(form: Form) -> str:
    """Say when it would end, in the person's own zone: the lease begins when it is switched on."""
    duration = form.filled.duration or _preselected(form)
    if duration is None or duration <= timedelta(0):
        return "Write a length such as 90m, 2h or 1h30m."
    most = form.chosen.duration_maximum if form.chosen else form.longest
    if duration > most:
        return f"At most {duration_words(most)} here."
    end = clock_words(form.now + duration, form.now, form.zone)
    return f"{duration_words(duration)}: until {end}, if it is approved right now."


def _preselected(form: Form) -> timedelta | None:
    if form.filled.length_text.strip():
        return None
    return timedelta(seconds=int(_duration(form)["element"]["initial_option"]["value"]))


def _reason(form: Form) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": "reason",
        "multiline": True,
        "max_length": REASON_MOST,
        "placeholder": plain("What is it for? A ticket helps.", 150),
    }
    optional = form.chosen is not None and not form.chosen.reason_required
    hint = "Whoever decides reads this."
    return input_block("Reason", element, "reason", optional=optional, hint=hint)

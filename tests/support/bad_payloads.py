"""Payloads that Slack would never send, or should not: each drawn by name from genuine ones."""

import copy
import gzip
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

Json = dict[str, Any]
Dice = random.Random

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
BIDI = "\u202e\u2066\u200b\x1b[2J\x07"
EVIL = "<!channel> <https://evil.example|click>"


@dataclass(frozen=True)
class Samples:
    """Genuine payloads of one story: a click, a submitted form, a command and their like."""

    click: Json
    submission: Json
    denial: Json
    command: Json
    suggestion: Json
    event: Json

    def fresh(self, name: str, dice: Dice) -> Json:
        """A copy of one, as if it had happened just now: nothing in it was ever delivered."""
        payload: Json = copy.deepcopy(getattr(self, name))
        if "trigger_id" in payload:
            payload["trigger_id"] = f"{dice.randrange(10**9)}.{dice.randrange(10**9)}.fresh"
        for action in payload.get("actions", ()):
            action["action_ts"] = f"{dice.randrange(10**9)}.{dice.randrange(10**6):06}"
        if "event_id" in payload:
            payload["event_id"] = f"Ev{dice.randrange(10**9)}"
        if "view" in payload:
            payload["view"]["id"] = f"V{dice.randrange(10**9)}"
        return payload


Change = Callable[[Json, Dice], object]


@dataclass(frozen=True)
class Bad:
    """One bad payload: which genuine one it is made of, how, and what it gets.

    `gets` is `malformed WORD` (400 by HTTP, an empty ack by socket, the word in the log),
    `refused WORD` (the account may not, for that reason), `said TEXT` (whoever acts is told), or
    `nothing` (it is acknowledged, and that is all).
    """

    name: str
    of: str
    change: Change
    gets: str

    def make(self, samples: Samples, dice: Dice) -> Json:
        """Draw it."""
        payload = samples.fresh(self.of, dice)
        self.change(payload, dice)
        return payload


def put(*path: str | int, value: Any) -> Change:
    """Put a value somewhere; one that is callable is drawn."""

    def change(payload: Json, dice: Dice) -> None:
        found: Any = payload
        for step in path[:-1]:
            found = found[step]
        found[path[-1]] = value(dice) if callable(value) else value

    return change


def drop(*path: str | int) -> Change:
    def change(payload: Json, _: Dice) -> None:
        found: Any = payload
        for step in path[:-1]:
            found = found[step]
        del found[path[-1]]

    return change


def every(*changes: Change) -> Change:
    def change(payload: Json, dice: Dice) -> None:
        for one in changes:
            one(payload, dice)

    return change


def one_of(*values: Any) -> Callable[[Dice], Any]:
    return lambda dice: copy.deepcopy(dice.choice(values))


wrong = one_of("text", 7, -1, 1.5, True, [], ["U1"], [[1]], [{"id": "U1"}])
"""What is no object."""
no_text = one_of(7, True, [], ["x"], {"id": "x"}, 1.5)
"""What is no text."""


def steering(dice: Dice) -> str:
    """An id with something in it that steers, hides, or ends a line."""
    marks = ("\u202e", "\u2066", "\x00", "\x1b[2J", "\n", "\r\nSet-Cookie: a", "é", " ")
    return f"A{dice.choice(marks)}B"


def nested(levels: int) -> Json:
    deep: Json = {}
    for _ in range(levels):
        deep = {"a": deep}
    return deep


def chosen(field: str, value: Any) -> Change:
    """Choose in a select of the form what it never offered."""

    def change(payload: Json, dice: Dice) -> None:
        for fields in payload["view"]["state"]["values"].values():
            if field in fields:
                drawn = value(dice) if callable(value) else value
                option = {"text": {"type": "plain_text", "text": "Chosen"}, "value": drawn}
                fields[field]["selected_option"] = option

    return change


def written(field: str, text: str) -> Change:
    def change(payload: Json, _: Dice) -> None:
        for fields in payload["view"]["state"]["values"].values():
            if field in fields:
                fields[field]["value"] = text

    return change


def field_twice(payload: Json, dice: Dice) -> None:
    """Two blocks with the same field: whichever is read, somebody could have meant the other."""
    values = payload["view"]["state"]["values"]
    block = dice.choice(list(values))
    values[f"{block}-again"] = copy.deepcopy(values[block])


def other_kind(kind: str) -> Change:
    return every(put("type", value=kind), put("callback_id", value="ask"))


def button(action: str, value: Any) -> Change:
    return every(
        put("actions", 0, "action_id", value=action), put("actions", 0, "value", value=value)
    )


NO_REQUEST = "said There is no such request"
NO_GRANT = "said There is no such grant"
UNKNOWN = "said not known (any more)"

SHAPES = (
    Bad("a-team-of-another-type", "click", put("team", value=wrong), "malformed wrong-type team"),
    Bad("a-user-of-another-type", "click", put("user", value=wrong), "malformed wrong-type user"),
    Bad(
        "a-view-of-another-type",
        "submission",
        put("view", value=wrong),
        "malformed wrong-type view",
    ),
    Bad(
        "an-event-of-another-type", "event", put("event", value=wrong), "malformed wrong-type event"
    ),
    Bad(
        "a-channel-of-another-type",
        "click",
        put("channel", value=wrong),
        "malformed wrong-type channel",
    ),
    Bad(
        "actions-that-are-no-list",
        "click",
        put("actions", value={"0": {}}),
        "malformed wrong-type actions",
    ),
    Bad(
        "actions-that-are-a-number",
        "click",
        put("actions", value=5),
        "malformed wrong-type actions",
    ),
    Bad(
        "an-action-that-is-none",
        "click",
        put("actions", 0, value=wrong),
        "malformed wrong-type actions",
    ),
    Bad("no-action-at-all", "click", put("actions", value=[]), "malformed not-one-action"),
    Bad(
        "two-actions-at-once",
        "click",
        lambda p, _: p["actions"].append(p["actions"][0]),
        "malformed not-one-action",
    ),
    Bad(
        "a-value-of-another-type",
        "click",
        put("actions", 0, "value", value=no_text),
        "malformed wrong-type actions.value",
    ),
    Bad(
        "a-trigger-of-another-type",
        "click",
        put("trigger_id", value=no_text),
        "malformed wrong-type trigger_id",
    ),
    Bad("a-click-without-its-moment", "click", drop("actions", 0, "action_ts"), "malformed no-key"),
    Bad("a-command-without-its-trigger", "command", drop("trigger_id"), "malformed no-key"),
    Bad("a-form-without-its-id", "submission", drop("view", "id"), "malformed no-key"),
    Bad("an-event-without-its-id", "event", drop("event_id"), "malformed no-key"),
    Bad(
        "a-form-whose-state-is-a-list",
        "submission",
        put("view", "state", value=[1]),
        "malformed wrong-type view.state",
    ),
    Bad(
        "a-form-whose-values-are-text",
        "submission",
        put("view", "state", "values", value="x"),
        "malformed wrong-type view.state",
    ),
    Bad(
        "a-field-that-is-none",
        "submission",
        put("view", "state", "values", value={"b": {"reason": 3}}),
        "malformed wrong-type view.state",
    ),
    Bad("the-same-field-in-two-blocks", "submission", field_twice, "malformed field-twice"),
    Bad(
        "a-user-id-that-steers", "click", put("user", "id", value=steering), "malformed bad-id user"
    ),
    Bad(
        "a-team-id-that-steers",
        "command",
        put("team_id", value=steering),
        "malformed bad-id team_id",
    ),
    Bad(
        "a-trigger-that-steers",
        "command",
        put("trigger_id", value=steering),
        "malformed bad-id trigger_id",
    ),
    Bad(
        "a-view-id-that-steers",
        "submission",
        put("view", "id", value=steering),
        "malformed bad-id view.id",
    ),
    Bad(
        "an-action-id-that-steers",
        "click",
        put("actions", 0, "action_id", value=steering),
        "malformed bad-id actions.action_id",
    ),
    Bad(
        "an-id-with-half-a-character",
        "click",
        put("user", "id", value="U\ud800"),
        "malformed bad-id user",
    ),
    Bad("an-id-without-end", "click", put("user", "id", value="U" * 5000), "malformed bad-id user"),
    Bad(
        "authorizations-within-authorizations",
        "event",
        put("authorizations", value=[{"authorizations": [1]}]),
        "malformed Bolt reads it with",
    ),
    Bad(
        "authorizations-that-are-none",
        "event",
        put("authorizations", value=["x"]),
        "malformed wrong-type authorizations",
    ),
)

ACTORS = (
    Bad("a-click-of-nobody", "click", drop("user"), "refused unknown"),
    Bad("a-user-without-an-id", "click", drop("user", "id"), "refused unknown"),
    Bad("a-command-without-its-team", "command", drop("team_id"), "refused unknown"),
    Bad("a-user-without-a-team", "submission", drop("user", "team_id"), "refused unknown"),
    Bad(
        "a-click-from-another-team",
        "click",
        put("user", "team_id", value="T0OTHER"),
        "refused other-team",
    ),
    Bad(
        "a-form-from-another-team",
        "submission",
        put("user", "team_id", value="T0OTHER"),
        "refused other-team",
    ),
    Bad(
        "another-team-beside-the-users",
        "click",
        put("team", "id", value="T0OTHER"),
        "refused other-team",
    ),
    Bad(
        "a-users-team-that-is-an-organisation",
        "click",
        put("user", "team_id", value="E0OTHER"),
        "refused other-team",
    ),
    Bad("an-app-that-clicks", "click", put("user", "id", value="U0BOT"), "refused bot"),
    Bad(
        "a-made-up-account",
        "click",
        put("user", "id", value=lambda d: f"U{d.randrange(10**9)}"),
        "refused stranger",
    ),
    Bad("somebody-who-has-left", "click", put("user", "id", value="U0GONE"), "refused deactivated"),
    Bad("a-guest", "command", put("user_id", value="U0GUEST"), "refused guest"),
)

CONTENTS = (
    Bad(
        "a-button-with-forged-terms",
        "click",
        lambda p, _: button("approve", p["actions"][0]["value"].partition(":")[0] + ":" + "0" * 64)(
            p, _
        ),
        "said shows something else than what was asked for",
    ),
    Bad(
        "a-button-with-a-made-up-request",
        "click",
        button("approve", f"req-{'a' * 26}:{'0' * 64}"),
        NO_REQUEST,
    ),
    Bad(
        "a-button-with-half-an-id",
        "click",
        button("approve", one_of("req-1:x", ":", "req-", "", "0", "a:b:c")),
        NO_REQUEST,
    ),
    Bad("a-button-with-sql-in-it", "click", button("cancel", "req-' OR 1=1 --"), NO_REQUEST),
    Bad("a-button-with-a-path-in-it", "click", button("give-back", "../../gra-1"), NO_GRANT),
    Bad("a-button-without-end", "click", button("approve", "r" * 100_000), NO_REQUEST),
    Bad(
        "a-button-of-another-kind-of-thing",
        "click",
        lambda p, d: button("give-back", p["actions"][0]["value"].partition(":")[0])(p, d),
        NO_GRANT,
    ),
    Bad(
        "somebody-elses-request-cancelled",
        "click",
        lambda p, d: button("cancel", p["actions"][0]["value"].partition(":")[0])(p, d),
        "said Only the person who asked can cancel",
    ),
    Bad("an-action-nobody-knows", "click", button(f"approve{'x' * 200}", "v"), UNKNOWN),
    Bad("an-action-of-an-older-version", "click", button("approve-v1", EVIL), UNKNOWN),
    Bad(
        "a-click-on-a-message-that-is-none-of-ours",
        "click",
        every(
            button("approve", "req-1:x"),
            put("container", "message_ts", value="1.1"),
            put("channel", "id", value="C0ELSEWHERE"),
            put("container", "channel_id", value="C0ELSEWHERE"),
        ),
        NO_REQUEST,
    ),
    Bad(
        "a-form-nobody-knows",
        "submission",
        put("view", "callback_id", value="transfer-all"),
        UNKNOWN,
    ),
    Bad(
        "a-denial-with-forged-metadata",
        "denial",
        put("view", "private_metadata", value=f"req-{'b' * 26}:{'1' * 64}"),
        NO_REQUEST,
    ),
    Bad(
        "a-denial-with-somebody-elses-view-state",
        "denial",
        every(
            put("view", "private_metadata", value="gra-1"), put("view", "state", "values", value={})
        ),
        NO_REQUEST,
    ),
    Bad(
        "a-revocation-that-was-never-opened",
        "denial",
        every(
            put("view", "callback_id", value="revoke"),
            put("view", "private_metadata", value=f"gra-{'c' * 26}"),
        ),
        "said Only admins can revoke access",
    ),
    Bad(
        "a-cluster-never-offered",
        "submission",
        chosen("cluster", one_of("kube-system", "prod2", "#0", "*", "PROD")),
        "said Choose a namespace",
    ),
    Bad(
        "a-namespace-never-offered",
        "submission",
        chosen("namespace", "kube-system"),
        "said does not offer",
    ),
    Bad(
        "a-namespace-that-is-a-path",
        "submission",
        chosen("namespace", one_of("payments-x/../kube-system", "..", "%2e%2e", "a/b")),
        "said This can't be used",
    ),
    Bad(
        "an-entitlement-never-offered",
        "submission",
        chosen("entitlement", one_of("cluster-admin", "#ffff", "view payments")),
        "said nothing of that name",
    ),
    Bad(
        "an-option-that-steers",
        "submission",
        chosen("cluster", one_of("prod\x00", "pr\u202eod", "prod\ud800", "prod\n")),
        "said Choose a cluster",
    ),
    Bad("an-option-of-another-type", "submission", chosen("entitlement", no_text), "said Choose"),
    Bad(
        "a-length-never-offered",
        "submission",
        chosen("duration", one_of("9" * 40, "1e9", "-5", "0x10", "٣٣٣٣٣٣٣٣٣٣٣")),
        "said Choose for how long",
    ),
    Bad(
        "a-length-of-centuries",
        "submission",
        chosen("duration", "999999999"),
        "said Nobody gets access for that long",
    ),
    Bad(
        "a-reason-with-half-a-character",
        "submission",
        written("reason", "because \ud800"),
        "said This can't be used",
    ),
    Bad(
        "a-reason-with-an-end-in-it",
        "submission",
        written("reason", "because\x00of"),
        "said This can't be used",
    ),
    Bad("a-reason-without-end", "submission", written("reason", "why " * 20_000), "said too long"),
    Bad("a-command-without-end", "command", put("text", value="x" * 40_000), "said There is no “"),
    Bad(
        "a-command-that-steers", "command", put("text", value=f"{BIDI}{EVIL}"), "said There is no “"
    ),
    Bad("a-query-without-end", "suggestion", put("value", value="q" * 40_000), "nothing"),
    Bad("a-query-that-steers", "suggestion", put("value", value=BIDI), "nothing"),
    Bad("a-suggestion-nobody-knows", "suggestion", put("action_id", value="passwords"), "nothing"),
    Bad("a-view-that-was-closed", "submission", other_kind("view_closed"), "nothing"),
    Bad("a-shortcut", "click", other_kind("shortcut"), "nothing"),
    Bad("a-message-shortcut", "click", other_kind("message_action"), "nothing"),
    Bad("a-step-of-a-workflow", "click", other_kind("workflow_step_edit"), "nothing"),
    Bad("a-kind-of-tomorrow", "click", other_kind("block_dreams"), "nothing"),
    Bad(
        "an-event-nobody-asked-for",
        "event",
        put("event", "type", value="user_huddle_changed"),
        "nothing",
    ),
)

BAD = (*SHAPES, *ACTORS, *CONTENTS)


@dataclass(frozen=True)
class Raw:
    """A bad request by HTTP alone: its bytes, its headers, how it is signed, and what it gets."""

    name: str
    make: Callable[[Samples, Dice], tuple[bytes, Mapping[str, str]]]
    gets: str
    status: int = 400
    timestamp: Callable[[Dice], str] | None = None
    secret: str | None = None


def as_form(payload: Json) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def of_click(change: Callable[[bytes, Dice], bytes], **headers: str) -> Callable[..., Any]:
    """Take a genuine click's body and change its bytes."""

    def make(samples: Samples, dice: Dice) -> tuple[bytes, Mapping[str, str]]:
        body = as_form(samples.fresh("click", dice))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return change(body, dice), FORM | named

    return make


def as_json(text: Callable[[Samples, Dice], str]) -> Callable[..., Any]:
    return lambda samples, dice: (text(samples, dice).encode(), JSON)


def twice_keyed(samples: Samples, dice: Dice) -> str:
    """Two users in one payload: the one that is checked and the one that acts could differ."""
    text = json.dumps(samples.fresh("click", dice))
    return text[:-1] + ', "user": {"id": "U0ADMIN", "team_id": "T1"}}'


def cut(body: bytes, dice: Dice) -> bytes:
    return body[: dice.randrange(20, len(body) - 10)]


RAW = (
    Raw("two-payloads", of_click(lambda body, _: body + b"&" + body), "field-twice"),
    Raw("a-body-cut-short", of_click(cut), "not-json"),
    Raw(
        "a-body-in-gzip",
        of_click(lambda body, _: gzip.compress(body), Content_Encoding="gzip"),
        "not-utf-8",
    ),
    Raw("a-body-in-utf-16", of_click(lambda body, _: body.decode().encode("utf-16")), "not-utf-8"),
    Raw(
        "latin-1-in-the-form",
        of_click(lambda *_: b"payload=%7B%22a%22%3A%22%E9%22%7D"),
        "not-utf-8",
    ),
    Raw(
        "a-form-of-many-fields",
        of_click(lambda *_: b"&".join(b"a%d=1" % n for n in range(500))),
        "not-a-form",
    ),
    Raw("a-form-of-nothing", of_click(lambda *_: b""), "not-an-object"),
    Raw(
        "a-form-in-many-parts",
        of_click(lambda body, _: body, Content_Type="multipart/form-data; boundary=x"),
        "content-type",
    ),
    Raw(
        "text-that-is-no-form",
        of_click(lambda body, _: body, Content_Type="text/plain"),
        "content-type",
    ),
    Raw("a-key-twice", as_json(twice_keyed), "duplicate-key"),
    Raw("json-without-bottom", as_json(lambda *_: "[" * 100_000), "too-deep"),
    Raw("json-a-little-too-deep", as_json(lambda *_: json.dumps(nested(200))), "too-deep"),
    Raw("a-number-that-is-none", as_json(lambda *_: '{"type": NaN}'), "not-a-number"),
    Raw("a-number-without-end", as_json(lambda *_: '{"type": ' + "9" * 10_000 + "}"), "not-json"),
    Raw("a-list", as_json(lambda *_: "[1]"), "not-an-object"),
    Raw("a-json-text", as_json(lambda *_: '"x"'), "not-an-object"),
    Raw(
        "a-payload-in-a-payload",
        of_click(lambda body, _: b"payload=" + quote(body).encode()),
        "not-json",
    ),
    Raw("a-body-too-large", of_click(lambda body, _: body + b" " * 1_048_577), "too-large", 413),
    Raw(
        "a-time-before-time",
        of_click(lambda body, _: body),
        "bad-signature",
        401,
        lambda d: f"-{d.randrange(1, 10**9)}",
    ),
    Raw(
        "a-time-of-tomorrow",
        of_click(lambda body, _: body),
        "stale",
        401,
        lambda d: str(4_000_000_000 + d.randrange(10**6)),
    ),
    Raw(
        "a-time-long-ago",
        of_click(lambda body, _: body),
        "stale",
        401,
        lambda d: str(d.randrange(10**9)),
    ),
    Raw(
        "a-time-that-is-none",
        of_click(lambda body, _: body),
        "bad-signature",
        401,
        one_of("now", "1e9", "0x1", "1.5", "+1"),
    ),
    Raw(
        "what-another-app-was-sent",
        of_click(lambda body, _: body),
        "bad-signature",
        401,
        None,
        "another app's secret",
    ),
)

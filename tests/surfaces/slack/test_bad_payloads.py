"""Bad payloads, each drawn by name from the run's seed: refused by name, and nothing changes.

`VALETKEY_TEST_SEED` draws the same ones again.
"""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.playground.slack.courier import signature
from tests.support.bad_payloads import BAD, RAW, SHAPES, Bad, Raw, Samples
from tests.support.slack_bot import SlackBot, slack_bot
from tests.support.world import World
from tests.surfaces.slack.conftest import rich_policy

COMMAND, EVENT = "slash_commands", "events_api"
REFUSALS = {"inbound.refused", "request.refused", "decision.refused", "grant.action-refused"}


class Town:
    """The bot, a request that waits, and a genuine payload of each kind."""

    def __init__(self, bot: SlackBot, mode: str) -> None:
        self.bot, self.mode = bot, mode
        for user, about in (
            ("U0BOT", {"is_bot": True}),
            ("U0GONE", {"deleted": True}),
            ("U0GUEST", {"is_restricted": True}),
        ):
            added = bot.workspace.add_user(user.lower(), **_known(about))
            bot.workspace.users[user] = _renamed(added, user, about)
        erin, ada = bot.person("erin", "engineers"), bot.person("ada", "approvers")
        command = erin.slash("/access").payload
        view = erin.view()
        erin.choose(view, "cluster", "prod")
        erin.suggest(erin.view(), "namespace", "pay")
        suggestion = bot.double.deliveries[-1].payload
        erin.choose(erin.view(), "namespace", "payments-dev")
        erin.choose(erin.view(), "entitlement", "view-payments")
        erin.choose(erin.view(), "duration", "3600")
        erin.type(erin.view(), "reason", "To look")
        assert erin.submit(erin.view()).errors == {}
        submission = bot.double.deliveries[-1].payload
        bot.deliver()
        card = ada.messages()[-1]
        click = ada.click(card, "deny")
        assert click is not None
        ada.type(ada.view(), "reason", "No")
        denial = json.loads(json.dumps(click.payload)) | {"type": "view_submission"}
        denial["view"] = bot.double._payloads.submission(ada.user, ada.view())["view"]
        for name in ("actions", "container", "message", "channel"):
            denial.pop(name, None)
        event = erin.open_home().payload
        self.samples = Samples(click.payload, submission, denial, command, suggestion, event)

    def state(self) -> dict[str, Any]:
        """Everything but what came in, and the events that tell of refusals."""
        rows = self.bot.world.store._rows
        kept = {
            name: dict(getattr(rows, name))
            for name in ("requests", "decisions", "grants", "attempts", "accounts", "notices")
        }
        told = [e.type for e in self.bot.world.store.events if e.type not in REFUSALS]
        return kept | {"events": told, "waked": list(self.bot.waked)}

    def heard(self) -> int:
        return len(self.bot.workspace.calls)


def _known(about: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in about.items() if name != "is_bot"}


def _renamed(user: Any, name: str, about: dict[str, Any]) -> Any:
    bot = {"is_bot": True} if about.get("is_bot") else {}
    return replace(user, id=name, **bot)


@pytest.fixture(scope="module", params=["http", "socket"])
def town(request: pytest.FixtureRequest) -> Iterator[Town]:
    world = World()
    world.policy.policy = rich_policy()
    with slack_bot(world, request.param) as bot:
        bot.double.control.lift_rate_limits()
        yield Town(bot, request.param)


@pytest.fixture(scope="module")
def http_town(town: Town) -> Town:
    """One that is reached by HTTP: whoever asks for it asks for that `town` alone."""
    assert town.mode == "http"
    return town


def sent(town: Town, payload: dict[str, Any], kind: str) -> Any:
    way = {"command": COMMAND, "event": EVENT}.get(kind, "interactive")
    return town.bot.double.deliver_raw(payload, way)  # type: ignore[arg-type]


@pytest.mark.security("D6")
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_a_bad_payload_is_refused_by_name_and_changes_nothing(
    town: Town, bad: Bad, dice: random.Random, caplog: pytest.LogCaptureFixture
) -> None:
    payload = bad.make(town.samples, dice)
    before, heard = town.state(), town.heard()
    done = sent(town, payload, bad.of)
    how, _, what = bad.gets.partition(" ")
    if how == "malformed":
        assert_malformed(town, done)
        assert f"malformed: {what}" in caplog.text
    else:
        assert done.acked, done.error
    if how == "refused":
        assert f": {what}" in caplog.text
    if how == "said":
        assert what in said_since(town, heard, done.answer), caplog.text
    if how == "nothing":
        assert done.answer in (None, {"options": []}, {"text": ""})
    assert town.state() == before
    assert not [r for r in caplog.records if r.exc_info], caplog.text


def assert_malformed(town: Town, done: Any) -> None:
    """400 by HTTP; by socket an ack that says nothing: sent again it would be no better."""
    if town.mode == "http":
        assert done.status == 400
    else:
        assert done.acked
        assert done.answer is None


def said_since(town: Town, heard: int, answer: object) -> str:
    calls = list(town.bot.workspace.calls)[heard:]
    return json.dumps([answer, [dict(c.args) for c in calls]], default=str, ensure_ascii=False)


@pytest.mark.parametrize("town", ["http"], indirect=True, scope="module")
@pytest.mark.parametrize("raw", RAW, ids=lambda raw: raw.name)
def test_a_bad_request_is_refused_by_name_and_changes_nothing(
    http_town: Town, raw: Raw, dice: random.Random, caplog: pytest.LogCaptureFixture
) -> None:
    body, headers = raw.make(http_town.samples, dice)
    at = raw.timestamp(dice) if raw.timestamp else str(int(time.time()))
    secret = raw.secret or http_town.bot.double.app.signing_secret
    before = http_town.state()
    signed = signature(secret, at, body)
    answer = http_town.bot.double.courier.post(body, headers, timestamp=at, signed=signed)
    assert answer.status_code == raw.status
    code = "malformed" if raw.status == 400 else raw.gets
    assert answer.json()["error"] == code
    assert raw.status == 413 or f": {raw.gets}" in caplog.text
    assert http_town.state() == before
    assert not [r for r in caplog.records if r.exc_info], caplog.text


def test_the_genuine_ones_still_count(town: Town, dice: random.Random) -> None:
    """What every bad payload was drawn from is good: so it was the change that was refused."""
    for name in ("command", "event"):
        assert sent(town, town.samples.fresh(name, dice), name).ok
    approve = town.samples.fresh("click", dice)
    approve["actions"][0]["action_id"] = "approve"
    before = town.state()
    assert sent(town, approve, "click").ok
    after = town.state()
    assert len(after["decisions"]) == len(before["decisions"]) + 1
    assert len(after["grants"]) == 1
    assert sent(town, town.samples.fresh("submission", dice), "submission").answer in (None, {})
    assert len(town.state()["requests"]) == len(before["requests"]) + 1


def test_there_are_many_and_each_has_a_name_of_its_own() -> None:
    names = [one.name for one in (*BAD, *RAW)]
    assert len(set(names)) == len(names) >= 75
    assert len(SHAPES) >= 25


def test_the_same_seed_draws_the_same_payloads(town: Town) -> None:
    for bad in BAD:
        one, other = (bad.make(town.samples, random.Random(f"7:{bad.name}")) for _ in range(2))
        assert one == other

"""The same thing from Slack at two replicas at the same moment: done once, and answered alike.

Over the real stores: what keeps it to once is a key in the transaction of the change itself.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.playground.slack import Person
from bot.slack.ports import SlackPorts
from grants.people.model import Account
from grants.policy.model import Who
from grants.store.engine import open_database
from grants.store.schema import upgrade
from grants.store.store import Store
from tests.support.slack_replicas import Replicas, fill, slack_replicas, together
from tests.support.stores import sqlite_url
from tests.support.world import World, a_policy

TIMES = 6


class StoredWorld(World):
    """The small world, over real rows."""

    def __init__(self, store: Any) -> None:
        self._store = store
        super().__init__()

    def new_store(self) -> Any:
        return self._store


def with_rows(ports: SlackPorts, world: World) -> SlackPorts:
    store: Any = world.store
    return replace(ports, lists=store.lists, deliveries=store.deliveries)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        found = str(request.getfixturevalue("postgres_url"))
    else:
        found = sqlite_url(tmp_path / "database" / "valetkey.db")
    upgrade(found)
    return found


class Story:
    """Erin asked and Ada may decide; two replicas, each with connections of its own."""

    def __init__(self, town: Replicas) -> None:
        self.town = town
        self.erin = town.person("erin", "engineers")
        self.ada = town.person("ada", "approvers", "admins")

    def at_once(self, payload: dict[str, Any]) -> list[tuple[int, str]]:
        """Send it to both replicas, three times each, at the same moment."""
        answers = together(
            *(lambda n=number % 2: self.town.post(n, payload) for number in range(TIMES))
        )
        return [(answer.status_code, answer.text) for answer in answers]

    def count(self, event: str) -> int:
        with self.town.world.store.read() as tx:
            return sum(json.loads(e.canonical)["type"] == event for e in tx.events(0, 10_000))

    def account(self, person: Person) -> Account:
        return Account(self.town.workspace.team_id, person.id)

    def click(self, person: Person, action: str, value: str) -> dict[str, Any]:
        """A click on a button of that name and value, in a message to this person."""
        element = {"action_id": action, "block_id": "b", "value": value, "type": "button"}
        return self._by(person) | {
            "type": "block_actions",
            "container": {"type": "message", "message_ts": "1.1", "channel_id": "D1"},
            "channel": {"id": "D1", "name": "directmessage"},
            "actions": [element | {"action_ts": "1.000001"}],
        }

    def form(self, person: Person, callback: str, metadata: str) -> dict[str, Any]:
        """The form that asks why, filled in."""
        why = {"reason": {"reason": {"type": "plain_text_input", "value": "Enough"}}}
        view = {"id": f"V{callback}", "type": "modal", "callback_id": callback}
        return self._by(person) | {
            "type": "view_submission",
            "view": view | {"private_metadata": metadata, "state": {"values": why}},
        }

    def _by(self, person: Person) -> dict[str, Any]:
        team = self.town.workspace.team_id
        return {
            "team": {"id": team, "domain": "harbour"},
            "user": {"id": person.id, "team_id": team},
            "trigger_id": "1.1.1",
        }


@pytest.fixture
def story(url: str) -> Iterator[Story]:
    databases = [open_database(url) for _ in range(2)]
    world = StoredWorld(Store(databases[0]))
    world.policy.policy = replace(a_policy(), admins=Who(groups=frozenset({"admins"})))
    other = copy.copy(world)
    other.store = Store(databases[1])
    with slack_replicas([world, other], with_rows) as town:
        yield Story(town)
    for database in databases:
        database.close()


@pytest.mark.security("D6")
def test_a_form_asks_once(story: Story) -> None:
    fill(story.erin)
    payload = story.town.double._payloads.submission(story.erin.user, story.erin.view())
    assert set(story.at_once(payload)) == {(200, "")}
    assert story.count("request.submitted") == 1
    assert set(story.at_once(payload | {"trigger_id": "9.9.again"})) == {(200, "")}
    assert story.count("request.submitted") == 1


@pytest.mark.security("D6")
def test_a_click_decides_once(story: Story) -> None:
    request = story.town.world.ask(story.account(story.erin))
    shown = f"{request.id}:{request.terms_hash}"
    payload = story.click(story.ada, "approve", shown)
    assert set(story.at_once(payload)) == {(200, "")}
    assert (story.count("decision.made"), story.count("grant.activating")) == (1, 1)
    assert story.count("decision.refused") == 0
    assert story.town.waked == [1]


@pytest.mark.security("D6")
def test_a_denial_cancel_give_back_and_revocation_are_done_once(story: Story) -> None:
    world, erin = story.town.world, story.account(story.erin)
    cancelled = world.ask(erin)
    assert set(story.at_once(story.click(story.erin, "cancel", cancelled.id))) == {(200, "")}
    assert story.count("request.cancelled") == 1

    denied = world.ask(erin)
    shown = f"{denied.id}:{denied.terms_hash}"
    assert len(set(story.at_once(story.form(story.ada, "deny", shown)))) == 1
    assert (story.count("request.denied"), story.count("decision.made")) == (1, 1)

    for kind in ("give-back", "revoke"):
        before = story.count("grant.revoking")
        grant = world.approve(story.account(story.ada), world.ask(erin)).grants[0]
        if kind == "revoke":
            payload = story.form(story.ada, "revoke", grant)
        else:
            payload = story.click(story.erin, kind, grant)
        assert len(set(story.at_once(payload))) == 1
        assert story.count("grant.revoking") == before + 1
    assert story.count("grant.action-refused") == story.count("request.refused") == 0


@pytest.mark.security("D6")
def test_a_strangers_command_makes_one_link(story: Story) -> None:
    stranger = story.town.double.as_user(story.town.workspace.add_user("new"))
    payload = story.town.double._payloads.slash(stranger.user, "/access", "", stranger.channel())
    answers = [text for _, text in story.at_once(payload)]
    assert sum("/sign-in/" in text for text in answers) == 1
    assert sum("dealt with" in text for text in answers) == TIMES - 1
    assert story.count("sign-in.offered") == 1

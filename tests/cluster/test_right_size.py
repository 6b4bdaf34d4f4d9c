"""Proposals put in place of the old bindings on the real control plane: all that was done is still
allowed, and what was held and not used is denied.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random

import pytest

from bot.cli.right_size_forms import proposal_yaml
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import wait_until
from grants.authz.model import Question
from grants.authz.objects import Caller
from grants.authz.rbac import Rbac
from grants.review.rightsizing.evidence import Complete
from grants.review.rightsizing.manifests import to_delete, to_replace
from grants.review.rightsizing.model import Proposal, Target, Window
from grants.review.rightsizing.names import Names
from grants.review.rightsizing.propose import RightSize, right_size
from grants.review.rightsizing.watched import observed
from tests.support.sized_world import (
    DONE_BY_EACH,
    SizedAccount,
    SizedWorld,
    collection,
    questions,
    sized_world,
)

pytestmark = pytest.mark.needs_cluster

UNUSED_LEAST = 1_000
UNUSED_BY_EACH = 200
DENIED_FOR_REAL = 10
SOON = timedelta(seconds=20)


@pytest.fixture
def world(control_plane: ControlPlane, seed: int, tmp_path: Path) -> Iterator[SizedWorld]:
    yield from sized_world(control_plane, Random(seed), tmp_path)


# Three minutes beside other work: thousands of requests, one after the other.
@pytest.mark.timeout(900)
def test_what_was_done_goes_on_and_what_was_not_is_denied(world: SizedWorld) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    before = rbac_of(world)
    held = {account.target: held_by(before, account, world) for account in world.accounts}
    for account in world.accounts:
        do_some(world, account, held[account.target])
    proposals = propose_all(world, before, Window(began, datetime.now(UTC) + timedelta(hours=1)))
    put_in_place(world, proposals)
    asked = replay(world)
    denied, left = try_unused(world, held)
    taken = sum(len(found.taken) for found in proposals.values())
    print(
        f"\n{len(world.accounts)} accounts, {taken} rights taken away; {asked} observed requests"
        f" allowed by review and for real; of what was held and unused {denied} denied,"
        f" {left} still allowed, as the proposals say"
    )
    assert denied >= UNUSED_LEAST


def rbac_of(world: SizedWorld) -> Rbac:
    found = world.inventory()
    assert found.problems == ()
    return Rbac(found.roles, found.bindings, aggregate=False)


def held_by(rbac: Rbac, account: SizedAccount, world: SizedWorld) -> list[Question]:
    return [q for q in questions(world.places) if rbac.allowed(account.caller, q)]


def do_some(world: SizedWorld, account: SizedAccount, held: list[Question]) -> None:
    """Do some of what the account may, and a little that it may not."""
    every = questions(world.places)
    chosen = world.random.sample(held, min(DONE_BY_EACH, len(held)))
    for question in chosen:
        assert world.asks(account, question) != HTTPStatus.FORBIDDEN, question
    account.done = chosen
    for question in world.random.sample([q for q in every if q not in set(held)], 3):
        assert world.asks(account, question) == HTTPStatus.FORBIDDEN, question


def propose_all(world: SizedWorld, before: Rbac, window: Window) -> dict[Target, Proposal]:
    """Propose from what the real audit log shows, once it shows all that was done."""

    def shown() -> bool:
        users = [use.act.user for use in world.uses() if use.act.allowed]
        return all(users.count(a.target.user) >= len(a.done) for a in world.accounts)

    wait_until(shown, within=SOON, what="the audit log shows what was done")
    uses = world.uses()
    found = {}
    for number, account in enumerate(world.accounts):
        seen = tuple(observed(use) for use in uses if use.act.user == account.target.user)
        assert set(account.done) <= {one.question for one in seen if one.allowed}
        ask = RightSize(account.target, seen, window, list(Names)[number % 3])
        found[account.target] = right_size(ask, before, Complete())
        assert found[account.target].replay.holds
    return found


def put_in_place(world: SizedWorld, proposals: dict[Target, Proposal]) -> None:
    """Apply, twice, to see that nothing changes by that; then take the old bindings away."""
    for found in proposals.values():
        text = proposal_yaml(found)
        assert world.apply(text) == world.apply(text)
    for found in proposals.values():
        for manifest in (*to_delete(found), *to_replace(found)):
            meta = manifest["metadata"]
            path = f"{collection(manifest['kind'], meta.get('namespace'))}/{meta['name']}"
            method = "PUT" if "subjects" in manifest else "DELETE"
            body = manifest if method == "PUT" else None
            world.plane.admin_request(method, path, body)
    after = rbac_of(world)
    for account in world.accounts:
        own = after.rights(Caller(account.caller.user))
        assert all(right.binding.meta.name.startswith("right-sized-") for right in own)


def replay(world: SizedWorld) -> int:
    """Every request that was seen, by review and for real."""
    asked = 0
    for account in world.accounts:
        for question in account.done:
            may = partial(world.reviewed, account, question)
            wait_until(may, within=SOON, what=f"{account.target} may {question}")
            assert world.asks(account, question) != HTTPStatus.FORBIDDEN, question
            asked += 1
    return asked


def try_unused(world: SizedWorld, held: dict[Target, list[Question]]) -> tuple[int, int]:
    """A sample of what was held and not done: denied, unless the proposal says otherwise."""
    after, denied, left = rbac_of(world), 0, 0
    for account in world.accounts:
        unused = [q for q in held[account.target] if q not in set(account.done)]
        world.random.shuffle(unused)
        for_real = DENIED_FOR_REAL
        for question in unused[:UNUSED_BY_EACH]:
            expected = after.allowed(account.caller, question)
            as_told = partial(is_as_told, world, account, question, expected=expected)
            wait_until(as_told, within=SOON, what=f"{account.target}: {question} is {expected}")
            if expected:
                left += 1
                continue
            denied += 1
            if for_real:
                for_real -= 1
                assert world.asks(account, question) == HTTPStatus.FORBIDDEN, question
    return denied, left


def is_as_told(
    world: SizedWorld, account: SizedAccount, question: Question, *, expected: bool
) -> bool:
    return world.reviewed(account, question) == expected

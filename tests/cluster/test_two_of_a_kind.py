"""Two installations in one cluster, one cluster under two aliases, an alias led elsewhere."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from grants.access.foreign import Former
from grants.access.model import Cause, GrantState
from grants.errors import ClusterChanged, ClusterTwice, Refused
from grants.store.schema import upgrade
from tests.support.installations import Installation, Seen, ShiftedClock
from tests.support.shipped import bot_kubeconfig
from tests.support.stores import sqlite_url

Opened = Callable[..., Installation]
HOUR = timedelta(hours=1)


@pytest.fixture
def opened(tmp_path: Path, namespace: str, kubeconfig: Path) -> Iterator[Opened]:
    """Opens installations on a SQLite file of their own each, or on a database that is given."""
    made: list[Installation] = []

    def make(
        url: str = "", kubeconfigs: Mapping[str, Path] | None = None, **more: object
    ) -> Installation:
        found = url or sqlite_url(tmp_path / f"database-{len(made)}" / "valetkey.db")
        upgrade(found)
        clusters = kubeconfigs or {"prod": kubeconfig}
        made.append(Installation(found, clusters, namespace, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def seen(control_plane: ControlPlane, namespace: str) -> Seen:
    return Seen(control_plane, namespace)


@pytest.fixture
def elsewhere(two_api_servers: ControlPlane, tmp_path: Path, namespace: str) -> Path:
    """The bot's kubeconfig of another cluster, in which there is a namespace of the same name."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    two_api_servers.admin_request("POST", "/api/v1/namespaces", body)
    return bot_kubeconfig(two_api_servers, tmp_path / "elsewhere")


@pytest.fixture
def pair(opened: Opened, postgres_url: str) -> tuple[Installation, Installation]:
    """Two installations in one cluster, one on each kind of database."""
    first, second = opened(), opened(postgres_url)
    assert first.installation != second.installation
    for one in (first, second):
        one.see()
    return first, second


@pytest.mark.needs_postgres
@pytest.mark.security("G2")
def test_the_end_of_one_says_that_the_others_access_goes_on(
    pair: tuple[Installation, Installation], seen: Seen
) -> None:
    first, second = pair
    name = f"erin-{secrets.token_hex(4)}"
    mine, theirs = first.active(name), second.active(name)
    assert mine.subject == theirs.subject
    assert seen.filled() == {mine.binding_name, theirs.binding_name}
    first.give_back(mine, name)
    assert first.bring(mine).state is GrantState.ENDED
    proof = first.gone(mine)
    assert "still-allowed-by-other" in proof.notes
    reasons = {answer.reason for one in proof.seen for answer in one.answers if answer.allowed}
    assert reasons
    assert all(f'RoleBinding "{theirs.binding_name}/' in reason for reason in reasons)
    assert seen.filled() == {theirs.binding_name}
    assert second.bring(theirs).state is GrantState.ACTIVE
    second.give_back(theirs, name)
    assert second.bring(theirs).state is GrantState.ENDED
    assert "still-allowed-by-other" not in second.gone(theirs).notes


@pytest.mark.needs_postgres
@pytest.mark.security("G7")
def test_neither_sweeps_nor_looks_touch_the_others(
    pair: tuple[Installation, Installation], seen: Seen
) -> None:
    first, second = pair
    grants = [(first, first.active("erin")), (second, second.active("erin"))]
    for one, grant in grants:
        swept = one.sweep()
        assert (swept.looked, swept.deleted, swept.unknown) == (1, 0, 0)
        assert one.bring(grant).state is GrantState.ACTIVE
        assert one.events("binding.deleted") == one.events("binding.unknown") == []
    assert seen.filled() == {grant.binding_name for _, grant in grants}


@pytest.mark.needs_postgres
@pytest.mark.security("G7")
def test_what_another_left_past_its_end_is_told_and_left_alone(
    opened: Opened, postgres_url: str, seen: Seen
) -> None:
    clock = ShiftedClock()
    first, second = opened(clock=clock), opened(postgres_url)
    for one in (first, second):
        one.see()
    theirs = second.active("erin")
    clock.ahead = HOUR + first.times.stuck_after + timedelta(seconds=5)
    for _sweep in range(2):
        first.sweep()
    told = [e for e in first.events("binding.foreign") if e["grant"] == theirs.id]
    assert [(e["facts"]["finding"], e["facts"]["installation"]) for e in told] == [
        ("foreign-overdue", second.installation)
    ]
    assert seen.filled() == {theirs.binding_name}


@pytest.mark.needs_postgres
@pytest.mark.security("G7")
def test_one_that_lives_is_never_taken_over(
    pair: tuple[Installation, Installation], seen: Seen
) -> None:
    """Its id was named as that of a lost one, by mistake; it has made a binding since."""
    first, second = pair
    theirs = second.active("erin")
    former = Former(frozenset({second.installation}), first.store.made_at() - timedelta(minutes=2))
    swept = first.sweep(former=former)
    assert swept.looked == 0
    findings = [e["facts"]["finding"] for e in first.events("binding.foreign")]
    assert "former-alive" in findings
    assert seen.filled() == {theirs.binding_name}


@pytest.mark.security("G7")
def test_one_cluster_under_two_aliases_is_refused_under_the_later(
    opened: Opened, kubeconfig: Path, seen: Seen
) -> None:
    one = opened(kubeconfigs={"prod": kubeconfig, "prod-again": kubeconfig})
    one.see("prod")
    with pytest.raises(ClusterTwice):
        one.see("prod-again")
    with pytest.raises(Refused):
        one.asked("erin", cluster="prod-again")
    assert one.events("cluster.first-seen")[0]["facts"]["cluster"] == "prod"
    assert len(one.events("cluster.first-seen")) == 1
    assert seen.filled() == set()


def test_access_under_the_first_alias_ends_on_time_all_the_same(
    opened: Opened, kubeconfig: Path, seen: Seen
) -> None:
    clock = ShiftedClock()
    one = opened(clock=clock)
    one.see()
    grant = one.active("erin")
    one.reconfigure({"prod-again": kubeconfig, "prod": kubeconfig})
    with pytest.raises(ClusterTwice):
        one.see("prod-again")
    assert one.sweep("prod").deleted == one.sweep("prod-again").deleted == 0
    clock.ahead = HOUR
    ended = one.bring(grant)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.EXPIRED)
    assert seen.filled() == set()


def test_access_under_an_alias_that_was_renamed_ends_on_time(
    opened: Opened, kubeconfig: Path, seen: Seen
) -> None:
    clock = ShiftedClock()
    one = opened(clock=clock)
    one.see()
    grant = one.active("erin")
    one.reconfigure({"prod-again": kubeconfig})
    one.see("prod-again")
    clock.ahead = HOUR
    assert one.bring(grant).state is GrantState.ENDED
    assert seen.filled() == set()


@pytest.mark.security("G2")
def test_an_alias_that_leads_elsewhere_proves_nothing_and_gives_nothing(
    opened: Opened, kubeconfig: Path, elsewhere: Path, seen: Seen
) -> None:
    clock = ShiftedClock()
    one = opened(clock=clock)
    one.see()
    grant, waiting = one.active("erin"), one.asked("dora")
    one.reconfigure({"prod": elsewhere})
    with pytest.raises(ClusterChanged):
        one.see()
    with pytest.raises(Refused):
        one.asked("erin")
    with pytest.raises(ClusterChanged):
        one.approve(waiting)
    one.give_back(grant, "erin")
    held = one.bring(grant)
    assert (held.state, held.problem) == (GrantState.REVOKING, "cluster-changed")
    assert seen.filled() == {grant.binding_name}
    one.reconfigure({"prod": kubeconfig})
    assert one.bring(grant).state is GrantState.ENDED
    assert seen.filled() == set()

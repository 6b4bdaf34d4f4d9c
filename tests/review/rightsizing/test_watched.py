"""What was heard of a cluster decides what may be taken away."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from grants.authz.model import Question, RoleRef, Rule
from grants.authz.objects import SERVICE_ACCOUNT, Binding, Meta, Role, Subject
from grants.authz.rbac import Rbac
from grants.errors import InsufficientEvidence
from grants.review.rightsizing.model import Observed, Proposal, Window
from grants.review.rightsizing.propose import RightSize, right_size
from grants.review.rightsizing.watched import (
    UNKNOWN_AGE,
    YOUNG_ACCOUNT,
    YOUNG_BINDING,
    Watched,
    observed,
)
from grants.usage.coverage import Coverage, Lack
from grants.usage.model import Act, Kind, Use, VerbClass, Whose
from grants.usage.seen import Traced
from tests.support.sizing import EARLY, LATE, SINCE, TARGET, UNTIL, WINDOW

LONG_AGO = SINCE - timedelta(days=100)
READ, WRITE = VerbClass.READ, VerbClass.WRITE
ALWAYS = (
    *(Kind(READ, "", kind) for kind in ("pods", "secrets", "configmaps", "nodes")),
    Kind(WRITE, "", "events"),
    Kind(WRITE, "coordination.k8s.io", "leases"),
)
PODS = Rule(("get", "delete"), ("",), ("pods",))


def days(window: Window) -> Iterator[date]:
    at = window.since - timedelta(days=2)
    while at < window.until:
        yield at.date()
        at += timedelta(days=1)


def coverage(*kinds: Kind, without: tuple[date, ...] = ()) -> Coverage:
    """Something was heard in each minute, and each of these kinds on each day."""
    heard = tuple(day for day in days(WINDOW) if day not in without)
    hours: dict[datetime, int] = {}
    at = SINCE - timedelta(days=2)
    while at < UNTIL:
        hours[at] = (1 << 60) - 1
        at += timedelta(hours=1)
    return Coverage("prod", hours, {Traced(kind, Whose.ACCOUNT): heard for kind in kinds})


def held(*rules: Rule, created: datetime | None = LONG_AGO) -> Rbac:
    role = Role("ClusterRole", Meta("old"), rules)
    subject = Subject(SERVICE_ACCOUNT, "worker", "shop")
    meta = Meta("old", created=created)
    return Rbac(
        [role], [Binding("ClusterRoleBinding", meta, RoleRef("ClusterRole", "old"), (subject,))]
    )


def propose(
    rbac: Rbac, heard: Coverage, account: datetime | None = LONG_AGO, **more: Any
) -> Proposal:
    seen = (Observed(Question("get", resource="pods"), True, EARLY, LATE),)
    return right_size(RightSize(TARGET, seen, WINDOW, **more), rbac, Watched(heard, account))


def lacks(rbac: Rbac, heard: Coverage, account: datetime | None = LONG_AGO) -> set[str]:
    with pytest.raises(InsufficientEvidence) as caught:
        propose(rbac, heard, account)
    return {why for _, _, _, why in caught.value.lacks}


def test_what_was_heard_all_the_time_can_be_judged() -> None:
    found = propose(held(PODS), coverage(*ALWAYS, Kind(WRITE, "", "pods")))
    assert [taken.rule for taken in found.taken] == [replace(PODS, verbs=("delete",))]


def test_a_kind_that_nobody_was_heard_writing_can_not() -> None:
    assert lacks(held(PODS), coverage(*ALWAYS)) == {Lack.KIND_NOT_SEEN}


def test_nothing_heard_is_no_evidence() -> None:
    assert lacks(held(PODS), Coverage("prod")) == {Lack.NOTHING_SEEN}


def test_silence_for_long_is_none() -> None:
    silent = tuple(days(WINDOW))[10:30]
    heard = coverage(*ALWAYS, Kind(WRITE, "", "pods"), without=silent)
    assert lacks(held(PODS), heard) == {Lack.KIND_SILENT}


def test_a_policy_that_drops_reads_says_nothing_about_every_kind() -> None:
    every = Rule(("*",), ("*",), ("*",))
    assert lacks(held(every), coverage(Kind(WRITE, "", "events"), ALWAYS[-1])) == {
        Lack.KIND_NOT_SEEN
    }
    assert propose(held(every), coverage(*ALWAYS)).replay.holds


@pytest.mark.parametrize(
    ("binding", "account", "why"),
    [
        (EARLY, LONG_AGO, YOUNG_BINDING),
        (LONG_AGO, EARLY, YOUNG_ACCOUNT),
        (None, LONG_AGO, UNKNOWN_AGE),
        (LONG_AGO, None, UNKNOWN_AGE),
    ],
)
def test_what_is_younger_than_the_window_had_no_time_to_be_used(
    binding: datetime | None, account: datetime | None, why: str
) -> None:
    heard = coverage(*ALWAYS, Kind(WRITE, "", "pods"))
    assert lacks(held(PODS, created=binding), heard, account) == {why}


def test_bind_is_judged_by_the_writes_that_it_is_asked_for_in() -> None:
    rbac = "rbac.authorization.k8s.io"
    bind = Rule(("bind",), (rbac,), ("clusterroles",))
    pods = Kind(WRITE, "", "pods")
    assert lacks(held(PODS, bind), coverage(*ALWAYS, pods)) == {Lack.KIND_NOT_SEEN}
    kinds = (Kind(WRITE, rbac, f"{scope}rolebindings") for scope in ("", "cluster"))
    found = propose(held(PODS, bind), coverage(*ALWAYS, pods, *kinds))
    assert bind in [taken.rule for taken in found.taken]


def test_a_row_of_use_is_read_as_it_was_asked() -> None:
    act = Act("u", "", "get", "", "pods", "log", "shop", "a", "", True, "RBAC: ...")
    one = observed(Use("prod", act, EARLY, LATE, 5))
    assert one == Observed(Question("get", "", "pods", "log", "a", "shop"), True, EARLY, LATE, 5)

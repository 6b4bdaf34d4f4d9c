"""What a loaded policy answers about itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grants.policy.model import Notify, Who
from tests.support.policies import policy


@pytest.mark.parametrize(
    "somebody",
    [
        Who(groups=frozenset("a")),
        Who(people=frozenset("a")),
        Who(everyone=True),
        Notify(channels=("a",)),
        Notify(user_groups=("a",)),
        Notify(people=("a",)),
    ],
)
def test_any_way_of_naming_somebody_names_somebody(somebody: Who | Notify) -> None:
    assert not somebody.names_nobody()


def test_nothing_named_is_nobody() -> None:
    assert Who().names_nobody()
    assert Notify().names_nobody()


def test_the_longest_duration_bounds_what_an_unknown_binding_may_last() -> None:
    found = policy()
    longer = replace(found.entitlements[0], duration_maximum=timedelta(days=2))
    assert found.longest() == timedelta(hours=8)
    assert (
        replace(found, entitlements=(*found.entitlements, longer)).longest()
        == longer.duration_maximum
    )
    assert replace(found, entitlements=()).longest() == timedelta(0)

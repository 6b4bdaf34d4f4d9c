"""The workers are waked once, and only after something changed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.slack.waking import Due, waking
from grants.access.decide import Decided
from grants.access.fresh import Fresh
from grants.access.ports import Hold
from grants.errors import NotAllowed, TermsChanged
from grants.people.model import Person
from tests.support.store_values import a_grant, a_request, some_terms

ANN = Person("per-ann", "https://idp.example", "ann")


def waked_by(error: Exception | None) -> int:
    waked: list[int] = []

    def verb(command: str) -> str:
        if error is not None:
            raise error
        return command

    call = waking(lambda _due: waked.append(1), verb)
    if error is None:
        assert call("done") == "done"
    else:
        with pytest.raises(type(error)):
            call("refused")
    return len(waked)


def test_a_change_wakes_and_a_refusal_does_not() -> None:
    assert waked_by(None) == 1
    assert waked_by(NotAllowed("give-back")) == 0


def test_a_request_that_is_closed_by_a_refusal_wakes() -> None:
    assert waked_by(TermsChanged("req-1", "role")) == 1
    assert waked_by(TermsChanged("req-1", "terms")) == 0, "a forged card closes nothing"


def test_the_grant_that_a_verb_leaves_due_is_named_with_its_cluster() -> None:
    due: list[Due] = []
    grant = a_grant(a_request(ANN))
    waking(due.extend, lambda _: grant)("give back")
    assert due == [Due(grant.cluster, grant.id)]


def test_each_grant_of_an_approval_is_named_with_its_own_cluster() -> None:
    items = tuple(replace(some_terms(), cluster=name) for name in ("one", "two"))
    due: list[Due] = []
    decided = Decided(a_request(ANN, *items), ("gra-1", "gra-2"))
    waking(due.extend, lambda _: decided)("approve")
    assert due == [Due("one", "gra-1"), Due("two", "gra-2")]


def test_what_a_decision_hands_over_goes_with_its_own_grant() -> None:
    request = a_request(ANN, some_terms(), some_terms())
    grants = [a_grant(request, number) for number in range(2)]
    fresh = Fresh(grants[1], (), Hold("w", timedelta(seconds=5)))
    due: list[Due] = []
    decided = Decided(request, tuple(grant.id for grant in grants), (fresh,))
    waking(due.extend, lambda _: decided)("approve")
    assert [(one.grant, one.fresh) for one in due] == [(grants[0].id, None), (grants[1].id, fresh)]

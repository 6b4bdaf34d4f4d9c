"""Whatever an account holds and does: the proposal lets it go on, gives nothing new, and no less
would do.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from grants.authz.matching import answers
from grants.authz.rbac import Rbac
from grants.review.rightsizing.evidence import Complete
from grants.review.rightsizing.held import Held
from grants.review.rightsizing.model import Observed, Proposal
from grants.review.rightsizing.names import Names
from grants.review.rightsizing.objects import objects_of, rbac_after
from grants.review.rightsizing.propose import RightSize, right_size
from tests.support.sizing import (
    TARGET,
    WINDOW,
    cluster_rbac,
    smaller,
    universe,
    used_within,
)


def propose(rbac: Rbac, rows: tuple[Observed, ...], **more: Any) -> Proposal:
    return right_size(RightSize(TARGET, rows, WINDOW, **more), rbac, Complete())


def after(rbac: Rbac, found: Proposal) -> Rbac:
    given = tuple((scoped.scope, scoped.plain) for scoped in found.scopes)
    return rbac_after(rbac, found.replaced, objects_of(TARGET, WINDOW, given))


@given(st.data(), st.booleans(), st.sampled_from(Names))
@settings(max_examples=100, deadline=None)
def test_what_was_done_is_still_allowed_and_nothing_is_that_was_not(
    data: st.DataObject,
    exactly: bool,  # noqa: FBT001 - drawn by Hypothesis
    names: Names,
) -> None:
    rbac = data.draw(cluster_rbac())
    rows = data.draw(used_within(rbac))
    found = propose(rbac, rows, exactly=exactly, names=names)
    assert found.replay.holds
    before, ahead = Held(rbac, TARGET), Held(after(rbac, found), TARGET)
    for row in rows:
        if row.allowed:
            assert ahead.allows(row.question)
    for question in universe():
        if ahead.allows(question):
            assert before.allows(question)


@given(st.data(), st.sampled_from(Names))
@settings(max_examples=100, deadline=None)
def test_no_word_of_the_proposal_can_be_left_out(data: st.DataObject, names: Names) -> None:
    rbac = data.draw(cluster_rbac())
    rows = data.draw(used_within(rbac))
    found = propose(rbac, rows, exactly=True, names=names)
    done = [row.question for row in rows if row.allowed]
    for scoped in found.scopes:
        for index, rule in enumerate(scoped.plain):
            for less in smaller(rule):
                rules = [*scoped.plain]
                rules[index : index + 1] = [] if less is None else [less]
                given = tuple(
                    (other.scope, tuple(rules) if other is scoped else other.plain)
                    for other in found.scopes
                )
                made = objects_of(TARGET, WINDOW, given)
                ahead = Held(rbac_after(rbac, found.replaced, made), TARGET)
                assert any(not ahead.allows(question) for question in done)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_taken_away_and_what_stays_are_together_what_was_held(data: st.DataObject) -> None:
    rbac = data.draw(cluster_rbac())
    found = propose(rbac, data.draw(used_within(rbac)))
    before, ahead = Held(rbac, TARGET), Held(after(rbac, found), TARGET)
    for question in universe():
        if before.allows(question) and not ahead.allows(question):
            assert any(
                taken.scope in {None, question.namespace} and answers(taken.rule, question)
                for taken in found.taken
            )


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_proposal_that_was_applied_proposes_itself(data: st.DataObject) -> None:
    rbac = data.draw(cluster_rbac())
    rows = data.draw(used_within(rbac))
    first = propose(rbac, rows)
    second = propose(after(rbac, first), rows)
    assert second.scopes == first.scopes or not first.scopes
    assert second.changes_nothing

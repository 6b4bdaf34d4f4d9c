"""What is gained, held against every question of a small universe."""

from hypothesis import given, settings
from hypothesis import strategies as st

from grants.authz.covers import Permission, permissions_of
from grants.authz.matching import ANY, answers
from grants.authz.model import Question
from grants.authz.objects import GROUP, SERVICE_ACCOUNT, USER, Subject
from grants.authz.rbac import Rbac
from grants.review.changes.given import Given, as_account, caller_of, given_beyond
from tests.support.sizing import cluster_rbac, universe

ACCOUNTS = (Subject(SERVICE_ACCOUNT, "worker", "shop"), Subject(SERVICE_ACCOUNT, "other", "bank"))
ABSENT = "no-rule-names-this"


def holds(found: tuple[Given, ...], question: Question) -> bool:
    return any(
        one.scope in {None, question.namespace} and answers(rule, question)
        for one in found
        for rule in one.rules
    )


def every_question() -> tuple[Question, ...]:
    return tuple(q for q in universe() if q.name) + tuple(
        Question(q.verb, q.api_group, q.resource, q.subresource, name, q.namespace, q.path)
        for q in universe()
        if not q.name
        for name in ("", ABSENT)
    )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_an_account_gains_is_what_it_may_after_and_not_before(data: st.DataObject) -> None:
    base, head = data.draw(cluster_rbac()), data.draw(cluster_rbac())
    for account in ACCOUNTS:
        caller = caller_of(account)
        gained = given_beyond(head, base, caller)
        for question in every_question():
            if head.allowed(caller, question) and not base.allowed(caller, question):
                assert holds(gained, question)
            elif not head.allowed(caller, question):
                assert not holds(gained, question)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_counts_as_gained_that_was_held_before(data: st.DataObject) -> None:
    """Right by right; a wildcard is more than all that there is today, and has no one question."""
    base, head = data.draw(cluster_rbac()), data.draw(cluster_rbac())
    caller = caller_of(ACCOUNTS[0])
    for one in given_beyond(head, base, caller):
        for rule in one.rules:
            for permission in permissions_of(rule, one.scope):
                if not is_wild(permission):
                    assert not base.allowed(caller, asked(permission, one.scope))


def is_wild(permission: Permission) -> bool:
    return ANY in {permission.verb, permission.group} or ANY in permission.what


def asked(permission: Permission, scope: str | None) -> Question:
    if permission.group is None:
        return Question(permission.verb, path=permission.what)
    resource, _, sub = permission.what.partition("/")
    name = ABSENT if permission.name is None else permission.name
    return Question(permission.verb, permission.group, resource, sub, name, scope)


@given(cluster_rbac())
@settings(max_examples=30, deadline=None)
def test_nothing_is_gained_where_nothing_changes(rbac: Rbac) -> None:
    for account in ACCOUNTS:
        assert given_beyond(rbac, rbac, caller_of(account)) == ()


def test_a_user_name_is_taken_for_the_account_that_it_is() -> None:
    user = Subject(USER, "system:serviceaccount:shop:worker")
    assert as_account(user) == ACCOUNTS[0]
    for other in (Subject(USER, "system:serviceaccount:shop"), Subject(GROUP, "g")):
        assert as_account(other) == other

"""The ways of asking about rights agree with each other, whatever the objects are."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from grants.authz.aggregation import gathered
from grants.authz.covers import covers, permissions_of
from grants.authz.difference import difference
from grants.authz.matching import answers
from grants.authz.model import Question, RoleRef, Rule
from grants.authz.objects import (
    SERVICE_ACCOUNT,
    Binding,
    Caller,
    Meta,
    Role,
    Selector,
    Subject,
    account_caller,
)
from grants.authz.rbac import Rbac
from tests.support.rbac_objects import account, bind, group, user

VERBS, GROUPS = ("get", "list", "*"), ("", "apps", "*")
KINDS = ("pods", "nodes", "pods/exec", "*/exec", "*")
PATHS = ("/a", "/a/*", "*")
PLACES = ("one", "two")


def some(pool: tuple[str, ...], least: int = 1) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(pool), min_size=least, max_size=2).map(tuple)


RULES = st.one_of(
    st.builds(Rule, some(VERBS), some(GROUPS), some(KINDS), some(("x", "y", ""), 0)),
    st.builds(
        lambda verbs, urls: Rule(verbs, non_resource_urls=urls), some(VERBS[:2]), some(PATHS)
    ),
)
RULE_LISTS = st.lists(RULES, max_size=3).map(tuple)
NAMES = st.sampled_from(("r", "s"))
ROLES = st.one_of(
    st.builds(lambda name, rules: Role("ClusterRole", Meta(name), rules), NAMES, RULE_LISTS),
    st.builds(
        lambda name, place, rules: Role("Role", Meta(name, place), rules),
        NAMES,
        st.sampled_from(PLACES),
        RULE_LISTS,
    ),
)
REFS = st.builds(RoleRef, st.sampled_from(("Role", "ClusterRole")), NAMES)
SUBJECTS = st.sampled_from(
    (
        user("ada"),
        group("devs"),
        account("robot"),
        account("robot", "one"),
        group("system:serviceaccounts:one"),
        user("system:serviceaccount:one:robot"),
        Subject("Robot", "ada"),
    )
)
BINDINGS = st.builds(
    lambda ref, place, subjects: bind("b", ref, *subjects, namespace=place),
    REFS,
    st.sampled_from(("", *PLACES)),
    st.lists(SUBJECTS, max_size=3),
)
CALLERS = (
    Caller("ada", frozenset({"devs"})),
    Caller("ada"),
    Caller("eve", frozenset({"devs"})),
    account_caller("one", "robot"),
    account_caller("two", "robot"),
)
QUESTIONS = st.one_of(
    st.builds(
        Question,
        st.sampled_from(("get", "list", "*")),
        st.sampled_from(GROUPS),
        st.sampled_from(("pods", "nodes")),
        st.sampled_from(("", "exec")),
        st.sampled_from(("", "x")),
        st.sampled_from((None, *PLACES)),
    ),
    st.builds(lambda path: Question("get", path=path), st.sampled_from(("/a", "/a/b", "/c"))),
)
WORLDS = st.builds(Rbac, st.lists(ROLES, max_size=4), st.lists(BINDINGS, max_size=4))


def is_subject(caller: Caller, subject: Subject) -> bool:
    """Told apart from the index on purpose: read off the words of the documentation."""
    if subject.kind == "User":
        return subject.name == caller.user
    if subject.kind == "Group":
        return subject.name in caller.groups
    named = f"system:serviceaccount:{subject.namespace}:{subject.name}"
    return subject.kind == SERVICE_ACCOUNT and named == caller.user


def naive(roles: tuple[Role, ...], bindings: tuple[Binding, ...], caller: Caller,
          question: Question) -> bool:  # fmt: skip
    """Answer without any index, as slowly as the rules are told."""
    for binding in bindings:
        place = binding.namespace
        if place is not None and (question.path is not None or place != question.namespace):
            continue
        placed = [replace(s, namespace=s.namespace or place or "?")
                  if s.kind == SERVICE_ACCOUNT else s for s in binding.subjects]  # fmt: skip
        if not any(is_subject(caller, subject) for subject in placed):
            continue
        home = place if binding.role.kind == "Role" else ""
        led = [r for r in roles if (r.ref, r.meta.namespace) == (binding.role, home)]
        if led and any(answers(rule, question) for rule in led[-1].rules):
            return True
    return False


@given(WORLDS, st.sampled_from(CALLERS), QUESTIONS)
def test_the_index_answers_as_a_plain_reading_does(
    rbac: Rbac, caller: Caller, question: Question
) -> None:
    assert rbac.allowed(caller, question) == naive(rbac.roles, rbac.bindings, caller, question)


@given(WORLDS, st.sampled_from(CALLERS), QUESTIONS)
def test_who_can_lists_the_caller_exactly_when_the_caller_may(
    rbac: Rbac, caller: Caller, question: Question
) -> None:
    holders = rbac.who_can(question)
    assert any(is_subject(caller, one.subject) for one in holders) == rbac.allowed(caller, question)
    ways = {(one.subject, one.rule) for one in holders}
    assert all((one.subject, one.rule) in ways for one in rbac.allowances(caller, question))


@given(WORLDS, st.sampled_from(CALLERS), QUESTIONS)
def test_rights_are_all_that_is_allowed_and_nothing_else(
    rbac: Rbac, caller: Caller, question: Question
) -> None:
    """Of what never has an effect in a namespace, only the reviews of what can't be speak."""
    rights = rbac.rights(caller)
    by_rights = any(
        answers(rule, question)
        for right in rights
        if right.namespace is None
        or (question.path is None and right.namespace == question.namespace)
        for rule in right.rules
    )
    outside = question.resource == "nodes" and question.namespace is not None
    if not outside:
        assert by_rights == rbac.allowed(caller, question)
    held = rbac.rules_in(caller, question.namespace)
    assert not by_rights or any(answers(rule, question) for rule in held)


@given(RULE_LISTS, RULE_LISTS, QUESTIONS)
def test_what_is_covered_allows_nothing_more(
    held: tuple[Rule, ...], wanted: tuple[Rule, ...], question: Question
) -> None:
    if covers(held, wanted) and any(answers(rule, question) for rule in wanted):
        assert any(answers(rule, question) for rule in held)


@given(RULE_LISTS, RULE_LISTS)
def test_a_difference_is_what_is_not_covered(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> None:
    change = difference(old, new)
    assert covers(old, new) is not change.is_wider
    assert covers((*old, *change.gained), new)
    assert covers(new, change.gained)


@given(RULE_LISTS)
def test_every_set_of_rights_covers_its_own_permissions(rules: tuple[Rule, ...]) -> None:
    assert covers(rules, rules)
    assert covers(rules, [rule for rule in rules for _ in permissions_of(rule)])


LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), max_size=2)
SELECTORS = LABELS.map(lambda labels: Selector(tuple(labels.items())))
CLUSTER_ROLES = st.builds(
    lambda number, rules, labels, selectors: Role(
        "ClusterRole", Meta(f"r{number}", labels=labels), rules, selectors
    ),
    st.integers(0, 5),
    RULE_LISTS,
    LABELS,
    st.none() | st.lists(SELECTORS, min_size=1, max_size=2).map(tuple),
)


@settings(max_examples=300)
@given(st.lists(CLUSTER_ROLES, max_size=6, unique_by=lambda role: role.meta.name))
def test_gathering_ends_where_nothing_more_would_be_gathered(roles: list[Role]) -> None:
    filled = gathered(roles)
    again = gathered(filled)
    assert [set(one.rules) for one in again] == [set(one.rules) for one in filled]
    assert {rule for one in filled for rule in one.rules} <= {
        rule for one in roles for rule in one.rules
    }

"""Which questions a proof asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.authz.matching import allows, allows_path
from grants.authz.model import Answer, Question, Rule
from grants.authz.sample import (
    CANDIDATES_LIMIT,
    CANDIDATES_PER_RULE,
    SAMPLE_LIMIT,
    candidate_questions,
    choose_sample,
    count_permissions,
)

PODS = Rule(("get", "list", "watch"), ("",), ("pods", "services"))
EXEC = Rule(("create",), ("",), ("pods/exec",))
SECRETS = Rule(("get",), ("",), ("secrets",), ("db",))


def answers(questions: tuple[Question, ...], *allowed: bool) -> tuple[Answer, ...]:
    return tuple(Answer(q, a) for q, a in zip(questions, allowed, strict=True))


def many(number: int) -> tuple[Rule, ...]:
    return tuple(Rule(("get", "list"), ("example.com",), (f"kind{i}",)) for i in range(number))


def test_the_riskiest_rule_is_asked_first() -> None:
    found = candidate_questions((PODS, EXEC, SECRETS), "team")
    assert [questions[0].resource for questions in found] == ["secrets", "pods", "pods"]
    assert found[0] == (Question("get", "", "secrets", "", "db", "team"),)
    assert found[1] == (Question("create", "", "pods", "exec", "", "team"),)


def test_within_a_rule_the_riskiest_verb_and_kind_come_first() -> None:
    verbs = ("list", "odd-verb", "update", "create", "escalate")
    found = candidate_questions((Rule(verbs, ("",), ("pods", "secrets", "a")),), "team")
    assert [(q.verb, q.resource) for q in found[0]] == [
        ("escalate", "secrets"),
        ("create", "pods"),
        ("update", "a"),
    ]


def test_a_rule_that_changes_anything_comes_before_one_that_looks() -> None:
    looks = Rule(("get",), ("",), ("configmaps",))
    changes = Rule(("get", "patch"), ("example.com",), ("widgets",))
    found = candidate_questions((looks, changes), "team")
    assert [questions[0].resource for questions in found] == ["widgets", "configmaps"]


def test_candidates_of_one_rule_differ_in_what_they_ask() -> None:
    (found,) = candidate_questions((PODS,), "team")
    assert len(found) == CANDIDATES_PER_RULE
    assert {q.resource for q in found} == {"pods", "services"}
    assert len({q.verb for q in found}) > 1


def test_wildcards_are_asked_literally_because_only_wildcards_allow_them() -> None:
    found = candidate_questions((Rule(("*",), ("*",), ("*",)),), None)
    assert found[0][0] == Question("*", "*", "*")


def test_a_subresource_of_every_kind_is_split() -> None:
    found = candidate_questions((Rule(("patch",), ("apps",), ("*/scale",)),), "team")
    assert found[0][0] == Question("patch", "apps", "*", "scale", "", "team")


def test_named_objects_are_asked_by_name() -> None:
    found = candidate_questions((Rule(("get",), ("",), ("secrets",), ("a", "b")),), "team")
    assert [q.name for q in found[0]] == ["a", "b"]


def test_paths_are_asked_cluster_wide_only() -> None:
    rules = (Rule(("get",), non_resource_urls=("/metrics", "*")),)
    assert {q.path for q in candidate_questions(rules, None)[0]} == {"/metrics", "/*"}
    assert candidate_questions(rules, "team") == ()
    assert count_permissions(rules, None) == 2
    assert count_permissions(rules, "team") == 0


def test_in_a_namespace_kinds_within_reach_come_first() -> None:
    found = candidate_questions((Rule(("get",), ("",), ("nodes", "pods")),), "team")
    assert found[0][0].resource == "pods"


def test_the_same_question_is_not_asked_twice() -> None:
    found = candidate_questions((EXEC, EXEC), "team")
    assert found == ((Question("create", "", "pods", "exec", "", "team"),),)


def test_a_role_of_many_rules_stays_quick_to_ask_about() -> None:
    found = candidate_questions(many(200), "team")
    assert sum(len(questions) for questions in found) <= CANDIDATES_LIMIT


def test_a_role_without_rules_has_no_questions() -> None:
    assert candidate_questions((), "team") == ()
    assert candidate_questions((Rule((), ("",), ("pods",)),), "team") == ()
    assert choose_sample((), total=0) == ((), 0)


def test_what_was_denied_before_is_preferred() -> None:
    (first, second) = candidate_questions((PODS, EXEC), "team")[::-1]
    chosen = choose_sample(
        (answers(second, *[True] * len(second)), answers(first, True, False, True)), total=7
    )
    assert chosen.questions == (second[0], first[1])
    assert chosen.unsampled == 5


def test_beyond_the_limit_denied_rules_win_and_the_rest_is_counted() -> None:
    rules = (*many(20), EXEC)
    found = tuple(
        answers(questions, *[index < 5] * len(questions))
        for index, questions in enumerate(candidate_questions(rules, "team"))
    )
    chosen = choose_sample(found, 10, total=count_permissions(rules, "team"))
    assert len(chosen.questions) == 10
    assert all(not any(a.allowed for a in rule if a.question in chosen.questions) for rule in found)
    assert chosen.unsampled == 41 - 10


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        (PODS, 6),
        (SECRETS, 1),
        (Rule(("get", "get"), ("", "apps"), ("x",), ("a", "b", "a")), 4),
        (Rule(("get",), (), (), (), ("/a", "/b")), 2),
    ],
)
def test_permissions_are_counted_once_each(rule: Rule, count: int) -> None:
    assert count_permissions((rule,), None) == count


NAMES = st.sampled_from(["*", "get", "list", "create", "bind", "odd-verb"])
RULES = st.builds(
    Rule,
    st.lists(NAMES, max_size=3).map(tuple),
    st.lists(st.sampled_from(["", "*", "apps"]), max_size=2).map(tuple),
    st.lists(st.sampled_from(["*", "pods", "pods/log", "*/scale", "nodes"]), max_size=3).map(tuple),
    st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
    st.lists(st.sampled_from(["/a", "/b/*", "*"]), max_size=2).map(tuple),
)


@given(st.lists(RULES, max_size=30), st.sampled_from([None, "team"]))
def test_every_question_is_one_that_the_role_allows(
    rules: list[Rule], namespace: str | None
) -> None:
    found = candidate_questions(rules, namespace)
    for question in (q for questions in found for q in questions):
        resource = question.resource + (f"/{question.subresource}" if question.subresource else "")
        assert question.namespace == (None if question.path else namespace)
        assert any(
            allows_path(rule, question.verb, question.path)
            if question.path
            else allows(rule, question.verb, question.api_group, resource, question.name)
            for rule in rules
        )


@given(st.lists(RULES, max_size=30), st.randoms(use_true_random=False))
def test_a_sample_and_what_it_leaves_out_are_all_there_is(rules: list[Rule], dice) -> None:
    asked = tuple(
        tuple(Answer(q, dice.random() < 0.5) for q in questions)
        for questions in candidate_questions(rules, "team")
    )
    total = count_permissions(rules, "team")
    chosen = choose_sample(asked, total=total)
    assert len(chosen.questions) <= SAMPLE_LIMIT
    assert len(set(chosen.questions)) == len(chosen.questions)
    assert len(chosen.questions) + chosen.unsampled == total

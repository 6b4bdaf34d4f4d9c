"""Whether one set of rights is within another, as Kubernetes' escalation check has it."""

import pytest

from grants.authz.covers import Permission, covers, uncovered
from grants.authz.model import Rule
from tests.support.rbac_objects import paths, rule

GET_PODS = rule("get", "pods")


@pytest.mark.parametrize(
    ("held", "wanted", "covered"),
    [
        ([], [], True),
        ([], [GET_PODS], False),
        ([GET_PODS], [], True),
        ([GET_PODS], [GET_PODS], True),
        ([rule("get list", "pods secrets")], [rule("list", "secrets")], True),
        ([rule("get", "pods"), rule("list", "secrets")], [rule("get list", "pods")], False),
        ([rule("get", "pods"), rule("list", "pods")], [rule("list get", "pods")], True),
        ([rule("*", "pods")], [rule("anything", "pods")], True),
        ([rule("get list watch create", "pods")], [rule("*", "pods")], False),
        ([rule("get", "*")], [rule("get", "pods pods/exec")], True),
        ([rule("get", "pods")], [rule("get", "pods/exec")], False),
        ([rule("get", "pods/exec")], [rule("get", "pods")], False),
        ([rule("get", "*/scale")], [rule("get", "deployments/scale")], True),
        ([rule("get", "deployments/scale")], [rule("get", "*/scale")], False),
        ([rule("get", "*/scale")], [rule("get", "*")], False),
        ([rule("get", "deployments/*")], [rule("get", "deployments/scale")], False),
        ([rule("get", "pods", "*")], [rule("get", "pods", "apps")], True),
        ([rule("get", "pods", "apps")], [rule("get", "pods", "*")], False),
        ([rule("get", "pods", "core apps")], [rule("get", "pods", "apps core")], True),
        ([rule("get", "pods")], [rule("get", "pods", names="a")], True),
        ([rule("get", "pods", names="a")], [rule("get", "pods")], False),
        ([rule("get", "pods", names="a b")], [rule("get", "pods", names="b")], True),
        ([rule("get", "pods", names="a"), rule("get", "pods", names="b")],
         [rule("get", "pods", names="a b")], True),
        ([rule("get", "pods", names="a")], [rule("get", "pods", names="a b")], False),
        ([rule("get", "pods", names="*")], [rule("get", "pods", names="a")], False),
        ([paths("get", "/metrics")], [paths("get", "/metrics")], True),
        ([paths("get", "/metrics/*")], [paths("get", "/metrics")], False),
        ([paths("get", "/metrics*")], [paths("get", "/metrics/a /metrics*")], True),
        ([paths("get", "*")], [paths("get", "/metrics/*")], True),
        ([paths("get", "/metrics")], [paths("get", "/metrics*")], False),
        ([paths("get", "/a/*")], [paths("post", "/a/b")], False),
        ([rule("*", "*", "*")], [paths("get", "/metrics")], False),
        ([paths("*", "*")], [GET_PODS], False),
        ([GET_PODS], [Rule(("get",))], True),
    ],
)  # fmt: skip
def test_each_permission_must_be_within_one_rule(
    held: list[Rule], wanted: list[Rule], *, covered: bool
) -> None:
    assert covers(held, wanted) is covered


def test_what_is_not_covered_is_named() -> None:
    held = [rule("get", "pods"), paths("get", "/healthz")]
    wanted = [rule("get list", "pods", names="a"), paths("get", "/healthz /livez")]
    assert uncovered(held, wanted) == (
        Permission("list", "", "pods", "a"),
        Permission("get", None, "/livez", None),
    )


def test_in_a_namespace_only_what_is_reached_there_must_be_held() -> None:
    wanted = [rule("get", "pods nodes"), paths("get", "/metrics")]
    assert covers([GET_PODS], wanted, "team")
    assert not covers([GET_PODS], wanted)


def test_too_much_to_compare_is_not_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grants.authz.covers.COMPARISONS_MOST", 5)
    wanted = [rule("get list watch", "pods")]
    assert uncovered([rule("*", "*")], wanted) is None
    assert not covers([rule("*", "*")], wanted)
    assert covers(wanted, wanted)

"""Which group a kind is of, where nobody said it."""

import pytest

from grants.authz.kinds import group_of
from tests.support.rbac_objects import role, rule

ROLES = [
    role("a", rule("get", "widgets/status deployments", "example.test *")),
    role("b", rule("get", "gadgets", "one.test"), rule("get", "gadgets", "two.test")),
]


@pytest.mark.parametrize(
    ("kind", "group"),
    [("pods", ""), ("deployments", "apps"), ("widgets", "example.test"), ("gadgets", None),
     ("nothings", None)],
)  # fmt: skip
def test_kubernetes_own_kinds_are_known_and_others_by_the_roles(
    kind: str, group: str | None
) -> None:
    assert group_of(kind, ROLES) == group

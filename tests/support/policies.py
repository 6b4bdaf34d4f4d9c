"""Policies as text, people and asks as values: one valid example each, changed as tests need."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from grants.authz.model import RoleRef, RoleSnapshot, Rule
from grants.errors import PolicyInvalid, PolicyProblem
from grants.people.model import Account, Known, Person, Profile, SignIn
from grants.policy.judge import Ask
from grants.policy.load import LoadedPolicy, load_policy
from grants.policy.model import Policy
from grants.policy.source import PolicyFile

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAX_AGE = timedelta(hours=12)
VIEW = RoleRef("ClusterRole", "view")
VIEW_RULES = (Rule(("get", "list", "watch"), ("",), ("pods",)),)

VALID = """\
apiVersion: valetkey/v1
admins:
  groups: [admins]
auditors:
  people: [ida@example.com]
admin_notify:
  channels: ["#admins"]
clusters:
  - name: prod
    username: "oidc:{email}"
    groups: "oidc:{group}"
entitlements:
  - name: view-shop
    description: Look at the shop
    clusters: [prod]
    namespaces: [shop, "shop-*"]
    role: {kind: ClusterRole, name: view}
    ask: {groups: [engineers]}
    duration: {default: 1h, maximum: 8h}
    decide: {groups: [leads], people: [boss@example.com]}
    notify: {channels: ["#access"]}
"""


def load(text: str = VALID, **known: Any) -> LoadedPolicy:
    return load_policy([PolicyFile("policy.yaml", text.encode())], **known)


def changed(*swaps: tuple[str, str]) -> str:
    """Give the valid text with words swapped, each of which must stand there."""
    text = VALID
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def problems_of(text: str) -> list[str]:
    """Load what must be refused; gives each problem as `line:column code`."""
    try:
        load(text)
    except PolicyInvalid as error:
        return [brief(problem) for problem in error.problems]
    raise AssertionError("this policy was taken")


def brief(problem: PolicyProblem) -> str:
    return f"{problem.line}:{problem.column} {problem.code}"


@cache
def policy(*swaps: tuple[str, str]) -> Policy:
    return load(changed(*swaps)).policy


def someone(
    name: str = "erin",
    *groups: str,
    unknown_groups: bool = False,
    emails: tuple[str, ...] | None = None,
    verified: bool = True,
    claims: dict[str, object] | None = None,
    signed_in: datetime = NOW - timedelta(hours=1),
) -> Known:
    """Somebody who signed in an hour ago; `per-<name>`, `<name>@example.com`."""
    email = f"{name}@example.com"
    sign_in = SignIn(
        id=f"sig-{name}",
        person=f"per-{name}",
        at=signed_in,
        auth_time=signed_in,
        groups=None if unknown_groups else frozenset(groups),
        acr=None,
        amr=(),
        profile=Profile(name.capitalize(), email, verified),
        claims=claims or {},
    )
    return Known(
        Person(f"per-{name}", "https://id.example.com", f"sub-{name}"),
        sign_in,
        Account("T1", f"U-{name}"),
        frozenset((email,) if emails is None else emails),
    )


def snapshot(*rules: Rule, ref: RoleRef = VIEW, at: datetime = NOW) -> RoleSnapshot:
    return RoleSnapshot(ref, rules or VIEW_RULES, at)


def an_ask(**changes: Any) -> Ask:
    """An ask that the valid policy allows."""
    ask = Ask(
        asker=someone("erin", "engineers"),
        entitlement="view-shop",
        cluster="prod",
        namespace="shop-web",
        duration=timedelta(hours=2),
        reason="Look into the failing orders",
        role=snapshot(),
        namespace_exists=True,
    )
    return replace(ask, **changes)

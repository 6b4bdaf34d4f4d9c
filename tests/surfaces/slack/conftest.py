"""The bot between a small world of verbs and the strict double of Slack."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from grants.authz.model import RoleRef
from grants.policy.model import AcceptedRisk, ClusterPolicy, Notify, Policy, Stage, Who
from tests.support.slack_bot import SlackBot, slack_bot
from tests.support.world import World, a_policy

DEBUG = RoleRef("ClusterRole", "debug")
NODES = RoleRef("ClusterRole", "node-reader")


def rich_policy() -> Policy:
    """Two clusters; looking, debugging in payments namespaces, and nodes for a whole cluster."""
    policy = a_policy(notify=Notify(people=("ada@example.com",)))
    view = policy.entitlements[0]
    debug = replace(
        view,
        name="debug-payments",
        description="Open a shell in pods of the payments team",
        role=DEBUG,
        clusters=("prod", "stage"),
        stages=(Stage(Who(groups=frozenset({"approvers"})), quorum=2),),
        duration_maximum=timedelta(hours=2),
        accept_risk=AcceptedRisk(frozenset({"secrets-read"}), "On call has to see them."),
    )
    nodes = replace(
        view,
        name="read-nodes",
        description="Look at the cluster's nodes",
        role=NODES,
        namespaces=(),
        cluster_wide=True,
        reason_required=False,
    )
    prod = ClusterPolicy(
        "prod",
        "oidc:{email}",
        "oidc:{group}",
        "kubectl --context {cluster} -n {namespace} get pods",
    )
    stage = replace(prod, alias="stage")
    admins = replace(policy.admin_notify, channels=())
    return replace(
        policy, clusters=(prod, stage), entitlements=(view, debug, nodes), admin_notify=admins
    )


@pytest.fixture
def world() -> World:
    world = World()
    world.policy.policy = rich_policy()
    return world


@pytest.fixture
def bot(world: World) -> Iterator[SlackBot]:
    with slack_bot(world) as bot:
        yield bot
        assert bot.workspace.refused == [], "Slack would have refused something"

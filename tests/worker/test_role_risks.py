"""The roles of the policy in force are judged before anybody asks for them."""

import logging
from dataclasses import dataclass, field

import pytest

from bot.worker.role_risks import AGAIN_AFTER, UNREAD_AFTER, RoleRisks
from grants.authz.model import Rule
from grants.policy.load import LoadedPolicy
from tests.support.policies import VALID, load
from tests.support.world import VIEW, World

HARMLESS = (Rule(("get",), ("",), ("pods",)),)
RISKY = (Rule(("get",), ("",), ("secrets",)),)


@dataclass
class Stage:
    """A policy, a cluster and a clock."""

    world: World = field(default_factory=World)
    loaded: LoadedPolicy | None = None
    now: float = 0.0
    shut: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.risks = RoleRisks(
            lambda: self.loaded, self.world.clusters, lambda: self.shut, lambda: self.now
        )

    def load(self, more: str = "") -> None:
        self.loaded = load(VALID + more)

    def give(self, rules: tuple[Rule, ...]) -> None:
        self.world.cluster.put_role(VIEW, rules)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_before_there_is_a_policy_nothing_is_wrong(stage: Stage) -> None:
    stage.risks.look()
    assert stage.risks.problem is None


def test_a_risk_that_is_not_accepted_is_told_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.load()
    stage.give(RISKY)
    with caplog.at_level(logging.INFO, "valetkey.worker.roles"):
        stage.risks.look()
        stage.now += AGAIN_AFTER.total_seconds() + 1
        stage.risks.look()
    assert stage.risks.problem == "risk-not-accepted"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.records[0].__dict__["line"] > 1


def test_another_policy_is_judged_at_once(stage: Stage) -> None:
    stage.load()
    stage.give(RISKY)
    stage.risks.look()
    accepted = "    accept_risk: {rules: [secrets-read], reason: They need to}\n"
    stage.load(accepted)
    stage.risks.look()
    assert stage.risks.problem is None


def test_a_role_that_gathers_more_is_seen_after_a_while(stage: Stage) -> None:
    stage.load()
    stage.give(HARMLESS)
    stage.risks.look()
    stage.give(RISKY)
    stage.risks.look()
    assert stage.risks.problem is None
    stage.now += AGAIN_AFTER.total_seconds() + 1
    stage.risks.look()
    assert stage.risks.problem == "risk-not-accepted"


def test_what_could_not_be_read_is_tried_again_soon(stage: Stage) -> None:
    stage.load()
    stage.give(RISKY)
    stage.shut.add("prod")
    stage.risks.look()
    assert stage.risks.problem is None
    stage.shut.clear()
    stage.risks.look()
    assert stage.risks.problem is None
    stage.now += UNREAD_AFTER.total_seconds() + 1
    stage.risks.look()
    assert stage.risks.problem == "risk-not-accepted"

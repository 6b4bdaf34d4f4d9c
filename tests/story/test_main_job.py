"""The main job: asked in Slack, proven by OIDC, bound in the cluster, gone on time."""

import pytest

from tests.support.townsfolk import Townsfolk

FORBIDDEN, OK = 403, 200
PLACE = "payments-dev"


@pytest.mark.timeout(120)
def test_forbidden_then_allowed_then_forbidden_unaided(folk: Townsfolk) -> None:
    main_job(folk)


@pytest.mark.timeout(60)
def test_the_same_over_the_embedded_cluster(embedded_folk: Townsfolk) -> None:
    main_job(embedded_folk)


def main_job(folk: Townsfolk) -> None:
    folk.sign_in("erin")
    folk.sign_in("ada")
    assert folk.get_pods("erin", PLACE).status == FORBIDDEN
    asked = folk.ask(
        "erin", namespace=PLACE, entitlement="view", length="15s", reason="Checking the rollout"
    )
    assert asked.acked
    card = folk.card("ada", "Checking the rollout", "access-requests")
    folk.person("ada").click(card, "approve")
    folk.wait(lambda: folk.get_pods("erin", PLACE).status == OK)
    assert folk.whoami("erin") == "oidc:erin@example.com"
    folk.card("erin", "Give back")
    folk.wait(lambda: folk.get_pods("erin", PLACE).status == FORBIDDEN, 25)
    folk.card("erin", "Proven: the binding is gone")
    assert folk.town.workspace.refused == []

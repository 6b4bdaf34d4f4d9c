"""Slack and the identity provider down: access still ends on time, also across a restart."""

import pytest

from bot.playground.town import Town
from tests.support.townsfolk import Townsfolk

FORBIDDEN, OK = 403, 200
PLACE = "payments-dev"


@pytest.mark.security("B3")
@pytest.mark.timeout(180)
def test_access_ends_on_time_while_slack_and_the_provider_are_down_and_over_a_restart(
    town: Town, folk: Townsfolk
) -> None:
    """The grants' ends must not depend on anybody being there to be told of them.

    Last in this folder: its town has no Slack and no provider left afterwards.
    """
    folk.sign_in("erin")
    folk.sign_in("ada")
    folk.ask("erin", namespace=PLACE, entitlement="view", length="12s", reason="Outage drill")
    card = folk.card("ada", "Outage drill", "access-requests")
    folk.person("ada").click(card, "approve")
    folk.wait(lambda: folk.get_pods("erin", PLACE).status == OK)
    token = folk.token("erin")
    town.stop_bot()
    town.slack.stop()
    town.provider.stop()
    town.start_bot(connected=False)
    plane = town.plane
    assert plane is not None
    path = f"/api/v1/namespaces/{PLACE}/pods"
    folk.wait(lambda: plane.request("GET", path, token=token).status == FORBIDDEN, 25)

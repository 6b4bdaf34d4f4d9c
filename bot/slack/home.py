"""Home: published when it is opened, and after what is done in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.slack.cards.home import HomeFacts, Owned, home_view
from bot.slack.inbound import Inbound
from bot.slack.ports import Answer
from bot.slack.reading import faces_of, facts_of, known_of
from bot.slack.review import for_home
from bot.slack.surface import Handler, Surface, only_shown
from bot.slack.undelivered import missed
from bot.slack.waiting import waiting_for
from grants.access.cluster_states import ClusterState, cluster_states
from grants.access.model import Grant, GrantState, RequestState
from grants.errors import SignInNeeded
from grants.people.model import Account, Known
from grants.policy.judge import is_admin

_OPEN: Final = frozenset({RequestState.DRAFT, RequestState.PENDING})
_MOST: Final = 200


def opened(surface: Surface, inbound: Inbound) -> Answer:
    """Publish Home when its tab is opened."""
    event = inbound.body.get("event")
    if isinstance(event, dict) and event.get("tab", "home") == "home":
        publish(surface, inbound.who)
    return None


def publish(surface: Surface, account: Account) -> None:
    """Publish a person's Home from the state of now."""
    view = home_view(read_home(surface, account))
    surface.client.views_publish(user_id=account.user, view=view)


def then_publish(handler: Handler) -> Handler:
    """Wrap a click's handler: done in Home, it shows there at once."""

    def run(surface: Surface, inbound: Inbound) -> Answer:
        answer = handler(surface, inbound)
        if inbound.view.get("type") == "home":
            with only_shown(inbound):
                publish(surface, inbound.who)
        return answer

    return run


def offer_link(surface: Surface, inbound: Inbound) -> Answer:
    """Answer the sign-in button of somebody who is not linked: a link is made when asked for."""
    return surface.ask_to_sign_in(inbound, SignInNeeded("not-linked"))


def read_home(surface: Surface, account: Account) -> HomeFacts:
    """Read what a person's Home shows."""
    ports = surface.ports
    now, known = ports.clock.now(), known_of(ports, account)
    if known is None:
        return HomeFacts(now, known=False)
    asked = [r for r in ports.lists.requests_of(known.person.id, _MOST) if r.state in _OPEN]
    with ports.access.read() as tx:
        mine = tx.live_grants(person=known.person.id)
    stuck, live = _for_admins(surface, known)
    return HomeFacts(
        now=now,
        known=True,
        waiting=waiting_for(ports, known),
        asked=facts_of(ports, asked),
        mine=mine,
        stuck=stuck,
        live=live,
        missed=[] if live is None else missed(ports, now),
        failing=[] if live is None else _clusters(surface, now),
        findings=for_home(surface, known),
    )


def _clusters(surface: Surface, now: datetime) -> Sequence[ClusterState]:
    ports = surface.ports
    if ports.clusters is None:
        return ()
    with ports.access.read() as tx:
        return cluster_states(ports.clusters(), now, tx=tx)


def _for_admins(surface: Surface, known: Known) -> tuple[list[Owned] | None, list[Owned] | None]:
    ports = surface.ports
    if not is_admin(ports.policy.current(), known):
        return None, None
    with ports.access.read() as tx:
        grants = [g for g in tx.live_grants() if g.state is not GrantState.ENDED]
    faces = faces_of(ports, [g.recipient for g in grants])

    def owned(grant: Grant) -> Owned:
        return Owned(grant, faces[grant.recipient])

    return [owned(g) for g in grants if g.stuck], [owned(g) for g in grants if not g.stuck]

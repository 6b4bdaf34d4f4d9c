"""Who is told that something could not be told."""

from typing import Final

from bot.logs import get_logger
from bot.slack.ports import SlackPorts
from bot.slack.sending import names
from grants.access.model import RequestState
from grants.access.telling import NOBODY_ASKED, tell_admins, tell_nobody_asked
from grants.outbox.model import CardKind, Delivery
from grants.policy.model import Policy

log = get_logger("slack.reports")

FAILED: Final = "delivery-failed"


def is_admins(policy: Policy, row: Delivery) -> bool:
    """Tell whether a row goes where admins are told things."""
    notify = policy.admin_notify
    return row.code == FAILED or row.place.ref in (*notify.channels, *notify.user_groups)


def report_given_up(ports: SlackPorts, row: Delivery, problem: str) -> None:
    """Tell admins once a day for each place and reason, and who asked that nobody could be asked.

    What can't be told to admins is not told to admins: the log, readiness and `valetkey outbox`
    say so.
    """
    log.error(
        "a delivery was given up",
        extra={"delivery": row.id, "place": names(row.place), "problem": problem},
    )
    policy, now = ports.policy.current(), ports.clock.now()
    if not is_admins(policy, row):
        facts = {"target": names(row.place), "problem": problem}
        with ports.access.write() as tx:
            if tx.first_time(f"undelivered:{row.place}:{problem}:{now:%Y-%m-%d}", now):
                tell_admins(tx, policy, FAILED, row.about, facts)
    if row.kind is CardKind.APPROVAL:
        _tell_requester(ports, row.about)


def _tell_requester(ports: SlackPorts, request_id: str) -> None:
    """Tell who asked when the last place of an approval card is given up and none was reached."""
    reach = ports.deliveries.reach(CardKind.APPROVAL, request_id)
    if reach.told or reach.waiting:
        return
    now = ports.clock.now()
    with ports.access.write() as tx:
        request = tx.request(request_id)
        if request is None or request.state is not RequestState.PENDING:
            return
        if tx.first_time(f"{NOBODY_ASKED}:{request_id}", now):
            tell_nobody_asked(tx, request)

"""The verb that takes the Slack half of a link: the account must be the one that asked."""

from dataclasses import dataclass
from datetime import datetime

from grants.errors import LinkRefused
from grants.people.attempts import own_attempt, refuse_for_good
from grants.people.model import Account, Attempt, AttemptStep
from grants.people.ports import PeoplePorts, PeopleTx


@dataclass(frozen=True)
class ProveSlack:
    """What Sign in with Slack said in this browser: the verified id_token's team and user."""

    attempt: str
    browser: str
    account: Account


def prove_slack(command: ProveSlack, *, ports: PeoplePorts) -> Attempt:
    """Note that this browser is signed in to Slack as the account that asked.

    LinkRefused `other-slack-account` uses the attempt up: somebody opened another's link.
    """
    now = ports.clock.now()
    with ports.store.write() as tx:
        outcome = _prove(tx, command, now)
    if isinstance(outcome, LinkRefused):
        raise outcome
    return outcome


def _prove(tx: PeopleTx, command: ProveSlack, now: datetime) -> Attempt | LinkRefused:
    attempt = own_attempt(tx, command.attempt, command.browser, now)
    if isinstance(attempt, LinkRefused):
        return attempt
    if command.account != attempt.account:
        return refuse_for_good(tx, attempt, "other-slack-account", now, "slack")
    if attempt.step is AttemptStep.SLACK_PROVEN:
        return attempt
    return tx.save_attempt(attempt.moved(AttemptStep.SLACK_PROVEN))

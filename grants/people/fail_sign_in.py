"""The verb that records a login that did not pass, and uses the attempt up."""

from dataclasses import dataclass

from grants.errors import LinkRefused
from grants.people.attempts import own_attempt, record_failure, refuse_for_good
from grants.people.ports import PeoplePorts
from grants.people.run_login import Login


@dataclass(frozen=True)
class FailSignIn:
    """Which login failed and why, by a stable word such as `aud`.

    `final` False is for a provider that did not answer: the link stays good, to try again.
    """

    attempt: str
    browser: str
    login: Login
    why: str
    final: bool = True


def fail_sign_in(command: FailSignIn, *, ports: PeoplePorts) -> None:
    """Record the failure; an attempt that this browser does not hold is only recorded."""
    now = ports.clock.now()
    with ports.store.write() as tx:
        found = own_attempt(tx, command.attempt, command.browser, now)
        if isinstance(found, LinkRefused):
            return
        record = refuse_for_good if command.final else record_failure
        record(tx, found, command.why, now, command.login)

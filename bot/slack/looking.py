"""What changes in Slack by itself, looked at now and then: channels, and people who left."""

from datetime import timedelta
from typing import Final

from slack_sdk import WebClient

from bot.logs import get_logger
from bot.slack.channels import BY_NAME, ChannelFinding, NotLooked, channels_of, look_at
from bot.slack.members import Members
from bot.slack.ports import SlackPorts
from grants.access.model import Grant, GrantState
from grants.access.telling import scope_facts, tell_admins
from grants.people.model import Known

log = get_logger("slack.looking")

_CHANNELS_EVERY: Final = timedelta(hours=1)
_MOST_PEOPLE: Final = 20
"""People looked at in one round: Slack answers about a hundred such questions a minute."""
_AT_ONCE: Final = timedelta(0)


class SlackLooks:
    """Looks at what nobody tells us of. What is found is told to admins once, by an inbound key."""

    def __init__(self, ports: SlackPorts, client: WebClient, members: Members) -> None:
        self._ports = ports
        self._client = client
        self._members = members
        self._looked = ("", ports.clock.now())
        self._last_person = ""

    def look(self) -> None:
        """Look at the policy's channels when it is new, and once an hour; and at some people."""
        now = self._ports.clock.now()
        digest, at = self._looked
        policy = self._ports.policy.current()
        if policy.digest != digest or now - at >= _CHANNELS_EVERY:
            self._looked = (policy.digest, now)
            self._look_at_channels()
        self._look_at_holders()

    def _look_at_channels(self) -> None:
        policy = self._ports.policy.current()
        try:
            found = look_at(self._client, channels_of(policy))
        except NotLooked as error:
            log.info("channels were not looked at", extra={"code": error.code})
            return
        for finding in found:
            log.warning("a channel", extra={"channel": finding.channel, "code": finding.code})
            if finding.code != BY_NAME:
                self._tell(finding)

    def _tell(self, finding: ChannelFinding) -> None:
        policy, now = self._ports.policy.current(), self._ports.clock.now()
        with self._ports.access.write() as tx:
            # Keys are forgotten after a month, and what still is so is told again.
            if tx.first_time(f"{finding.code}:{finding.channel}", now):
                facts = {"channel": finding.channel}
                tell_admins(tx, policy, finding.code, finding.channel, facts)

    def _look_at_holders(self) -> None:
        """Look at some of those who have access, others each time."""
        with self._ports.access.read() as tx:
            live = [g for g in tx.live_grants() if g.state is GrantState.ACTIVE]
        people = sorted({grant.recipient for grant in live})
        later = [person for person in people if person > self._last_person]
        some = (later + people)[: min(len(people), _MOST_PEOPLE)]
        for person in some:
            self._look_at_holder(person, [g for g in live if g.recipient == person])
        self._last_person = some[-1] if some else ""

    def _look_at_holder(self, person: str, grants: list[Grant]) -> None:
        """Have admins told when every account of a holder is deactivated.

        Access is not ended for that: Slack is not who says who somebody is, and the lease ends.
        """
        team = self._ports.settings.team
        with self._ports.people.read() as tx:
            accounts = [one for one in tx.accounts_of(person) if one.team == team]
            known = tx.known_person(person)
        why = {self._members.look(account.user, _AT_ONCE).why for account in accounts}
        if why == {"deactivated"}:
            for grant in grants:
                self._tell_left(grant, known)

    def _tell_left(self, grant: Grant, known: Known | None) -> None:
        policy, now = self._ports.policy.current(), self._ports.clock.now()
        profile = known.sign_in.profile if known else None
        name = (profile.name or profile.email or "") if profile else ""
        facts = {
            **scope_facts(grant),
            "holder": name or grant.recipient,
            "expires_at": grant.expires_at.isoformat() if grant.expires_at else "",
        }
        with self._ports.access.write() as tx:
            if tx.first_time(f"holder-deactivated:{grant.id}", now):
                tell_admins(tx, policy, "holder-deactivated", grant.id, facts)

"""What the surface in Slack is given: verbs, reads, settings. Only wiring fills this in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from bot.slack.tokens import Tokens
from grants.access.cancel_request import CancelRequest
from grants.access.decide import Decide, Decided
from grants.access.give_back import GiveBack
from grants.access.health import HealthStore
from grants.access.model import AccessRequest, Grant
from grants.access.ports import PolicySource
from grants.access.request_access import RequestAccess
from grants.access.revoke_grant import RevokeGrant
from grants.clock import Clock
from grants.outbox.ports import DeliveryStore
from grants.people.model import Account
from grants.people.offer_sign_in import Offered, OfferSignIn
from grants.people.ports import PeopleStore
from grants.proxies import NO_PROXIES, ProxyRules
from grants.review.answering import Click
from grants.review.answers import Answer as FindingAnswer
from grants.review.details import Detail
from grants.review.keep_finding import KeepFinding
from grants.review.not_mine import Disowned


@dataclass(frozen=True)
class SlackSettings:
    """Settings of this surface. Secrets stay out of the repr.

    `team` is the workspace served (`T...`); `api_url` the Web API's base, ending in a slash;
    `public_url` where people's browsers reach the sign-in pages, without a slash at its end.
    `call_timeout_seconds` bounds each call made while somebody waits for an answer (Slack gives
    3 s), `delivery_timeout_seconds` each call of the outbox. `ca_file`: whom to trust beside
    nobody else, where Slack's API is not the real one. `proxies`: how Slack is reached.

    `team` may be a whole organisation's (`E...`); `workspaces` are then those of it in which user
    groups are looked for. `senders` is how many calls of the outbox are made at once, `post_every`
    and `post_burst` how fast one conversation is posted to.
    """

    team: str
    bot_token: str = field(repr=False)
    public_url: str
    api_url: str = "https://slack.com/api/"
    ca_file: str | None = None
    proxies: ProxyRules = NO_PROXIES
    command: str = "/access"
    call_timeout_seconds: int = 2
    delivery_timeout_seconds: int = 10
    member_cache: timedelta = timedelta(minutes=5)
    workspaces: tuple[str, ...] = ()
    senders: int = 4
    post_every: timedelta = timedelta(seconds=1)
    post_burst: int = 4


@dataclass(frozen=True)
class Verbs:
    """The verbs that clicks call, each already given its ports."""

    request_access: Callable[[RequestAccess], AccessRequest]
    cancel_request: Callable[[CancelRequest], AccessRequest]
    decide: Callable[[Decide], Decided]
    give_back: Callable[[GiveBack], Grant]
    revoke_grant: Callable[[RevokeGrant], Grant]
    offer_sign_in: Callable[[OfferSignIn], Offered]
    may_keep: Callable[[Click], None]
    keep_finding: Callable[[KeepFinding], FindingAnswer]
    say_not_mine: Callable[[Click], Disowned]


class Lists(Protocol):
    """Lists that status, history and Home show, newest first."""

    def pending_requests(self, limit: int) -> Sequence[AccessRequest]:
        """List requests that wait for a decision, the oldest first."""
        ...

    def requests_of(self, person: str, limit: int) -> Sequence[AccessRequest]:
        """List what a person asked for, in any state."""
        ...

    def grants(self, person: str | None, limit: int) -> Sequence[Grant]:
        """List the grants of a person (None: of everybody), ended ones included."""
        ...


class NamespaceSource(Protocol):
    """The namespaces of each cluster, by its alias."""

    def get(self, alias: str) -> Sequence[str]:
        """List a cluster's namespaces, at once where they are known; else ClusterError in time."""
        ...

    def look_soon(self, alias: str) -> None:
        """Hear that a cluster's namespaces will be asked for in a moment."""
        ...


class FindingSource(Protocol):
    """What reviews found in the clusters that are configured."""

    def worst(self, limit: int) -> Sequence[Detail]:
        """List findings that somebody has to act on, worst first."""
        ...

    def count(self) -> int:
        """Count all of them."""
        ...

    def one(self, key: str) -> Detail | None:
        """Find one that is there, by its key."""
        ...

    def clusters(self, key: str) -> Sequence[str]:
        """Name the clusters in which somebody has to act on that finding."""
        ...

    def answers(self, key: str) -> Sequence[FindingAnswer]:
        """Give what was answered to a finding of late, the latest first."""
        ...


@dataclass(frozen=True)
class SlackPorts:
    """Everything that the surface needs.

    `tokens` looks after secrets that are replaced; without it they stay as the settings have them.
    `clusters` names those that are configured; without it Home does not tell how they stand.
    `findings` is there where the bot reviews service accounts.
    """

    settings: SlackSettings
    clock: Clock
    access: HealthStore
    people: PeopleStore
    policy: PolicySource
    verbs: Verbs
    lists: Lists
    deliveries: DeliveryStore
    namespaces: NamespaceSource
    tokens: Tokens | None = None
    clusters: Callable[[], Collection[str]] | None = None
    findings: FindingSource | None = None


Json = dict[str, Any]
Answer = Mapping[str, Any] | None


def account_of(ref: str) -> Account | None:
    """Read an account's reference, `team/user`."""
    team, slash, user = ref.partition("/")
    return Account(team, user) if slash and team and user else None

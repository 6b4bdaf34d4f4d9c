"""The one place where concrete things meet: settings in, a running Valetkey out."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry

from bot.clusters_file import ClusterAccess, read_clusters
from bot.logs import log_ids
from bot.metrics import ClusterGauges, GrantGauges, Metrics, RecordGauge
from bot.outbox_metrics import OutboxGauges
from bot.review_metrics import FindingGauges
from bot.secret_file import LiveSecret, SecretWatch
from bot.settings import Settings, secret_path
from bot.settings_proxy import proxy_rules
from bot.slack.members import is_organisation
from bot.slack.namespaces import Namespaces
from bot.slack.ports import SlackPorts, SlackSettings, Verbs
from bot.slack.waking import Wake, waking
from bot.slack_secrets import slack_tokens
from bot.web.app import COMPANY_CALLBACK, SLACK_CALLBACK
from bot.web.audit_tokens import read_tokens
from bot.web.oidc import ProviderSettings, RelyingParty, slack_settings
from bot.worker.breaker import LookTimes
from bot.worker.known_clusters import KnownClusters
from bot.worker.skew import ClockWatch
from grants.access.cancel_request import cancel_request
from grants.access.decide import decide
from grants.access.foreign import Former
from grants.access.fresh import Handed, Holder
from grants.access.give_back import give_back
from grants.access.health import Waiting
from grants.access.model import AccessRequest, Grant
from grants.access.ports import AccessTimes, StepWatch
from grants.access.reconcile import note_failure, reconcile_grant
from grants.access.request_access import SubmitDraft, request_access, submit_draft
from grants.access.revoke_grant import revoke_grant
from grants.authz.model import RoleRef, RoleSnapshot
from grants.clock import SteadyClock, SystemClock
from grants.clusters.config import ClusterConfig, ClusterTimes
from grants.clusters.inventory import read_cluster
from grants.clusters.inventory import read_clusters as read_each
from grants.clusters.pool import ClusterPool, read_role
from grants.errors import (
    ClusterChanged,
    ClusterUnavailable,
    NotFound,
    Problem,
    SettingsInvalid,
)
from grants.ids import Prefix, new_id
from grants.people.offer_sign_in import offer_sign_in
from grants.policy.registry import PolicyRegistry
from grants.policy.source import PolicyPath
from grants.review.answers import Answer
from grants.review.details import Detail
from grants.review.inventory import RBAC_KINDS, Inventory, Seen
from grants.review.keep_finding import keep_finding, may_keep
from grants.review.not_mine import say_not_mine
from grants.store.engine import open_database
from grants.store.schema_check import check
from grants.store.store import Store

T = TypeVar("T")
NAMESPACES_WITHIN = timedelta(seconds=1.5)
# Added to what a look at a cluster may take by all its time-outs, before it counts as hung.
LOOK_GRACE = timedelta(seconds=3)
# What may be wrong with the cluster as a whole, and not with the grant that met it.
CLUSTERS_OWN = frozenset({ClusterUnavailable.code, ClusterChanged.code})
# Slack waits three seconds for an ack. A look at a cluster may take half of them (`look_within`);
# whoever then waits for a locked database must hear so in time.
DATABASE_PATIENCE = timedelta(seconds=1.25)
_THREADS_TO_LOOK = 1
ANSWERS_SHOWN = 5


@dataclass(frozen=True)
class Core:
    """The core with its adapters: what every verb's `ports` asks for."""

    clock: SteadyClock
    store: Store
    clusters: ClusterPool
    policy: PolicyRegistry
    watch: StepWatch
    times: AccessTimes
    installation: str
    own_namespace: str | None

    @property
    def lookups(self) -> ClusterPool:
        """Reads that people wait for run on each cluster's own threads."""
        return self.clusters

    def close(self) -> None:
        """Close every connection."""
        self.clusters.close()
        self.store.close()


def open_core(settings: Settings, watch: StepWatch) -> Core:
    """Open the database (at this version's schema), the clusters, and load the policy.

    Raises SettingsInvalid, StoreError and its kinds, or PolicyInvalid; a cluster that is down is
    no reason not to start.
    """
    url = settings.database_url.get_secret_value()
    check(url)
    clock = SteadyClock()
    store = Store(open_database(url, clock=clock, patience=DATABASE_PATIENCE))
    try:
        core = _core(settings, watch, clock, store)
        core.policy.start(clock.now())
    except BaseException:
        store.close()
        raise
    return core


def _core(settings: Settings, watch: StepWatch, clock: SteadyClock, store: Store) -> Core:
    if settings.policy_path is None:
        raise SettingsInvalid((Problem("VALETKEY_POLICY_PATH", "missing"),))
    installation = store.installation()
    accesses = read_clusters(settings.clusters_path)
    configs = [
        _cluster_config(alias, one, installation, settings.worker_count)
        for alias, one in accesses.items()
    ]
    return Core(
        clock=clock,
        store=store,
        clusters=ClusterPool(configs, clock),
        policy=PolicyRegistry(PolicyPath(settings.policy_path), store),
        watch=watch,
        times=access_times(settings),
        installation=installation,
        own_namespace=settings.own_namespace,
    )


def _cluster_config(
    alias: str, access: ClusterAccess, installation: str, threads: int
) -> ClusterConfig:
    times = access.timeouts
    return ClusterConfig(
        alias=alias,
        installation=installation,
        kubeconfig=access.kubeconfig,
        context=access.context,
        in_cluster=access.in_cluster,
        endpoints=access.endpoints,
        times=ClusterTimes(
            connect=times.connect,
            read=times.read,
            whole_list=times.whole_list,
            ready=times.ready,
            plugin=times.plugin,
        ),
        pool_size=access.pool_size,
        threads=access.threads or threads,
        proxies=proxy_rules(access.proxy),
    )


def access_times(settings: Settings) -> AccessTimes:
    """Give the core's times as the settings have them."""
    return replace(
        AccessTimes(),
        signin_max_age=settings.signin_max_age,
        activate_within=settings.activate_within,
        warn_before=settings.warn_before,
        drift_interval=settings.drift_interval,
        stuck_after=settings.stuck_after,
        skew_alarm=settings.skew_alarm,
    )


def former_installations(core: Core, settings: Settings) -> Former:
    """Give the installations whose database was lost, and when this one began."""
    return Former(frozenset(settings.former_installations), core.store.made_at())


def clock_watch(core: Core) -> ClockWatch:
    """Make what holds this process's clock against the database's and the clusters'."""
    return ClockWatch(core, core.clock, core.store.clocks, socket.gethostname())


def make_metrics() -> tuple[CollectorRegistry, Metrics]:
    """Make the registry of this process and what counts in it."""
    registry = CollectorRegistry()
    return registry, Metrics(registry)


def live_grants(core: Core, registry: CollectorRegistry) -> None:
    """Have the grants counted, and the record's end read, from the rows at each scrape."""

    def live() -> tuple[object, ...]:
        with core.store.read() as tx:
            return tx.live_grants()

    def last_number() -> int:
        with core.store.read() as tx:
            return tx.last_number()

    registry.register(GrantGauges(live))  # type: ignore[arg-type]
    registry.register(RecordGauge(last_number))


def outbox_gauges(core: Core, registry: CollectorRegistry) -> None:
    """Have the outbox told in figures from the rows at each scrape."""
    registry.register(OutboxGauges(core.store.deliveries.figures, core.clock))


def finding_gauges(core: Core, registry: CollectorRegistry) -> None:
    """Have findings to act on counted from the rows at each scrape."""

    def counts() -> Mapping[tuple[str, int], int]:
        with core.store.read() as tx:
            return tx.open_counts(core.clusters.aliases())

    registry.register(FindingGauges(counts))


def known_clusters(core: Core) -> KnownClusters:
    """Make what looks at the clusters and says where work may go."""
    return KnownClusters(core, LookTimes(patience=core.clusters.longest_look() + LOOK_GRACE))


def cluster_gauges(core: Core, known: KnownClusters, registry: CollectorRegistry) -> None:
    """Have the clusters told as this process sees them, and what waits by the rows, at a scrape."""

    def waiting() -> Mapping[str, Waiting]:
        with core.store.read() as tx:
            return tx.waiting_by_cluster(core.clock.now())

    registry.register(ClusterGauges(known.all, waiting))


def reconcile(
    core: Core, suspect: Callable[[str], None]
) -> Callable[[str, Handed | None], Grant | None]:
    """Give the call that brings one grant forward; `suspect` hears of clusters that fail it."""

    def forward(grant: str, handed: Handed | None) -> Grant | None:
        with log_ids(grant=grant):
            done = reconcile_grant(grant, ports=core, handed=handed)
        if done is not None and done.problem in CLUSTERS_OWN:
            suspect(done.cluster)
        return done

    return forward


def note_hung(core: Core, suspect: Callable[[str], None]) -> Callable[[str], object]:
    """Give the call that notes on a grant that its walk does not end."""

    def note(grant: str) -> None:
        done = note_failure(grant, "hung", ports=core)
        if done is not None:
            suspect(done.cluster)

    return note


def slack_ports(
    core: Core,
    settings: Settings,
    wake: Wake,
    secrets: SecretWatch | None = None,
    holder: Holder | None = None,
) -> SlackPorts:
    """Put together what the surface in Slack is given; `holder` begins what a decision makes."""
    slack = _slack(settings)
    return SlackPorts(
        settings=slack,
        clock=core.clock,
        access=core.store,
        people=core.store,
        policy=core.policy,
        verbs=_verbs(core, wake, holder),
        lists=core.store.lists,
        deliveries=core.store.deliveries,
        namespaces=Namespaces(partial(_namespaces, core)),
        tokens=slack_tokens(settings, slack, core.clock, secrets),
        clusters=core.clusters.aliases,
        findings=KeptFindings(core) if settings.review_every else None,
    )


@dataclass(frozen=True)
class KeptFindings:
    """What reviews found in the clusters that are configured now, from the rows."""

    core: Core

    def worst(self, limit: int) -> Sequence[Detail]:
        """List findings that somebody has to act on, worst first."""
        with self.core.store.read() as tx:
            return tx.open_details(self.core.clusters.aliases(), limit)

    def count(self) -> int:
        """Count all of them."""
        with self.core.store.read() as tx:
            return sum(tx.open_counts(self.core.clusters.aliases()).values())

    def one(self, key: str) -> Detail | None:
        """Find one that is there, by its key."""
        with self.core.store.read() as tx:
            return tx.detail(key)

    def clusters(self, key: str) -> Sequence[str]:
        """Name the clusters in which somebody has to act on that finding."""
        with self.core.store.read() as tx:
            places = tx.open_places([key.partition("@")[0]], self.core.clusters.aliases())
        return [place.finding.cluster for place in places]

    def answers(self, key: str) -> Sequence[Answer]:
        """Give what was answered to a finding of late, the latest first."""
        with self.core.store.read() as tx:
            return tx.answers_of(key, ANSWERS_SHOWN)


def _slack(settings: Settings) -> SlackSettings:
    token, team, public_url = settings.slack_bot_token, settings.slack_team_id, settings.public_url
    if token is None or team is None or public_url is None:
        raise SettingsInvalid((Problem("VALETKEY_SLACK_BOT_TOKEN", "missing"),))
    return SlackSettings(
        team=team,
        bot_token=token.get_secret_value(),
        public_url=public_url,
        api_url=settings.slack_api_url,
        ca_file=str(settings.slack_ca_file) if settings.slack_ca_file else None,
        proxies=proxy_rules(settings.slack_proxy),
        workspaces=settings.slack_workspace_ids,
        senders=settings.slack_senders,
    )


def _verbs(core: Core, wake: Wake, holder: Holder | None) -> Verbs:
    """Give each verb its ports; what changes something wakes the worker when it has committed."""
    core = replace(core, store=core.store.ahead())  # somebody waits for the answer
    return Verbs(
        request_access=waking(wake, lambda command: request_access(command, ports=core)),
        cancel_request=waking(wake, lambda command: cancel_request(command, ports=core)),
        decide=waking(wake, lambda command: decide(command, ports=core, holder=holder)),
        give_back=waking(wake, lambda command: give_back(command, ports=core)),
        revoke_grant=waking(wake, lambda command: revoke_grant(command, ports=core)),
        offer_sign_in=lambda command: offer_sign_in(command, ports=core),
        may_keep=lambda click: may_keep(click, ports=core),
        keep_finding=waking(wake, lambda command: keep_finding(command, ports=core)),
        say_not_mine=waking(wake, lambda click: say_not_mine(click, ports=core)),
    )


def _namespaces(core: Core, alias: str) -> tuple[str, ...]:
    cluster = core.clusters.get(alias)
    if cluster is None:
        raise ClusterUnavailable(alias, "list namespaces", "not configured")
    return core.clusters.run(alias, cluster.namespaces, NAMESPACES_WITHIN)


def go_on_with_draft(core: Core, wake: Wake) -> Callable[[str, str], AccessRequest]:
    """Give the call that submits a kept draft after its owner signed in."""
    core = replace(core, store=core.store.ahead())  # as for clicks

    def go_on(person: str, draft: str) -> AccessRequest:
        try:
            return submit_draft(SubmitDraft(person, draft), ports=core)
        finally:
            wake(())

    return go_on


def company_login(settings: Settings) -> RelyingParty:
    """Make the relying party of the company's provider."""
    issuer, client = settings.oidc_issuer, settings.oidc_client_id
    if issuer is None or client is None or settings.public_url is None:
        raise SettingsInvalid((Problem("VALETKEY_OIDC_ISSUER", "missing"),))
    secret = settings.oidc_client_secret
    return RelyingParty(
        ProviderSettings(
            name="company",
            issuer=issuer,
            client_id=client,
            client_secret=secret.get_secret_value() if secret else None,
            redirect_uri=f"{settings.public_url}{COMPANY_CALLBACK}",
            scopes=tuple(settings.oidc_scopes),
            groups_path=tuple(settings.oidc_groups_claim),
            signin_max_age=settings.signin_max_age,
            demanded_acr=tuple(settings.oidc_acr_values),
            demanded_amr=frozenset(settings.oidc_required_amr),
            ca_file=settings.oidc_ca_file,
            proxies=proxy_rules(settings.oidc_proxy),
        )
    )


def slack_login(settings: Settings) -> RelyingParty:
    """Make the relying party of Sign in with Slack."""
    client, secret = settings.slack_signin_client_id, settings.slack_signin_client_secret
    if client is None or secret is None or settings.public_url is None:
        raise SettingsInvalid((Problem("VALETKEY_SLACK_SIGNIN_CLIENT_ID", "missing"),))
    return RelyingParty(
        slack_settings(
            client_id=client,
            client_secret=secret.get_secret_value(),
            redirect_uri=f"{settings.public_url}{SLACK_CALLBACK}",
            # It shows one workspace's sign-in page; an organisation has many.
            team=None if is_organisation(settings.slack_team_id or "") else settings.slack_team_id,
            issuer=settings.slack_signin_issuer,
            ca_file=settings.slack_ca_file,
            proxies=proxy_rules(settings.slack_proxy),
        )
    )


def audit_tokens(settings: Settings) -> LiveSecret | None:
    """Make what looks after the digests of the tokens of audit logs' senders."""
    given = settings.audit_tokens
    if given is None:
        return None

    def try_out(text: str) -> str:
        try:
            read_tokens(text)
        except ValueError as error:
            return str(error)
        return ""

    path = secret_path("audit_tokens")
    return LiveSecret("audit-tokens", given.get_secret_value(), path, try_out=try_out)


def worker_name() -> str:
    """Name this process among workers."""
    return new_id(Prefix.WORKER)


def open_roles(
    kubeconfig: Path | None, contexts: Mapping[str, str]
) -> Callable[[str, RoleRef, str | None], RoleSnapshot | None]:
    """Give the call that reads a role with a person's own kubeconfig, for checking a policy.

    A cluster for which no context is named is read by the context of its own alias.
    """
    proxies = proxy_rules()

    def read(alias: str, ref: RoleRef, namespace: str | None) -> RoleSnapshot | None:
        context = contexts.get(alias, alias)
        return read_role(kubeconfig, context, ref, namespace, SystemClock(), proxies)

    return read


def read_rbac(kubeconfig: Path | None, context: str | None) -> Inventory:
    """Read the roles and bindings of a cluster with a person's own kubeconfig.

    ClusterUnavailable when nothing answers; what may not be read is said to be so.
    """
    config = _of_person(context or "kubeconfig", kubeconfig, context)
    found = read_cluster(config, SystemClock(), kinds=RBAC_KINDS)
    if all(found.seen[kind] is Seen.FAILED for kind in RBAC_KINDS):
        words = next((dict(p.facts).get("words", "") for p in found.problems), "")
        raise ClusterUnavailable(config.alias, "list roles and bindings", words)
    return found


def _of_person(alias: str, kubeconfig: Path | None, context: str | None) -> ClusterConfig:
    return ClusterConfig(
        alias=alias,
        installation="",
        kubeconfig=kubeconfig,
        context=context,
        # A person's plugin may have to wait for that person.
        times=ClusterTimes(plugin=None),
        proxies=proxy_rules(),
    )


def read_inventories(
    wanted: Sequence[str],
    clusters_path: Path | None,
    kubeconfig: Path | None,
    *,
    token_secrets: bool = False,
    heard: Callable[[str, str, int], None] = lambda *_: None,
) -> tuple[Inventory, ...]:
    """Read clusters for a review: those of the clusters file (none named: all), or contexts.

    NotFound names one that the file does not have.
    """
    if clusters_path is None:
        configs = [_of_person(name, kubeconfig, name) for name in wanted]
    else:
        known = read_clusters(clusters_path)
        missing = next((name for name in wanted if name not in known), None)
        if missing is not None:
            raise NotFound("cluster", missing)
        chosen = wanted or tuple(known)
        configs = [_cluster_config(alias, known[alias], "", _THREADS_TO_LOOK) for alias in chosen]
    return read_each(configs, SystemClock(), token_secrets=token_secrets, heard=heard)

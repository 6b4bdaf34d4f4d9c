"""Whole installations on real parts: rows in a real database, clusters by the bot's own account.

Several may stand beside each other in one cluster, and one may be opened on a copy of its rows.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.playground.controlplane.plane import ControlPlane
from grants.access.cluster_port import BindingPlace
from grants.access.decide import Decide, decide
from grants.access.foreign import NO_FORMER, Former
from grants.access.give_back import GiveBack, give_back
from grants.access.model import AccessRequest, Grant, Proof, ProofKind, Verdict
from grants.access.ports import AccessTimes
from grants.access.reconcile import reconcile_grant
from grants.access.request_access import RequestAccess, request_access
from grants.access.see_clusters import see_cluster
from grants.access.sweep import Swept, sweep_cluster
from grants.clock import Clock, SystemClock
from grants.clusters import labels
from grants.clusters.config import ClusterConfig
from grants.clusters.pool import ClusterPool
from grants.ids import Prefix, new_id
from grants.people.model import Account, Person, Profile, SignIn
from grants.store.engine import open_database, sqlite_path
from grants.store.store import Store
from tests.support.cluster_lab import RBAC, binding_path
from tests.support.fault_worker import Failpoint
from tests.support.postgres import PostgresServer
from tests.support.world import HerePolicy, a_policy


class ShiftedClock:
    """This machine's clock, moved by a test."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


@dataclass
class Installation:
    """Implements AccessPorts over one database and clusters by alias."""

    database_url: str
    kubeconfigs: Mapping[str, Path]
    namespace: str
    clock: Clock = field(default_factory=SystemClock)
    times: AccessTimes = field(default_factory=AccessTimes)
    own_namespace: str | None = None

    def __post_init__(self) -> None:
        self.store = Store(open_database(self.database_url, clock=self.clock))
        self.installation = self.store.installation()
        self.clusters = self._pool()
        self.lookups = self.clusters
        policy = a_policy(namespaces=("*",), clusters=tuple(self.kubeconfigs))
        (first,) = policy.clusters
        named = tuple(replace(first, alias=alias) for alias in self.kubeconfigs)
        self.policy = HerePolicy(replace(policy, clusters=named))
        self.watch = Failpoint(None)

    def _pool(self) -> ClusterPool:
        configs = [
            ClusterConfig(alias=alias, installation=self.installation, kubeconfig=path)
            for alias, path in self.kubeconfigs.items()
        ]
        return ClusterPool(configs, self.clock)

    def reconfigure(self, kubeconfigs: Mapping[str, Path]) -> None:
        """Start anew with other clusters, as after an edit of the clusters file."""
        self.clusters.close()
        self.kubeconfigs = kubeconfigs
        self.clusters = self.lookups = self._pool()

    def close(self) -> None:
        self.clusters.close()
        self.store.close()

    def see(self, alias: str = "prod") -> str:
        cluster = self.clusters.get(alias)
        assert cluster is not None
        return see_cluster(cluster, ports=self)

    def person(self, name: str, *groups: str) -> Account:
        """Have somebody sign in now, under a name that is theirs in every installation."""
        account, now = Account("T1", name), datetime.now(UTC)
        email = f"{name}@example.com"
        with self.store.write() as tx:
            person = tx.person("https://idp", name)
            if person is None:
                person = Person(new_id(Prefix.PERSON), "https://idp", name)
                tx.add_person(person, now)
            signed_in = SignIn(
                id=new_id(Prefix.SIGN_IN),
                person=person.id,
                at=now,
                auth_time=now,
                groups=frozenset(groups),
                acr=None,
                amr=("pwd",),
                profile=Profile(name, email, email_verified=True),
                claims={"email": email, "email_verified": True},
            )
            tx.add_sign_in(signed_in)
            if tx.known(account) is None:
                tx.link(account, person.id, now)
        return account

    def asked(self, name: str, cluster: str = "prod", seconds: int = 3600) -> AccessRequest:
        command = RequestAccess(
            key=new_id(Prefix.EVENT),
            account=self.person(name, "engineers"),
            cluster=cluster,
            namespace=self.namespace,
            entitlement="view-payments",
            duration=timedelta(seconds=seconds),
            reason="To see",
        )
        return request_access(command, ports=self)

    def approve(self, request: AccessRequest, by: str = "ada") -> Grant:
        approver = self.person(by, "approvers")
        key = new_id(Prefix.EVENT)
        click = Decide(key, approver, request.id, request.terms_hash, Verdict.APPROVE)
        (grant,) = decide(click, ports=self).grants
        return self.grant(grant)

    def active(self, name: str, seconds: int = 3600) -> Grant:
        return self.bring(self.approve(self.asked(name, seconds=seconds)))

    def give_back(self, grant: Grant, name: str) -> None:
        give_back(GiveBack(new_id(Prefix.EVENT), Account("T1", name), grant.id), ports=self)

    def bring(self, grant: Grant) -> Grant:
        done = reconcile_grant(grant.id, ports=self)
        assert done is not None
        return done

    def grant(self, grant: str) -> Grant:
        with self.store.read() as tx:
            found = tx.grant(grant)
        assert found is not None
        return found

    def request(self, request: str) -> AccessRequest:
        with self.store.read() as tx:
            found = tx.request(request)
        assert found is not None
        return found

    def gone(self, grant: Grant) -> Proof:
        with self.store.read() as tx:
            proof = tx.proof(grant.id, ProofKind.GONE)
        assert proof is not None
        return proof

    def sweep(self, alias: str = "prod", former: Former = NO_FORMER) -> Swept:
        cluster = self.clusters.get(alias)
        assert cluster is not None
        return sweep_cluster(cluster, ports=self, former=former)

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """Give the events of a kind, or all, in order."""
        with self.store.read() as tx:
            every = [json.loads(event.canonical) for event in tx.events()]
        return [event for event in every if kind in {"", event["type"]}]


@dataclass(frozen=True)
class Seen:
    """The cluster as its own admin sees it, in one namespace."""

    plane: ControlPlane
    namespace: str

    def bindings(self) -> dict[str, dict[str, Any]]:
        """Give every binding under our managed-by label, by name."""
        path = f"{RBAC}/namespaces/{self.namespace}/rolebindings"
        items = self.plane.admin_request("GET", path)["items"]
        ours = [
            b
            for b in items
            if (b["metadata"].get("labels") or {}).get(labels.MANAGED_BY_LABEL) == "valetkey"
        ]
        return {b["metadata"]["name"]: b for b in ours}

    def filled(self) -> set[str]:
        """Name those that give somebody access."""
        return {name for name, binding in self.bindings().items() if binding.get("subjects")}

    def end_of(self, grant: Grant) -> datetime:
        """Give the end that a grant's binding itself says."""
        annotations = self.bindings()[grant.binding_name]["metadata"]["annotations"]
        return datetime.fromisoformat(annotations[labels.EXPIRES_ANNOTATION])

    def annotate_end(self, grant: Grant, end: str | None) -> None:
        place = BindingPlace(grant.binding_name, self.namespace)
        change = {"metadata": {"annotations": {labels.EXPIRES_ANNOTATION: end}}}
        self.plane.admin_request("PATCH", binding_path(place), change)

    def remove(self, grant: Grant) -> None:
        place = BindingPlace(grant.binding_name, self.namespace)
        self.plane.admin_request("DELETE", binding_path(place))


def copied(database_url: str, folder: Path, postgres: PostgresServer | None) -> str:
    """Copy a database as it stands: SQLite by its online backup, PostgreSQL as a template.

    Nobody may be connected to the PostgreSQL database.
    """
    path = sqlite_path(database_url)
    if path is None:
        assert postgres is not None
        name = database_url.split("?", maxsplit=1)[0].rpartition("/")[2]
        return postgres.url(postgres.fresh_database(name))
    copy = folder / "copy" / "valetkey.db"
    copy.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)
    return f"sqlite:///{copy}"

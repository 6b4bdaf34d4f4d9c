"""What a run plays on: PostgreSQL, a real cluster, the double of Slack, and replicas of the bot.

People are signed in by rows: who signs in and how is tried elsewhere.
"""

import secrets
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import urllib3
import yaml
from sqlalchemy import func, select

from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import Children, free_port
from bot.playground.slack import SlackApp, SlackDouble, User, Workspace
from grants.ids import Prefix, new_id
from grants.people.model import Account, Person, Profile, SignIn
from grants.store import tables as t
from grants.store.engine import open_database
from grants.store.schema import upgrade
from grants.store.store import Store
from tests.replicas.balancer import Balancer
from tests.replicas.log import Log
from tests.replicas.replica import Replica
from tests.support.shipped import bot_kubeconfig

ALIAS: Final = "prod"
CHANNEL: Final = "access-requests"
QUORUM: Final = {"view-one": 1, "view-two": 2}
_MANY: Final = 1_000_000


def libpq_url(url: str) -> str:
    """Give a URL of SQLAlchemy's as PostgreSQL's own library reads it."""
    return url.replace("postgresql+psycopg:", "postgresql:")


@dataclass(frozen=True)
class Resident:
    """Somebody of the town: their Slack user, their person, and what Kubernetes calls them."""

    user: User
    person: str
    subject: str


@dataclass
class Stage:
    """Everything but the people's doings. Use as a context manager; `start` starts replicas."""

    folder: Path
    plane: ControlPlane
    database_url: str
    seed: int
    requesters: int = 12
    approvers: int = 4
    by_http: bool = False
    lease_seconds: tuple[int, int] = (3, 7)
    patience_seconds: float = 60.0
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = Log(self.folder / "log.jsonl")
        self.workspace = Workspace(seed=str(self.seed))
        self.app = SlackApp.made_up(str(self.seed))
        self.namespaces = tuple(f"rep-{secrets.token_hex(4)}-{n}" for n in ("a", "b"))
        self.people: dict[str, list[Resident]] = {}
        self.replicas: list[Replica] = []
        self.balancer: Balancer | None = None
        self._stack = ExitStack()
        self._children = Children()

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._children.stop_all(grace=timedelta(seconds=30))
        self._stack.close()
        self.log.close()

    def _set_up(self) -> None:
        upgrade(self.database_url)
        self.database = open_database(self.database_url)
        self.store = Store(self.database)
        self._stack.callback(self.store.close)
        self._furnish_cluster()
        self._fill_workspace()
        if self.by_http:
            self.balancer = self._stack.enter_context(Balancer("valetkey.example"))
        url = f"http://127.0.0.1:{self.balancer.port}/slack/events" if self.balancer else None
        self.slack = self._stack.enter_context(self._make_double(url))
        # A checker of what happened can't do without any of it.
        self.workspace.log.keep(_MANY)
        self.slack.courier.deliveries.limit = _MANY
        self.workspace.sizes.messages_a_place = _MANY
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(self._policy()))
        clusters = {"clusters": {ALIAS: {"kubeconfig": "bot.kubeconfig"}}}
        (self.folder / "clusters.yaml").write_text(yaml.safe_dump(clusters))

    def _make_double(self, request_url: str | None) -> SlackDouble:
        return SlackDouble(self.workspace, self.app, request_url=request_url)

    def _furnish_cluster(self) -> None:
        bot_kubeconfig(self.plane, self.folder / "bot.kubeconfig")
        for name in self.namespaces:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.plane.admin_request("POST", "/api/v1/namespaces", body)
            self._stack.callback(self._drop, name)

    def _drop(self, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}"
        with suppress(urllib3.exceptions.HTTPError):
            self.plane.request("DELETE", path, token=self.plane.admin_token)

    def _fill_workspace(self) -> None:
        wanted = {"engineers": self.requesters, "platform": self.approvers, "admins": 1}
        for group, count in wanted.items():
            self.people[group] = [self._add(f"{group[:3]}{n}", group) for n in range(count)]
        everyone = [one.user for group in self.people.values() for one in group]
        self.channel = self.workspace.add_channel(CHANNEL, members=everyone)
        self.admin_channel = self.workspace.add_channel(
            "access-admins", members=[self.people["admins"][0].user], private=True
        )

    def _add(self, name: str, group: str) -> Resident:
        email = f"{name}@{self.namespaces[0]}.example"
        user = self.workspace.add_user(name, name.title(), email=email)
        person = Person(new_id(Prefix.PERSON), "https://idp.example", name)
        now = datetime.now(UTC)
        with self.store.write() as tx:
            tx.add_person(person, now)
            tx.add_sign_in(
                SignIn(
                    id=new_id(Prefix.SIGN_IN),
                    person=person.id,
                    at=now,
                    auth_time=now,
                    groups=frozenset({group}),
                    acr=None,
                    amr=("pwd",),
                    profile=Profile(name, email, email_verified=True),
                    claims={"email": email, "email_verified": True},
                )
            )
            tx.link(Account(self.workspace.team_id, user.id), person.id, now)
        subject = f"oidc:{email}"
        self.log.add(now.timestamp(), "person", user=user.id, person=person.id, subject=subject)
        return Resident(user, person.id, subject)

    def _policy(self) -> dict[str, Any]:
        return {
            "apiVersion": "valetkey/v1",
            "admins": {"groups": ["admins"]},
            "admin_notify": {"channels": [self.admin_channel.id]},
            "clusters": [
                {"name": ALIAS, "username": "oidc:{email}", "groups": "oidc:{group}"},
            ],
            "entitlements": [self._entitlement(*one) for one in QUORUM.items()],
        }

    def _entitlement(self, name: str, quorum: int) -> dict[str, Any]:
        return {
            "name": name,
            "description": f"Look at things; {quorum} must agree",
            "clusters": [ALIAS],
            "namespaces": list(self.namespaces),
            "role": {"kind": "ClusterRole", "name": "view"},
            "ask": {"groups": ["engineers"]},
            "duration": {"default": "10s", "maximum": "10m"},
            "decide": {"groups": ["platform"], "quorum": quorum},
            "notify": {"channels": [self.channel.id]},
            "reason": "required",
        }

    def environment(self, port: int) -> dict[str, str]:
        """Make the environment of one replica: settings and nothing else."""
        settings = {
            "DATABASE_URL": self.database_url,
            "PUBLIC_URL": "https://valetkey.example",
            "LISTEN_PORT": str(port),
            "SLACK_BOT_TOKEN": self.app.bot_token,
            **self._way_in(),
            "SLACK_TEAM_ID": self.workspace.team_id,
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_SIGNIN_CLIENT_ID": self.app.client_id,
            "SLACK_SIGNIN_CLIENT_SECRET": self.app.client_secret,
            "OIDC_ISSUER": "https://idp.example",
            "OIDC_CLIENT_ID": "valetkey",
            "OIDC_CLIENT_SECRET": "not-used-here",
            "POLICY_PATH": str(self.folder / "policy.yaml"),
            "CLUSTERS_PATH": str(self.folder / "clusters.yaml"),
            "WARN_BEFORE": "3s",
            **self.settings,
        }
        plain = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
        return plain | {f"VALETKEY_{name}": value for name, value in settings.items()}

    def _way_in(self) -> dict[str, str]:
        if self.by_http:
            return {"SLACK_SIGNING_SECRET": self.app.signing_secret}
        return {"SLACK_APP_TOKEN": self.app.app_token}

    def start(self, *roles: str) -> list[Replica]:
        """Start one replica for each of `roles` (`both`, `surfaces`, `worker`), all ready."""
        made = [self._replica(role) for role in roles]
        for replica in made:
            replica.start()
        for replica in made:
            replica.wait_ready()
            if self.balancer is not None:
                self.balancer.take_in(replica.port)
        self.replicas += made
        return made

    def roll(self, replica: Replica) -> float:
        """Roll one replica as its Deployment does; gives the seconds from SIGTERM to its end."""
        if self.balancer is not None:
            # Before SIGTERM, by the time that `preStop` gives.
            self.balancer.leave_out(replica.port)
        replica.tell_to_stop()
        took = replica.wait_ended()
        replica.start()
        replica.wait_ready()
        if self.balancer is not None:
            self.balancer.take_in(replica.port)
        return took

    def _replica(self, role: str) -> Replica:
        number, port = len(list(self.folder.glob("replica-*.log"))), free_port()
        name = f"replica-{chr(ord('a') + number)}"
        log_path = self.folder / f"{name}.log"
        log_path.touch()
        argv = [sys.executable, "-m", "bot", "serve"]
        argv += [] if role == "both" else ["--only", role]
        return Replica(name, argv, port, self.environment(port), log_path, self._children, self.log)

    def untold(self) -> int:
        """How many rows of the outbox wait to be told."""
        row = t.deliveries.c
        waits = (row.wanted > row.sent) & (row.wanted > row.dropped)
        query = select(func.count()).select_from(t.deliveries).where(waits)
        with self.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def bindings(self) -> list[dict[str, Any]]:
        """What stands under the product's label in our namespaces, asked as the cluster's owner."""
        found: list[dict[str, Any]] = []
        for namespace in self.namespaces:
            path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
            selector = "?labelSelector=app.kubernetes.io/managed-by%3Dvaletkey"
            found += self.plane.admin_request("GET", path + selector)["items"]
        return found

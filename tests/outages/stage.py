"""A stage on which every way from the bot to a part it depends on can fail.

One link stands before each: Slack's Web API with its response URLs, Slack's sockets, the company's
identity provider, the cluster's API server, PostgreSQL. Who looks on goes by none of them.
"""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Self
from urllib.parse import urlsplit

import yaml
from sqlalchemy import make_url

from bot.playground import idp
from bot.playground.processes import free_port
from bot.playground.slack import SlackDouble
from bot.playground.tls_front import tls_front
from grants.ids import Prefix, new_id
from grants.people.model import Account, Person, Profile, SignIn
from tests.replicas.replica import Replica
from tests.replicas.stage import Resident, Stage
from tests.support.faulty_link import FaultyLink

_LONG_AGO: Final = timedelta(hours=13)


class Part(StrEnum):
    """What the bot depends on."""

    SLACK_API = "Slack's Web API"
    SLACK_SOCKETS = "Slack's sockets"
    PROVIDER = "the identity provider"
    CLUSTER = "the cluster's API server"
    DATABASE = "PostgreSQL"
    ONE_DATABASE = "PostgreSQL, for one replica of two"


@dataclass
class OutageStage(Stage):
    """A stage with links. `postgres_port` is the server's where `database_url` is PostgreSQL's.

    `newcomers` is how many people there are who must sign in before they can ask; with none there
    is no identity provider. `program` is the module that is run as `valetkey`.
    """

    postgres_port: int | None = None
    newcomers: int = 0
    program: str = "bot"
    links: dict[Part, tuple[FaultyLink, ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.leaf = self.plane.authority.leaf(f"outages-{secrets.token_hex(4)}")
        self.public_url = f"https://localhost:{free_port()}"
        self._slack_port = free_port()
        self._client: idp.Client | None = None
        self._issuer = ""
        self._first_port: int | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def _set_up(self) -> None:
        if self.postgres_port is not None:
            first = self._link(Part.ONE_DATABASE, self.postgres_port, speaks_http=False)
            other = self._link(Part.DATABASE, self.postgres_port, speaks_http=False)
            self.links[Part.DATABASE] = (first, other)
        super()._set_up()

    def _link(
        self, part: Part, port: int, *, tls: bool = False, speaks_http: bool = True
    ) -> FaultyLink:
        """Put a link before a port."""
        link = FaultyLink(
            port,
            f"{self.seed}:{part}",
            port=free_port(),
            speaks_http=speaks_http,
            impostor=self.leaf.server_context() if tls else None,
        )
        link.start()
        self._stack.callback(link.stop)
        self.links[part] = (link,)
        return link

    def _furnish_cluster(self) -> None:
        super()._furnish_cluster()
        backend = urlsplit(self.plane.url).port
        assert backend is not None
        port = self._link(Part.CLUSTER, backend, tls=True).port
        path = self.folder / "bot.kubeconfig"
        config = yaml.safe_load(path.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        path.write_text(yaml.safe_dump(config))

    def _make_double(self, request_url: str | None) -> SlackDouble:
        api = self._link(Part.SLACK_API, self._slack_port)
        sockets = self._link(Part.SLACK_SOCKETS, self._slack_port)
        return SlackDouble(
            self.workspace,
            self.app,
            port=self._slack_port,
            request_url=request_url,
            socket_port=sockets.port,
            hooks_port=api.port,
        )

    def _fill_workspace(self) -> None:
        super()._fill_workspace()
        self.people["newcomers"] = []
        if self.newcomers:
            self._start_provider()

    def _start_provider(self) -> None:
        """Start the provider behind its link, and people who were last signed in long ago."""
        accounts = [self._account(number) for number in range(self.newcomers)]
        client = idp.valetkey_client(secrets.token_hex(16), f"{self.public_url}/sign-in/callback")
        backend = free_port()
        port = self._link(Part.PROVIDER, backend, tls=True).port
        provider = idp.IdentityProvider(
            certificate=self.leaf,
            ca_file=self.plane.authority.ca_file,
            folder=self.folder / "idp",
            people=accounts,
            clients=[client],
            port=backend,
            public_port=port,
            single_sign_on=False,
        )
        self._stack.enter_context(provider)
        self._client, self._issuer = client, provider.issuer
        self.people["newcomers"] = [self._add_newcomer(account) for account in accounts]

    def _account(self, number: int) -> idp.Person:
        key = f"new{number}"
        email = f"{key}@{self.namespaces[0]}.example"
        return idp.Person(
            key, key.title(), "Engineer", email, groups=("engineers",), second_factor=True
        )

    def _add_newcomer(self, account: idp.Person) -> Resident:
        user = self.workspace.add_user(account.key, account.name, email=account.email or "")
        person = Person(new_id(Prefix.PERSON), self._issuer, account.subject)
        then = datetime.now(UTC) - _LONG_AGO
        sign_in = SignIn(
            id=new_id(Prefix.SIGN_IN),
            person=person.id,
            at=then,
            auth_time=then,
            groups=frozenset(account.groups),
            acr=None,
            amr=("pwd",),
            profile=Profile(account.name, account.email, email_verified=True),
            claims={"email": account.email, "email_verified": True},
        )
        with self.store.write() as tx:
            tx.add_person(person, then)
            tx.add_sign_in(sign_in)
            tx.link(Account(self.workspace.team_id, user.id), person.id, then)
        subject = f"oidc:{account.email}"
        self.log.add(then.timestamp(), "person", user=user.id, person=person.id, subject=subject)
        return Resident(user, person.id, subject)

    def environment(self, port: int) -> dict[str, str]:
        """Make the environment of one replica, in which each part is reached by its link."""
        (api,) = self.links[Part.SLACK_API]
        self._first_port = self._first_port or port
        settings = {"SLACK_API_URL": f"http://127.0.0.1:{api.port}/api/"}
        if Part.DATABASE in self.links:
            settings["DATABASE_URL"] = self._linked_database(is_first=port == self._first_port)
        if self._client is not None:
            settings |= {
                "PUBLIC_URL": self.public_url,
                "OIDC_ISSUER": self._issuer,
                "OIDC_CLIENT_ID": self._client.client_id,
                "OIDC_CLIENT_SECRET": self._client.secret or "",
                "OIDC_SCOPES": "openid email profile groups",
                "OIDC_CA_FILE": str(self.plane.authority.ca_file),
            }
        named = {f"VALETKEY_{name}": value for name, value in settings.items()}
        return super().environment(port) | named

    def _linked_database(self, *, is_first: bool) -> str:
        bare = make_url(self.database_url).difference_update_query(["host", "port"])
        link = self.links[Part.DATABASE][0 if is_first else 1]
        url = bare.set(username="postgres", host="127.0.0.1", port=link.port)
        plain = url.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
        return plain.render_as_string(hide_password=False)

    def _replica(self, role: str) -> Replica:
        made = super()._replica(role)
        made.argv = [self.program if word == "bot" else word for word in made.argv]
        return made

    def start(self, *roles: str) -> list[Replica]:
        """Start replicas; people's browsers reach the first of them."""
        made = super().start(*roles)
        public = urlsplit(self.public_url).port
        assert public is not None
        front = tls_front(made[0].port, self.leaf, port=public)
        front.start()
        self._stack.callback(front.stop)
        return made

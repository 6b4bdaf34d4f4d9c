"""The whole playground: a workspace, an identity provider, a cluster, and Valetkey between them.

Everything listens on loopback only, with certificates of one throw-away CA. Valetkey itself runs as
its own process, `valetkey serve`, with nothing but settings: what is tried here is the product.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import urllib3
import yaml

from bot.playground import overpowered, scene
from bot.playground.certs import Authority
from bot.playground.controlplane.config import OidcIssuer, bearer, exec_plugin
from bot.playground.idp.people import DEFAULT_PEOPLE, Person, kubernetes_client, valetkey_client
from bot.playground.idp.provider import IdentityProvider
from bot.playground.plane import Plane
from bot.playground.processes import Child, Children, ProcessError, free_port
from bot.playground.slack.app import SlackApp
from bot.playground.slack.double import SlackDouble
from bot.playground.slack.workspace import Workspace
from bot.playground.tls_front import tls_front
from deploy import manifests

if TYPE_CHECKING:
    from bot.playground.slack.records import User

ZONES: Final = {"erin": "Europe/Stockholm", "ada": "Africa/Lagos", "omar": "Asia/Dubai"}
ALIAS: Final = "prod"
_READY_WITHIN: Final = timedelta(seconds=30)
# What `serve` imports takes as long as the rest of its start: it can be done while other parts of
# the town are on their way. What runs then is `valetkey serve`, like everywhere.
_SERVE_HELD: Final = (
    "import json, os, sys, bot.serving.process, bot.wiring; from bot.cli import main; "
    "said = sys.stdin.readline(); said and (os.environ.update(json.loads(said)), main())"
)
_POLICY: Final = Path(manifests.__file__).parent / "example-policy.yaml"


@dataclass(frozen=True)
class Ports:
    """Where the three addresses are that a browser opens, and Valetkey's own behind its https."""

    slack: int
    valetkey: int
    provider: int
    backend: int

    @staticmethod
    def free() -> "Ports":
        """Take free ports."""
        return Ports(free_port(), free_port(), free_port(), free_port())

    @staticmethod
    def following(first: int) -> "Ports":
        """Take three ports in a row from `first`, so that addresses are the same at each start."""
        return Ports(first, first + 1, first + 2, free_port())

    def browser(self) -> tuple[int, int, int]:
        """Name those that a browser opens."""
        return (self.slack, self.valetkey, self.provider)


class Town:
    """A playground in `folder`. Use as a context manager.

    `settings` are more `VALETKEY_...` variables for the bot; `signed_http` has Slack post to it
    instead of Socket Mode; `reviewed` adds service accounts that hold too much, and their review.
    """

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        people: tuple[Person, ...] = DEFAULT_PEOPLE,
        settings: Mapping[str, str] | None = None,
        signed_http: bool = False,
        reviewed: bool = False,
        database_url: str | None = None,
        policy: str | None = None,
        ports: Ports | None = None,
    ) -> None:
        self.folder = folder
        self.authority = authority
        self.leaf = authority.leaf("town", "localhost", "127.0.0.1")
        self.ports = ports or Ports.free()
        self.slack_url = f"https://localhost:{self.ports.slack}"
        self.public_url = f"https://localhost:{self.ports.valetkey}"
        self.workspace = Workspace()
        self.users: dict[str, User] = {}
        self._people = people
        self._settings = (overpowered.SETTINGS if reviewed else {}) | dict(settings or {})
        self._signed_http = signed_http
        self.reviewed = reviewed
        self.database_url = database_url or f"sqlite:///{folder / 'database' / 'valetkey.db'}"
        self._policy = policy or _POLICY.read_text(encoding="utf-8")
        if reviewed:
            self._policy += overpowered.POLICY
        self._stack = ExitStack()
        self._database_ready = False
        self._children = Children()
        self.plane: Plane | None = None
        self.bot: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start_provider(self) -> OidcIssuer:
        """Start Slack and the identity provider; gives what a cluster must trust."""
        self._fill_workspace()
        callbacks = f"{self.public_url}/sign-in/slack/callback"
        self.app = SlackApp.made_up(secrets.token_hex(8), redirect_uris=(callbacks,))
        request_url = f"{self.public_url}/slack/events"
        self.slack = SlackDouble(
            self.workspace,
            self.app,
            issuer=self.slack_url,
            request_url=request_url if self._signed_http else None,
            request_ca=str(self.authority.ca_file),
        )
        self._stack.enter_context(self.slack)
        slack_port = int(self.slack.url.rpartition(":")[2])
        for backend, port in (
            (slack_port, self.ports.slack),
            (self.ports.backend, self.ports.valetkey),
        ):
            front = tls_front(backend, self.leaf, port=port)
            front.start()
            self._stack.callback(front.stop)
        self.client = valetkey_client(
            secrets.token_urlsafe(24), f"{self.public_url}/sign-in/callback"
        )
        self.provider = IdentityProvider(
            certificate=self.leaf,
            ca_file=self.authority.ca_file,
            folder=self.folder / "idp",
            people=self._people,
            clients=[self.client, kubernetes_client()],
            port=self.ports.provider,
            single_sign_on=False,
        )
        self._stack.enter_context(self.provider)
        return OidcIssuer(self.provider.issuer, self.authority.ca_pem, ("kubernetes",))

    def _fill_workspace(self) -> None:
        for person in self._people:
            self.users[person.key] = self.workspace.add_user(
                person.key,
                person.name,
                tz=ZONES.get(person.key, "Europe/Berlin"),
                email=person.email or "",
            )
        guest = self.workspace.add_user("gus", "Gus the guest", is_restricted=True)
        stranger = self.workspace.add_user("stella", "Stella Stranger", stranger=True)
        self.users |= {"gus": guest, "stella": stranger}
        everyone = list(self.users.values())
        more = (overpowered.CHANNEL,) if self.reviewed else ()
        for name in ("general", "access-requests", *more):
            self.workspace.add_channel(name, members=everyone)
        self.workspace.add_channel("access-admins", members=[self.users["alex"]], private=True)

    def join_cluster(self, plane: Plane) -> None:
        """Give the cluster namespaces and the RBAC that is shipped, and the bot its credential."""
        self.plane = plane
        scene.furnish(plane)
        if self.reviewed:
            overpowered.furnish(plane)
        plane.write_kubeconfig(self.folder / "bot.kubeconfig", bearer(scene.bot_token(plane)))

    def prepare_database(self) -> None:
        """Make the database's tables, once; it needs nothing else of the town."""
        if self._database_ready:
            return
        done = subprocess.run(
            [sys.executable, "-m", "bot", "db", "upgrade"],
            env=_plain_environment() | {"VALETKEY_DATABASE_URL": self.database_url},
            check=False,
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if done.returncode:
            raise ProcessError(f"valetkey db upgrade failed:\n{done.stdout}{done.stderr}")
        self._database_ready = True

    def prepare_bot(self) -> None:
        """Start Valetkey's process, which waits for its settings from `start_bot`."""
        self.bot = self._start_process("-c", _SERVE_HELD, env=_plain_environment(), held=True)

    def start_bot(self, *, connected: bool = True) -> None:
        """Migrate the database and start `valetkey serve`; it is ready when this returns.

        Without `connected` it need not have reached Slack.
        """
        self._write_files()
        self.prepare_database()
        if self.bot is None:
            self.bot = self._start_process("-m", "bot", env=self.environment())
        self.bot.let_go(json.dumps(self.environment()))
        self.bot.wait_ready(lambda: self._bot_ready(connected=connected), within=_READY_WITHIN)

    def _start_process(self, *how: str, env: dict[str, str], held: bool = False) -> Child:
        return self._children.start(
            "valetkey",
            [sys.executable, *how, "serve"],
            log_path=self.folder / "valetkey.log",
            env=env,
            held=held,
        )

    def require_running(self) -> None:
        """Raise ProcessError when Valetkey has ended by itself."""
        if self.bot is not None and not self.bot.alive():
            tail = self.bot.log_tail()
            raise ProcessError(f"Valetkey ended by itself. End of {self.bot.log_path}:\n{tail}")

    def stop_bot(self) -> None:
        """Stop Valetkey as a rolling restart would."""
        if self.bot is not None:
            self._children.stop(self.bot)
            self.bot = None

    def _bot_ready(self, *, connected: bool) -> bool:
        try:
            answer = urllib3.request(
                "GET",
                f"http://127.0.0.1:{self.ports.backend}/readyz",
                headers={"Host": f"localhost:{self.ports.valetkey}"},
                timeout=2,
                retries=False,
            )
        except urllib3.exceptions.HTTPError:
            return False
        lacking = connected and not self._signed_http and b"not-connected" in answer.data
        return answer.status == 200 and not lacking  # noqa: PLR2004 - HTTP's word for well

    def _write_files(self) -> None:
        self.write_policy(self._policy)
        clusters = {"clusters": {ALIAS: {"kubeconfig": "bot.kubeconfig"}}}
        (self.folder / "clusters.yaml").write_text(yaml.safe_dump(clusters), encoding="utf-8")

    def write_policy(self, text: str) -> None:
        """Write the policy; channels that it names by `#name` are put in by their ids."""
        for channel in self.workspace.channels.values():
            text = text.replace(f'"#{channel.name}"', channel.id)
        (self.folder / "policy.yaml").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """Make the environment that Valetkey runs in; its other commands work in it too."""
        by_mode = (
            {"SLACK_SIGNING_SECRET": self.app.signing_secret}
            if self._signed_http
            else {"SLACK_APP_TOKEN": self.app.app_token}
        )
        settings = {
            "DATABASE_URL": self.database_url,
            "PUBLIC_URL": self.public_url,
            "LISTEN_PORT": str(self.ports.backend),
            "SLACK_BOT_TOKEN": self.app.bot_token,
            "SLACK_TEAM_ID": self.workspace.team_id,
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_SIGNIN_CLIENT_ID": self.app.client_id,
            "SLACK_SIGNIN_CLIENT_SECRET": self.app.client_secret,
            "SLACK_SIGNIN_ISSUER": self.slack_url,
            "SLACK_CA_FILE": str(self.authority.ca_file),
            "OIDC_ISSUER": self.provider.issuer,
            "OIDC_CLIENT_ID": self.client.client_id,
            "OIDC_CLIENT_SECRET": self.client.secret or "",
            "OIDC_SCOPES": "openid email profile groups",
            "OIDC_CA_FILE": str(self.authority.ca_file),
            "POLICY_PATH": str(self.folder / "policy.yaml"),
            "CLUSTERS_PATH": str(self.folder / "clusters.yaml"),
            **by_mode,
            **self._settings,
        }
        return _plain_environment() | {
            f"VALETKEY_{name}": value for name, value in settings.items()
        }

    def kubeconfig_of(self, key: str) -> Path:
        """Write a person's own kubeconfig: its credential is their own ID token, nothing else."""
        if self.plane is None:
            raise RuntimeError("there is no cluster yet")
        argv = [
            sys.executable,
            "-m",
            "bot.playground.idp.credential",
            "--issuer",
            self.provider.issuer,
            "--ca",
            str(self.authority.ca_file),
            "--person",
            key,
            "--cache",
            str(self.folder / "tokens"),
        ]
        where = {"PYTHONPATH": str(Path(__file__).parents[2])}
        path = self.folder / f"{key}.kubeconfig"
        user = exec_plugin(argv, where)
        return self.plane.write_kubeconfig(path, user, name=ALIAS, namespace=scene.NAMESPACES[0])

    def stop(self) -> None:
        """Stop everything that was started here."""
        self._children.stop_all()
        self._stack.close()


def _plain_environment() -> dict[str, str]:
    """Copy the environment without anybody's settings: what runs here is set by the town alone."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("VALETKEY_", "SLACK_"))}

"""Runs the playground's identity provider, and lets tests change what it is and how it behaves."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

import requests

from bot.playground.idp.install import NODE, SOURCE, ensure
from bot.playground.idp.people import DEFAULT_PEOPLE, Client, Person
from bot.playground.processes import Child, Children

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bot.playground.certs import Leaf

Route = Literal["discovery", "jwks", "token", "authorization", "userinfo", "device"]

_READY = timedelta(seconds=20)
_STOP_GRACE = timedelta(seconds=3)
_CONTROL_SECONDS = 10


@dataclass(frozen=True)
class Lie:
    """An answer given in place of the true one."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class IdentityProvider:
    """One OpenID provider at https://localhost:<port>, for as long as it is started.

    `certificate` is its server certificate and `ca_file` what clients must trust; `folder` takes
    its log and its state. `single_sign_on=False` shows the chooser at every sign-in, so that one
    browser can play several people. A port of 0 takes a free one and keeps it over a restart.
    `public_port` is the issuer's where something stands before it. Use as a context manager.
    """

    def __init__(
        self,
        *,
        certificate: Leaf,
        ca_file: Path,
        folder: Path,
        people: Sequence[Person] = DEFAULT_PEOPLE,
        clients: Sequence[Client],
        port: int = 0,
        public_port: int | None = None,
        single_sign_on: bool = True,
        id_token_life: timedelta = timedelta(hours=1),
    ) -> None:
        self.ca = ca_file
        self._certificate = certificate
        self._folder = folder
        self._people = {person.key: person for person in people}
        self._clients = tuple(clients)
        self.port = port
        self._public_port = public_port
        self._single_sign_on = single_sign_on
        self._id_token_life = id_token_life
        self._children = Children()
        self._control_token = secrets.token_urlsafe(32)
        self._control_url = ""
        self._issuer = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def issuer(self) -> str:
        """The issuer identifier, also its base address."""
        return self._issuer

    @property
    def people(self) -> Mapping[str, Person]:
        """The people as they are now, by key."""
        return self._people

    def start(self) -> None:
        """Start it and wait until it answers; PackagesMissingError or ProcessError if it can't."""
        packages = ensure()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config, ready = self._folder / "config.json", self._folder / "ready.json"
        ready.unlink(missing_ok=True)
        _write_secret(config, self._config(ready))
        child = self._children.start(
            "identity provider",
            [NODE, SOURCE / "server.mjs", packages, config],
            log_path=self._folder / "idp.log",
            env=_plain_environment(),
        )
        self._wait(child, ready)
        config.unlink()
        said = json.loads(ready.read_text())
        self._issuer, self._control_url = said["issuer"], said["control"]
        self.port = int(said["port"])

    def stop(self) -> None:
        """End it: from then on nothing listens at the issuer's address."""
        self._children.stop_all()

    def change_person(self, key: str, **facts: object) -> Person:
        """Change fields of one `Person`, from their next token on; signed in they stay."""
        person = replace(self._people[key], **facts)  # type: ignore[arg-type] # by field name
        self._act("person", key=key, facts=person.as_config())
        self._people[key] = person
        return person

    def deactivate(self, key: str) -> None:
        """Let somebody not sign in any more; codes already given are worthless."""
        self.change_person(key, active=False)

    def rotate_keys(self, *, forget_old: bool = False) -> list[str]:
        """Sign with new keys from now on; says the `kid`s published, newest first."""
        kids: list[str] = self._act("rotate", forget_old=forget_old)
        return kids

    def age_sign_ins(self, by: timedelta) -> None:
        """Make every sign-in so far, and every code not redeemed yet, look older."""
        self._act("age", seconds=int(by.total_seconds()))

    def stall(self, route: Route) -> None:
        """Answer nothing on this route until `heal`."""
        self._act("fault", route=route, stall=True, status=None)

    def lie(self, route: Route, answer: Lie) -> None:
        """Give this answer on this route until `heal`."""
        self._act(
            "fault",
            route=route,
            stall=False,
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers=dict(answer.headers),
        )

    def heal(self) -> None:
        """End every stall and every lie."""
        self._act("heal")

    def requests_seen(self) -> Mapping[Route, int]:
        """How often each route was asked since the start."""
        counts: Mapping[Route, int] = self._act("counts")
        return counts

    def _act(self, action: str, **facts: object) -> Any:  # what the action says, parsed JSON
        with requests.Session() as session:
            # A proxy of the environment has no business on loopback, and would see the token.
            session.trust_env = False
            answer = session.post(
                f"{self._control_url}/{action}",
                json=facts,
                headers={"Authorization": f"Bearer {self._control_token}"},
                timeout=_CONTROL_SECONDS,
            )
        answer.raise_for_status()
        return answer.json()

    def _config(self, ready: Path) -> str:
        return json.dumps(
            {
                "people": [person.as_config() for person in self._people.values()],
                "clients": [client.as_config() for client in self._clients],
                "port": self.port,
                "public_port": self._public_port,
                "single_sign_on": self._single_sign_on,
                "id_token_seconds": int(self._id_token_life.total_seconds()),
                "cert_file": str(self._certificate.chain_file),
                "key_file": str(self._certificate.key_file),
                "cookie_key": secrets.token_urlsafe(32),
                "control_token": self._control_token,
                "ready_file": str(ready),
            }
        )

    def _wait(self, child: Child, ready: Path) -> None:
        try:
            child.wait_ready(ready.exists, within=_READY)
        except BaseException:
            self._children.stop(child, grace=_STOP_GRACE)
            raise


def _plain_environment() -> dict[str, str]:
    """Copy the environment without Node's own switches: they would change what is run."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)

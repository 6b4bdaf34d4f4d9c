"""Opens a playground step by step, says how long each took, and stops all of it again.

A playground lives in a folder. Its throw-away authority is kept there, so that a browser that
trusts it once goes on to; everything else begins anew at each start.
"""

import fcntl
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from bot.playground.certs import Authority
from bot.playground.cluster.plane import EmbeddedPlane
from bot.playground.controlplane import assets, versions
from bot.playground.controlplane.config import OidcIssuer
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.idp import install
from bot.playground.plane import Plane
from bot.playground.town import Ports, Town

FIRST_PORT: Final = 8443
REAL_PREFIXES: Final = (
    "VALETKEY_SLACK_",
    "VALETKEY_OIDC_",
    "VALETKEY_DATABASE_URL",
    "SLACK_",
)
# People who try it have minutes, not hours: they should see these messages too.
SETTINGS: Final = {"WARN_BEFORE": "15s", "STUCK_AFTER": "20s"}

Say = Callable[[str], None]


class OpeningError(Exception):
    """The playground can't be opened; the text says why, and what to do about it."""


def real_credentials(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Name the variables that look like those of a real installation."""
    return tuple(sorted(name for name in environment if name.startswith(REAL_PREFIXES)))


def default_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Name the folder of a playground for which no other is said."""
    home = environment.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "valetkey" / "playground"


class Opening:
    """A playground in `folder`, from `open` to `close`; `say` is told what is going on.

    `first_port` is the first of the three ports in a row that a browser opens. None takes the usual
    ones, or any where those are taken. `real_cluster` runs Kubernetes' own programs, which have to
    be got first, instead of the embedded cluster; `reviewed` is as in a Town.
    """

    def __init__(
        self,
        folder: Path,
        say: Say,
        *,
        first_port: int | None = None,
        real_cluster: bool = False,
        reviewed: bool = False,
    ) -> None:
        self.folder = folder
        self._say = say
        self._first_port = first_port
        self._real_cluster = real_cluster
        self._reviewed = reviewed
        self._stack = ExitStack()
        self.kubectl: Path | None = None

    def open(self) -> Town:
        """Start everything; OpeningError, AssetsMissingError, PackagesMissingError or ProcessError
        when something can't be had or does not start.
        """
        self._stack.enter_context(self.held())
        binaries = self._parts()
        run = self.folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(mode=0o700)
        authority = Authority.in_folder(self.folder / "ca")
        town = Town(
            run,
            authority,
            settings=SETTINGS,
            ports=choose_ports(self._first_port),
            reviewed=self._reviewed,
        )
        self._stack.callback(town.stop)
        # The tables need nothing but a processor, the control plane mostly waits.
        pool = self._stack.enter_context(ThreadPoolExecutor(1))
        tables = pool.submit(town.prepare_database)
        town.prepare_bot()
        with self._step("Slack's double and the company's login"):
            issuer = town.start_provider()
        with self._step(self._cluster_in_words()):
            plane = self._plane(run / "plane", binaries, authority, issuer)
            self._stack.enter_context(plane)
            town.join_cluster(plane)
        with self._step("Valetkey"):
            tables.result()
            town.start_bot()
        self._stack.callback(town.stop_bot)
        return town

    def close(self) -> None:
        """Stop all that was started, in the reverse order."""
        self._stack.close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, or OpeningError; the kernel lets go of it when this process ends,
        however it ends.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                problem = f"a playground runs in {self.folder}: end it, or say another --folder"
                raise OpeningError(problem) from None
            yield

    def _cluster_in_words(self) -> str:
        if self._real_cluster:
            return "Kubernetes: etcd, kube-apiserver, kube-controller-manager"
        return "the embedded cluster, a double of Kubernetes (--real-cluster runs the real one)"

    def _plane(
        self, folder: Path, binaries: dict[str, Path], authority: Authority, issuer: OidcIssuer
    ) -> Plane:
        if self._real_cluster:
            return ControlPlane(folder, binaries, authority, issuers=[issuer])
        return EmbeddedPlane(folder, authority, issuers=[issuer])

    def _parts(self) -> dict[str, Path]:
        with self._step("parts that are needed, got on first use"):
            install.ensure(self._say)
            sources = assets.AssetSources.from_environment()
            self.kubectl = assets.find_kubectl(sources)
            if not self._real_cluster:
                # Whoever has no kubectl builds none for a double: minutes, for a look.
                return {}
            names = [*versions.CONTROL_PLANE, *([] if self.kubectl else ["kubectl"])]
            found = assets.ensure(sources, names, self._say)
            self.kubectl = self.kubectl or found["kubectl"]
        return found

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        """Say what took how long; something that takes very long says so while it does."""
        started = time.monotonic()
        done = threading.Event()
        waiting = threading.Thread(target=self._still, args=(what, started, done), daemon=True)
        waiting.start()
        try:
            yield
        finally:
            done.set()
            waiting.join()
        # Only what went well: an error says itself what did not.
        self._say(f"{time.monotonic() - started:6.1f} s  {what}")

    def _still(self, what: str, started: float, done: threading.Event) -> None:
        while not done.wait(10):
            self._say(f"{time.monotonic() - started:6.0f} s  still at it: {what}")


def choose_ports(first: int | None) -> Ports:
    """Take the ports asked for (OpeningError: one is taken), else the usual or any free ones."""
    ports = Ports.following(first or FIRST_PORT)
    taken = [port for port in ports.browser() if not _free(port)]
    if first is None:
        return Ports.free() if taken else ports
    if taken:
        raise OpeningError(f"port {taken[0]} is taken: say another with --port")
    return ports


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
        # A server that has just ended leaves connections behind that are no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False

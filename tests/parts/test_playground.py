"""The playground's opening: what it refuses, and the ports and folder that it takes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.failing import EXIT_SETTINGS
from bot.cli.playground import playground
from bot.playground.certs import Authority
from bot.playground.idp.install import PackagesMissingError, cache_folder, ensure
from bot.playground.leaflet import key_pin
from bot.playground.opening import (
    Opening,
    OpeningError,
    choose_ports,
    default_folder,
    real_credentials,
)
from tests.support.opened import ROOT, three_free_ports
from tests.support.parts import missing_parts


@pytest.mark.parametrize(
    "name",
    [
        "VALETKEY_SLACK_BOT_TOKEN",
        "VALETKEY_SLACK_BOT_TOKEN_FILE",
        "VALETKEY_OIDC_CLIENT_SECRET",
        "VALETKEY_OIDC_ISSUER",
        "VALETKEY_DATABASE_URL",
        "SLACK_BOT_TOKEN",
    ],
)
@pytest.mark.security("D7")
def test_it_does_not_run_beside_real_credentials(name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        playground, ["--folder", str(tmp_path / "new")], env={name: "of-a-real-one"}
    )
    assert done.exit_code == EXIT_SETTINGS
    assert name in done.output
    assert "of-a-real-one" not in done.output
    assert not (tmp_path / "new").exists()


def test_what_is_no_credential_is_no_hindrance() -> None:
    assert real_credentials({"VALETKEY_LOG_LEVEL": "DEBUG", "PATH": "/bin", "HOME": "/"}) == ()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OpeningError, match=f"port {port} is taken"):
            choose_ports(port)


def test_ports_asked_for_are_three_in_a_row() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert choose_ports(port).browser() == (port, port + 1, port + 2)


def test_one_folder_holds_one_playground(tmp_path: Path) -> None:
    first, second = Opening(tmp_path, print), Opening(tmp_path, print)
    with first.held(), pytest.raises(OpeningError, match="runs in"), second.held():
        pass
    with second.held():
        pass


def test_the_usual_folder_is_in_the_cache() -> None:
    assert default_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/valetkey/playground")


def test_the_pin_is_of_the_key_and_each_start_has_another(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path)
    first = key_pin(authority.leaf("one").chain_file)
    assert first == key_pin(tmp_path / "one.pem")
    assert first != key_pin(authority.leaf("two").chain_file)


@pytest.mark.needs_node
@pytest.mark.timeout(120)
def test_it_opens_where_no_program_of_kubernetes_is(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    """The embedded cluster needs its packages alone: nothing is fetched, and nothing built."""
    try:
        ensure()
    except PackagesMissingError as error:
        missing_parts(pytestconfig).lacks("identity provider", error)
    cache, programs = tmp_path / "cache" / "valetkey", tmp_path / "programs"
    cache.mkdir(parents=True)
    programs.mkdir()
    (cache / cache_folder().name).symlink_to(cache_folder())
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VALETKEY_", "SLACK_"))}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bot", "playground", "--check", "--review"),
            *("--port", str(three_free_ports())),
        ],
        cwd=ROOT,
        env=kept | {"XDG_CACHE_HOME": str(cache.parent), "PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the embedded cluster" in done.stdout
    assert "kubectl get pods" in done.stdout
    assert "Be Ada, in #service-accounts" in done.stdout
    assert done.stdout.endswith("Everything is stopped.\n")
    assert sorted(path.name for path in cache.iterdir() if path.name.startswith("control")) == []

"""The playground's opening: what it refuses, and the ports and folder that it takes."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.failing import EXIT_SETTINGS
from bot.cli.playground import playground
from bot.playground.certs import Authority
from bot.playground.leaflet import key_pin
from bot.playground.opening import (
    Opening,
    OpeningError,
    choose_ports,
    default_folder,
    real_credentials,
)


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

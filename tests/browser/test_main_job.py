"""The main job as a person sees it: the playground's page, a browser, and `kubectl`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml
from playwright.sync_api import Error

from bot.playground.certs import Authority
from bot.playground.tls_front import tls_front
from tests.support.seen_job import (
    ERIN,
    assert_no_other_credential,
    assert_only_their_own_tokens,
    do_main_job,
    kubectl_calls,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.camera import Camera
    from tests.support.desk import Desk
    from tests.support.opened import Kubectl, Opened

pytestmark = [pytest.mark.needs_browser, pytest.mark.timeout(180)]

# 127.0.0.1, as the kernel writes it.
LOOPBACK = "0100007F"


def test_one_browser_asks_signs_in_and_approves_and_kubectl_obeys(
    opened: Opened, desk: Callable[[], Desk], cluster_user: Kubectl, camera: Camera
) -> None:
    do_main_job(opened, desk(), cluster_user, camera)


def test_an_owners_credential_would_be_noticed(
    opened: Opened, kubectl: Path, tmp_path: Path
) -> None:
    """The checks above can fail: here they meet the cluster owner's token."""
    token = (opened.run / "plane" / "tokens.csv").read_text().partition(",")[0]
    config = yaml.safe_load(opened.kubeconfig("erin").read_text())
    config["users"][0]["user"] = {"token": token}
    with pytest.raises(AssertionError):
        assert_no_other_credential(config, "erin")
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    since = len(list(opened.audit()))
    argv = [kubectl, "--kubeconfig", tmp_path / "kubeconfig", "get", "pods"]
    subprocess.run(argv, check=True, capture_output=True)
    assert kubectl_calls(opened, since)
    with pytest.raises(AssertionError):
        assert_only_their_own_tokens(kubectl_calls(opened, since), ERIN)


@pytest.mark.security("D7")
def test_everything_listens_on_loopback_alone(opened: Opened) -> None:
    heard = opened.listening()
    # The workspace and its https, Valetkey and its https, the provider, the API server, etcd twice.
    assert len(heard) >= 8
    assert {address.partition(":")[0] for address in heard} == {LOOPBACK}


def test_the_browser_trusts_the_throw_away_authority_alone(
    opened: Opened, browser: Browser, tmp_path: Path
) -> None:
    stranger = Authority.in_folder(tmp_path / "ca").leaf("stranger")
    front = tls_front(int(opened.url.rpartition(":")[2]), stranger)
    front.start()
    page = browser.new_page()
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(f"https://localhost:{front.port}/")
    page.close()
    front.stop()

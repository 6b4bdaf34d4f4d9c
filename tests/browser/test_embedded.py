"""The playground as `make playground` opens it: the same job over the embedded cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.camera import Camera
from tests.support.opened import opened_playground
from tests.support.seen_job import do_main_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.desk import Desk
    from tests.support.opened import Kubectl, Opened

# 127.0.0.1, as the kernel writes it.
LOOPBACK = "0100007F"

pytestmark = [pytest.mark.needs_browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def opened(
    pytestconfig: pytest.Config, kubectl: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """A playground over the embedded cluster, in which nobody has signed in yet."""
    folder = tmp_path_factory.mktemp("playground")
    with opened_playground(pytestconfig, folder) as opened:
        yield opened


def test_one_browser_asks_signs_in_and_approves_and_kubectl_obeys(
    opened: Opened, desk: Callable[[], Desk], cluster_user: Kubectl, tmp_path: Path
) -> None:
    do_main_job(opened, desk(), cluster_user, Camera(tmp_path))


@pytest.mark.security("D7")
def test_everything_listens_on_loopback_alone(opened: Opened) -> None:
    heard = opened.listening()
    # The workspace and its https, Valetkey and its https, the provider, the cluster.
    assert len(heard) >= 6
    assert {address.partition(":")[0] for address in heard} == {LOOPBACK}
    programs = {line.partition("\0")[0].rpartition("/")[2] for line in opened.processes().values()}
    assert not programs & {"etcd", "kube-apiserver", "kube-controller-manager"}


def test_it_says_what_it_opened(opened: Opened, browser: Browser, camera: Camera) -> None:
    assert "the embedded cluster" in opened.text
    page = browser.new_page()
    # As it looks where it usually lives, and to somebody who is not root.
    shown = opened.text.replace(str(opened.folder), "~/.cache/valetkey/playground")
    camera.terminal(page, "cli-playground", ("make playground", shown.replace(" --no-sandbox", "")))
    page.close()

"""`valetkey playground` as it is started by hand, a browser that trusts its authority, kubectl."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.camera import Camera
from tests.support.chromium import BrowserMissingError
from tests.support.desk import Desk
from tests.support.opened import Kubectl, Opened, opened_playground
from tests.support.parts import missing_parts
from tests.support.trusting import trusting_chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def opened(
    pytestconfig: pytest.Config,
    binaries: dict[str, Path],
    kubectl: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Opened]:
    """A playground over a real cluster, in which nobody has signed in yet."""
    folder = tmp_path_factory.mktemp("playground")
    with opened_playground(pytestconfig, folder, "--real-cluster") as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(
    pytestconfig: pytest.Config, opened: Opened, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A Chromium that trusts the playground's authority alone."""
    try:
        with trusting_chromium(tmp_path_factory.mktemp("home"), opened.ca_file) as started:
            yield started
    except BrowserMissingError as problem:
        missing_parts(pytestconfig).lacks("browser", problem)


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Camera:
    """Pictures go where `make pictures` says, else nowhere in particular."""
    folder = os.environ.get("VALETKEY_PICTURES")
    return Camera(Path(folder) if folder else tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def desk(browser: Browser, opened: Opened, camera: Camera) -> Iterator[Callable[[], Desk]]:
    """Make desks: browsers that share nothing. An error in a page's script fails the test."""
    contexts, troubles = [], []

    def make() -> Desk:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        made = Desk(context, opened.url, camera)
        made.page.on("pageerror", lambda problem: troubles.append(str(problem)))
        return made

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="module")
def cluster_user(
    opened: Opened, kubectl: Path, tmp_path_factory: pytest.TempPathFactory
) -> Kubectl:
    """`kubectl` with people's own kubeconfigs."""
    return Kubectl(kubectl, opened, tmp_path_factory.mktemp("kubectl"))


@pytest.fixture(scope="module")
def let_in() -> Callable[[Desk, str], None]:
    """Sign somebody in who has not signed in yet to this playground."""
    known: set[str] = set()

    def sign_in_once(desk: Desk, key: str) -> None:
        if key not in known:
            desk.be(key)
            desk.send("/access")
            desk.sign_in(desk.message("sign in first").get_by_role("link", name="Sign in"), key)
            known.add(key)

    return sign_in_once

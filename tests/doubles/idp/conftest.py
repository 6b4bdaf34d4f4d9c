"""A running provider, and somebody who asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.playground.idp.browserless import browser_session
from bot.playground.idp.install import PackagesMissingError, ensure
from tests.support import parts
from tests.support.idp import Asker, provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.playground.certs import Authority
    from bot.playground.idp import IdentityProvider


@pytest.fixture(scope="session")
def idp_packages(pytestconfig: pytest.Config) -> Path:
    """The folder with the provider's npm packages."""
    try:
        return ensure()
    except PackagesMissingError as error:
        parts.missing_parts(pytestconfig).lacks("identity provider", error)


@pytest.fixture(scope="module")
def idp(
    idp_packages: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IdentityProvider]:
    """Shared by a module: for tests that change nothing of it."""
    with provider(authority, tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest.fixture
def own_idp(idp_packages: Path, authority: Authority, tmp_path: Path) -> Iterator[IdentityProvider]:
    """One of a test's own, to rotate, stall and change."""
    with provider(authority, tmp_path / "idp") as running:
        yield running


@pytest.fixture
def asker(idp: IdentityProvider) -> Iterator[Asker]:
    with browser_session(idp.ca) as browser:
        yield Asker(idp, browser)


@pytest.fixture
def own_asker(own_idp: IdentityProvider) -> Iterator[Asker]:
    with browser_session(own_idp.ca) as browser:
        yield Asker(own_idp, browser)

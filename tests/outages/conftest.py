"""What a run needs beside the parts of this machine: the provider's packages."""

import pytest

from bot.playground.idp.install import PackagesMissingError, ensure
from tests.support import parts


@pytest.fixture(scope="session")
def provider_packages(pytestconfig: pytest.Config) -> None:
    """The identity provider's npm packages are here."""
    try:
        ensure()
    except PackagesMissingError as error:
        parts.missing_parts(pytestconfig).lacks("identity provider", error)

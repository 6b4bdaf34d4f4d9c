"""What a run needs beside the parts of this machine: the provider's packages."""

import pytest

from bot.playground.idp.install import PackagesMissingError, ensure
from tests.support import parts


@pytest.fixture(scope="session", autouse=True)
def _provider_packages(pytestconfig: pytest.Config) -> None:
    try:
        ensure()
    except PackagesMissingError as error:
        parts.missing_parts(pytestconfig).lacks("identity provider", error)

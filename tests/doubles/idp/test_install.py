"""The npm packages come into the cache whole or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.playground.idp.install import SOURCE, PackagesMissingError, cache_folder, ensure

pytestmark = pytest.mark.needs_node


@pytest.fixture
def cache(idp_packages, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "valetkey"


def test_ensure_installs_once_and_says_so(cache):
    told: list[str] = []
    folder = ensure(told.append)
    assert (folder / "node_modules" / "oidc-provider" / "package.json").is_file()
    assert len(told) == 2
    assert ensure(told.append) == folder
    assert len(told) == 2


def test_two_at_once_install_one(cache):
    told: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        folders = set(pool.map(lambda _turn: ensure(told.append), range(2)))
    assert len(folders) == 1
    assert len(told) == 2


def test_an_install_that_fails_leaves_nothing_behind(cache, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(cache.parent / "empty"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(PackagesMissingError, match="npm ci ended with code"):
        ensure()
    assert [path.suffix for path in cache.iterdir()] == [".lock"]
    assert not cache_folder().exists()


def test_the_command_prints_where_the_packages_are(cache):
    done = subprocess.run(
        [sys.executable, "-m", "bot.playground.idp", "ensure"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert Path(done.stdout.strip()) == cache_folder()


def test_every_package_is_pinned_by_digest_and_names_no_host():
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert packages
    for facts in packages.values():
        assert facts["integrity"].startswith("sha512-")
        assert "resolved" not in facts

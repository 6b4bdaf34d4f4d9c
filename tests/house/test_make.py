"""The ways to run the checks agree: `make check` and pre-commit."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_pre_commit_runs_what_make_check_runs():
    makefile = (ROOT / "Makefile").read_text()
    checks = re.search(r"^check: ([a-z -]+) ##", makefile, re.MULTILINE)
    assert checks is not None
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook["entry"] for repository in config["repos"] for hook in repository["hooks"]]
    assert hooks == [f"make {check}" for check in checks.group(1).split()]


def test_every_target_is_listed_by_help():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    assert sorted(phony.group(1).split()) == sorted(
        re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)
    )

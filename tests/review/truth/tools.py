"""The real tools, run on a cluster of known truth as a user would."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from bot.cli import main
from bot.cli.review_sources import ReviewSource
from grants.clock import SystemClock
from grants.review.reading import read_paths
from tests.review.truth.form import from_json
from tests.review.truth.objects import write_dump, write_policy
from tests.review.truth.town import make_truth
from tests.review.truth.traffic import write_logs

Found = list[dict[str, Any]]


@dataclass(frozen=True)
class Made:
    """The files of one seed. The truth file was there first."""

    truth: Path
    dump: Path
    policy: Path
    logs: list[Path]


def make(seed: int, folder: Path, now: datetime | None = None) -> Made:
    """Write the truth file; then, from what stands in it alone, objects, policy and audit log."""
    truth_path, dump, policy = (folder / n for n in ("truth.json", "dump.json", "policy.yaml"))
    truth_path.write_text(json.dumps(make_truth(seed, now or datetime.now(UTC)).as_json()))
    truth = from_json(json.loads(truth_path.read_text()))
    write_dump(truth, dump)
    write_policy(truth, policy)
    return Made(truth_path, dump, policy, write_logs(truth, folder))


def scan(made: Made) -> Found:
    """Run `review scan DUMP --audit LOG... --policy FILE --format json`."""
    audit = [word for log in made.logs for word in ("--audit", str(log))]
    options = ["--policy", str(made.policy), "--format", "json", "--fail-on", "never"]
    return _findings(["review", "scan", str(made.dump), *audit, *options])


def scan_stored(made: Made, folder: Path) -> Found:
    """Run `usage import LOG...`, then `review scan --cluster NAME --store` on what was kept."""
    database = f"sqlite:///{folder / 'kept.db'}"
    at = ["--database-url", database]
    logs = [str(log) for log in made.logs]
    for words in (
        ["db", "upgrade", *at],
        ["usage", "import", *logs, "--cluster", "town", "--processes", "1", *at],
    ):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
    options = ["--policy", str(made.policy), "--format", "json", "--fail-on", "never"]
    # The dump stands for the cluster; all else is as for a live one.
    (read,) = [read_paths((str(made.dump),), None, now=SystemClock().now(), namespace="default")]
    source = ReviewSource(lambda _, __: [replace(read, cluster="town")])
    return _findings(["review", "scan", "--cluster", "town", "--store", *at, *options], source)


def _findings(words: list[str], source: ReviewSource | None = None) -> Found:
    done = CliRunner().invoke(main, words, obj=source)
    assert done.exit_code in {0, 6}, done.output
    findings: Found = json.loads(done.stdout)["findings"]
    return findings

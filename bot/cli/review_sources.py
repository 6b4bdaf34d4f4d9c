"""Where a review's inventories and evidence of use come from: files, clusters, audit logs."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot.cli.visible import visible
from grants.authz.outside import Outside
from grants.clock import SystemClock
from grants.policy.model import Policy
from grants.policy.review_model import ReviewPolicy
from grants.review.findings.look import Look
from grants.review.findings.verdicts import UseEvidence, use_evidence
from grants.review.inventory import Inventory

Heard = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What is to be reviewed: files, or clusters by name (with `every` all that are configured)."""

    paths: tuple[str, ...]
    namespace: str
    clusters: tuple[str, ...]
    every: bool
    kubeconfig: Path | None
    token_secrets: bool

    def check(self) -> None:
        """Refuse what says nothing, or two things."""
        live = bool(self.clusters) or self.every
        if bool(self.paths) == live:
            raise click.UsageError("say which files to review (- for standard input), or a cluster")
        if self.clusters and self.every:
            raise click.UsageError("name clusters, or say --all-clusters")
        if self.every and self.kubeconfig is not None:
            raise click.UsageError("--all-clusters are those of the clusters file")


@dataclass(frozen=True)
class ReviewSource:
    """How clusters are read; tests give theirs as `ctx.obj`."""

    open: Callable[[Wanted, Heard], Sequence[Inventory]]


def inventories(wanted: Wanted, heard: Heard) -> Sequence[Inventory]:
    """Read what is to be reviewed."""
    if wanted.paths:
        from grants.review.reading import read_paths  # noqa: PLC0415 - as all that is not needed

        now = SystemClock().now()
        stdin = sys.stdin.buffer if "-" in wanted.paths else None

        def hear(name: str) -> None:
            heard(f"reading {name}")

        return (read_paths(wanted.paths, stdin, now=now, namespace=wanted.namespace, heard=hear),)
    given = click.get_current_context().find_object(ReviewSource)
    return (given or ReviewSource(_clusters)).open(wanted, heard)


def _clusters(wanted: Wanted, heard: Heard) -> Sequence[Inventory]:
    # Imported late: the client takes its time to load, and files need none.
    from bot.settings import load_settings  # noqa: PLC0415
    from bot.wiring import read_inventories  # noqa: PLC0415

    path = None if wanted.kubeconfig is not None else load_settings().clusters_path
    if wanted.every and path is None:
        raise click.UsageError("--all-clusters needs a clusters file: VALETKEY_CLUSTERS_PATH")
    return read_inventories(
        wanted.clusters,
        path,
        wanted.kubeconfig,
        token_secrets=wanted.token_secrets,
        heard=lambda cluster, kind, count: heard(f"{cluster}: {count} of {kind}"),
    )


def looks(
    found: Sequence[Inventory], policy: Policy | None, outside: Sequence[Path] = ()
) -> tuple[Look, ...]:
    """Lay policy, and rights outside of RBAC, beside inventories; the bot's namespace is each's."""
    told = told_outside(outside, [one.cluster for one in found])
    return tuple(
        Look(one, _review_of(policy), _own(policy, one.cluster), told[one.cluster]) for one in found
    )


def told_outside(files: Sequence[Path], clusters: Sequence[str]) -> Mapping[str, Outside]:
    """Read what is told of rights outside of RBAC; nothing told is not seen, never none.

    A file is about the cluster that it names. Objects that were read from files are of any.
    """
    # Imported late, as all that is not always needed.
    from bot.cli.rbac_outside import outside_in  # noqa: PLC0415
    from grants.authz.outside import not_seen  # noqa: PLC0415

    told = {cluster: not_seen(cluster) for cluster in clusters}
    for path in files:
        found = outside_in(path)
        cluster = "" if "" in told else found.cluster
        if cluster not in told:
            said = f"{path} is about {found.cluster}, which is not looked at"
            raise click.BadParameter(said, param_hint="--outside")
        if told[cluster].authorizers:
            said = f"{path} is about {found.cluster}, as another file is"
            raise click.BadParameter(said, param_hint="--outside")
        told[cluster] = found
    return told


def _review_of(policy: Policy | None) -> ReviewPolicy:
    return ReviewPolicy() if policy is None else policy.review


def _own(policy: Policy | None, cluster: str) -> frozenset[str]:
    if policy is None:
        return frozenset()
    known = [one for one in policy.clusters if cluster in {one.alias, ""}]
    return frozenset(one.own_namespace for one in known or policy.clusters)


def heard_of_use(
    logs: Sequence[str], found: Sequence[Inventory], heard: Heard
) -> Mapping[str, UseEvidence]:
    """Read audit logs as those of the one cluster that is reviewed."""
    if not logs:
        return {}
    if len(found) != 1:
        raise click.UsageError("--audit goes with one cluster, or with files of one")
    (inventory,) = found
    return {inventory.cluster: _evidence(logs, inventory.taken_at, heard)}


def _evidence(logs: Sequence[str], now: datetime, heard: Heard) -> UseEvidence:
    from grants.usage.coverage import coverage_of  # noqa: PLC0415
    from grants.usage.model import Use  # noqa: PLC0415
    from grants.usage.reading import Reader  # noqa: PLC0415
    from grants.usage.times import as_time  # noqa: PLC0415

    reader = Reader(now, cluster=_ALIAS)
    for name in logs:
        heard(f"reading {name}")
        _read_log(reader, name)
    for file, line, word in reader.folded.places:
        click.echo(visible(f"{file}:{line}: {word}"), err=True)
    part = reader.folded.parts[_ALIAS]
    uses = (
        Use("", act, as_time(row.first), as_time(row.last), row.count) for act, row in part.rows
    )
    return use_evidence(coverage_of("", part.seen, part.losses), uses)


# The reader wants a name for whose events they are; with one cluster any will do.
_ALIAS = "this"


def _read_log(reader: Any, name: str) -> None:
    try:
        with Path(name).open("rb") as stream:
            reader.read(stream, name)
    except OSError as error:
        said = f"{name} can't be read: {error.strerror}"
        raise click.BadParameter(said, param_hint="--audit") from None

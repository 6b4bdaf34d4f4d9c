"""`valetkey review answers`: what reviewers kept, or said is not theirs, and what became of it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Final, Literal

import click

from bot.cli.database import database_option
from bot.cli.failing import failing
from bot.cli.visible import visible
from bot.wording.review import ended_words
from grants.people.model import Known
from grants.review.answers import Answered, AnswerKind

_MOST: Final = 100_000
_WHY: Final = 200
Form = Literal["table", "json"]


@click.command("answers")
@database_option
@click.option("--cluster", "clusters", multiple=True, metavar="NAME", help="May be repeated.")
@click.option(
    "--limit", type=click.IntRange(1, _MOST), default=100, show_default=True, help="The latest."
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def answers(database_url: str, clusters: tuple[str, ...], limit: int, form: Form) -> None:
    """List what reviewers answered to findings in Slack, the latest first."""
    from grants.store import schema  # noqa: PLC0415 - a scan of files loads no database
    from grants.store.engine import open_database  # noqa: PLC0415
    from grants.store.store import Store  # noqa: PLC0415

    with failing():
        schema.check(database_url)
        with closing(Store(open_database(database_url))) as store, store.read() as tx:
            found = tx.answered(clusters, limit)
            people = {one.answer.person: tx.known_person(one.answer.person) for one in found}
    rows = [_facts(one, people) for one in found]
    if form == "json":
        click.echo(json.dumps(rows))
        return
    for line in _lines(rows):
        click.echo(line)


def _facts(one: Answered, people: Mapping[str, Known | None]) -> dict[str, str | None]:
    """Give what is shown; the names are a contract of `--format json`."""
    answer, known = one.answer, people[one.answer.person]
    profile = known.sign_in.profile if known else None
    return {
        "id": answer.id,
        "at": answer.at.isoformat(),
        "answer": str(answer.kind),
        "by": (profile.email or profile.name) if profile else answer.person,
        "person": answer.person,
        "cluster": answer.cluster,
        "rule": one.rule,
        "subject": one.subject,
        "finding": answer.finding.partition("@")[0],
        "until": answer.until.isoformat() if answer.until else None,
        "reason": answer.reason,
        "ended_at": answer.ended_at.isoformat() if answer.ended_at else None,
        "ended": str(answer.ended) if answer.ended else None,
        "changed": answer.ended_by or None,
    }


def _lines(rows: Iterable[Mapping[str, str | None]]) -> Iterator[str]:
    none = True
    for row in rows:
        none = False
        when = f"{str(row['at'])[:16].replace('T', ' ')}Z"
        what = "kept" if row["answer"] == AnswerKind.KEPT else "not mine"
        head = f"{when}  {what}  {row['rule']}  {row['subject']} on {row['cluster']}"
        yield visible(f"{head}, by {row['by']}")
        if row["until"]:
            reason = str(row["reason"])
            cut = f"{reason[:_WHY]}..." if len(reason) > _WHY else reason
            yield visible(f"    until {row['until']}: {cut}")
        if row["ended"]:
            why = ended_words(row["ended"], row["changed"] or "")
            yield visible(f"    counts no longer since {str(row['ended_at'])[:10]}: {why}")
    if none:
        yield "Nobody has answered a finding yet."

"""How history is written: a table for a terminal, CSV that no spreadsheet runs, JSON."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

from bot.cli.history_json import row_json, time_text, view_json
from bot.cli.visible import visible
from grants.history.model import HistoryRow, RequestView
from grants.record.model import StoredEvent

_WIDEST: Final = 48
_CSV_COLUMNS: Final = (
    "request",
    "grant",
    "state",
    "requester",
    "requester_id",
    "recipient",
    "recipient_id",
    "cluster",
    "namespace",
    "role",
    "entitlement",
    "duration_seconds",
    "reason",
    "asked_at",
    "closed_at",
    "active_at",
    "expires_at",
    "ended_at",
    "cause",
    "cause_detail",
    "ended_by",
    "ended_by_id",
    "stuck",
    "decisions",
    "proofs",
    "policy_digest",
    "role_digest",
)
_COLUMNS: Final = ("asked", "who", "what", "where", "state", "until", "decided by", "why", "id")
# What a spreadsheet takes for the start of a formula; the last four are the full-width forms.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 -- these


def write_table(rows: Iterable[HistoryRow]) -> None:
    """Write rows in columns, with nothing in them that a terminal would act on."""
    lines = [_COLUMNS, *(_line(row) for row in rows)]
    if len(lines) == 1:
        click.echo("nothing found")
        return
    shown = [[_short(visible(cell)) for cell in line] for line in lines]
    widths = [max(len(cell) for cell in column) for column in zip(*shown, strict=True)]
    for line in shown:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def write_csv(rows: Iterable[HistoryRow]) -> None:
    """Write rows as CSV (RFC 4180), with a header; no cell can begin a formula."""
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL)
    writer.writerow(_CSV_COLUMNS)
    for row in rows:
        body = _csv_row(row)
        writer.writerow([_cell(body[name]) for name in _CSV_COLUMNS])
    # Now, while a reader who went away is still ours to handle: at exit Python would complain.
    sys.stdout.flush()


def write_json(rows: Iterable[HistoryRow]) -> None:
    """Write rows as one JSON document, an array in `rows`."""
    click.echo(json.dumps({"rows": [row_json(row) for row in rows]}, indent=2))


def write_view(view: RequestView, events: Sequence[StoredEvent]) -> None:
    """Write one request for people: a line for each fact."""
    for line in _view_lines(view_json(view, events), ""):
        click.echo(line)


def write_view_json(view: RequestView, events: Sequence[StoredEvent]) -> None:
    """Write one request as JSON."""
    click.echo(json.dumps(view_json(view, events), indent=2))


def _line(row: HistoryRow) -> tuple[str, ...]:
    where = row.cluster if row.namespace is None else f"{row.cluster}/{row.namespace}"
    state = f"{row.state} ({row.cause})" if row.cause else row.state
    until = row.ended_at or row.expires_at
    deciders = ", ".join(f"{d.approver} ({d.verdict})" for d in row.decisions)
    return (
        f"{row.asked_at:%Y-%m-%d %H:%M}Z",
        str(row.recipient),
        row.role,
        where,
        state + (", stuck" if row.stuck else ""),
        "" if until is None else f"{until:%Y-%m-%d %H:%M}Z",
        deciders,
        row.reason,
        row.grant or row.request,
    )


def _short(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…"


def _csv_row(row: HistoryRow) -> dict[str, Any]:
    """Give the fields of JSON's rows, flat: people by label and id, lists as one text."""
    return row_json(row) | {
        "requester": row.requester,
        "requester_id": row.requester.id,
        "recipient": row.recipient,
        "recipient_id": row.recipient.id,
        "ended_by": row.ended_by,
        "ended_by_id": None if row.ended_by is None else row.ended_by.id,
        "stuck": "yes" if row.stuck else "no",
        "decisions": "; ".join(
            " ".join(filter(None, (str(d.approver), d.verdict, time_text(d.at), d.reason)))
            for d in row.decisions
        ),
        "proofs": "; ".join(
            f"{p.kind} {time_text(p.at)}: {p.allowed} of {p.asked} allowed, {p.endpoints} asked"
            for p in row.proofs
        ),
    }


def _cell(value: object) -> str:
    """Write one value for a spreadsheet: an apostrophe keeps a text from being a formula."""
    text = "" if value is None else str(value)
    mark = "'" if text.lstrip(" ").startswith(_FORMULA) else ""
    return mark + visible(text)


def _view_lines(body: Any, indent: str) -> Iterable[str]:
    for name, value in body.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        if isinstance(value, dict):
            yield label
            yield from _view_lines(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
            for number, each in enumerate(value, start=1):
                yield f"{label[:-1]} {number}:"
                yield from _view_lines(each, indent + "  ")
        elif value not in (None, "", []):
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{label} {visible(text)}"

"""A scan as one HTML file: it loads nothing, sends nothing, and shows names as text alone."""

import hashlib
import json
from base64 import b64encode
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.review_report import contents, drawing
from grants.review.scan import Scan

# Below each finding, in this order, whatever of it there is.
LABELS: Final = (
    ("missing", "Not seen"),
    ("evidence", "Shown by"),
    ("gives", "Gives"),
    ("role", "Role"),
    ("reaches", "Reaches"),
    ("fix", "Mend by"),
    ("file", "Stands in"),
    ("cluster", "Cluster"),
    ("owner", "Owner"),
    ("since", "Since"),
    ("apart", "Set apart"),
    ("exception", "Exception"),
    ("fails", "Does not count"),
    ("controls", "Controls"),
    ("id", "Id"),
)
_OTHERS: Final = (
    ("insufficient", "unsure"),
    ("excepted", "excepted"),
    ("apart", "set apart"),
)


def render_html(scan: Scan) -> str:
    """Write the report. Paths and use are drawn where the scan looked for them."""
    rows = contents.rows(scan)
    style, script = _own("report.css"), _own("report.js")
    problems, problems_left_out = contents.problems(scan)
    clusters = sorted(set(scan.clusters))
    names = ", ".join(name or "files" for name in clusters[:3])
    more = len(clusters) - 3
    return (
        _templates()
        .get_template("report.html")
        .render(
            title=f"Review of {names}{f' and {more} more' if more > 0 else ''}",
            csp=_policy(style, script),
            style=style,
            script=script,
            data=_as_data({"rows": rows, "labels": LABELS}),
            scan=scan,
            rows=rows,
            first=contents.DRAWN_FIRST,
            labels=LABELS,
            rules=sorted({row["rule"] for row in rows}),
            clusters=clusters,
            severities=contents.SEVERITIES,
            others=_OTHERS,
            tally=contents.tally(scan.findings),
            ways=list(contents.ways(scan)),
            looked_for_paths=bool(scan.paths),
            clusters_left_out=max(0, len(scan.looks) - contents.CLUSTERS_MOST),
            bars=list(contents.bars(scan)),
            not_seen=contents.not_seen(scan),
            problems=problems,
            problems_left_out=problems_left_out,
            size={"width": drawing.WIDTH, "height": drawing.HEIGHT},
            version=version("valetkey"),
        )
    )


def _own(name: str) -> str:
    return (files("bot.review_report") / "page" / name).read_text(encoding="utf-8")


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("bot.review_report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _policy(style: str, script: str) -> str:
    """Let the page's own style and script run, by their digests, and nothing else whatever."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _as_data(value: Any) -> str:
    """Write JSON that ends no element and begins none, whatever stands in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text

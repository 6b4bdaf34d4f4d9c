"""What keeps a verdict of use from being given, and how to get it, in sentences."""

from collections.abc import Iterable, Mapping
from typing import Final

from grants.usage.coverage import Lack, Missing
from grants.usage.verdict import TooYoung

_LACKS: Final[Mapping[Lack, str]] = {
    Lack.NOTHING_SEEN: "no audit log of this cluster was read: import one",
    Lack.BEGAN_LATE: "audit logs were read since {end} only: wait, or import older ones",
    Lack.GAP: "nothing was heard from {start} to {end}: import the logs of that time",
    Lack.KIND_NOT_SEEN: "no {kind} was ever seen, by anybody: the audit policy may leave it out",
    Lack.KIND_BEGAN_LATE: "{kind} was seen since {end} only: wait, or import older logs",
    Lack.KIND_SILENT: "no {kind} was seen from {start} to {end}, by anybody",
    Lack.ACCOUNTS_NOT_SEEN: (
        "no service account was seen doing anything of the kind from {start} to {end}: the audit"
        " policy may leave them out"
    ),
    Lack.LOSSES: "{count} events of the window could not be read: import those logs again",
    Lack.UNSEEN_VERB: "{kind} is asked inside other requests, and no log shows it",
}
_LACKS_TOLD: Final = 4


def young_sentence(one: TooYoung) -> str:
    """Say what is too young to be judged, and when it will not be."""
    if one.since is None or one.ready_at is None:
        return f"how old the {one.what} is was not seen: read the cluster, or a dump of it"
    return (
        f"the {one.what} is younger than the window (since {one.since:%Y-%m-%d}):"
        f" wait until {one.ready_at:%Y-%m-%d}"
    )


def lack_sentences(lacks: Iterable[Missing | str]) -> list[str]:
    """Say what was not seen, each once, and of many only the first."""
    said = list(dict.fromkeys(_lack_sentence(one) for one in lacks))
    more = len(said) - _LACKS_TOLD
    return [*said[:_LACKS_TOLD], *([f"and {more} more of the kind"] if more > 0 else [])]


def _lack_sentence(one: Missing | str) -> str:
    if isinstance(one, str):
        return one
    start = f"{one.span.start:%Y-%m-%d %H:%M}" if one.span else "?"
    end = f"{one.span.end:%Y-%m-%d %H:%M}" if one.span else "?"
    kind = str(one.kind) if one.kind else "?"
    return _LACKS[one.lack].format(start=start, end=end, kind=kind, count=one.count)

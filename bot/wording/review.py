"""What a review says beside its findings: what was not seen, and how findings stand."""

from collections.abc import Mapping
from typing import Final

from bot.wording.filling import fill
from grants.review.answers import Ended
from grants.review.finding import Aside
from grants.review.findings.scanning import Gap
from grants.review.news import News
from grants.review.substance import CHANGED
from grants.review.tracking import State

GAPS: Final[Mapping[str, str]] = {
    "kinds-forbidden": "{kinds}: the cluster refused to show them; see which rights a scan needs.",
    "kinds-failed": "{kinds}: the cluster did not answer.",
    "kinds-partly": "{kinds}: not all could be read.",
    "kinds-not-asked": "{kinds}: they were not read.",
    "outside-rbac": (
        "Rights outside of RBAC: a cloud's own (EKS access entries, GKE IAM, Azure RBAC) and other"
        " authorizers give more than bindings show."
    ),
    "outside-some": "Rights outside of RBAC: not all of what gives them was told ({kinds}).",
    "files-only": "The cluster itself: files say what is asked for, not what is there or used.",
    "no-annotations": "Whose accounts are: no policy names annotations for it.",
    "no-use": (
        "Use: no audit log was imported, so nothing is said of rights and accounts that nobody"
        " uses."
    ),
    "read-problems": "{count} things could not be read as they stand; they are listed above.",
}

ASIDES: Final[Mapping[Aside, str]] = {
    Aside.SYSTEM: "parts of Kubernetes itself",
    Aside.MANAGED: "the managed cloud's own parts",
}

STATES: Final[Mapping[State, str]] = {
    State.NEW: "new",
    State.KNOWN: "",
    State.REOPENED: "back",
}

NEWS: Final[Mapping[News, str]] = {
    News.NEW: "new",
    News.BACK: "back",
    News.GONE: "resolved",
}


ENDED: Final[Mapping[Ended, str]] = {
    Ended.OVER: "its last day is past",
    Ended.CHANGED: "the finding has changed",
    Ended.GONE: "the finding was gone",
}


def ended_words(ended: str, changed: str) -> str:
    """Say why what was kept counts no longer."""
    known = {str(one): words for one, words in ENDED.items()}
    return CHANGED.get(changed) or known.get(ended, "it holds no longer")


def news_words(counts: Mapping[str, str]) -> str:
    """Say how many findings came, came back and went; what is none is left out."""
    said = [f"{counts[kind]} {word}" for kind, word in NEWS.items() if counts.get(kind, "0") != "0"]
    return ", ".join(said) or "nothing new"


def gap_sentence(gap: Gap) -> str:
    """Say what was not seen; a gap without a sentence says its code."""
    return fill(GAPS.get(gap.code, "{code}"), {"code": gap.code, **dict(gap.facts)})

"""What was heard of a cluster, as evidence for taking rights away."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from grants.authz.matching import ANY, split_resource
from grants.authz.rbac import Right
from grants.review.rightsizing.model import Lack, Observed, Window
from grants.usage.coverage import Coverage, Judge, Judging, Span
from grants.usage.model import PATHS, Kind, Use, VerbClass, verb_class

YOUNG_BINDING: Final = "young-binding"
YOUNG_ACCOUNT: Final = "young-account"
UNKNOWN_AGE: Final = "unknown-age"

# Whoever holds "every kind" may have used any. Which are logged can't be asked of all that there
# may be, but of those that every cluster's own parts are at all the time.
_ALWAYS_READ: Final = (("", "pods"), ("", "secrets"), ("", "configmaps"), ("", "nodes"))
_ALWAYS_WRITTEN: Final = (("", "events"), ("coordination.k8s.io", "leases"))


def observed(use: Use) -> Observed:
    """Give a row of use as what right-sizing reads."""
    return Observed(use.question, use.act.allowed, use.first_seen, use.last_seen, use.count)


class Watched:
    """Evidence from audit events: what was heard, for how long, and how old rights are."""

    def __init__(
        self,
        coverage: Coverage,
        account_created: datetime | None,
        judging: Judging | None = None,
    ) -> None:
        """Take what was heard, and when the account was made (None: not known)."""
        self._coverage = coverage
        self._created = account_created
        self._judging = judging
        self._judges: dict[Window, Judge] = {}

    def lacks(
        self, right: Right, verb: str, api_group: str | None, what: str, window: Window
    ) -> Lack | None:
        """Say why use of this right could have gone unseen; None: it could not."""
        why = self._too_young(right, window)
        if not why:
            judge = self._judge(window)
            kinds = [_paths(verb)] if api_group is None else _kinds(verb, api_group, what)
            missing = (one for kind in kinds for one in judge.of(kind).missing)
            first = next(missing, None)
            why = "" if first is None else first.lack.value
        return Lack(verb, api_group or "", what, why) if why else None

    def _judge(self, window: Window) -> Judge:
        found = self._judges.get(window)
        if found is None:
            span = Span(window.since, window.until)
            found = self._judges[window] = Judge(self._coverage, span, self._judging)
        return found

    def _too_young(self, right: Right, window: Window) -> str:
        """Rights have had no chance to be used before there were they, or the account."""
        bound = right.binding.meta.created
        if bound is None or self._created is None:
            return UNKNOWN_AGE
        written = right.role.meta.created
        if bound > window.since or (written is not None and written > window.since):
            return YOUNG_BINDING
        return YOUNG_ACCOUNT if self._created > window.since else ""


def _paths(verb: str) -> Kind:
    return Kind(VerbClass.READ if verb == ANY else verb_class(verb), "", PATHS)


def _kinds(verb: str, group: str, what: str) -> Iterator[Kind]:
    """Give the kinds of acts that this right may have been used for."""
    sub = split_resource(what)[1]
    classes = (VerbClass.READ, VerbClass.WRITE) if verb == ANY else (verb_class(verb, sub),)
    for of in classes:
        if ANY not in {group, what} and not what.startswith("*/"):
            yield Kind(of, group, what)
        elif of is VerbClass.READ:
            yield from (Kind(of, *one) for one in _ALWAYS_READ)
        elif of is VerbClass.WRITE:
            yield from (Kind(of, *one) for one in _ALWAYS_WRITTEN)
        else:
            yield Kind(of, group, what)

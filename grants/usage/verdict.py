"""When a verdict may be given: not before all that it rests on is older than the window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from grants.usage.coverage import Span

USUAL: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class WindowRule:
    """A window for some: a rule's id, a namespace and an account's name, each a pattern.

    A yearly job needs a window of more than a year.
    """

    window: timedelta
    rule: str = "*"
    namespace: str = "*"
    account: str = "*"

    def fits(self, rule: str, namespace: str, account: str) -> bool:
        """Tell whether it is for these."""
        return (
            fnmatchcase(rule, self.rule)
            and fnmatchcase(namespace, self.namespace)
            and fnmatchcase(account, self.account)
        )


@dataclass(frozen=True, slots=True)
class Windows:
    """How far back is looked, for whom: of the rules that fit the longest counts."""

    usual: timedelta = USUAL
    rules: Sequence[WindowRule] = ()

    def of(self, rule: str, namespace: str, account: str) -> timedelta:
        """Give the window of a rule for an account.

        The longest, because too long a look only says "insufficient", and too short a one is wrong.
        """
        fitting = [each.window for each in self.rules if each.fits(rule, namespace, account)]
        return max(fitting, default=self.usual)


@dataclass(frozen=True, slots=True)
class TooYoung:
    """Why there is no verdict yet: what is younger than the window, and when it won't be.

    `what` is `account`, `binding` or `tracking`; `since` None: it is not known how old that is.
    """

    what: str
    since: datetime | None
    ready_at: datetime | None


def too_young(
    now: datetime,
    window: timedelta,
    *,
    account: datetime | None,
    binding: datetime | None,
    tracking: datetime | None,
    has_binding: bool = True,
) -> tuple[TooYoung, ...]:
    """Tell what is younger than the window; nothing when a verdict may be given.

    What has no known age counts as young: manifests say no creation time, and nothing is
    concluded from not knowing.
    """
    ages = {"account": account, "tracking": tracking}
    if has_binding:
        ages["binding"] = binding
    return tuple(
        TooYoung(what, since, None if since is None else since + window)
        for what, since in ages.items()
        if since is None or since + window > now
    )


def looked_at(now: datetime, window: timedelta) -> Span:
    """Give the window as a stretch of time that ends now."""
    return Span(now - window, now)

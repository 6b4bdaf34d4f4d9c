"""The three cookies, each a `__Host-` cookie: https only, this host only, no script reads it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import falcon

from grants.ids import Prefix, is_id

_LONG_PAST: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Cookie:
    """One cookie. `same_site` Strict where it can be; Lax where somebody comes from elsewhere.

    The `__Host-` prefix makes browsers refuse one that another host of the domain set: nobody can
    plant their own sign-in in somebody else's browser.
    """

    name: str
    same_site: Literal["Lax", "Strict"]

    def read(self, req: falcon.Request) -> str | None:
        """Give the value; none when it was sent twice, since one of the two may be planted."""
        values = req.get_cookie_values(self.name) or []
        return values[0] if len(values) == 1 and values[0] else None

    def give(self, resp: falcon.Response, value: str, lasts: timedelta) -> None:
        """Set the value in the browser."""
        self._set(resp, value, max_age=int(lasts.total_seconds()))

    def take(self, resp: falcon.Response) -> None:
        """Take the value away. Browsers obey only with the very attributes it was set with."""
        # By a date long past: the framework leaves a max_age of 0 out.
        self._set(resp, "", expires=_LONG_PAST)

    def _set(
        self,
        resp: falcon.Response,
        value: str,
        *,
        max_age: int | None = None,
        expires: datetime | None = None,
    ) -> None:
        resp.set_cookie(
            self.name,
            value,
            max_age=max_age,
            expires=expires,
            path="/",
            secure=True,
            http_only=True,
            same_site=self.same_site,
        )


# A login's answer comes by a redirect from the provider's site, so Lax: Strict would not be sent.
ATTEMPT: Final = Cookie("__Host-valetkey-attempt", "Lax")
# People come to the page from a link in Slack. What changes anything also needs the form's cookie.
SESSION: Final = Cookie("__Host-valetkey-session", "Lax")
FORM: Final = Cookie("__Host-valetkey-form", "Strict")


@dataclass(frozen=True)
class Held:
    """The attempt that a browser holds, by its own word: the verbs check it."""

    attempt: str
    browser: str

    def __str__(self) -> str:
        return f"{self.attempt}.{self.browser}"


def held_attempt(req: falcon.Request) -> Held | None:
    """Read which attempt this browser says it holds."""
    attempt, _, browser = (ATTEMPT.read(req) or "").partition(".")
    return Held(attempt, browser) if is_id(attempt, Prefix.ATTEMPT) and browser else None

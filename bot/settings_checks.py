"""How a text from the environment becomes a setting, and what is said when it can't."""

import difflib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from grants.errors import Problem
from grants.ids import Prefix, is_id

Words = tuple[str, ...]

_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_OF_OTHERS: Final = ("PLAYGROUND_", "ENVTEST_", "TEST_")
# Kubernetes sets these in every pod beside a Service that is called `valetkey` or `valetkey-...`.
_SET_BY_KUBERNETES: Final = re.compile(
    r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_LONGEST_SECRET_BYTES: Final = 65_536
_FOR_SERVING: Final = ("public_url", "slack_bot_token", "slack_team_id", "policy_path")
# A worker alone signs nobody in: secrets that it does not need, it need not be given.
_FOR_SURFACES: Final = (
    "slack_signin_client_id",
    "slack_signin_client_secret",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_client_secret",
)


def as_duration(value: object) -> timedelta:
    """Read `12h`, `1h30m`, `90s`; a bare number has no unit and is refused."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError("a duration is written as 90s, 15m, 12h or 1d")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError("that is too long") from None


def as_words(value: object) -> Words:
    """Read words with spaces between."""
    return tuple(value.split()) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]


def as_claim_path(value: object) -> Words:
    """Read where a claim stands: `groups`, `realm_access.roles`, or one name with `://` in it."""
    if not isinstance(value, str):
        return tuple(value)  # type: ignore[arg-type]
    path = (value,) if "://" in value else tuple(value.split("."))
    if not all(path):
        raise ValueError("a path is names with single dots between, such as realm_access.roles")
    return path


def as_scopes(value: Words) -> Words:
    """Demand the scope without which a provider gives no ID token."""
    if "openid" not in value:
        raise ValueError("openid must be among them")
    return value


def as_installations(value: Words) -> Words:
    """Demand ids of installations."""
    if not all(is_id(word, Prefix.INSTALLATION) for word in value):
        raise ValueError("each is the id of an installation, which begins with inst-")
    return value


def as_file(value: Path) -> Path:
    """Demand that a file is there."""
    if not value.is_file():
        raise ValueError("there is no such file")
    return value


def as_https_origin(value: str) -> str:
    """Read an https origin; gives it in lower case without a slash at its end."""
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("it must be an https address, such as https://valetkey.example.com")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("it must be only https:// and a host (and a port), nothing after it")
    return f"https://{parts.netloc.lower().removesuffix(':443')}"


def secrets_from_files(
    given: Mapping[str, str], prefix: str, names: Words
) -> tuple[dict[str, Any], list[Problem]]:
    """Read the secrets that are given as files (`..._FILE`), with what is wrong with them."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in names:
        variable = f"{prefix}{name.upper()}"
        path = given.get(f"{variable}_FILE", "")
        if path and given.get(variable):
            problems.append(_problem(f"{variable}_FILE", "twice", f"{variable} is set as well"))
        elif path:
            _read_secret(Path(path), name, f"{variable}_FILE", values, problems)
    return values, problems


def _read_secret(
    path: Path, name: str, variable: str, values: dict[str, Any], problems: list[Problem]
) -> None:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST_SECRET_BYTES).strip()
    except (OSError, UnicodeError) as error:
        problems.append(_problem(variable, "unreadable", f"{path}: {type(error).__name__}"))
        return
    if not text:
        problems.append(_problem(variable, "empty", f"{path} is empty"))
        return
    values[name] = text


def unknown_names(
    given: Mapping[str, str], prefix: str, fields: Words, secret_names: Words
) -> list[Problem]:
    """Name variables that are no setting: most are typing errors that would go unseen."""
    known = {f"{prefix}{name.upper()}" for name in fields}
    known |= {f"{prefix}{name.upper()}_FILE" for name in secret_names}
    problems = []
    strange = (v for v in set(given) - known if not _is_for_others(v.removeprefix(prefix), v))
    for variable in sorted(strange):
        near = difflib.get_close_matches(variable, known, n=1)
        detail = f"there is no such setting{f'; do you mean {near[0]}?' if near else ''}"
        problems.append(_problem(variable, "unknown", detail))
    return problems


def _is_for_others(rest: str, variable: str) -> bool:
    return rest.startswith(_OF_OTHERS) or _SET_BY_KUBERNETES.fullmatch(variable) is not None


def problems_of(error: ValidationError, prefix: str) -> list[Problem]:
    """Turn pydantic's findings into ours: the variable and what it should be, never its value."""
    found = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        variable = f"{prefix}{str(one['loc'][0]).upper()}" if one["loc"] else prefix
        found.append(_problem(variable, "invalid", one["msg"].removeprefix("Value error, ")))
    return found


def missing_for_serving(values: Mapping[str, Any], prefix: str, *, surfaces: bool) -> list[Problem]:
    """Name everything that serving, with surfaces or without, needs and that is not set."""
    needed = (*_FOR_SERVING, *(_FOR_SURFACES if surfaces else ()))
    missing = [name for name in needed if values[name] is None]
    found = [_problem(f"{prefix}{name.upper()}", "missing", "set it to serve") for name in missing]
    if not surfaces:
        return found
    if values["slack_app_token"] is None and values["slack_signing_secret"] is None:
        detail = (
            f"set it for Socket Mode, or {prefix}SLACK_SIGNING_SECRET for Slack's requests by HTTP"
        )
        found.append(_problem(f"{prefix}SLACK_APP_TOKEN", "missing", detail))
    return found


def _problem(variable: str, code: str, detail: str) -> Problem:
    return Problem(variable, code, (("detail", detail),))


def as_default_text(value: object) -> str:
    """Write a default as it would be set: durations as `12h`, lists as words."""
    if isinstance(value, timedelta):
        return _duration_text(value)
    if isinstance(value, tuple):
        return " ".join(value)
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _duration_text(value: timedelta) -> str:
    rest = int(value.total_seconds())
    parts = []
    for unit, size_seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size_seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"

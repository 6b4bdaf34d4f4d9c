"""Lists, page by page, as of one revision; and what a list or a watch is asked with."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from bot.playground.cluster.faults import (
    Fault,
    Wrong,
    bad_request,
    expired,
    internal,
    not_valid,
    unsupported,
)
from bot.playground.cluster.godecode import complaint
from bot.playground.cluster.kinds import Json, Kind
from bot.playground.cluster.selectors import Matcher, by_fields, by_labels
from bot.playground.cluster.store import Store, TooOldError

_PAGE_VERSION: Final = "meta.k8s.io/v1"
_EXPIRED_LIST: Final = "The resourceVersion for the provided list is too old."
_EXPIRED_PAGE: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list - objects that were created, modified, or deleted between the time the"
    " first chunk was returned and now may show up in the list."
)
_RETRY_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or a watch is asked with."""

    matches: Matcher
    selected: bool
    limit: int = 0
    continued: str = ""
    version: str = ""
    version_match: str = ""
    timeout_seconds: int | None = None
    bookmarks: bool = False
    initial_events: bool | None = None


def flag(query: dict[str, str], name: str) -> bool:
    """Read a flag of a query: as Go's converter does, present and not `false` or `0`."""
    return name in query and query[name].lower() not in {"false", "0"}


def list_options(kind: Kind, query: dict[str, str]) -> ListOptions:
    """Read what a list is asked with; Fault (400, 422) when it makes no sense."""
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    by_label, by_field = by_labels(labels), by_fields(kind, fields)
    options = ListOptions(
        matches=lambda found: by_label(found) and by_field(found),
        selected=bool(labels or fields),
        limit=max(0, _number(query, "limit") or 0),
        continued=query.get("continue", ""),
        version=query.get("resourceVersion", ""),
        version_match=query.get("resourceVersionMatch", ""),
        timeout_seconds=_number(query, "timeoutSeconds"),
        bookmarks=flag(query, "allowWatchBookmarks"),
        initial_events=flag(query, "sendInitialEvents") if "sendInitialEvents" in query else None,
    )
    watch = flag(query, "watch")
    wrongs = _wrong(options, watch=watch)
    if wrongs:
        raise not_valid("ListOptions", "meta.k8s.io", "", wrongs)
    if watch and options.bookmarks and options.initial_events is None:
        # Whoever wants bookmarks and names no version gets the one that ends the beginning.
        return replace(options, initial_events=options.version in {"", "0"} or None)
    return options


def _number(query: dict[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        message = f'strconv.ParseInt: parsing "{text}": invalid syntax'
        raise bad_request(message) from None


def _wrong(  # noqa: PLR0911 - a table of rules
    options: ListOptions, *, watch: bool
) -> list[Wrong]:
    field, match = "resourceVersionMatch", options.version_match
    if watch:
        if options.initial_events is None and match:
            detail = (
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            )
            return [Wrong("FieldValueForbidden", field, detail)]
        if options.initial_events and match != "NotOlderThan":
            detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            return [Wrong("FieldValueForbidden", field, detail)]
        return []
    if not match:
        return []
    if not options.version:
        detail = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        return [Wrong("FieldValueForbidden", field, detail)]
    if options.continued:
        detail = "resourceVersionMatch is forbidden when continue is provided"
        return [Wrong("FieldValueForbidden", field, detail)]
    if match not in {"Exact", "NotOlderThan"}:
        return [unsupported(field, match, ["Exact", "NotOlderThan", ""])]
    if match == "Exact" and options.version == "0":
        detail = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        return [Wrong("FieldValueForbidden", field, detail)]
    return []


def version_number(text: str, *, watch: bool = False) -> int:
    """Read a resourceVersion; Fault when it is none. "" is 0."""
    if not text:
        return 0
    if not text.isdecimal():
        why = f"strconv.ParseUint: parsing {json.dumps(text)}: invalid syntax"
        said = f"resourceVersion: Invalid value: {json.dumps(text)}: {why}"
        raise internal(said) if watch else bad_request(f"invalid resource version: {said}")
    return int(text)


def too_large(asked: int, current: int) -> Fault:
    """Say that a version is from the future: of a cluster that was restored, for one."""
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details = {"causes": [cause], "retryAfterSeconds": _RETRY_SECONDS}
    return Fault(HTTPStatus.GATEWAY_TIMEOUT, "Timeout", message, details)


def read_list(
    store: Store, kind: Kind, namespace: str, options: ListOptions
) -> tuple[Sequence[Json], Json]:
    """Give a page of a list, and its metadata."""
    at, after = _where(store, options)
    try:
        found = store.list(kind, namespace, at=at)
    except TooOldError:
        raise expired(_EXPIRED_PAGE if options.continued else _EXPIRED_LIST) from None
    matching = [one for one in found if _key(one) > after and options.matches(one)]
    meta: Json = {"resourceVersion": str(at)}
    if not options.limit or len(matching) <= options.limit:
        return matching, meta
    page = matching[: options.limit]
    meta["continue"] = _token(at, _key(page[-1]))
    if not options.selected:
        meta["remainingItemCount"] = len(matching) - len(page)
    return page, meta


def _where(store: Store, options: ListOptions) -> tuple[int, str]:
    """Say as of which revision, and after which object."""
    if options.continued:
        if options.version not in {"", "0"}:
            raise bad_request("specifying resource version is not allowed when using continue")
        return _read_token(store, options.continued)
    asked = version_number(options.version)
    if asked > store.revision:
        raise too_large(asked, store.revision)
    exact = options.version_match == "Exact" or (
        options.limit and asked and not options.version_match
    )
    return (asked if exact else store.revision), ""


def _key(found: Json) -> str:
    meta = found["metadata"]
    return f"{meta.get('namespace', '')}\0{meta['name']}"


def _token(at: int, last: str) -> str:
    text = json.dumps({"v": _PAGE_VERSION, "rv": at, "start": last})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(store: Store, token: str) -> tuple[int, str]:
    text = b""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        found = json.loads(text)
        at, start = int(found["rv"]), str(found["start"])
    except (ValueError, KeyError, TypeError):
        said = complaint(text)
        raise bad_request(f"invalid continue token: continue key is not valid: {said}") from None
    return (store.revision if at < 0 else at), start
